"""A login by Cloudflare Access before the hostname of the browser."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from typing import Final

from ..account import entity_id, subentry_of
from ..browser import Chromium, Tab
from ..flow import Flow
from ..home_assistant import DOMAIN, JSON, LONG_AGO
from ..promise import promise
from ..repairs import ignore, list_repairs, run_checks, until_repair
from ..report import expect, expect_equal, until
from ..world import World

_OWNER: Final = "owner@example.com"
_UNLISTED: Final = "somebody@example.org"
_LOGIN: Final = "login_hostname"
_ADDRESS_ASKED: Final = "document.querySelector('input[name=email]')"
_CODE_ASKED: Final = "document.querySelector('input[name=code]')"
_LOGIN_PAGE: Final = 302
_REFUSED: Final = 400


@promise("a login that nobody could use from home is warned of before anything changes")
async def wrong_country_is_seen(world: World) -> None:
    """Choose a country that is not the home's, go on all the same, and read the preview."""
    before = await _writes_of_access(world)
    flow = await Flow.add(world.admin, world.entry_id, _LOGIN)
    await flow.submit(hostname=world.browser_hostname)
    await flow.submit(own_email=_OWNER, emails=[], countries=["at"])
    await flow.submit()
    flow.expect_step("country")
    country = flow.answer["description_placeholders"]["country"]
    expect_equal(country, "Germany", "the country of the home")
    await flow.choose("accept")
    flow.expect_step("preview")
    shown = flow.answer["description_placeholders"]
    for sentence, said in (
        ("countries: Austria.", shown["changes"]),
        ("**Nobody can log in from `Germany`", shown["warning"]),
    ):
        expect(sentence in said, f"the preview does not say: {sentence}")
    expect_equal(await _writes_of_access(world), before, "what was written")
    await flow.close()


@promise("a login in the browser, with a code by e-mail, ends the trial of a new login")
async def login_is_proven(world: World) -> None:
    """Add a login hostname in its dialog, and log in at the link that it opens."""
    world.expect_browser()
    await world.cloudflare.control("POST", "access/visitor", {"country": "DE"})
    flow = await Flow.add(world.admin, world.entry_id, _LOGIN)
    flow.expect_step("hostname")
    await flow.submit(hostname=world.browser_hostname)
    flow.expect_step("people")
    await flow.submit(own_email=_OWNER, emails=[], countries=["de"])
    flow.expect_step("rules")
    await flow.submit()
    flow.expect_step("preview")
    await _until_open(world)
    await flow.submit()
    await flow.until_shown(world.socket)
    expect_equal(flow.answer["type"], "external", "the step of the trial")
    async with _browser(world) as tab:
        await _log_in(world, tab, flow.answer["url"])
        await tab.until("document.body?.innerText?.includes('It works')")
        world.notes.append(await tab.text())
    await _until_kept(world)


@promise("a person who has logged in reaches Home Assistant, with a WebSocket")
async def browser_reaches_home(world: World) -> None:
    """Open the front end through the login, and a WebSocket of its page."""
    world.expect_browser()
    async with _browser(world) as tab:
        await _log_in(world, tab, f"https://{world.browser_hostname}/")
        await tab.until("document.querySelector('ha-authorize')")
        await tab.run(
            "window.socket = new WebSocket(`wss://${location.host}/api/websocket`);"
            "socket.onmessage = (message) => { window.answer = message.data; }; 0"
        )
        await tab.until("window.answer?.includes('auth_required')")
    of = (await subentry_of(world, world.browser_hostname))["subentry_id"]
    last = await entity_id(world, "last_login", of=of)

    async def is_told() -> bool | None:
        await _read_log(world, last)
        shown = await world.admin.get(f"/api/states/{last}")
        return True if shown["attributes"].get("email") == _OWNER else None

    await until(f"{last} says who logged in", is_told, seconds=60)


@promise(
    "strangers meet the login page, and who is not on the list is refused and told"
)
async def others_are_refused(world: World) -> None:
    """Visit without a login, and type an address that nobody listed."""
    world.expect_browser()
    answer = await world.stranger.get(world.browser_hostname, "/")
    expect_equal(answer.status, _LOGIN_PAGE, "the status for a stranger")
    async with _browser(world) as tab:
        await tab.open(f"https://{world.browser_hostname}/", _ADDRESS_ASKED)
        await _send(tab, "email", _UNLISTED)
        # The page is the same for everybody, but no mail leaves.
        await tab.until(_CODE_ASKED)
        sent = await world.cloudflare.control("GET", f"access/pins?email={_UNLISTED}")
        expect_equal(sent, [], "the codes that were sent")
        await _send(tab, "code", "000000")
        await tab.until("document.body?.innerText?.includes('not valid')")
    of = (await subentry_of(world, world.browser_hostname))["subentry_id"]
    refused = await entity_id(world, "refused_logins", of=of)

    async def is_counted() -> bool | None:
        await _read_log(world, refused)
        return True if await world.admin.state(refused) == "1" else None

    await until("the refused login is counted", is_counted, seconds=60)
    await until_repair(world, "login_refused")
    [event] = [
        each["data"]
        for each in world.socket.events
        if each["event_type"] == f"{DOMAIN}_login" and each["data"]["type"] == "refused"
    ]
    expect(_UNLISTED not in json.dumps(event), f"the event names the person: {event}")


