"""Tests of stored login hostnames that cannot be read, such as those of a later version."""

from copy import deepcopy
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import settle, setup_integration
from tests.engine.access.helpers import HOME
from tests.logins import LOGIN_ID, application_at, login
from tests.restarts import restarted, same_account

pytestmark = pytest.mark.usefixtures("without_login")

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
OTHER = "other.example.com"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"stage": "something_new"},
        {"settings": {}},
        {"ids": None},
        {"until": "soon"},
    ],
    ids=str,
)
@with_login
async def test_record_that_cannot_be_read(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    entry: MockConfigEntry,
    spoilt: dict[str, Any],
) -> None:
    """It costs no other one, and stays as it is for the version that wrote it."""
    await setup_integration(hass, entry)
    key = f"{DOMAIN}.{entry.entry_id}.logins"
    application = application_at(sandbox)
    assert application
    async with restarted(hass) as again:
        records = hass_storage[key]["data"]
        records[OTHER] = deepcopy(records[HOME]) | spoilt
        expected = records[OTHER]
        account = same_account(entry)
        await setup_integration(again, account)
        access = account.runtime_data.access
        assert access.writer.ids_of(HOME, adopted=False).application == application.id
        again.config_entries.async_remove_subentry(account, LOGIN_ID)
        await settle(again)
        assert hass_storage[key]["data"][OTHER] == expected
        assert hass_storage[key]["data"][HOME]["stage"] == "left"


async def test_account_with_logins_that_cannot_be_read_is_removed(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry
) -> None:
    """Nothing of it stays on the disk."""
    await setup_integration(hass, entry)
    async with restarted(hass) as again:
        key = f"{DOMAIN}.{entry.entry_id}"
        hass_storage[f"{key}.logins"] = {
            "version": 1,
            "key": f"{key}.logins",
            "data": 7,
        }
        account = same_account(entry)
        account.add_to_hass(again)
        await again.config_entries.async_setup(account.entry_id)
        await settle(again)
        assert [each for each in hass_storage if each.startswith(key)]
        await again.config_entries.async_remove(account.entry_id)
        await settle(again)
        assert [each for each in hass_storage if each.startswith(key)] == []
