"""Notifications in Home Assistant that a renewed certificate is ready."""

from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..pages.handovers import Handover
from ..quoting import Ours
from ..wording import async_get_texts


async def async_notify_ready(
    hass: HomeAssistant, certificate_id: str, device_name: str, handover: Handover
) -> None:
    """Show where a certificate can be fetched, until it is fetched."""
    text = await async_get_texts(hass, "common")
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
        notification_id=_notification_id(certificate_id),
    )


@callback
def async_dismiss_ready(hass: HomeAssistant, certificate_id: str) -> None:
    """Dismiss the notification about a certificate, if there is one."""
    persistent_notification.async_dismiss(hass, _notification_id(certificate_id))


def _notification_id(certificate_id: str) -> str:
    return f"{DOMAIN}_{certificate_id}"
