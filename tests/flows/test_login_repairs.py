"""Tests of the repairs about login hostnames that are not kept here: each ends as a person chooses."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import issues, settle, wait_for_refresh
from tests.dialogs import Client, open_repair
from tests.logins import (
    LOGIN_ID,
    MINUTES,
    application_at,
    begin,
    login,
    only_another_login,
    told,
    writes,
)

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])


@pytest.fixture(autouse=True)
def _no_other_application(sandbox: Sandbox) -> None:
    """Begin without a login there."""
    only_another_login(sandbox)


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs."""
    assert await async_setup_component(hass, "repairs", {})
    return await hass_client()


@pytest.fixture
async def left(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> MockConfigEntry:
    """Return the account after its login hostname was deleted here."""
    hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    await settle(hass)
    assert told(hass) == {"login_left"}
    return loaded_entry


async def answer(hass: HomeAssistant, client: Client, key: str, *steps: Any) -> Any:
    """Open a repair and answer its steps, and return the last result."""
    result = await open_repair(client, issues(hass)[key])
    for step in steps:
        url = f"/api/repairs/issues/fix/{result['flow_id']}"
        response = await client.post(url, json=step)
        result = await response.json()
    await settle(hass)
    return result


@with_login
@pytest.mark.usefixtures("left")
async def test_login_that_was_left_is_kept(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    sandbox.journal.clear()
    keep = {"next_step_id": "keep"}
    result = await answer(hass, client, "login_left", keep, {})

    assert result["type"] == "create_entry"
    assert application_at(sandbox)
    assert writes(sandbox) == []
    assert told(hass) == set()


@with_login
@pytest.mark.usefixtures("left")
async def test_login_that_was_left_is_removed(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    confirm = {"next_step_id": "confirm"}
    asked = await answer(hass, client, "login_left", confirm)
    assert asked["step_id"] == "confirm"
    assert application_at(sandbox)
    result = await answer(hass, client, "login_left", confirm, {})

    assert result["type"] == "create_entry"
    assert application_at(sandbox) is None
    assert told(hass) == set()


@with_login
async def test_login_that_was_added_again_meanwhile_stays(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, left: MockConfigEntry
) -> None:
    """Whatever a person confirms in a dialog that was opened before."""
    access = left.runtime_data.access
    for item in ("keep", "confirm"):
        result = await open_repair(client, issues(hass)["login_left"])
        url = f"/api/repairs/issues/fix/{result['flow_id']}"
        await client.post(url, json={"next_step_id": item})
        access.async_add(access.records.records["home.example.com"].settings)
        await settle(hass)
        await client.post(url, json={})
        await settle(hass)
        assert application_at(sandbox)
        assert access.logins
        [added] = [
            key
            for key, each in left.subentries.items()
            if each.subentry_type == "login_hostname"
        ]
        hass.config_entries.async_remove_subentry(left, added)
        await settle(hass)


@with_login
async def test_account_that_is_not_loaded(
    hass: HomeAssistant, client: Client, left: MockConfigEntry
) -> None:
    result = await open_repair(client, issues(hass)["login_left"])
    await hass.config_entries.async_unload(left.entry_id)
    url = f"/api/repairs/issues/fix/{result['flow_id']}"
    response = await client.post(url, json={"next_step_id": "keep"})

    assert (await response.json())["reason"] == "entry_not_loaded"


async def test_trial_that_was_undone_is_told_until_it_was_read(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await begin(loaded_entry)
    await wait_for_refresh(hass, freezer, MINUTES)
    assert told(hass) == {"login_undone"}
    confirm = {"next_step_id": "confirm"}
    result = await answer(hass, client, "login_undone", confirm, {})

    assert result["type"] == "create_entry"
    assert told(hass) == set()
