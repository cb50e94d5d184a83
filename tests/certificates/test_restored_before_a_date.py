"""Tests of certificates that a person restored before the date on which a newer one revokes them."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import CERTIFICATE_ID, act, settle, with_device
from tests.dialogs import certificates, fetch, link_of, run_test, token_of_test

from .helpers import DAY, pass_time

pytestmark = with_device


@pytest.mark.parametrize("is_proven", [False, True], ids=["fetched", "tested"])
@pytest.mark.parametrize("is_revoked", [False, True], ids=["active", "revoked"])
async def test_restored_before_the_date(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
    *,
    is_proven: bool,
    is_revoked: bool,
) -> None:
    """The later decision of a person holds."""
    phone = await hass_client_no_auth()
    renewed = await act(
        hass,
        ready,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
        revoke_old_after=5,
    )
    fetched = await fetch(phone, link_of(hass, renewed))
    await settle(hass)
    if is_proven:
        await run_test(phone, token_of_test(fetched))
    await pass_time(hass, freezer, DAY)
    if is_revoked:
        await act(hass, ready, "revoke_certificate", certificate_id=CERTIFICATE_ID)
        await pass_time(hass, freezer, DAY)

    await act(hass, ready, "restore_certificate", certificate_id=CERTIFICATE_ID)

    await pass_time(hass, freezer, 20 * DAY)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"


async def test_restored_before_the_renewal(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The date is the later decision."""
    phone = await hass_client_no_auth()
    await act(hass, ready, "restore_certificate", certificate_id=CERTIFICATE_ID)
    await pass_time(hass, freezer, DAY)
    renewed = await act(
        hass,
        ready,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
        revoke_old_after=5,
    )
    await fetch(phone, link_of(hass, renewed))
    await pass_time(hass, freezer, 6 * DAY)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
