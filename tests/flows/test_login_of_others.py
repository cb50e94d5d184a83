"""Tests of the dialog of login hostnames where others stand in front of hostnames already."""

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessPolicy
from tests.common import HOSTNAME, sentences, settle, setup_integration, submit
from tests.engine.access.helpers import HOME, OWNER, PARTNER, without_pauses
from tests.faults import Faults
from tests.flows.login_dialog import choose_item, to_people, to_preview
from tests.logins import access_of, application_at, only_another_login, told, writes

OF = "config_subentries.login_hostname"


@pytest.fixture(autouse=True)
async def _home(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begin without a login there, in a home in Germany that is opened at its hostname."""
    only_another_login(sandbox)
    await hass.config.async_update(country="DE", external_url=f"https://{HOME}")
    without_pauses(monkeypatch)


@pytest.mark.parametrize("undone", [True, False])
async def test_login_page_on_the_phones_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    undone: bool,
) -> None:
    await setup_integration(hass, entry)
    writer = entry.runtime_data.access.writer
    pages = iter([frozenset(), frozenset({HOSTNAME})])

    async def find() -> frozenset[str]:
        return next(pages)

    monkeypatch.setattr(writer, "find_login_pages", find)
    result = await to_preview(hass, entry)
    if not undone:
        faults.unavailable("DELETE", "/access/apps")
    result = await submit(hass, result)

    assert result["reason"] == ("login_pages_undone" if undone else "login_pages")
    assert HOSTNAME in result["description_placeholders"]["mobile_hostnames"]
    assert (application_at(sandbox) is None) is undone


async def test_foreign_application_is_only_watched(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Or another hostname is chosen; the policies stay as they are, and there is no trial."""
    policy = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
    theirs = AccessApplication("Theirs", [{"type": "public", "uri": HOME}], [policy])
    access_of(sandbox).applications[theirs.id] = theirs
    result = await to_people(hass, loaded_entry)
    assert result["description_placeholders"]["application"] == "Theirs"
    result = await choose_item(hass, result, "hostname")
    result = await submit(hass, result, {"hostname": HOME})
    result = await choose_item(hass, result, "adopt")
    wrong = await submit(hass, result, {"own_email": "x"})
    assert "not an email address" in sentences(wrong, OF)["own_email"]
    result = await submit(hass, wrong, {"own_email": OWNER})
    assert result["description_placeholders"]["after"] == ""
    result = await submit(hass, result)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    application = application_at(sandbox)
    assert application
    assert (application.id, application.policies) == (theirs.id, [policy])
    assert told(hass) == set()


async def test_foreign_application_that_is_gone_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    policy = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
    theirs = AccessApplication("Theirs", [{"type": "public", "uri": HOME}], [policy])
    access_of(sandbox).applications[theirs.id] = theirs
    result = await to_people(hass, loaded_entry)
    result = await choose_item(hass, result, "adopt")
    only_another_login(sandbox)
    result = await submit(hass, result, {"own_email": OWNER})

    assert result["step_id"] == "adopt"
    assert "close this dialog" in sentences(result, OF)["base"].lower()


async def test_wildcard_of_others_is_replaced_only_on_request(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The new application may be less strict; it stands in front of this hostname alone."""
    policy = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
    every = [{"type": "public", "uri": "home.*.com"}]
    theirs = AccessApplication("All", every, [policy])
    access_of(sandbox).applications[theirs.id] = theirs
    result = await to_preview(hass, loaded_entry)
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "wildcard")
    assert result["description_placeholders"]["application"] == "All"
    assert writes(sandbox) == []
    result = await choose_item(hass, result, "replace_wildcard")
    assert result["step_id"] == "preview"
    assert "`All`" in result["description_placeholders"]["changes"]
    result = await submit(hass, result)

    assert result["type"] is FlowResultType.EXTERNAL_STEP
    assert application_at(sandbox)
    assert theirs.policies == [policy]
