"""Renews a certificate with nobody at a dialog, and tells where the new one waits."""

from datetime import timedelta

from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant

from .certificates import MintRequest, async_mint, notification_id
from .companions import CompanionState
from .coordinator import CloudflareConfigEntry
from .edge.credentials import KeyType
from .mobile_app import format_for
from .texts import async_get_texts

_VALIDITY_DAYS = 365


async def async_renew_alike(
    hass: HomeAssistant, entry: CloudflareConfigEntry, companion: CompanionState
) -> None:
    """Mint a certificate like the device's last one; raise EdgeError."""
    device, facts = companion.device, companion.current and companion.current.facts
    lifetime = facts.expires_on - facts.issued_on if facts else None
    minted = await async_mint(
        hass,
        entry,
        MintRequest(
            device=device,
            # Cloudflare dates the beginning back by minutes.
            validity_days=(
                round(lifetime / timedelta(days=1)) if lifetime else _VALIDITY_DAYS
            ),
            key_type=facts.key_type if facts else KeyType.RSA_2048,
            bundle_format=format_for(hass, device),
        ),
    )
    text = await async_get_texts(hass, "common")
    persistent_notification.async_create(
        hass,
        text(
            "waiting_message",
            name=device.name,
            url=minted.handover.url,
            code=minted.handover.code,
            until=minted.handover.until,
        ),
        title=text("waiting_title", name=device.name),
        notification_id=notification_id(minted.certificate.id),
    )
