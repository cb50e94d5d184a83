"""What the companion apps tell of their devices, and how to reach these."""

from dataclasses import dataclass
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr

from .companions import CompanionDevice
from .const import DOMAIN, LOGGER
from .edge.credentials import BundleFormat
from .edge.platforms import Platform, advised_format
from .texts import async_get_texts

MOBILE_APP: Final = "mobile_app"
_OS_NAME: Final = "os_name"
_OS_VERSION: Final = "os_version"


@dataclass(frozen=True, kw_only=True)
class MobileApp:
    """A device with the companion app."""

    name: str
    platform: Platform | None
    version: str | None


@callback
def async_get_mobile_app(hass: HomeAssistant, device_id: str) -> MobileApp | None:
    """Return what the app told of its device, if it is one."""
    device = dr.async_get(hass).async_get(device_id)
    if device is None:
        return None
    for entry_id in device.config_entries:
        entry = hass.config_entries.async_get_entry(entry_id)
        if entry and entry.domain == MOBILE_APP:
            return MobileApp(
                name=device.name_by_user or device.name or entry.title,
                platform=Platform.reported(entry.data.get(_OS_NAME, "")),
                version=entry.data.get(_OS_VERSION),
            )
    return None


@callback
def _notify_service(hass: HomeAssistant, device_id: str) -> str | None:
    """Return the action that notifies a device, if it has one."""
    if MOBILE_APP not in hass.config.components:
        return None
    # It imports much, and not every home has it.
    from homeassistant.components.mobile_app import util  # noqa: PLC0415

    webhook_id = util.webhook_id_from_device_id(hass, device_id)
    return util.get_notify_service(hass, webhook_id) if webhook_id else None


async def async_notify(hass: HomeAssistant, device_id: str, path: str) -> None:
    """Tell a device where its certificate waits; the message holds nothing secret."""
    if (service := _notify_service(hass, device_id)) is None:
        LOGGER.debug("The device %s takes no notifications", device_id)
        return
    text = await async_get_texts(hass, "common")
    try:
        await hass.services.async_call(
            "notify",
            service,
            {
                "title": text("notification_title"),
                "message": text("notification_message"),
                # Android and iOS each know one of the two.
                "data": {"tag": DOMAIN, "clickAction": path, "url": path},
            },
            blocking=True,
        )
    except HomeAssistantError as err:
        # The link is shown here as well.
        LOGGER.debug("The device %s could not be notified: %s", device_id, err)


@callback
def format_for(hass: HomeAssistant, device: CompanionDevice) -> BundleFormat:
    """Return the best format that the device is sure to read."""
    app_id = device.notify_device_id
    app = async_get_mobile_app(hass, app_id) if app_id else None
    return advised_format(device.platform, app.version if app else None)
