"""Notifications in Home Assistant that a renewed certificate is ready."""

from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..pages.handovers import Handover, async_get_handovers
from ..quoting import Ours
from ..wording import async_get_texts


async def async_notify_ready(
    hass: HomeAssistant, certificate_id: str, device_name: str, handover: Handover
) -> None:
    """Show where a certificate can be fetched, as long as it can be fetched."""
    text = await async_get_texts(hass, "common")
    notification_id = f"{DOMAIN}_{certificate_id}"

    @callback
    def dismiss() -> None:
        persistent_notification.async_dismiss(hass, notification_id)

    if not async_get_handovers(hass).call_at_end(certificate_id, dismiss):
        return
    persistent_notification.async_create(
        hass,
        text(
            "waiting_message",
            name=device_name,
            url=Ours(handover.url),
            code=handover.code,
            until=handover.until,
        ),
        title=text("waiting_title", name=device_name),
        notification_id=notification_id,
    )
