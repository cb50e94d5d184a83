"""A tunnel of the app Cloudflared: its options are changed once a person agrees, one entry alone."""

from ..account import add_new_hostname, entity_id, subentry_of, until_state
from ..app import App
from ..expectations import expect_blocked, expect_no_repair
from ..flow import Flow
from ..promise import promise
from ..remote import not_ours
from ..repairs import until_repair
from ..report import CheckFailed, expect, expect_equal, until
from ..world import World
from .protection import leave_open

_SECONDS_UNTIL_SEEN = 15


def _app(world: World) -> App:
    if world.app is None:
        raise CheckFailed("no app runs a tunnel in this world")
    return world.app


@promise("the tunnel of the app is offered, and Home Assistant as the app reaches it")
async def tunnel_is_offered(world: World) -> None:
    """Go through the dialog up to its preview, with all that it proposes."""
    world.flow = flow = await Flow.start(world.admin)
    await flow.submit(api_token=world.cloudflare.facts["token"])
    flow.expect_step("zone")
    await flow.submit()
    flow.expect_step("hostname")
    world.hostname = flow.defaults["hostname"]
    service = flow.defaults["service"]
    expect_equal(service, world.home_in_app_network, "the proposed service")
    await flow.submit()
    flow.expect_step("preview")
    changes = flow.answer["description_placeholders"]["changes"]
    world.notes += changes.splitlines()


@promise(
    "the app is changed only once a person agrees, behind a block rule that is there"
)
async def entry_is_added(world: World) -> None:
    """Make the changes, look at what would be added, agree, and wait until the app runs again."""
    flow, app = world.flow, _app(world)
    if flow is None:
        raise CheckFailed("there is no dialog to continue")
    await flow.submit()
    await flow.until_shown(world.socket)
    flow.expect_step("by_app")
    expect_equal(flow.defaults["change_app"], False, "the default")
    expect_equal(await app.hosts(), [], "the hostnames of the app")
    await expect_blocked(world)
    world.notes += flow.answer["description_placeholders"]["entry"].splitlines()
    before = await app.connector_id()
    await flow.submit(change_app=True)
    await flow.until_shown(world.socket)
    expect_equal(flow.answer["type"], "create_entry", "the end of the flow")
    world.entry_id = flow.answer["result"]["entry_id"]
    entry = {"hostname": world.hostname, "service": world.home_in_app_network}
    expect_equal(await app.hosts(), [entry], "the hostnames of the app")
    expect(await app.connector_id() != before, "the app was not restarted")
    await expect_blocked(world)
    # The app says that the browser's hostname leads to the same Home Assistant.
    await leave_open(world)
    await expect_no_repair(world)
    world.before = await not_ours(world)


@promise("an app that does not start with another entry gets its old options, and runs")
async def failure_is_undone(world: World) -> None:
    """Add a second hostname while the app fails once, and visit the first one."""
    app = _app(world)
    hosts = await app.hosts()
    flow = await add_new_hostname(world)
    await flow.submit()
    flow.expect_step("hostname")
    hostname = f"nas.{world.cloudflare.facts['zone_name']}"
    await flow.submit(hostname=hostname, service="http://192.168.1.20:5000")
    flow.expect_step("purpose")
    await flow.submit(purpose="other")
    await flow.submit()
    await flow.until_shown(world.socket)
    flow.expect_step("by_app")
    await app.change(deaths=1)
    await flow.submit(change_app=True)
    await flow.until_shown(world.socket)
    expect_equal(flow.answer["errors"], {"base": "app_not_back"}, "the errors")
    expect_equal(await app.hosts(), hosts, "the hostnames of the app")
    expect(await app.connector_id() is not None, "the app does not run")
    await flow.close()
    answer = await world.owner.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status with the certificate")
    await expect_blocked(world)


@promise("that the app has stopped, or runs again, is seen within ten seconds")
async def stop_is_seen(world: World) -> None:
    """Stop the app and start it, and look at the tunnel's connectivity."""
    app, tunnel_id = _app(world), world.cloudflare.facts["tunnel_id"]
    await until_state(world, "connected", tunnel_id, "on")
    sensor = await entity_id(world, "connected", of=tunnel_id)
    for running, state in ((False, "off"), (True, "on")):
        await app.change(running=running)

        async def is_seen(state: str = state) -> bool | None:
            return True if await world.admin.state(sensor) == state else None

        await until(f"{sensor} is {state}", is_seen, seconds=_SECONDS_UNTIL_SEEN)


@promise("a removed hostname is taken out of the app, and only then its rules go")
async def removal_is_offered(world: World) -> None:
    """Remove the hostname, and have the repair change the app."""
    app, subentry = _app(world), await subentry_of(world, world.hostname)
    await world.socket.command(
        "config_entries/subentries/delete",
        entry_id=world.entry_id,
        subentry_id=subentry["subentry_id"],
    )
    issue = await until_repair(world, "removal_in_file")
    await expect_blocked(world)
    flow = await Flow.repair(world.admin, issue["issue_id"])
    await flow.choose("app")
    flow.expect_step("app")
    await flow.submit()
    await flow.until_shown(world.socket)
    expect_equal(flow.answer["type"], "create_entry", "the result of the dialog")
    expect_equal(await app.hosts(), [], "the hostnames of the app")

    async def is_gone() -> bool | None:
        rules = await world.cloudflare.rules()
        return None if world.hostname in str(rules) else True

    await until("no rule names the hostname any more", is_gone)
