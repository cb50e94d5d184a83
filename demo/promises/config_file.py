"""A tunnel with its own config.yml: what the dialog shows is added by hand, and tells when it lacks."""

from ..account import (
    entity_id,
    refresh,
    subentry_of,
    submit_device,
    turn_switch,
    until_state,
)
from ..config_file import ConfigFile
from ..expectations import DEVICE, expect_blocked, expect_no_repair
from ..flow import Flow
from ..promise import promise
from ..remote import block_rule, not_ours
from ..repairs import fix_issue, repair_text, until_repair
from ..report import CheckFailed, expect, expect_equal, until
from ..world import World

_LINES_BELOW_THE_LAST_RULE = "will match every hostname"


def _file(world: World) -> ConfigFile:
    if world.config_file is None:
        raise CheckFailed("no tunnel has a config.yml in this world")
    return world.config_file


@promise("a tunnel with a config.yml is offered, and the preview shows what is written")
async def tunnel_is_offered(world: World) -> None:
    """Go through the dialog up to its preview; nothing of the tunnel's configuration is in it."""
    world.flow = flow = await Flow.start(world.admin)
    await flow.submit(api_token=world.cloudflare.facts["token"])
    flow.expect_step("zone")
    [tunnels] = [
        field["selector"]["select"]["options"]
        for field in flow.answer["data_schema"]
        if field["name"] == "tunnel_id"
    ]
    world.notes.append(tunnels[0]["label"])
    expect("config.yml" in tunnels[0]["label"], f"the label is {tunnels[0]}")
    await flow.submit()
    flow.expect_step("hostname")
    world.hostname = flow.defaults["hostname"]
    await flow.submit(service=world.home.url)
    flow.expect_step("preview")
    changes = flow.answer["description_placeholders"]["changes"]
    world.notes += changes.splitlines()
    expect(changes.count("\n") == 4, f"the changes are {changes!r}")


@promise(
    "the lines for config.yml are shown once nobody can use them without a certificate"
)
async def lines_come_last(world: World) -> None:
    """Make the changes, visit the hostname while the lines are shown, and end the dialog."""
    flow = world.flow
    if flow is None:
        raise CheckFailed("there is no dialog to continue")
    await flow.submit()
    await flow.until_shown(world.socket)
    flow.expect_step("by_hand")
    await expect_blocked(world)
    shown = flow.answer["description_placeholders"]
    world.lines = shown["lines"]
    world.notes += world.lines.splitlines()
    await flow.submit()
    expect_equal(flow.answer["type"], "create_entry", "the end of the flow")
    world.entry_id = flow.answer["result"]["entry_id"]
    await expect_no_repair(world)


@promise("a device that is added before the lines is told that the tunnel has no rule")
async def missing_lines_are_told(world: World) -> None:
    """Add a device: its dialog and a repair say what is missing, and where."""
    flow = await Flow.add(world.admin, world.entry_id, DEVICE)
    flow.expect_step("new")
    await submit_device(world, flow, name="Pixel")
    said = flow.answer["description_placeholders"]["arrival"]
    expect("no ingress rule" in said, f"the dialog says: {said}")
    await flow.submit()
    world.device = (await subentry_of(world, "Pixel"))["subentry_id"]
    issue = await until_repair(world, "arrival_no_rule")
    world.notes.append(await repair_text(world, issue, "title"))
    await until_state(world, "handover", world.device, "waiting")


@promise("lines below the last rule stop cloudflared; above it, they open the way")
async def lines_are_added(world: World) -> None:
    """Paste the lines in the wrong place, then in the right one, and restart each time."""
    file = _file(world)
    before = file.text
    file.add_below_the_last_rule(world.lines)
    try:
        await file.restart()
    except CheckFailed as error:
        expect(_LINES_BELOW_THE_LAST_RULE in str(error), str(error))
        world.notes.append(str(error).splitlines()[0])
    else:
        raise CheckFailed("cloudflared took lines below the last rule")
    file.create_again(before)
    file.add_above_the_last_rule(world.lines)
    await file.restart()
    await expect_blocked(world)
    world.before = await not_ours(world)


@promise("off lets nobody in, not even where somebody adds the DNS record again")
async def off_is_off(world: World) -> None:
    """Turn the switch off, add the record as `cloudflared tunnel route dns` does, and visit."""
    switch = await entity_id(world, "published")
    await turn_switch(world, "off", switch)
    record = {
        "type": "CNAME",
        "name": world.hostname,
        "content": f"{world.cloudflare.facts['tunnel_id']}.cfargotunnel.com",
        "proxied": True,
    }
    path = f"/zones/{world.cloudflare.facts['zone_id']}/dns_records"
    await world.cloudflare.api("POST", path, record)
    for visitor in (world.owner, world.stranger):
        answer = await visitor.get(world.hostname, "/manifest.json")
        expect(answer.blocked, f"the status is {answer.status}")
    await refresh(world)
    expect_equal(await world.admin.state(switch), "off", "the state of the switch")
    await turn_switch(world, "on", switch)
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")
    await expect_blocked(world)


@promise("a removed hostname stays blocked until its lines are out of the file")
async def removal_waits_for_the_file(world: World) -> None:
    """Remove the hostname, take its lines out, and confirm that in the repair."""
    subentry = await subentry_of(world, world.hostname)
    await world.socket.command(
        "config_entries/subentries/delete",
        entry_id=world.entry_id,
        subentry_id=subentry["subentry_id"],
    )
    issue = await until_repair(world, "removal_in_file")
    rule = await block_rule(world)
    expect("cert_verified" not in rule["expression"], "the rule lets certificates pass")
    await expect_blocked(world)
    file = _file(world)
    file.remove(world.hostname)
    await file.restart()
    await fix_issue(world, issue, world.hostname)

    async def is_gone() -> bool | None:
        rules = await world.cloudflare.rules()
        return None if world.hostname in str(rules) else True

    await until("nothing names the hostname any more", is_gone)
    await expect_no_repair(world)
