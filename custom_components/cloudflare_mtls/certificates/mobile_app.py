"""What the companion apps tell of their devices, and how to reach these."""

from dataclasses import dataclass
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import slugify

from ..const import DOMAIN, LOGGER
from ..engine.certificates.companions import CompanionDevice
from ..engine.certificates.credentials import BundleFormat
from ..engine.certificates.systems import System, advised_format
from ..wording import async_get_texts

MOBILE_APP: Final = "mobile_app"
NOTIFY: Final = "notify"
_DEVICE_NAME: Final = "device_name"
_OS_NAME: Final = "os_name"
_OS_VERSION: Final = "os_version"


@dataclass(frozen=True, kw_only=True)
class MobileApp:
    """A device with the companion app."""

    name: str
    system: System | None
    version: str | None
    # The action that notifies it.
    notifier: str


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
                system=System.reported(entry.data.get(_OS_NAME, "")),
                version=entry.data.get(_OS_VERSION),
                notifier=slugify(f"{MOBILE_APP}_{entry.data.get(_DEVICE_NAME, '')}"),
            )
    return None


async def async_notify(hass: HomeAssistant, device_id: str, path: str) -> None:
    """Tell a device where its certificate waits; the message holds nothing secret."""
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
    return advised_format(device.system, app.version if app else None)
