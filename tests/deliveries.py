"""Deliveries of a new certificate, as they are for a handover, without Cloudflare."""

import secrets

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.certificates.bundles import (
    Bundle,
    BundleFormat,
)
from custom_components.cloudflare_mtls.engine.certificates.systems import System
from custom_components.cloudflare_mtls.pages.handovers import Delivery

from .common import CERTIFICATE_ID, DEVICE_ID, HOSTNAME

ENTRY_ID = "01JACCOUNT0000000000000001"
LABEL = "HA Pixel 8 2026-11-28 0905"
PASSWORD = "k7wnq2hdx5mtrb9cgv3zeapj"


def add_account(hass: HomeAssistant) -> None:
    """Add the account of the deliveries; it counts as loaded."""
    entry = MockConfigEntry(
        domain=DOMAIN, entry_id=ENTRY_ID, state=ConfigEntryState.LOADED
    )
    entry.add_to_hass(hass)


def make_delivery(
    *,
    system: System = System.ANDROID,
    hostname: str | None = HOSTNAME,
    label: str = LABEL,
    remotely: bool = False,
) -> Delivery:
    """Return a delivery whose bundles are random bytes."""
    return Delivery(
        entry_id=ENTRY_ID,
        device_id=DEVICE_ID,
        certificate_id=CERTIFICATE_ID,
        label=label,
        system=system,
        password=PASSWORD,
        bundles=tuple(
            Bundle(
                format=item,
                filename=f"{label.replace(' ', '-')}-{item}.p12",
                data=secrets.token_bytes(2500),
            )
            for item in (BundleFormat.MODERN, BundleFormat.COMPATIBLE)
        ),
        hostname=hostname,
        remotely=remotely,
    )
