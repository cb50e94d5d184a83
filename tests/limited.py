"""A home with two devices and two hostnames, one of which is limited to one device."""

from typing import Any, Final

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from sandbox import Sandbox
from tests.common import (
    account,
    add_known_certificate,
    companion,
    fingerprint_of,
    hostname_settings,
    setup_integration,
    zone_of,
)

PHONE: Final = "01JDEVICE00000000000000001"
TABLET: Final = "01JDEVICE00000000000000002"
LIMITED: Final = "nas.example.com"
LIMITED_ID: Final = "01JHOSTNAME000000000000002"
DEVICES: Final = [
    companion(name="Phone", device_id=PHONE, subentry_id="01JPHONE0000000000000000AA"),
    companion(
        name="Tablet", device_id=TABLET, subentry_id="01JTABLET000000000000000AA"
    ),
]


def limited_hostname(*devices: str) -> ConfigSubentryDataWithId:
    """Return a second hostname that only these devices may use, as its dialog stores it."""
    return ConfigSubentryDataWithId(
        subentry_id=LIMITED_ID,
        subentry_type="protected_hostname",
        title=LIMITED,
        unique_id=LIMITED,
        data={**hostname_settings(), "hostname": LIMITED, "devices": list(devices)},
    )


async def set_up_home(
    hass: HomeAssistant, sandbox: Sandbox, *devices: str
) -> tuple[MockConfigEntry, str, str]:
    """Set up the home; return its account and the fingerprints of phone and tablet."""
    entry = account(
        sandbox, hostname_settings(), [*DEVICES, limited_hostname(*devices)]
    )
    phone, tablet = [
        fingerprint_of(
            await add_known_certificate(
                hass,
                entry,
                sandbox,
                device_id=device_id,
                certificate_id=f"of-{device_id}",
            )
        )
        for device_id in (PHONE, TABLET)
    ]
    await setup_integration(hass, entry)
    return entry, phone, tablet


def listed(sandbox: Sandbox, ref: str, hostname: str = LIMITED) -> set[str] | None:
    """Return the fingerprints that one of our rules lists for a hostname; None for any."""
    (rule,) = [rule for rule in zone_of(sandbox).rules if rule.ref == ref]
    pinned = read_admissions(rule.expression)[hostname].pinned
    return None if pinned is None else set(pinned)


def devices_of(entry: MockConfigEntry, subentry_id: str = LIMITED_ID) -> Any:
    """Return the devices that a hostname is stored with."""
    return entry.subentries[subentry_id].data.get("devices")
