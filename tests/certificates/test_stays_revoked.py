"""Tests of pins while the list of certificates cannot be read: what was revoked here stays out."""

from collections.abc import Awaitable, Callable

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    fingerprint_of,
    settle,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import certificates
from tests.faults import Faults

from .creating import REVOKE, press
from .test_pinning import pinned

pytestmark = with_device

type Revoke = Callable[[HomeAssistant, MockConfigEntry], Awaitable[object]]


async def by_action(hass: HomeAssistant, home: MockConfigEntry) -> None:
    """Revoke the certificate by its id."""
    await act(hass, home, "revoke_certificate", certificate_id=CERTIFICATE_ID)


async def by_button(hass: HomeAssistant, home: MockConfigEntry) -> None:
    """Revoke every certificate of the device."""
    await press(hass, REVOKE)


revoking = pytest.mark.parametrize("revoke", [by_action, by_button])


def is_pinned(sandbox: Sandbox) -> bool:
    """Return whether the rules accept the certificate, which a person confirmed."""
    certificate = zone_of(sandbox).certificates[CERTIFICATE_ID].certificate
    return fingerprint_of(certificate) in (pinned(sandbox, BLOCK_REF) or ())


@revoking
async def test_refused_before_the_list_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    revoke: Revoke,
) -> None:
    """The rules keep it out as long as Cloudflare does not revoke it."""
    assert is_pinned(sandbox)
    faults.unavailable("DELETE", "/client_certificates")
    with pytest.raises(HomeAssistantError):
        await revoke(hass, home)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert not is_pinned(sandbox)

    faults.unavailable("GET", "/client_certificates")
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert not is_pinned(sandbox)


@revoking
async def test_revoked_before_the_list_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    revoke: Revoke,
) -> None:
    """Nobody who may reactivate it at Cloudflare gets it into the rules again."""
    await revoke(hass, home)
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    listed = zone_of(sandbox).certificates[CERTIFICATE_ID]
    assert listed.status == "revoked"

    faults.unavailable("GET", "/client_certificates")
    listed.status = CertificateStatus.ACTIVE
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert not is_pinned(sandbox)


@revoking
async def test_restored_before_the_list_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    revoke: Revoke,
) -> None:
    """What a person restored here is accepted as before."""
    await revoke(hass, home)
    await settle(hass)
    await act(hass, home, "restore_certificate", certificate_id=CERTIFICATE_ID)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert is_pinned(sandbox)

    faults.unavailable("GET", "/client_certificates")
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert is_pinned(sandbox)
