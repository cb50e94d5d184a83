"""Tests of a zone with thousands of certificates: Cloudflare deletes none, and limits active ones only."""

from dataclasses import replace

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    SECOND_LOOK,
    add_certificate,
    add_known_certificate,
    reported,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.faults import Faults

from .helpers import STATUS, trusted

pytestmark = with_device

STRANGER = "7bf7f70c-7600-42e1-81c4-00000000000a"


async def revoke_many(sandbox: Sandbox, count: int) -> None:
    """Have somebody sign and revoke certificates."""
    await add_certificate(
        sandbox,
        certificate_id="old",
        organization="Somebody",
        status=CertificateStatus.REVOKED,
    )
    certificates = zone_of(sandbox).certificates
    old = certificates["old"]
    certificates |= {f"r{n}": replace(old, id=f"r{n}") for n in range(1, count)}


@pytest.mark.parametrize("count", [900, 6000])
async def test_stranger_among_thousands(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    count: int,
) -> None:
    """Nobody hides an unknown certificate behind revoked ones, or uses up the API's allowance."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    await revoke_many(sandbox, count)
    await add_certificate(sandbox, certificate_id=STRANGER, organization="Somebody")

    faults.requests.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {"unknown_certificates"}
    assert state_of(hass, STATUS) == "active"
    assert len(faults.requests) < 45
    listed = await trusted(hass, entry)
    assert (listed[CERTIFICATE_ID], listed[STRANGER]) == (True, False)


async def test_known_certificate_that_somebody_revoked_among_thousands(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Revoked ones are not listed there, so it is asked for by its id, and only once."""
    await add_known_certificate(hass, entry, sandbox)
    await revoke_many(sandbox, 1100)
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.REVOKED

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, STATUS) == "revoked"

    faults.requests.clear()
    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.ACTIVE
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert (await trusted(hass, entry))[CERTIFICATE_ID] is False
    assert reported(hass) == {"unknown_certificates"}
    path = f"/zones/{sandbox.zone_id}/client_certificates/{CERTIFICATE_ID}"
    assert ("GET", path) not in faults.requests