@promise("the hostname of the phones never shows a login page")
async def phones_meet_no_login(world: World) -> None:
    """Visit it with and without a certificate while the other hostname asks for a login."""
    answer = await world.stranger.get(world.hostname, "/manifest.json")
    expect(answer.blocked, f"without a certificate: {answer.status}")
    answer = await world.newest_phone.get(world.hostname, "/manifest.json")
    expect_equal(answer.status, 200, "the status for a phone")


@promise("a login is ended only after a confirmation that says what opens")
async def login_is_ended(world: World) -> None:
    """Stop asking for a login in the dialog."""
    world.expect_browser()
    hostname = await subentry_of(world, world.browser_hostname)
    flow = await Flow.reconfigure(
        world.admin, world.entry_id, _LOGIN, hostname["subentry_id"]
    )
    await flow.choose("stop")
    flow.expect_step("stop")
    await _expect_login_page(world)
    await flow.submit()
    await _until_open(world)


@promise(
    "a trial that nobody passes is undone, also if Home Assistant was off at its end"
)
async def unproven_trial_is_undone(world: World) -> None:
    """Begin a trial with the action, and have its time pass while Home Assistant is off."""
    response = await world.admin.act(
        f"{DOMAIN}.protect_with_access",
        config_entry_id=world.entry_id,
        hostname=world.browser_hostname,
        emails=[_OWNER],
    )
    world.notes.append(f"the trial lasts until {response['trial']['until']}")
    await _expect_login_page(world)
    await world.home.stop()

    def end_trial(trials: JSON) -> None:
        trials[world.browser_hostname]["until"] = LONG_AGO

    world.home.change_stored(f"{DOMAIN}.{world.entry_id}.logins", end_trial)
    await world.start_home()
    await _until_open(world)
    issue = await until_repair(world, "login_undone")
    flow = await Flow.repair(world.admin, issue["issue_id"])
    await flow.choose("confirm")
    await flow.submit()
    await _leave_open(world)


@asynccontextmanager
async def _browser(world: World) -> AsyncGenerator[Tab]:
    """Run a browser that never logged in."""
    facts = world.cloudflare.facts
    edge = f"{facts['edge_host']}:{facts['edge_port']}"
    chromium = Chromium(world.folder / "at-the-edge", f"MAP * {edge}")
    await chromium.trust(facts["edge_ca_file"])
    async with chromium.tab() as tab:
        yield tab


async def _log_in(world: World, tab: Tab, url: str) -> None:
    """Open a page, and log in on the way with the code that was sent."""
    await tab.open(url, _ADDRESS_ASKED)
    await _send(tab, "email", _OWNER)
    await tab.until(_CODE_ASKED)
    sent = await world.cloudflare.control("GET", f"access/pins?email={_OWNER}")
    await _send(tab, "code", sent[-1]["pin"])


async def _send(tab: Tab, field: str, text: str) -> None:
    await tab.tap(f"input[name={field}]")
    await tab.type(text)
    await tab.tap("button")


async def _writes_of_access(world: World) -> list[str]:
    """Return what was written; a permission is tried at something that does not exist."""
    journal = await world.cloudflare.control("GET", "journal")
    return [
        f"{each['method']} {each['path']}"
        for each in journal["requests"]
        if each["write"] and "/access/" in each["path"] and each["status"] < _REFUSED
    ]


async def _read_log(world: World, sensor: str) -> None:
    """Have Home Assistant read the log of logins, as it does every ten minutes."""
    await world.admin.post(
        "/api/services/homeassistant/update_entity", {"entity_id": sensor}
    )


async def _until_kept(world: World) -> None:
    async def is_there() -> bool | None:
        subentries = await world.socket.command(
            "config_entries/subentries/list", entry_id=world.entry_id
        )
        titles = {each["title"] for each in subentries}
        return True if world.browser_hostname in titles else None

    await until("the login hostname is kept", is_there)


async def _expect_login_page(world: World) -> None:
    answer = await world.stranger.get(world.browser_hostname, "/")
    expect_equal(answer.status, _LOGIN_PAGE, "the status for a stranger")


async def _leave_open(world: World) -> None:
    """Ignore that strangers can open the front end again, which is meant to be so here."""
    await run_checks(world)

    async def is_ignored() -> bool | None:
        listed = await world.socket.command("repairs/list_issues")
        keys = [each["translation_key"] for each in listed["issues"]]
        for issue in await list_repairs(world):
            if issue["translation_key"] == "check_open_hostname":
                await ignore(world, issue)
        return True if "check_open_hostname" in keys else None

    await until("the open hostname is told again", is_ignored, seconds=30)


async def _until_open(world: World) -> None:
    async def is_open() -> bool | None:
        answer = await world.stranger.get(world.browser_hostname, "/")
        return True if answer.status == 200 else None

    await until("the hostname is open again", is_open, seconds=60)
