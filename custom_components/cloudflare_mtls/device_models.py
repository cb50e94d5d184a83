"""What kinds of devices there are, and what they are called in Home Assistant's language."""

from collections.abc import Mapping
from enum import StrEnum

from homeassistant.core import HomeAssistant, callback

from .wording import async_get_loaded_texts


class DeviceModel(StrEnum):
    """What a device stands for."""

    ACCOUNT = "account"
    TUNNEL = "tunnel"
    LOCAL_TUNNEL = "local_tunnel"
    PROTECTED_HOSTNAME = "protected_hostname"
    LOGIN_HOSTNAME = "login_hostname"
    COMPANION_DEVICE = "companion_device"


@callback
def async_get_device_models(hass: HomeAssistant) -> Mapping[DeviceModel, str]:
    """Return what each kind of device is called."""
    text = async_get_loaded_texts(hass)
    return {model: text(f"model_{model}") for model in DeviceModel}
