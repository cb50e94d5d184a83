"""Tests of certificates while nobody can read rules or records: they are watched all the same."""

import re

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    add_certificate,
    reported,
    settle,
    state_of,
    with_device,
    zone_of,
)
from tests.dialogs import certificates
from tests.faults import Faults

from .creating import REVOKE, press
from .helpers import STATUS, look_often
from .test_out_of_reach import remove_device
from .test_pinning import pinned

pytestmark = [
    with_device,
    pytest.mark.parametrize("path", ["/rulesets", "/dns_records"]),
]


async def test_removed_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """Its certificate is revoked."""
    faults.unavailable("GET", path)
    await remove_device(hass, ready)
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"


async def test_strangers_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """It is told, and entities say that they know nothing."""
    faults.unavailable("GET", path)
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    await look_often(hass, freezer)
    assert "unknown_certificates" in reported(hass)
    assert state_of(hass, STATUS) == "unavailable"

    faults.clear()
    await look_often(hass, freezer)
    assert state_of(hass, STATUS) == "active"


async def test_refused_revocation(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """It is tried again, as its repair says."""
    faults.unavailable("DELETE", "/client_certificates")
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)
    await settle(hass)
    faults.clear()
    faults.unavailable("GET", path)
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"


async def test_strangers_certificate_after_the_pins_were_taken_out(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """The repair does not say that it can't connect: that was so when the rules were last read."""
    for rule in zone_of(sandbox).rules:
        rule.expression = re.sub(r" (and|or not) \S+ in \{[^}]*\}", "", rule.expression)
    assert pinned(sandbox, BLOCK_REF) is None
    faults.unavailable("*", path)
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")

    await look_often(hass, freezer)

    assert "unknown_certificates" in reported(hass)
