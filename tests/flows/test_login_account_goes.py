"""Tests of login dialogs whose account is disabled or removed while they are open."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import settle, submit, wait_for_refresh
from tests.dialogs import open_options
from tests.engine.access.helpers import HOME
from tests.flows.login_dialog import RULES, change, choose_item, to_preview, to_rules
from tests.logins import MINUTES, application_at, login, writes

pytestmark = pytest.mark.usefixtures("without_login")

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])


async def disable(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Disable the account."""
    user = ConfigEntryDisabler.USER
    await hass.config_entries.async_set_disabled_by(entry.entry_id, user)
    await settle(hass)


async def remove(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Remove the account."""
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)


def assert_ended(result: Any, sandbox: Sandbox) -> None:
    """Assert that the dialog says that the account is not connected, and that nothing was written."""
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "entry_not_loaded",
    )
    assert writes(sandbox) == []


@pytest.mark.parametrize("go", [disable, remove])
async def test_before_the_preview(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, go: Any
) -> None:
    result = await to_rules(hass, loaded_entry)
    await go(hass, loaded_entry)
    assert_ended(await submit(hass, result, RULES), sandbox)


@pytest.mark.parametrize("go", [disable, remove])
async def test_before_it_is_confirmed(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, go: Any
) -> None:
    result = await to_preview(hass, loaded_entry)
    await go(hass, loaded_entry)
    assert_ended(await submit(hass, result, {}), sandbox)


async def test_while_it_is_written(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """What was begun is undone, and the dialog asks for no login."""
    result = await to_preview(hass, loaded_entry)
    configure = hass.config_entries.subentries.async_configure
    shown = await configure(result["flow_id"], {})
    assert shown["type"] is FlowResultType.SHOW_PROGRESS
    await disable(hass, loaded_entry)

    result = await configure(result["flow_id"])
    assert result["reason"] == "entry_not_loaded"
    assert application_at(sandbox) is None


@pytest.mark.parametrize("go", [disable, remove])
async def test_during_the_trial(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    go: Any,
) -> None:
    """The dialog says that the login is removed again."""
    preview = await to_preview(hass, loaded_entry)
    result = await submit(hass, preview, {})
    assert result["type"] is FlowResultType.EXTERNAL_STEP
    await go(hass, loaded_entry)
    assert application_at(sandbox) is None

    await wait_for_refresh(hass, freezer, MINUTES)
    flows = hass.config_entries.subentries
    assert (await flows.async_configure(result["flow_id"]))["reason"] == "login_undone"


@with_login
async def test_before_it_is_ended(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It goes on asking for a login."""
    result = await choose_item(hass, await change(hass, loaded_entry), "stop")
    sandbox.journal.clear()
    await disable(hass, loaded_entry)
    assert_ended(await submit(hass, result, {}), sandbox)
    assert application_at(sandbox)


@with_login
async def test_removal_of_everything_says_which_logins_stay(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """It takes down the hostnames of devices alone."""
    form = await open_options(hass, loaded_entry, "remove")
    changes = form["description_placeholders"]["changes"]
    assert "keep asking visitors for a login" in changes
    assert changes.endswith(f"- `{HOME}`")


async def test_removal_of_everything_without_a_login(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    form = await open_options(hass, loaded_entry, "remove")
    assert "login" not in form["description_placeholders"]["changes"]
