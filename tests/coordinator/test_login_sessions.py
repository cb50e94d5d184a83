"""Tests of the sessions of people who may no longer log in: they end, at once or as soon as Cloudflare does it."""

from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import AccessPolicy
from tests.common import settle, setup_integration, wait_for_refresh
from tests.dialogs import Client, browser_at_repairs
from tests.engine.access.helpers import HOME, OWNER, PARTNER, STRANGER, settings
from tests.faults import Faults
from tests.flows.test_login_drift import CONFIRM, KEEP, answer, go_on, look, policy_of
from tests.logins import (
    LOGIN_ID,
    MINUTES,
    application_at,
    begin,
    login,
    planned,
    told,
    writes,
)
from tests.restarts import restarted, same_account
from tests.sandbox.logging_in import browser

pytestmark = pytest.mark.usefixtures("without_login")

END_SESSIONS = "button.home_example_com_end_sessions"
EVERYBODY = "revoke_tokens"
PERSON = "revoke_user"
with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])


@pytest.fixture
async def client(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs of an account."""
    return await browser_at_repairs(hass, entry, hass_client)


def ended(sandbox: Sandbox) -> list[str]:
    """Return how sessions were ended since the journal was cleared."""
    return [
        each.path.rpartition("/")[2]
        for each in writes(sandbox)
        if "revoke" in each.path
    ]


async def undo(hass: HomeAssistant, client: Client) -> Any:
    """Have a person apply their settings, who has seen what that changes."""
    asked = await answer(hass, client, "login_list_changed", CONFIRM)
    result = await go_on(client, asked, {})
    await settle(hass)
    assert result["type"] == "create_entry"
    return asked


@with_login
@pytest.mark.parametrize(
    "added",
    [
        {"email_domain": {"domain": "evil.example"}},
        {"ip": {"ip": "198.51.100.0/24"}},
        {"group": {"id": "theirs"}},
    ],
    ids=["domain", "network", "group"],
)
async def test_more_than_single_people_were_let_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    added: dict[str, Any],
) -> None:
    """Nobody knows who has logged in, so that all sessions end; a person sees that before."""
    policy_of(sandbox).include.append(added)
    await look(hass, entry)
    sandbox.journal.clear()
    asked = await undo(hass, client)

    assert (
        "everybody has to log in again" in asked["description_placeholders"]["changes"]
    )
    assert ended(sandbox) == [EVERYBODY]
    assert told(hass) == set()


@with_login
async def test_single_people_were_let_in(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """Their sessions end everywhere, and nobody else's."""
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, entry)
    sandbox.journal.clear()
    asked = await undo(hass, client)

    assert "log in again" not in asked["description_placeholders"]["changes"]
    assert ended(sandbox) == [PERSON]


