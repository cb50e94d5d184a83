"""Tests of *Revoke old certificate* while Cloudflare cannot be read, or the account is not loaded."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    reported,
    settle,
    state_of,
    wait_for_refresh,
    with_device,
)
from tests.dialogs import certificates, renew_and_test
from tests.faults import Faults

from .creating import press
from .helpers import STATUS, look_often, open_repairs
from .test_stopped_certificates import REVOKE_OLD

pytestmark = with_device
OLD_ONE = "- `Pixel 8` (only the old certificate)"
IS_KEPT = "are revoked once Cloudflare can be asked"


@pytest.fixture
async def new(
    hass: HomeAssistant,
    ready: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> str:
    """Return the id of a certificate that replaced another one a moment ago."""
    phone = await hass_client_no_auth()
    renewed = await renew_and_test(hass, phone, ready, CERTIFICATE_ID)
    certificate_id: str = renewed["certificate_id"]
    return certificate_id


async def test_cloudflare_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    new: str,
) -> None:
    """Nobody knows then what has been replaced: the order is kept until that can be told."""
    faults.unavailable("*", "")
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, STATUS) == "unavailable"
    await press(hass, REVOKE_OLD)
    await settle(hass)
    assert IS_KEPT in caplog.text
    faults.clear()
    await look_often(hass, freezer)
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}
    assert reported(hass) == set()


@pytest.mark.parametrize("way", ["disabled", "out of reach"])
async def test_account_is_not_loaded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    new: str,
    way: str,
) -> None:
    """The order is kept, and carried out once the account is loaded."""
    if way == "disabled":
        by: Any = ConfigEntryDisabler.USER
        await hass.config_entries.async_set_disabled_by(ready.entry_id, by)
    else:
        faults.unavailable("*", "")
        await hass.config_entries.async_reload(ready.entry_id)
    await settle(hass)
    assert ready.state is not ConfigEntryState.LOADED
    await press(hass, REVOKE_OLD)
    await settle(hass)
    assert IS_KEPT in caplog.text
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert open_repairs(hass) == {
        "certificates_wait": {"account": ready.title, "certificates": OLD_ONE}
    }

    faults.clear()
    if way == "disabled":
        await hass.config_entries.async_set_disabled_by(ready.entry_id, None)
    await look_often(hass, freezer)
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked", new: "active"}
    assert reported(hass) == set()


async def test_account_is_removed_before_it_is_loaded(
    hass: HomeAssistant, ready: MockConfigEntry, new: str
) -> None:
    """Nobody revokes it any more, and a repair says so."""
    by: Any = ConfigEntryDisabler.USER
    await hass.config_entries.async_set_disabled_by(ready.entry_id, by)
    await press(hass, REVOKE_OLD)
    await hass.config_entries.async_remove(ready.entry_id)
    await settle(hass)
    told = open_repairs(hass)["certificates_stay"]
    assert told == {"account": ready.title, "certificates": OLD_ONE}


async def test_whole_device_is_locked_out_as_well(
    hass: HomeAssistant, ready: MockConfigEntry, new: str
) -> None:
    """It is named once."""
    by: Any = ConfigEntryDisabler.USER
    await hass.config_entries.async_set_disabled_by(ready.entry_id, by)
    await press(hass, REVOKE_OLD)
    await press(hass, "button.pixel_8_revoke")
    await settle(hass)
    told = open_repairs(hass)["certificates_wait"]
    assert told == {"account": ready.title, "certificates": "- `Pixel 8`"}


async def test_due_before_the_account_was_disabled(
    hass: HomeAssistant, faults: Faults, ready: MockConfigEntry, new: str
) -> None:
    """Cloudflare has refused it so far; now nobody asks any more."""
    faults.unavailable("DELETE", "/client_certificates")
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE_OLD)
    await settle(hass)
    by: Any = ConfigEntryDisabler.USER
    await hass.config_entries.async_set_disabled_by(ready.entry_id, by)
    await settle(hass)
    assert "certificates_wait" in reported(hass)


async def test_nothing_was_replaced(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A new certificate that nobody has fetched replaces none, whatever is ordered."""
    entry_id = ready.entry_id
    renewed = await act(
        hass,
        ready,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
    )
    await hass.config_entries.async_set_disabled_by(entry_id, ConfigEntryDisabler.USER)
    await settle(hass)
    await press(hass, REVOKE_OLD)
    assert IS_KEPT not in caplog.text
    assert reported(hass) == set()
    await hass.config_entries.async_set_disabled_by(entry_id, None)
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert renewed["certificate_id"] in certificates(sandbox)
