"""Home Assistant's address on the local network."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import NoURLAvailableError, get_url
from yarl import URL


def local_url(hass: HomeAssistant) -> str:
    """Return the address, or nothing where Home Assistant does not know it.

    It is encrypted where Home Assistant is: on its own port, it then answers over https alone.
    """
    try:
        url = URL(get_url(hass, allow_external=False, allow_cloud=False, allow_ip=True))
    except NoURLAvailableError:
        return ""
    api = hass.config.api
    if api and api.use_ssl and url.port == api.port:
        url = url.with_scheme("https")
    return str(url)