@with_login
async def test_policy_of_others_is_taken_away(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    application = application_at(sandbox)
    assert application
    friends = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
    application.policies.append(friends)
    await look(hass, entry)
    sandbox.journal.clear()
    await undo(hass, client)

    assert ended(sandbox) == [EVERYBODY]


@with_login
async def test_stranger_who_logged_in_while_everybody_could(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    tmp_path: Path,
    client: Client,
) -> None:
    """At the edge: it is fixed by itself, and the stranger meets the login again."""
    policy_of(sandbox).include = [{"everyone": {}}]
    async with browser(sandbox, tmp_path) as stranger:
        inside = await (await stranger.log_in(STRANGER)).text()
        assert "403: Forbidden" in inside, "the sandbox's Home Assistant did not answer"
        await look(hass, entry)
        assert policy_of(sandbox).include == [{"email": {"email": OWNER}}]
        outside = await (await stranger.ask()).text()
    assert "403: Forbidden" not in outside
    assert told(hass) == set()


@with_login
async def test_fix_that_needs_nobody_logged_out(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, client: Client
) -> None:
    """Who passed without a login has no session, and a cookie lets nobody in."""
    application = application_at(sandbox)
    assert application
    everybody = AccessPolicy("All", "bypass", [{"everyone": {}}])
    application.policies.insert(0, everybody)
    application.options["session_duration"] = "24h"
    sandbox.journal.clear()
    await look(hass, entry)

    fixed = application_at(sandbox)
    assert fixed
    assert everybody not in fixed.policies
    assert ended(sandbox) == []


@with_login
async def test_sessions_that_cloudflare_does_not_end(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is told at once, tried again every hour, and costs no other call."""
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, entry)
    fault = faults.unavailable("POST", PERSON)
    await undo(hass, client)
    assert told(hass) == {"login_sessions_left"}

    tries = fault.hits
    sandbox.journal.clear()
    for _ in range(8):
        await wait_for_refresh(hass, freezer, MINUTES)
    assert 2 <= fault.hits - tries <= 3
    assert told(hass) == {"login_sessions_left"}
    faults.clear()
    for _ in range(5):
        await wait_for_refresh(hass, freezer, MINUTES)
    assert ended(sandbox) == [PERSON]
    assert told(hass) == set()


@with_login
async def test_one_person_whose_sessions_do_not_end(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
) -> None:
    """The sessions of all others end at once. Somebody whom Cloudflare does not know has none."""
    policy_of(sandbox).include += [
        {"email": {"email": STRANGER}},
        {"email": {"email": PARTNER}},
        {"email_domain": {"domain": "evil.example"}},
    ]
    await look(hass, entry)
    faults.unavailable("POST", PERSON, times=1)
    faults.refuse("POST", PERSON, 404, 11004, "not found", times=1)
    sandbox.journal.clear()
    await undo(hass, client)
    # The dialog looks again, and with that the second attempt begins.
    assert ended(sandbox) == [EVERYBODY, PERSON]
    assert told(hass) == set()


@with_login
async def test_sessions_end_although_home_assistant_was_stopped(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """What is due is stored, so that the next start knows it."""
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, entry)
    faults.unavailable("POST", PERSON)
    await undo(hass, client)
    async with restarted(hass) as again:
        faults.clear()
        sandbox.journal.clear()
        await setup_integration(again, same_account(entry))
        assert ended(sandbox) == [PERSON]
        assert told(again) == set()


@with_login
async def test_nobody_is_logged_out_while_anybody_can_log_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
) -> None:
    """It would be no use as long as Cloudflare refuses to fix the policy."""
    policy_of(sandbox).include = [{"everyone": {}}]
    faults.refuse("PUT", "/access/policies", 400, 1234, "Not today")
    sandbox.journal.clear()
    await look(hass, entry)
    assert told(hass) == {"login_opened"}
    await look(hass, entry)
    assert ended(sandbox) == []

    faults.clear()
    await look(hass, entry)
    assert ended(sandbox) == [EVERYBODY]
    assert told(hass) == set()


@with_login
async def test_person_ends_them_by_the_button(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
) -> None:
    """Then they are not ended once more."""
    policy_of(sandbox).include.append({"ip": {"ip": "198.51.100.0/24"}})
    await look(hass, entry)
    faults.unavailable("POST", EVERYBODY)
    await undo(hass, client)
    assert told(hass) == {"login_sessions_left"}
    faults.clear()
    sandbox.journal.clear()
    await hass.services.async_call(
        "button", "press", {"entity_id": END_SESSIONS}, blocking=True
    )
    assert told(hass) == set()
    await look(hass, entry)
    assert ended(sandbox) == [EVERYBODY]


@with_login
async def test_login_that_is_set_up_again_for_fewer_people(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """What the removed login left at Cloudflare becomes ours again, with sessions of those it let in."""
    hass.config_entries.async_remove_subentry(entry, LOGIN_ID)
    await settle(hass)
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    sandbox.journal.clear()
    chosen = settings(PARTNER)
    plan = await planned(entry, who=chosen.who)
    assert (await begin(entry, plan)).is_done

    assert ended(sandbox) == [EVERYBODY, PERSON]
    assert HOME in entry.runtime_data.access.records.records


@with_login
async def test_login_that_is_set_up_again_while_sessions_must_end(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
) -> None:
    """They are not forgotten with the settings of before."""
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, entry)
    faults.unavailable("POST", PERSON)
    await undo(hass, client)
    hass.config_entries.async_remove_subentry(entry, LOGIN_ID)
    await settle(hass)
    assert (await begin(entry)).is_done
    assert told(hass) == {"login_left", "login_sessions_left"}


@with_login
async def test_session_is_due_although_the_login_is_no_longer_watched(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A stranger was thrown out, and the login is left as it is before their session has ended."""
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, entry)
    faults.unavailable("POST", PERSON)
    await undo(hass, client)
    assert told(hass) == {"login_sessions_left"}
    hass.config_entries.async_remove_subentry(entry, LOGIN_ID)
    await settle(hass)
    await answer(hass, client, "login_left", KEEP, {})
    assert told(hass) == {"login_sessions_left"}

    faults.clear()
    sandbox.journal.clear()
    for _ in range(5):
        await wait_for_refresh(hass, freezer, MINUTES)
    assert ended(sandbox) == [PERSON]
    assert told(hass) == set()
    assert entry.runtime_data.access.records.records == {}


@with_login
async def test_session_is_due_although_the_login_is_gone_and_set_up_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The trial of a new application, and its end, leave it due."""
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, entry)
    faults.unavailable("POST", PERSON)
    await undo(hass, client)
    hass.config_entries.async_remove_subentry(entry, LOGIN_ID)
    await settle(hass)
    await answer(hass, client, "login_left", CONFIRM, {})
    assert application_at(sandbox) is None
    assert told(hass) == {"login_sessions_left"}

    assert (await begin(entry)).is_done
    for _ in range(2):
        await wait_for_refresh(hass, freezer, MINUTES)
    assert application_at(sandbox) is None
    assert told(hass) == {"login_sessions_left", "login_undone"}
    await answer(hass, client, "login_undone", CONFIRM, {})

    faults.clear()
    sandbox.journal.clear()
    for _ in range(5):
        await wait_for_refresh(hass, freezer, MINUTES)
    assert ended(sandbox) == [PERSON]
    assert told(hass) == set()
