"""What the demo proposes to look at and to try, while it stays."""

from ..account import entity_id, refresh, subentry_of, until_state
from ..browser import missing, run
from ..expectations import expect_no_repair
from ..flow import Flow
from ..home_assistant import DOMAIN
from ..promise import promise
from ..remote import block_rule
from ..repairs import ALARM
from ..report import expect, expect_equal, until
from ..show import add_dashboard, browser_command, clear_traces, proposals, second_token
from ..world import World


@promise("every command that the demo proposes does what it says")
async def what_is_proposed_works(world: World) -> None:
    """Run them in a shell, and have the last one undone.

    Another promise shows the alarm: there is none in the first minute after a start.
    """
    await _browser_opens(world, f"https://{world.browser_hostname}/manifest.json")
    await _browser_opens(world, f"{world.home.local_url}/manifest.json")
    done = [proposal async for proposal in proposals(world)]
    expect_equal(len(done), 4, "the number of commands")
    for proposal in done:
        printed = (await run("sh", "-c", proposal.command)).strip()
        expect(proposal.prints in printed, f"{proposal.command} prints {printed}")
    _, stranger, *_ = done
    expect_equal((await run("sh", "-c", stranger.command)).strip(), "200", "the status")
    await world.admin.post(
        "/api/services/button/press", {"entity_id": await entity_id(world, "sync")}
    )

    async def is_blocked() -> bool | None:
        return "403" in await run("sh", "-c", stranger.command) or None

    await until("the stranger is blocked again", is_blocked)


async def _browser_opens(world: World, url: str) -> None:
    """Open an address in the proposed browser, without a window."""
    if missing("chromium"):
        return
    headless = "--headless=new --no-sandbox --disable-gpu --dump-dom"
    printed = await run("sh", "-c", f"{browser_command(world)} {headless} {url}")
    expect("Home Assistant" in printed, f"{url} shows {printed}")


@promise("an account with an empty domain can be set up beside the first one")
async def second_account_is_offered(world: World) -> None:
    """Go through the dialog with its token up to the preview, as the demo proposes."""
    flow = await Flow.start(world.admin)
    await flow.submit(api_token=await second_token(world))
    flow.expect_step("zone")
    await flow.submit()
    flow.expect_step("hostname")
    await flow.submit()
    flow.expect_step("preview")
    changes = flow.answer["description_placeholders"]["changes"]
    expect(changes.count("\n") >= 4, f"the changes are {changes!r}")
    await flow.close()


@promise(
    "an automation that somebody saves in the editor runs, and blueprints are offered"
)
async def automations_run(world: World) -> None:
    """Save one as the editor does, and have what it waits for happen."""
    wanted = {"unknown_visitors.yaml", "tunnel_lost.yaml"}
    offered = await world.socket.command("blueprint/list", domain="automation")
    names = {path.rpartition("/")[2] for path in offered}
    expect(wanted <= names, f"the blueprints that are offered are {sorted(names)}")
    await world.admin.post(
        "/api/config/automation/config/settings_fixed",
        {
            "alias": "Settings fixed",
            "triggers": [{"trigger": f"{DOMAIN}.settings_fixed"}],
            "actions": [
                {
                    "action": "persistent_notification.create",
                    "data": {
                        "notification_id": "settings_fixed",
                        "message": "{{ trigger.hostname }}",
                    },
                }
            ],
        },
    )
    rule = await block_rule(world)
    await world.cloudflare.edit_rule(rule["id"], enabled=False)
    await refresh(world)

    async def is_told() -> bool | None:
        shown = await world.socket.command("persistent_notification/get")
        told = [each["message"] for each in shown]
        return True if world.hostname in told else None

    await until("the automation runs", is_told)
    await world.admin.post(
        "/api/services/persistent_notification/dismiss",
        {"notification_id": "settings_fixed"},
    )
    await world.admin.delete("/api/config/automation/config/settings_fixed")


@promise("the dashboard that the integration proposes shows the state of everything")
async def dashboard_shows_everything(world: World) -> None:
    """Save it, read it back, and look for the entities of its cards."""
    await add_dashboard(world)
    saved = await world.socket.command("lovelace/config", url_path="cloudflare-mtls")
    states = {state["entity_id"] for state in await world.admin.get("/api/states")}
    shown = [
        card["entity"]
        for view in saved["views"]
        for section in view["sections"]
        for card in section["cards"]
        if "entity" in card
    ]
    expect(bool(shown), f"the dashboard of {DOMAIN} has no cards")
    expect_equal(
        [item for item in shown if item not in states], [], "what has no state"
    )


@promise("a day after an attack, nothing tells of it any more")
async def no_attack_is_left(world: World) -> None:
    """Have a day pass since what the checks tried, and look at what people are told."""
    await clear_traces(world)
    shown = await world.socket.command("persistent_notification/get")
    expect_equal([each["title"] for each in shown], [], "the notifications")
    hostname = await subentry_of(world, world.hostname)
    await until_state(world, "enforced", hostname["subentry_id"], "on")
    await expect_no_repair(world)
    listed = (await world.socket.command("repairs/list_issues"))["issues"]
    alarms = [each for each in listed if each["translation_key"] == ALARM]
    expect_equal(alarms, [], "the alarms")
