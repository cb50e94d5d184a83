"""Tests of the dialog that changes a login hostname, or opens it again."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import AccessGroup
from tests.common import HOSTNAME, settle, setup_integration, submit
from tests.engine.access.helpers import (
    HOME,
    OWNER,
    PARTNER,
    STRANGER,
    settings as chosen,
    without_pauses,
)
from tests.faults import Faults
from tests.flows.login_dialog import RULES, change, choose_item
from tests.logins import (
    access_of,
    application_at,
    login,
    only_another_login,
    told,
    writes,
)


@pytest.fixture(autouse=True)
async def _home(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begin in a home in Germany, whose login hostname is set up when the account is loaded."""
    only_another_login(sandbox)
    await hass.config.async_update(country="DE")
    without_pauses(monkeypatch)


@pytest.fixture
def devices() -> list[Any]:
    """Return a login hostname for two people of two countries."""
    return [login(chosen(OWNER, PARTNER, countries=frozenset({"AT", "DE"})))]


async def to_people(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Go to the step with the people."""
    return await choose_item(hass, await change(hass, entry), "people")


def suggested(result: Any) -> dict[str, Any]:
    """Return what a form suggests."""
    return {
        str(each): (each.description or {}).get("suggested_value")
        for each in result["data_schema"].schema
    }


def ended_sessions(sandbox: Sandbox) -> int:
    """Return how often all sessions of the application were ended."""
    return sum(each.path.endswith("/revoke_tokens") for each in writes(sandbox))


async def test_form_shows_what_is_there(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    result = await to_people(hass, loaded_entry)
    assert suggested(result) == {
        "emails": [OWNER, PARTNER],
        "countries": ["at", "de"],
    }
    result = await submit(hass, result, {"emails": [OWNER], "countries": ["de"]})
    assert suggested(result) == {
        "login_methods": ["onetimepin"],
        "session": "week",
        "open_paths": [],
        "connector": False,
        "keep_in_sync": True,
    }


async def test_fewer_people_end_the_sessions(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Who is shut out is said before, and that everybody has to log in again."""
    result = await to_people(hass, loaded_entry)
    result = await submit(hass, result, {"emails": [OWNER], "countries": ["de"]})
    result = await submit(hass, result, RULES)
    shown = result["description_placeholders"]
    assert PARTNER in shown["warning"]
    assert OWNER not in shown["warning"]
    assert "log in again" in shown["after"]
    sandbox.journal.clear()
    result = await submit(hass, result)
    await settle(hass)

    assert result["reason"] == "login_changed"
    assert ended_sessions(sandbox) == 1
    application = application_at(sandbox)
    assert application
    [policy] = application.policies
    assert policy.include == [{"email": {"email": OWNER}}]
    assert policy.require == [{"geo": {"country_code": "DE"}}]
    assert access_of(sandbox).groups == {}
    settings = loaded_entry.runtime_data.access.logins[HOME]
    assert settings == chosen(OWNER, countries=frozenset({"DE"}))
    assert told(hass) == set()


async def test_more_people_end_no_session(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    result = await to_people(hass, loaded_entry)
    everybody = {"emails": [OWNER, PARTNER, STRANGER], "countries": ["de"]}
    result = await submit(hass, result, everybody)
    result = await submit(hass, result, RULES)
    assert result["description_placeholders"]["after"] == ""
    sandbox.journal.clear()
    result = await submit(hass, result)

    assert result["reason"] == "login_changed"
    assert ended_sessions(sandbox) == 0


async def test_group_in_place_of_people(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nobody knows whom it shuts out, so that all sessions end."""
    family = [{"email": {"email": OWNER}}]
    access_of(sandbox).groups["g"] = AccessGroup("Family", family, id="g")
    result = await to_people(hass, loaded_entry)
    result = await submit(hass, result, {"group_id": "g", "countries": ["de"]})
    result = await submit(hass, result, RULES)
    assert "log in again" in result["description_placeholders"]["after"]
    result = await submit(hass, result)

    assert result["reason"] == "login_changed"


async def test_sessions_that_cannot_be_ended_are_said(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """The settings are as they are at Cloudflare, also if the dialog is closed by then."""
    await setup_integration(hass, entry)
    faults.unavailable("POST", "revoke_tokens")
    result = await to_people(hass, entry)
    result = await submit(hass, result, {"emails": [OWNER], "countries": ["de"]})
    result = await submit(hass, await submit(hass, result, RULES))
    await settle(hass)

    assert result["reason"] == "login_changed"
    assert entry.runtime_data.access.logins[HOME].who.emails == {OWNER}
    assert told(hass) == {"login_sessions_left"}


@pytest.mark.parametrize("undone", [True, False])
async def test_login_page_on_the_phones_hostname_undoes_the_change(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    undone: bool,
) -> None:
    await setup_integration(hass, entry)
    pages = iter([frozenset(), frozenset({HOSTNAME})])

    async def find() -> frozenset[str]:
        found = next(pages)
        if found and not undone:
            faults.unavailable("GET", "/access/organizations")
        return found

    monkeypatch.setattr(entry.runtime_data.access.writer, "find_login_pages", find)
    result = await to_people(hass, entry)
    result = await submit(hass, result, {"emails": [OWNER], "countries": ["de"]})
    result = await submit(hass, await submit(hass, result, RULES))

    assert result["reason"] == ("login_pages_undone" if undone else "login_pages")
    application = application_at(sandbox)
    assert application
    assert (len(application.policies[0].include) == 2) is undone
    assert entry.runtime_data.access.logins[HOME].who.emails == {OWNER, PARTNER}


async def test_login_is_ended_only_after_a_confirmation(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    sandbox.journal.clear()
    result = await choose_item(hass, await change(hass, loaded_entry), "stop")
    assert result["step_id"] == "stop"
    assert writes(sandbox) == []
    result = await submit(hass, result)
    await settle(hass)

    assert result["reason"] == "login_stopped"
    assert application_at(sandbox) is None
    assert loaded_entry.runtime_data.access.logins == {}
    assert told(hass) == set()


async def test_end_that_cloudflare_refuses(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    await setup_integration(hass, entry)
    faults.unavailable("DELETE", "/access/apps")
    result = await choose_item(hass, await change(hass, entry), "stop")
    result = await submit(hass, result)

    assert result["reason"] == "login_stopping"
    assert application_at(sandbox)


@pytest.mark.parametrize("devices", [[login(chosen(adopted=True))]])
async def test_adopted_application_can_only_be_released(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    result = await change(hass, loaded_entry)
    assert result["menu_options"] == ["stop"]


async def test_account_that_is_not_loaded(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await change(hass, loaded_entry)

    assert result["reason"] == "entry_not_loaded"
