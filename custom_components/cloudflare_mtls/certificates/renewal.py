"""Renews a certificate with nobody at a dialog, and tells where the new one waits."""

from datetime import timedelta

from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant

from ..coordinator import CloudflareConfigEntry
from ..engine.certificates.companions import CompanionState
from ..engine.certificates.credentials import KeyType
from ..wording import async_get_texts
from .mobile_app import format_for
from .service import CertificateRequest, async_create_certificate, notification_id

_VALIDITY_DAYS = 365


async def async_renew_alike(
    hass: HomeAssistant, entry: CloudflareConfigEntry, companion: CompanionState
) -> None:
    """Create a certificate like the device's last one; raise EngineError."""
    device, facts = companion.device, companion.current and companion.current.facts
    lifetime = facts.expires_on - facts.issued_on if facts else None
    created = await async_create_certificate(
        hass,
        entry,
        CertificateRequest(
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
            url=created.handover.url,
            code=created.handover.code,
            until=created.handover.until,
        ),
        title=text("waiting_title", name=device.name),
        notification_id=notification_id(created.certificate.id),
    )
