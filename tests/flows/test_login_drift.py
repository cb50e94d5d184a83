"""Tests of the repairs about what somebody changed at Cloudflare for a login hostname."""

import asyncio
import threading
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.coordinator.login_writer import LoginWritten
from custom_components.cloudflare_mtls.subentries import login_data
from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessGroup, AccessPolicy
from tests.common import HOSTNAME, act, issues, placeholders, settle
from tests.dialogs import Client, browser_at_repairs, open_repair
from tests.engine.access.helpers import HOME, OWNER, PARTNER, STRANGER, settings
from tests.faults import Faults
from tests.logins import LOGIN_ID, access_of, application_at, login, told, writes
from tests.test_switch import SWITCH

pytestmark = pytest.mark.usefixtures("without_login")

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
not_in_sync = pytest.mark.parametrize(
    "devices", [[login(settings(keep_in_sync=False))]], ids=["not kept in sync"]
)
adopted = pytest.mark.parametrize(
    "devices", [[login(settings(adopted=True))]], ids=["adopted"]
)
CONFIRM = {"next_step_id": "confirm"}
KEEP = {"next_step_id": "keep"}
IGNORE = {"next_step_id": "ignore"}


@pytest.fixture
async def client(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs of an account."""
    return await browser_at_repairs(hass, entry, hass_client)


async def look(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Read Access now."""
    await entry.runtime_data.access.async_look_again()
    await settle(hass)


async def answer(hass: HomeAssistant, client: Client, key: str, *steps: Any) -> Any:
    """Open a repair and answer its steps, and return the last result."""
    result = await open_repair(client, issues(hass)[key])
    for step in steps:
        result = await go_on(client, result, step)
    await settle(hass)
    return result


async def go_on(client: Client, result: Any, step: Any) -> Any:
    """Answer a step of a repair's dialog."""
    url = f"/api/repairs/issues/fix/{result['flow_id']}"
    response = await client.post(url, json=step)
    return await response.json()


def policy_of(sandbox: Sandbox) -> AccessPolicy:
    """Return the policy that says who may log in."""
    [policy] = access_of(sandbox).policies.values()
    return policy


def allow(sandbox: Sandbox, *emails: str) -> None:
    """Change at Cloudflare who may log in."""
    policy_of(sandbox).include = [{"email": {"email": each}} for each in emails]


def allowed(sandbox: Sandbox) -> set[str]:
    """Return who may log in at Cloudflare."""
    return {each["email"]["email"] for each in policy_of(sandbox).include}


@not_in_sync
async def test_login_that_is_gone_is_created_again(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    """Where nothing is kept in sync, a person decides."""
    assert told(hass) == {"login_gone"}
    asked = await answer(hass, client, "login_gone", CONFIRM)
    assert asked["step_id"] == "confirm"
    assert HOME in asked["description_placeholders"]["changes"]
    assert writes(sandbox) == []

    assert (await go_on(client, asked, {}))["type"] == "create_entry"
    await settle(hass)
    assert application_at(sandbox)
    assert told(hass) == set()


@not_in_sync
async def test_other_settings(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """A cookie or a duration opens nothing, and is told as what it is."""
    await answer(hass, client, "login_gone", CONFIRM, {})
    application = application_at(sandbox)
    assert application
    application.options["session_duration"] = "24h"
    await look(hass, entry)
    assert told(hass) == {"login_drift"}

    result = await answer(hass, client, "login_drift", CONFIRM, {})
    assert result["type"] == "create_entry"
    fixed = application_at(sandbox)
    assert fixed
    assert fixed.options["session_duration"] == "168h"
    assert told(hass) == set()


@not_in_sync
async def test_policy_that_lets_anybody_in(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    await answer(hass, client, "login_gone", CONFIRM, {})
    policy_of(sandbox).include = [{"everyone": {}}]
    await look(hass, entry)
    assert told(hass) == {"login_opened"}

    await answer(hass, client, "login_opened", CONFIRM, {})
    assert allowed(sandbox) == {OWNER}
    assert told(hass) == set()


@with_login
async def test_what_is_fixed_by_itself_is_not_told(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    seen = []
    entry.runtime_data.access.async_add_listener(lambda: seen.append(told(hass)))
    policy_of(sandbox).include = [{"everyone": {}}]
    await look(hass, entry)

    assert allowed(sandbox) == {OWNER}
    assert seen
    assert set().union(*seen) == set()


@with_login
async def test_what_could_not_be_fixed_is_told(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
) -> None:
    """The dialog says why Cloudflare refuses, and works once it does not."""
    policy_of(sandbox).include = [{"everyone": {}}]
    faults.refuse("PUT", "/access/policies", 400, 1234, "Not today")
    await look(hass, entry)
    assert told(hass) == {"login_opened"}

    result = await answer(hass, client, "login_opened", CONFIRM, {})
    assert result["errors"] == {"base": "rejected"}
    faults.clear()
    assert (await go_on(client, result, {}))["type"] == "create_entry"
    await settle(hass)
    assert told(hass) == set()


@with_login
async def test_changed_list_is_kept(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """The settings become what is at Cloudflare; nothing is written there."""
    allow(sandbox, OWNER, PARTNER)
    await look(hass, entry)
    assert told(hass) == {"login_list_changed"}
    sandbox.journal.clear()

    asked = await answer(hass, client, "login_list_changed", KEEP)
    assert PARTNER in asked["description_placeholders"]["differences"]
    assert (await go_on(client, asked, {}))["type"] == "create_entry"
    await settle(hass)
    assert entry.runtime_data.access.logins[HOME].who.emails == {OWNER, PARTNER}
    assert writes(sandbox) == []
    assert told(hass) == set()


@with_login
@pytest.mark.parametrize("choice", [KEEP, CONFIRM], ids=["keep", "confirm"])
async def test_countries_are_told_by_their_names(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    choice: Any,
) -> None:
    policy_of(sandbox).require = [{"geo": {"country_code": "AT"}}]
    await look(hass, entry)

    asked = await answer(hass, client, "login_list_changed", choice)

    differences = asked["description_placeholders"]["differences"]
    assert differences.endswith("\n\n- `Austria`")


@with_login
@pytest.mark.parametrize("choice", [KEEP, CONFIRM], ids=["keep", "confirm"])
async def test_group_is_told_by_its_name(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    choice: Any,
) -> None:
    mine = [{"email": {"email": OWNER}}]
    access_of(sandbox).groups["g"] = AccessGroup("Family", mine, id="g")
    policy_of(sandbox).include = [{"group": {"id": "g"}}]
    await look(hass, entry)

    asked = await answer(hass, client, "login_list_changed", choice)
    assert "- `Family`" in asked["description_placeholders"]["differences"]


@with_login
@pytest.mark.parametrize("choice", [KEEP, CONFIRM], ids=["keep", "confirm"])
async def test_every_login_method_that_is_allowed_now(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    choice: Any,
) -> None:
    """At Cloudflare, no login method means all of them: the dialog says so."""
    application = application_at(sandbox)
    assert application
    application.options["allowed_idps"] = []
    await look(hass, entry)

    asked = await answer(hass, client, "login_list_changed", choice)
    assert asked["description_placeholders"]["differences"] == (
        "At Cloudflare, but not in your settings:\n\n"
        "- `every login method of the account`"
    )


@pytest.mark.parametrize(
    "devices", [[login(settings(countries=frozenset({"DE"})))]], ids=["in Germany"]
)
@pytest.mark.parametrize("choice", [KEEP, CONFIRM], ids=["keep", "confirm"])
async def test_every_country_that_is_allowed_now(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    choice: Any,
) -> None:
    """Without a rule for countries, people can log in from any of them: the dialog says so."""
    policy_of(sandbox).require = []
    await look(hass, entry)

    asked = await answer(hass, client, "login_list_changed", choice)
    assert asked["description_placeholders"]["differences"] == (
        "At Cloudflare, but not in your settings:\n\n- `every country`"
    )


@with_login
async def test_changed_list_is_undone(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """People who were added are logged out, too."""
    allow(sandbox, OWNER, STRANGER)
    await look(hass, entry)
    sandbox.journal.clear()

    asked = await answer(hass, client, "login_list_changed", CONFIRM)
    assert STRANGER in asked["description_placeholders"]["differences"]
    await go_on(client, asked, {})
    await settle(hass)
    assert allowed(sandbox) == {OWNER}
    assert [each.body for each in writes(sandbox) if "revoke" in each.path] == [
        {"email": STRANGER}
    ]
    assert told(hass) == set()


@with_login
async def test_list_that_settings_cannot_say(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """It can be undone or ignored."""
    policy_of(sandbox).include = [{"email_domain": {"domain": "example.com"}}]
    await look(hass, entry)

    result = await answer(hass, client, "login_list_changed", KEEP)
    assert result["reason"] == "login_not_kept"
    assert entry.runtime_data.access.logins[HOME].who.emails == {OWNER}


@with_login
@pytest.mark.parametrize("choice", [KEEP, CONFIRM], ids=["keep", "confirm"])
async def test_what_changed_since_it_was_shown_is_shown_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    choice: Any,
) -> None:
    allow(sandbox, OWNER, PARTNER)
    await look(hass, entry)
    asked = await answer(hass, client, "login_list_changed", choice)
    allow(sandbox, OWNER, PARTNER, STRANGER)
    sandbox.journal.clear()

    result = await go_on(client, asked, {})
    assert result["errors"] == {"base": "changed_meanwhile"}
    assert STRANGER in result["description_placeholders"]["differences"]
    assert writes(sandbox) == []
    assert entry.runtime_data.access.logins[HOME].who.emails == {OWNER}


@with_login
async def test_settings_that_change_while_the_list_is_kept(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
) -> None:
    """Neither of two people takes back what the other one chose: the dialog shows what is there now."""
    allow(sandbox, OWNER, PARTNER)
    await look(hass, entry)
    asked = await answer(hass, client, "login_list_changed", KEEP)
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/dns_records", hold=hold, times=1)
    writing = hass.async_create_task(
        hass.services.async_call(
            "switch", "turn_off", {"entity_id": SWITCH}, blocking=True
        )
    )
    await fault.until_hit()
    changing = hass.async_create_task(
        act(
            hass,
            entry,
            "protect_with_access",
            hostname=HOME,
            emails=[OWNER],
            keep_in_sync=False,
        )
    )
    await hass.async_add_executor_job(threading.Event().wait, 0.3)
    keeping = hass.async_create_task(go_on(client, asked, {}))
    await hass.async_add_executor_job(threading.Event().wait, 0.3)

    hold.set()
    await writing
    await changing
    result = await keeping
    await settle(hass)

    assert result["errors"] == {"base": "changed_meanwhile"}
    after = entry.runtime_data.access.logins[HOME]
    assert (after.who.emails, after.keep_in_sync) == ({OWNER}, False)
    assert allowed(sandbox) == {OWNER}
    assert (await go_on(client, result, {}))["type"] == "create_entry"


@with_login
@pytest.mark.parametrize("choice", [KEEP, CONFIRM], ids=["keep", "confirm"])
async def test_changed_back_meanwhile(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    choice: Any,
) -> None:
    allow(sandbox, OWNER, PARTNER)
    await look(hass, entry)
    allow(sandbox, OWNER)
    sandbox.journal.clear()

    result = await answer(hass, client, "login_list_changed", choice)
    assert result["type"] == "create_entry"
    assert writes(sandbox) == []


@with_login
@pytest.mark.parametrize("choice", [KEEP, CONFIRM], ids=["keep", "confirm"])
async def test_account_that_is_not_loaded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    choice: Any,
) -> None:
    allow(sandbox, OWNER, PARTNER)
    await look(hass, entry)
    result = await open_repair(client, issues(hass)["login_list_changed"])
    await hass.config_entries.async_unload(entry.entry_id)
    result = await go_on(client, result, choice)
    assert result["reason"] == "entry_not_loaded"


@with_login
@pytest.mark.parametrize("choice", [KEEP, CONFIRM], ids=["keep", "confirm"])
async def test_cloudflare_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
    choice: Any,
) -> None:
    allow(sandbox, OWNER, PARTNER)
    await look(hass, entry)
    faults.unavailable("GET", "/access/organizations")
    result = await answer(hass, client, "login_list_changed", choice)
    assert result["reason"] == "unavailable"


@adopted
async def test_application_of_somebody_else_that_is_gone(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    """It is not ours to create."""
    assert told(hass) == {"login_gone_unfixable"}
    assert application_at(sandbox) is None


@with_login
@pytest.mark.parametrize(("uri", "key"), [(f"{HOME}/api/*", "login_foreign_path")])
async def test_application_at_a_deeper_path(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    uri: str,
    key: str,
) -> None:
    """It decides there, whatever the login hostname asks for."""
    other = AccessApplication("API", [{"type": "public", "uri": uri}], [], id="api")
    access_of(sandbox).applications["api"] = other
    await look(hass, entry)
    assert placeholders(hass, key) == {
        "hostname": HOME,
        "target": uri,
        "detail": "API",
    }
    assert application_at(sandbox)


@with_login
async def test_login_method_that_is_gone(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    hass.config_entries.async_update_subentry(
        entry,
        next(each for each in entry.subentries.values() if each.title == HOME),
        data=login(settings(login_methods=frozenset({"gone"})))["data"],
    )
    await settle(hass)
    assert placeholders(hass, "login_login_method_gone")["target"] == "gone"
    assert "login_list_changed" not in told(hass)


def ignored(hass: HomeAssistant, key: str) -> bool:
    """Return whether a repair is there, and ignored."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[key])
    assert issue
    return issue.dismissed_version is not None


@with_login
async def test_ignored_list_to_which_a_stranger_is_added(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """Who ignores that the partner was added has not accepted anybody else."""
    allow(sandbox, OWNER, PARTNER)
    await look(hass, entry)
    await answer(hass, client, "login_list_changed", IGNORE)
    await look(hass, entry)
    assert ignored(hass, "login_list_changed")

    allow(sandbox, OWNER, PARTNER, STRANGER)
    await look(hass, entry)
    assert not ignored(hass, "login_list_changed")


@with_login
async def test_ignored_policy_that_lets_a_stranger_in(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """It keeps its name; the group that it names, too, may let in somebody else later."""
    group = AccessGroup("Guests", [{"email": {"email": PARTNER}}], id="guests")
    access_of(sandbox).groups["guests"] = group
    guests = AccessPolicy("Guests", "allow", [{"group": {"id": "guests"}}])
    application = application_at(sandbox)
    assert application
    application.policies.append(guests)
    await look(hass, entry)
    for change, person in ((group, STRANGER), (guests, "another@example.com")):
        await answer(hass, client, "login_list_changed", IGNORE)
        assert ignored(hass, "login_list_changed")
        change.include.append({"email": {"email": person}})
        await look(hass, entry)
        assert not ignored(hass, "login_list_changed")


@not_in_sync
async def test_ignored_opening_that_is_followed_by_another(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """Who accepts that everybody from Austria may log in has not accepted a bypass for all."""
    await answer(hass, client, "login_gone", CONFIRM, {})
    application = application_at(sandbox)
    assert application
    austria = AccessPolicy("Austria", "allow", [{"geo": {"country_code": "AT"}}])
    application.policies.append(austria)
    await look(hass, entry)
    await answer(hass, client, "login_opened", IGNORE)
    await look(hass, entry)
    assert ignored(hass, "login_opened")

    austria.decision, austria.include = "bypass", [{"everyone": {}}]
    await look(hass, entry)
    assert not ignored(hass, "login_gone")


@with_login
async def test_ignored_application_at_a_path_that_is_opened(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """A stricter one is meant to be there; later somebody lets everybody pass."""
    policy = AccessPolicy("Admins", "allow", [{"email": {"email": OWNER}}])
    at_path = [{"type": "public", "uri": f"{HOME}/config"}]
    access_of(sandbox).applications["config"] = AccessApplication(
        "Config", at_path, [policy], id="config"
    )
    await look(hass, entry)
    ir.async_ignore_issue(hass, DOMAIN, issues(hass)["login_foreign_path"], True)
    await look(hass, entry)
    assert ignored(hass, "login_foreign_path")

    policy.decision, policy.include = "bypass", [{"everyone": {}}]
    await look(hass, entry)
    assert not ignored(hass, "login_foreign_path")


@adopted
async def test_ignored_policy_of_a_watched_application_that_is_widened(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """A bypass for the home is meant to be there; one for half of the internet is not."""
    home = AccessPolicy("Home", "bypass", [{"ip": {"ip": "198.51.100.0/24"}}])
    access_of(sandbox).applications["main"] = AccessApplication(
        "Theirs", [{"type": "public", "uri": HOME}], [home], id="main"
    )
    await look(hass, entry)
    application = access_of(sandbox).applications["main"]
    ir.async_ignore_issue(hass, DOMAIN, issues(hass)["login_strangers"], True)
    await look(hass, entry)
    assert ignored(hass, "login_strangers")

    application.policies[0].include = [{"ip": {"ip": "0.0.0.0/1"}}]
    await look(hass, entry)
    assert not ignored(hass, "login_strangers")


@with_login
async def test_list_that_changes_while_something_is_in_the_way(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """A stranger may log in, whatever else is wrong; the dialog says what has to go first, or keeps it."""
    at_home = [{"type": "public", "uri": HOME}]
    access_of(sandbox).applications["x"] = AccessApplication("X", at_home, [], id="x")
    await look(hass, entry)
    assert told(hass) == {"login_foreign_application"}

    allow(sandbox, OWNER, STRANGER)
    await look(hass, entry)
    assert told(hass) == {"login_foreign_application", "login_list_changed"}
    sandbox.journal.clear()
    result = await answer(hass, client, "login_list_changed", CONFIRM)
    assert result["reason"] == "login_foreign_application"
    assert writes(sandbox) == []

    del access_of(sandbox).applications["x"]
    await look(hass, entry)
    await answer(hass, client, "login_list_changed", CONFIRM, {})
    assert allowed(sandbox) == {OWNER}
    assert told(hass) == set()


@with_login
async def test_every_login_method_while_something_is_in_the_way(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    ours = application_at(sandbox)
    assert ours
    at_home = [{"type": "public", "uri": HOME}]
    access_of(sandbox).applications["x"] = AccessApplication("X", at_home, [], id="x")
    ours.options["allowed_idps"] = []
    await look(hass, entry)
    assert told(hass) == {"login_foreign_application", "login_list_changed"}


@with_login
async def test_zero_trust_that_is_not_set_up(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    access_of(sandbox).team = None
    await look(hass, entry)
    assert told(hass) == {"login_zero_trust_not_set_up"}


@not_in_sync
async def test_what_stands_in_the_way_is_said(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    """An application of somebody else is there by the time that the dialog looks."""
    result = await open_repair(client, issues(hass)["login_gone"])
    at_home = [{"type": "public", "uri": HOME}]
    access_of(sandbox).applications["x"] = AccessApplication("X", at_home, [], id="x")
    sandbox.journal.clear()

    result = await go_on(client, result, CONFIRM)
    assert result["reason"] == "login_foreign_application"
    assert writes(sandbox) == []


@not_in_sync
async def test_hostname_that_is_removed_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    result = await open_repair(client, issues(hass)["login_gone"])
    hass.config_entries.async_remove_subentry(entry, LOGIN_ID)
    result = await go_on(client, result, CONFIRM)
    assert result["type"] == "create_entry"
    assert writes(sandbox) == []


@not_in_sync
async def test_settings_that_change_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """What would be written now is shown first."""
    asked = await answer(hass, client, "login_gone", CONFIRM)
    data = login_data(settings(OWNER, PARTNER, keep_in_sync=False))
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[LOGIN_ID], data=data
    )
    await settle(hass)
    sandbox.journal.clear()

    result = await go_on(client, asked, {})
    assert result["errors"] == {"base": "changed_meanwhile"}
    assert writes(sandbox) == []
    assert (await go_on(client, result, {}))["type"] == "create_entry"
    assert allowed(sandbox) == {OWNER, PARTNER}


@not_in_sync
@pytest.mark.parametrize("is_undone", [True, False])
async def test_login_page_on_the_phones_hostname(
    hass: HomeAssistant,
    client: Client,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_undone: bool,
) -> None:
    """What would lock the phones out is undone, and said."""
    asked = await answer(hass, client, "login_gone", CONFIRM)

    async def change(*_: Any) -> LoginWritten:
        return LoginWritten(login_pages=frozenset({HOSTNAME}), is_undone=is_undone)

    monkeypatch.setattr(entry.runtime_data.access, "async_change", change)
    result = await go_on(client, asked, {})
    assert result["reason"] == ("login_pages_undone" if is_undone else "login_pages")
    assert HOSTNAME in result["description_placeholders"]["mobile_hostnames"]


@with_login
async def test_policy_of_somebody_else(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """Settings cannot say it, and its name is shown before it is taken away."""
    application = application_at(sandbox)
    assert application
    friends = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
    application.policies.append(friends)
    await look(hass, entry)

    assert (await answer(hass, client, "login_list_changed", KEEP))["reason"] == (
        "login_not_kept"
    )
    asked = await answer(hass, client, "login_list_changed", CONFIRM)
    assert "Friends" in asked["description_placeholders"]["differences"]
    await go_on(client, asked, {})
    await settle(hass)
    assert told(hass) == set()
