"""Home Assistant's address on the local network."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import NoURLAvailableError, get_url


def local_url(hass: HomeAssistant) -> str:
    """Return the address, or nothing where Home Assistant does not know it."""
    try:
        return get_url(hass, allow_external=False, allow_cloud=False)
    except NoURLAvailableError:
        return ""
