"""What the companion app says about its device, and how to notify the device."""

from dataclasses import dataclass
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import slugify

from ..const import DOMAIN, LOGGER
from ..engine.certificates.bundles import BundleFormat
from ..engine.certificates.companions import CompanionDevice
from ..engine.certificates.systems import System, advised_format
from ..wording import async_get_texts

MOBILE_APP: Final = "mobile_app"
NOTIFY: Final = "notify"
_DEVICE_NAME: Final = "device_name"
_OS_NAME: Final = "os_name"
_OS_VERSION: Final = "os_version"


@dataclass(frozen=True, kw_only=True)
class MobileApp:
    """A device with the companion app; the notifier is the name of its notify action."""

    name: str
    system: System | None
    version: str | None
    notifier: str


@callback
def async_get_mobile_app(hass: HomeAssistant, device_id: str) -> MobileApp | None:
    """Return what the companion app says about a device, or None where it has no app."""
    device = dr.async_get(hass).async_get(device_id)
    if device is None:
        return None
    entry = hass.config_entries.async_get_entry(device.config_entry_id)
    if entry is None or entry.domain != MOBILE_APP:
        return None
    return MobileApp(
        name=device.name_by_user or device.name or entry.title,
        system=System.reported(entry.data.get(_OS_NAME, "")),
        version=entry.data.get(_OS_VERSION),
        notifier=slugify(f"{MOBILE_APP}_{entry.data.get(_DEVICE_NAME, '')}"),
    )


async def async_notify(hass: HomeAssistant, device_id: str, path: str) -> None:
    """Notify a device that it can fetch its certificate; the path asks for a code."""
    app = async_get_mobile_app(hass, device_id)
    if app is None or not hass.services.has_service(NOTIFY, app.notifier):
        LOGGER.debug("The device %s takes no notifications", device_id)
        return
    text = await async_get_texts(hass, "common")
    try:
        await hass.services.async_call(
            NOTIFY,
            app.notifier,
            {
                "title": text("notification_title"),
                "message": text("notification_message"),
                # The app for Android reads clickAction, the one for iOS url.
                "data": {"tag": DOMAIN, "clickAction": path, "url": path},
            },
            blocking=True,
        )
    except HomeAssistantError as err:
        # The certificate was created, and Home Assistant shows the link as well.
        LOGGER.debug("The device %s could not be notified: %s", device_id, err)


@callback
def format_for(hass: HomeAssistant, device: CompanionDevice) -> BundleFormat:
    """Return the best format that the device is sure to read."""
    app_id = device.notify_device_id
    app = async_get_mobile_app(hass, app_id) if app_id else None
    return advised_format(device.system, app.version if app else None)
