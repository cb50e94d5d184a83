"""Tests of Access applications of others that carry our tag: the dashboard offers it to everybody."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessPolicy
from tests.common import act, settle, setup_integration
from tests.engine.access.helpers import HOME, OWNER, settings
from tests.flows.login_dialog import change, choose_item, to_people
from tests.logins import LOGIN_ID, access_of, application_at, login, told, writes

pytestmark = pytest.mark.usefixtures("without_login")

TAG = "home-assistant"
with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
adopted = pytest.mark.parametrize(
    "devices", [[login(settings(adopted=True))]], ids=["adopted"]
)


def put(sandbox: Sandbox, address: str, *tags: str) -> AccessApplication:
    """Have somebody put an application in front of an address, that lets one person in."""
    access = access_of(sandbox)
    access.tags += [tag for tag in tags if tag not in access.tags]
    policy = AccessPolicy("Admins", "allow", [{"email": {"email": OWNER}}])
    theirs = AccessApplication(
        "Admins only", [{"type": "public", "uri": address}], [policy]
    )
    theirs.options["tags"] = list(tags)
    access.applications[theirs.id] = theirs
    return theirs


async def look(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Read Access now."""
    await entry.runtime_data.access.async_look_again()
    await settle(hass)


async def end(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Have the hostname ask for no login any more."""
    result = await choose_item(hass, await change(hass, entry), "stop")
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], {})
    assert result["reason"] == "login_stopped"
    await settle(hass)


@with_login
async def test_path_with_our_tag_stays(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """It is stricter than what was chosen here, so it would be opened by its removal."""
    await setup_integration(hass, entry)
    assert TAG in access_of(sandbox).tags
    theirs = put(sandbox, f"{HOME}/config", TAG)
    sandbox.journal.clear()
    await look(hass, entry)

    assert writes(sandbox) == []
    assert told(hass) == {"login_foreign_path"}
    await end(hass, entry)
    assert application_at(sandbox, f"{HOME}/config") == theirs
    assert application_at(sandbox) is None


@adopted
async def test_login_that_was_only_watched_ends(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Their application only loses our tag, and everything beside it stays."""
    main = put(sandbox, HOME)
    path = put(sandbox, f"{HOME}/config", TAG)
    policy = AccessPolicy(f"Home Assistant: {HOME}", "allow", [{"everyone": {}}])
    access_of(sandbox).policies[policy.id] = policy
    await setup_integration(hass, entry)
    assert access_of(sandbox).applications[main.id].options["tags"] == [TAG]
    await end(hass, entry)

    applications = access_of(sandbox).applications
    assert applications[main.id].options["tags"] == []
    assert applications[path.id] == path
    assert access_of(sandbox).policies[policy.id] == policy


async def test_application_with_our_tag_is_offered_to_be_watched(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It was made by hand before this account was added, so nothing of it is written."""
    theirs = put(sandbox, HOME, TAG)
    path = put(sandbox, f"{HOME}/config", TAG)
    result = await to_people(hass, loaded_entry)
    assert result["step_id"] == "foreign_application"
    with pytest.raises(HomeAssistantError):
        await act(
            hass, loaded_entry, "protect_with_access", hostname=HOME, emails=[OWNER]
        )
    applications = access_of(sandbox).applications
    assert (applications[theirs.id], applications[path.id]) == (theirs, path)


@adopted
async def test_application_that_was_watched_is_offered_to_be_watched_again(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Its id is still known, but it never was ours."""
    put(sandbox, HOME)
    await setup_integration(hass, entry)
    hass.config_entries.async_remove_subentry(entry, LOGIN_ID)
    await settle(hass)
    sandbox.journal.clear()

    result = await to_people(hass, entry)
    assert result["step_id"] == "foreign_application"
    with pytest.raises(HomeAssistantError):
        await act(hass, entry, "protect_with_access", hostname=HOME, emails=[OWNER])
    assert writes(sandbox) == []
