"""A home with two devices and two hostnames, one of which is limited to one device."""

from typing import Any, Final

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from sandbox import Sandbox
from tests.common import (
    BLOCK_REF,
    account,
    act,
    add_certificate,
    add_known_certificate,
    companion,
    confirm_certificate,
    fingerprint_of,
    hostname_settings,
    settle,
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


async def fill(
    hass: HomeAssistant, entry: MockConfigEntry, sandbox: Sandbox, count: int
) -> None:
    """Give the tablet so many further certificates."""
    for number in range(count):
        certificate = await add_certificate(sandbox, certificate_id=f"more-{number}")
        await confirm_certificate(hass, entry, certificate, TABLET)


async def fill_first_pair(
    hass: HomeAssistant, entry: MockConfigEntry, sandbox: Sandbox
) -> None:
    """Give the tablet certificates until the first pair of rules has no room for another one."""
    (block,) = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    await fill(hass, entry, sandbox, (4096 - len(block.expression)) // 67)
    await act(hass, entry, "sync")
    assert len(zone_of(sandbox).rules) == 3


async def set_up_two_pairs(hass: HomeAssistant, sandbox: Sandbox) -> MockConfigEntry:
    """Set up the home with so many certificates that the limited hostname has its own pair of rules."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    await fill_first_pair(hass, entry, sandbox)
    await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=f"of-{TABLET}",
        key_type="ec_p256",
    )
    await settle(hass)
    assert len(zone_of(sandbox).rules) == 5
    return entry


def listed(sandbox: Sandbox, ref: str, hostname: str = LIMITED) -> set[str] | None:
    """Return the fingerprints that one of our rules lists for a hostname; None for any."""
    (rule,) = [rule for rule in zone_of(sandbox).rules if rule.ref == ref]
    pinned = read_admissions(rule.expression)[hostname].pinned
    return None if pinned is None else set(pinned)


def devices_of(entry: MockConfigEntry, subentry_id: str = LIMITED_ID) -> Any:
    """Return the devices that a hostname is stored with."""
    return entry.subentries[subentry_id].data.get("devices")
