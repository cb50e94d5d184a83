"""What goes wrong beside the rules: it is told, and costs nothing else."""

from ..account import (
    add_new_hostname,
    create_certificate,
    entity_id,
    refresh,
    subentry_of,
    submit_device,
)
from ..expectations import DEVICE, expect_blocked, expect_no_repair
from ..flow import Flow
from ..other_application import answered_by_another
from ..promise import promise
from ..remote import block_rule, expect_rest_unchanged
from ..repairs import repair_text, until_repair
from ..report import expect, expect_equal, until
from ..world import World

_CABIN = "cabin.example"


async def _remove(world: World, title: str) -> None:
    """Remove a device or a hostname, as a person does on the integration's page."""
    subentry = await subentry_of(world, title)
    await world.socket.command(
        "config_entries/subentries/delete",
        entry_id=world.entry_id,
        subentry_id=subentry["subentry_id"],
    )


@promise("a certificate that meets another application says so, before anybody leaves")
async def last_mile_is_looked_at(world: World) -> None:
    """Put another application behind the tunnel, and add a device: dialog and repair name it."""
    sensor = await entity_id(world, "reaches_home_assistant")
    async with answered_by_another(world):
        flow = await Flow.add(world.admin, world.entry_id, DEVICE)
        await submit_device(world, flow, name="Kiosk")
        said = flow.answer["description_placeholders"]["arrival"]
        expect(
            "something other than this Home Assistant answered" in said,
            f"the dialog says: {said}",
        )
        world.notes.append(said.strip())
        await flow.submit()
        issue = await until_repair(world, "arrival_other_application")
        expect_equal(await world.admin.state(sensor), "off", "the state of the sensor")
        world.notes.append(await repair_text(world, issue, "title"))
    await _remove(world, "Kiosk")
    await create_certificate(world, "Kiosk")
    expect_equal(await world.admin.state(sensor), "on", "the state afterwards")
    await _remove(world, "Kiosk")
    await expect_no_repair(world)


@promise("a domain that is deleted costs itself alone, and its repair ends it")
async def lost_domain_costs_itself(world: World) -> None:
    """Protect a hostname in a second domain, delete it, and change a rule in the first."""
    zone_id = await world.cloudflare.add_zone(_CABIN)
    flow = await add_new_hostname(world)
    await flow.submit(zone_id=zone_id)
    flow.expect_step("hostname")
    hostname = flow.defaults["hostname"]
    await flow.submit()
    flow.expect_step("preview")
    await flow.submit()
    await flow.until_shown(world.socket)
    expect_equal(flow.answer["type"], "create_entry", "the end of the dialog")
    subentry_id = (await subentry_of(world, hostname))["subentry_id"]
    answer = await world.newest_phone.get(hostname, "/manifest.json")
    expect_equal(answer.status, 200, f"the status at {hostname}, with a certificate,")

    await world.cloudflare.delete_zone(zone_id)
    rule = await block_rule(world)
    await world.cloudflare.edit_rule(rule["id"], enabled=False)
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status while the rule is disabled")
    await refresh(world)

    async def is_enabled() -> bool | None:
        return True if (await block_rule(world))["enabled"] else None

    await until("the rule of the other domain is enabled again", is_enabled)
    await expect_blocked(world)
    # Home Assistant looks twice before it says that a domain is gone.
    issue = await until_repair(world, "zone_gone", seconds=90)
    world.notes.append(
        "meanwhile, a rule of the other domain is disabled: 200; after a refresh 403"
    )
    repair = await Flow.repair(world.admin, issue["issue_id"])
    await repair.choose("forget")
    await repair.submit()
    expect_equal(repair.answer["type"], "create_entry", "the end of the repair")
    await world.cloudflare.stop_serving(hostname)

    async def is_forgotten() -> bool | None:
        stored = world.home.stored("core.entity_registry")["entities"]
        found = (item["unique_id"].startswith(subentry_id) for item in stored)
        return None if any(found) else True

    await until(f"{hostname} is forgotten", is_forgotten, seconds=60)
    await expect_no_repair(world)
    await expect_rest_unchanged(world)
