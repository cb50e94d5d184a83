"""Secrets, and a restart."""

import json

from ..account import entry_states
from ..devices import download_bundle
from ..expectations import (
    expect_anonymous_diagnostics,
    expect_in_sync,
    expect_no_repair,
)
from ..home_assistant import DOMAIN, SCRIPT
from ..leaks import find
from ..promise import promise
from ..repairs import open_handover
from ..report import expect, expect_equal
from ..world import World

_EXPECTED_WARNING = "We found a custom integration"


@promise("no secret in log, storage, states, traces, events, answers or diagnostics")
async def secrets_stay_secret(world: World) -> None:
    """Let a script create a certificate, stop HA so that it writes everything, and search."""
    await world.admin.act(f"script.{SCRIPT}", config_entry_id=world.entry_id)
    await open_handover(world)
    await download_bundle(world, world.link)
    traces = []
    for trace in await world.socket.command("trace/list", domain="script"):
        which = {key: trace[key] for key in ("domain", "item_id", "run_id")}
        traces.append(await world.socket.command("trace/get", **which))
    expect(len(traces) == 1, f"there are {len(traces)} traces")
    diagnostics = await expect_anonymous_diagnostics(world)
    states = json.dumps(await world.admin.get("/api/states"))
    await world.home.stop()
    places = {
        str(path.relative_to(world.home.folder)): path.read_bytes()
        for path in world.home.folder.rglob("*")
        if path.is_file()
    } | {
        "answers": "\n".join(world.home.received.answers).encode(),
        "diagnostics": diagnostics.encode(),
        "events": "\n".join(world.home.received.events).encode(),
        "logs": "\n".join(world.home.logs()).encode(),
        "states": states.encode(),
        "traces": json.dumps(traces).encode(),
        "the console": world.home.console.read_bytes(),
    }
    secrets = world.secrets()
    for secret in secrets:
        # A secret found where it is allowed shows that the search works.
        seen = [p for p in secret.allowed_in if secret.is_in(places.get(p, b""))]
        expect(bool(seen or not secret.allowed_in), f"{secret.name} is nowhere")
    found = find(secrets, places)
    expect(not found, ", ".join(found))
    world.notes.append(f"{len(secrets)} secrets, {len(places)} places")


@promise("a restart writes nothing to Cloudflare, and logs no warning")
async def restart_changes_nothing(world: World) -> None:
    """Start HA again, and compare states, writes, logs and repairs."""
    writes = await world.cloudflare.writes()
    await world.start_home()
    expect_equal(await entry_states(world), ["loaded"], "the entries' states")
    await expect_in_sync(world)
    expect_equal(await world.cloudflare.writes(), writes, "the number of writes")
    logs = world.home.logs()
    complaints = [
        line
        for log in logs
        for line in log.splitlines()
        if (" ERROR " in line or " WARNING " in line)
        and DOMAIN in line
        and _EXPECTED_WARNING not in line
    ]
    expect(not complaints, "the log has warnings: " + "; ".join(complaints))
    traces = [
        line.strip()
        for log in logs
        for line in log.splitlines()
        if f"custom_components/{DOMAIN}/" in line
    ]
    expect(not traces, "the log has a traceback: " + "; ".join(traces))
    await expect_no_repair(world)
