"""Tests of certificates whose signing got no answer: they are revoked once they are seen, whatever the clock says."""

import asyncio
from datetime import datetime
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import ClientCertificate
from tests.clocks import HomeClock
from tests.common import (
    EDGE_EVERY,
    act,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults
from tests.restarts import restarted, same_account

from .helpers import DAY, pass_time
from .test_trust import STORE


@pytest.fixture
async def lost(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> ClientCertificate:
    """Return a certificate that Cloudflare has signed, and that no list shows yet."""
    monkeypatch.setattr(
        "custom_components.cloudflare_mtls.engine.certificates.signing._SEARCH_PAUSES",
        (0,),
    )
    hold = asyncio.Event()
    signing = faults.unavailable(
        "POST", "/client_certificates", after_write=True, hold=hold
    )
    creating = hass.async_create_task(
        act(hass, loaded_entry, "mint_certificate", name="Tablet", key_type="ec_p256")
    )
    await signing.until_hit()
    faults.unavailable("GET", "/client_certificates")
    hold.set()
    with pytest.raises(HomeAssistantError):
        await creating
    await settle(hass)
    (certificate,) = zone_of(sandbox).certificates.values()
    zone_of(sandbox).certificates.clear()
    faults.clear()
    return certificate


def show(sandbox: Sandbox, certificate: ClientCertificate) -> None:
    """Have the lists show a certificate."""
    zone_of(sandbox).certificates[certificate.id] = certificate


def unwanted(hass_storage: dict[str, Any], entry: MockConfigEntry) -> dict[str, str]:
    """Return what is stored of unwanted certificates and keys."""
    data = hass_storage[STORE.format(entry.entry_id)]["data"]
    stored: dict[str, str] = data["unwanted"]
    return stored


async def test_clock_that_is_set_meanwhile(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    lost: ClientCertificate,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
) -> None:
    """A Raspberry Pi has no clock of its own: it begins anywhere, and is right once it has asked for the time."""
    # Certificates are looked at once the account is loaded again; that is no restart.
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    home_clock.set(3 * DAY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    show(sandbox, lost)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert lost.status == "revoked"
    assert reported(hass) == set()


async def test_restarts_meanwhile(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    lost: ClientCertificate,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
) -> None:
    """Nobody knows how long Home Assistant was off: a day begins again."""
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        home_clock.set(3 * DAY)
        await setup_integration(again, account)
        await wait_for_refresh(again, freezer, EDGE_EVERY)
        show(sandbox, lost)
        await wait_for_refresh(again, freezer, EDGE_EVERY)
        assert lost.status == "revoked"
        assert reported(again) == set()


async def test_key_that_was_never_signed(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    loaded_entry: MockConfigEntry,
    lost: ClientCertificate,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
) -> None:
    """It is forgotten a day later, though the clock was set back; earlier versions can read it until then."""
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    freezer.tick(3 * DAY)
    home_clock.set(-2 * DAY)
    assert len(unwanted(hass_storage, loaded_entry)) == 1
    assert all(
        datetime.fromisoformat(since)
        for since in unwanted(hass_storage, loaded_entry).values()
    )

    await pass_time(hass, freezer, EDGE_EVERY)

    assert unwanted(hass_storage, loaded_entry) == {}


async def test_day_that_is_not_over(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    loaded_entry: MockConfigEntry,
    lost: ClientCertificate,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its certificate may still appear; a reload is no restart."""
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await pass_time(hass, freezer, DAY - 2 * EDGE_EVERY)
    assert len(unwanted(hass_storage, loaded_entry)) == 1
    await pass_time(hass, freezer, EDGE_EVERY)
    assert unwanted(hass_storage, loaded_entry) == {}
