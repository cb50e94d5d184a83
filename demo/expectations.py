"""What several promises expect of Home Assistant and of Cloudflare."""

import json

from aiohttp import ClientSession

from .account import entity_id, sync_hostnames
from .repairs import list_repairs
from .report import CheckFailed, expect, expect_equal, until
from .world import World

DEVICE = "companion_device"


async def expect_blocked(world: World) -> None:
    """Raise CheckFailed unless a visitor without a certificate is blocked."""
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect(answer.blocked, f"without a certificate: {answer.status}")


async def expect_anonymous_diagnostics(world: World) -> str:
    """Return the diagnostics; raise CheckFailed if they name the account, zone or tunnel."""
    path = f"/api/diagnostics/config_entry/{world.entry_id}"
    devices = [
        device["id"]
        for device in await world.socket.command("config/device_registry/list")
        if world.entry_id in device["config_entries"]
    ]
    diagnostics = json.dumps(
        [
            await world.admin.get(path),
            *[await world.admin.get(f"{path}/device/{each}") for each in devices],
        ]
    )
    for key in ("account_id", "zone_id", "zone_name", "tunnel_id"):
        expect(world.cloudflare.facts[key] not in diagnostics, f"{key} in diagnostics")
    return diagnostics


async def expect_no_repair(world: World) -> None:
    """Wait until no repair of the integration is shown."""

    async def is_there_none() -> bool | None:
        return None if await list_repairs(world) else True

    try:
        await until("no repair is shown", is_there_none)
    except CheckFailed as error:
        shown = [issue["issue_id"] for issue in await list_repairs(world)]
        raise CheckFailed(f"{error}: {shown}") from None


async def expect_in_sync(world: World) -> None:
    """Wait until the tunnel is healthy and the hostname in sync."""
    tunnel_id = world.cloudflare.facts["tunnel_id"]
    status = await entity_id(world, "tunnel_status", of=tunnel_id)
    drift = await entity_id(world, "drift")

    async def is_as_wanted() -> bool | None:
        states = await world.admin.state(status), await world.admin.state(drift)
        return True if states == ("healthy", "off") else None

    await until(f"{status} is healthy and {drift} off", is_as_wanted)
    found = await sync_hostnames(world, dry_run=True)
    expect_equal(
        found,
        {"in_sync": True, "exposed": False, "steps": [], "problems": []},
        "what a dry run finds",
    )


async def fetch_page(url: str) -> str:
    """Return a page of Home Assistant."""
    async with ClientSession() as session, session.get(url) as response:
        expect_equal(response.status, 200, f"the status of {url}")
        return await response.text()
