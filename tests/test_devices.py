"""Tests of the devices in Home Assistant: which there are, and when they are added, kept and removed."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox

from .common import (
    CERTIFICATE_ID,
    COMPANION_ID,
    EDGE_EVERY,
    TUNNELS_EVERY,
    act,
    add_certificate,
    add_known_certificate,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
)
from .faults import Faults

STATUS = "sensor.home_tunnel_status"
EXPIRY = "sensor.pixel_8_certificate_expiry"


@with_device
async def test_devices(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """The tunnels, hostnames and companion devices are below the account."""
    await add_known_certificate(hass, entry, sandbox)
    await add_certificate(
        sandbox, name="Laptop", organization="Somebody", certificate_id="foreign"
    )
    await setup_integration(hass, entry)

    subentry_id, _ = entry.subentries
    devices = {
        next(iter(device.identifiers))[1]: device
        for device in dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    }
    assert devices.keys() == {
        sandbox.account_id,
        sandbox.tunnel_id,
        subentry_id,
        COMPANION_ID,
    }
    account = devices[sandbox.account_id]
    assert {
        key: (device.name, device.model, device.config_subentry_id)
        for key, device in devices.items()
    } == {
        sandbox.account_id: ("Home lab", "Account", None),
        sandbox.tunnel_id: ("home", "Tunnel", None),
        subentry_id: ("home-mobile.example.com", "Protected hostname", subentry_id),
        COMPANION_ID: ("Pixel 8", "Companion device", COMPANION_ID),
    }
    assert account.configuration_url == (
        f"https://dash.cloudflare.com/{sandbox.account_id}"
    )
    assert {device.via_device_id for device in devices.values()} == {None, account.id}
    assert {device.entry_type for device in devices.values()} == {
        dr.DeviceEntryType.SERVICE
    }
    assert {device.manufacturer for device in devices.values()} == {"Cloudflare"}


async def test_tunnels_come_and_go(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A new tunnel appears without a reload, and a deleted one disappears with its device."""
    attic = sandbox.state.add_tunnel("attic")
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert state_of(hass, "sensor.attic_tunnel_status") == "inactive"
    assert state_of(hass, "binary_sensor.attic_connected") == "off"
    assert state_of(hass, STATUS) == "healthy"

    del sandbox.state.tunnels[attic.id]
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert hass.states.get("sensor.attic_tunnel_status") is None
    assert not device_registry.async_get_device_by_identifier(
        (DOMAIN, attic.id), loaded_entry.entry_id
    )
    assert state_of(hass, STATUS) == "healthy"

    sandbox.state.tunnels[attic.id] = attic
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert state_of(hass, "sensor.attic_tunnel_status") == "inactive"


async def test_tunnel_that_went_while_home_assistant_was_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """Devices of tunnels that were deleted meanwhile are removed at the next start."""
    attic = sandbox.state.add_tunnel("attic")
    await setup_integration(hass, entry)
    await hass.config_entries.async_unload(entry.entry_id)
    del sandbox.state.tunnels[attic.id]

    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)

    assert not device_registry.async_get_device_by_identifier(
        (DOMAIN, attic.id), entry.entry_id
    )


@with_device
async def test_devices_stay_while_nothing_is_known(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An outage or a missing permission removes no device."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    count = len(dr.async_entries_for_config_entry(device_registry, entry.entry_id))

    faults.unavailable("GET", "")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.clear()
    sandbox.state.tokens[sandbox.token].permissions = frozenset({"zone:read"})
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert count == 4
    assert (
        len(dr.async_entries_for_config_entry(device_registry, entry.entry_id)) == count
    )


@with_device
async def test_device_stays_until_it_is_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """A device stays when its certificate is revoked, and leaves nothing when it is removed."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    assert device_registry.async_get_device_by_identifier(
        (DOMAIN, COMPANION_ID), entry.entry_id
    )

    hass.config_entries.async_remove_subentry(entry, COMPANION_ID)
    await settle(hass)

    assert not device_registry.async_get_device_by_identifier(
        (DOMAIN, COMPANION_ID), entry.entry_id
    )
    assert hass.states.get(EXPIRY) is None


async def test_kinds_of_devices_are_told_in_the_language_of_home_assistant(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    sandbox: Sandbox,
    entry: MockConfigEntry,
) -> None:
    hass.config.language = "de"
    await setup_integration(hass, entry)
    devices = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    assert {device.model for device in devices} >= {
        "Konto",
        "Tunnel",
        "Geschützter Hostname",
    }
