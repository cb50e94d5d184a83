"""Tests of a start while nobody can read the rules: certificates are watched and revoked all the same."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import (
    CERTIFICATE_ID,
    act,
    add_certificate,
    reported,
    settle,
    state_of,
    with_device,
)
from tests.dialogs import certificates, is_loaded
from tests.faults import Faults

from .creating import REVOKE, press
from .helpers import look_often
from .test_out_of_reach import remove_device

pytestmark = with_device


@pytest.fixture(params=["/rulesets", "/dns_records"])
async def unread(
    request: pytest.FixtureRequest,
    hass: HomeAssistant,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> MockConfigEntry:
    """Return an account that was loaded while nothing but its certificates could be read."""
    faults.unavailable("GET", request.param)
    assert await hass.config_entries.async_reload(ready.entry_id)
    await settle(hass)
    assert is_loaded(ready)
    return ready


async def test_removed_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    unread: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its certificate is revoked."""
    await remove_device(hass, unread)
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"


async def test_strangers_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    unread: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is told; what nobody could read is unavailable, and no problem is made up."""
    await add_certificate(sandbox, certificate_id="stranger")
    await look_often(hass, freezer)
    assert reported(hass) == {"unknown_certificates"}
    hostname = "binary_sensor.home_mobile_example_com_drift"
    assert state_of(hass, hostname) == "unavailable"


async def test_button(
    hass: HomeAssistant, sandbox: Sandbox, unread: MockConfigEntry
) -> None:
    await press(hass, REVOKE)
    assert certificates(sandbox)[CERTIFICATE_ID] != "active"


async def test_action(
    hass: HomeAssistant, sandbox: Sandbox, unread: MockConfigEntry
) -> None:
    await act(hass, unread, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    assert certificates(sandbox)[CERTIFICATE_ID] != "active"


async def test_rules_can_be_read_again(
    hass: HomeAssistant,
    faults: Faults,
    unread: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    faults.clear()
    await look_often(hass, freezer)
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"
    assert reported(hass) == set()
