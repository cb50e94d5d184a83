"""What the demo proposes to look at and to try, while it stays."""

from ..account import entity_id
from ..browser import run
from ..home_assistant import DOMAIN
from ..promise import promise
from ..report import expect, expect_equal, until
from ..show import add_dashboard, clear_traces, proposals
from ..world import World
from .uses import ALARM


@promise("every command that the demo proposes does what it says")
async def what_is_proposed_works(world: World) -> None:
    """Run them in a shell, and have the last one undone."""
    done = [proposal async for proposal in proposals(world)]
    expect_equal(len(done), 3, "the number of commands")
    for proposal in done:
        printed = (await run("sh", "-c", proposal.command)).strip()
        expect(proposal.prints in printed, f"{proposal.command} prints {printed}")
    stranger, *_ = done
    expect_equal((await run("sh", "-c", stranger.command)).strip(), "200", "the status")
    await world.admin.post(
        "/api/services/button/press", {"entity_id": await entity_id(world, "sync")}
    )

    async def is_blocked() -> bool | None:
        return "403" in await run("sh", "-c", stranger.command) or None

    await until("the stranger is blocked again", is_blocked)


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


@promise("of what the checks tried, the alarm is left, and no login that failed")
async def only_the_alarm_is_left(world: World) -> None:
    """Clear up, and look at what people are told."""
    await clear_traces(world)
    shown = await world.socket.command("persistent_notification/get")
    expect_equal([each["title"] for each in shown], [], "the notifications")
    listed = (await world.socket.command("repairs/list_issues"))["issues"]
    alarms = [each for each in listed if each["translation_key"] == ALARM]
    expect_equal(len(alarms), 1, "the number of alarms")
