"""Tests of accounts that are removed while certificates are still to be revoked: that is not forgotten in silence."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.certificates.helpers import open_repairs
from tests.common import (
    CERTIFICATE_ID,
    COMPANION_ID,
    EDGE_EVERY,
    act,
    add_certificate,
    add_known_certificate,
    companion,
    issues,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
)
from tests.faults import Faults

KEY = "certificates_stay"
PHONE = {KEY: {"account": "Home lab", "certificates": "- `Pixel 8`"}}


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.fixture
async def account(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
) -> MockConfigEntry:
    """Return an account with a phone, whose Cloudflare revokes nothing."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.unavailable("DELETE", "/client_certificates")
    return entry


async def remove(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Remove the account, as a person does."""
    await hass.config_entries.async_remove(account.entry_id)
    await settle(hass)


async def test_device_that_was_to_be_locked_out(
    hass: HomeAssistant, account: MockConfigEntry
) -> None:
    """Its name is told, also after a restart of Home Assistant."""
    with pytest.raises(HomeAssistantError):
        await act(hass, account, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    assert reported(hass) == {"revocation_pending"}
    await remove(hass, account)
    assert open_repairs(hass) == PHONE
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[KEY])
    assert issue
    assert issue.is_persistent


async def test_device_that_was_removed(
    hass: HomeAssistant, account: MockConfigEntry
) -> None:
    hass.config_entries.async_remove_subentry(account, COMPANION_ID)
    await settle(hass)
    await remove(hass, account)
    assert open_repairs(hass) == PHONE


async def test_certificate_of_no_device(
    hass: HomeAssistant, sandbox: Sandbox, account: MockConfigEntry
) -> None:
    """Its id is all that is known of it."""
    await add_certificate(sandbox, certificate_id="foreign", organization="Somebody")
    with pytest.raises(HomeAssistantError):
        await act(hass, account, "revoke_certificate", certificate_id="foreign")
    await remove(hass, account)
    assert open_repairs(hass)[KEY] == {
        "account": "Home lab",
        "certificates": "- `foreign`",
    }


async def test_nothing_to_revoke(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Certificates stay valid where nobody wanted anything else."""
    await remove(hass, account)
    assert reported(hass) == set()


async def test_revoked_in_time(
    hass: HomeAssistant, faults: Faults, account: MockConfigEntry
) -> None:
    faults.clear()
    await act(hass, account, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    await remove(hass, account)
    assert reported(hass) == set()
