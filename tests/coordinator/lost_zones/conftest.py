"""Fixtures of an account with two domains."""

from types import MappingProxyType

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import Zone
from tests.common import (
    EDGE_EVERY,
    add_known_certificate,
    companion,
    reported,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import Client
from tests.faults import Faults

from .losses import CABIN, CABIN_DRIFT, HOME_DRIFT, PHONE, TABLET, TABLET_ID


@pytest.fixture
def cabin(sandbox: Sandbox) -> Zone:
    """Return the second zone of the account."""
    return sandbox.state.add_zone("example.org")


@pytest.fixture
async def two_zones(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> MockConfigEntry:
    """Return an account in sync, with a hostname and a companion device in each of two zones."""
    (home,) = entry.subentries.values()
    add = hass.config_entries.async_add_subentry
    entry.add_to_hass(hass)
    add(
        entry,
        ConfigSubentry(
            subentry_type="protected_hostname",
            title=CABIN,
            unique_id=CABIN,
            data=MappingProxyType(
                {**home.data, "hostname": CABIN, "zone_id": cabin.id}
            ),
        ),
    )
    tablet = companion(
        name="Tablet", zone_id=cabin.id, device_id=TABLET_ID, subentry_id="01JTABLET"
    )
    for device in (companion(), tablet):
        data = {**device, "data": MappingProxyType(dict(device["data"]))}
        add(entry, ConfigSubentry(**data))  # type: ignore[arg-type]
    await add_known_certificate(hass, entry, sandbox)
    await add_known_certificate(
        hass, entry, sandbox, device_id=TABLET_ID, certificate_id="tablet"
    )
    certificates = zone_of(sandbox).certificates
    cabin.certificates["tablet"] = certificates.pop("tablet")
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, CABIN_DRIFT) == state_of(hass, HOME_DRIFT) == "off"
    assert state_of(hass, PHONE) == state_of(hass, TABLET) == "active"
    assert reported(hass) == set()
    return entry


@pytest.fixture
async def client(
    hass: HomeAssistant,
    two_zones: MockConfigEntry,
    hass_admin_user: MockUser,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs, and stays logged in."""
    assert await async_setup_component(hass, "repairs", {})
    session = await hass.auth.async_create_refresh_token(
        hass_admin_user, "https://example.org/", access_token_expiration=EDGE_EVERY * 8
    )
    return await hass_client(hass.auth.async_create_access_token(session))
