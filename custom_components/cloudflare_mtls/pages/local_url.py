"""Home Assistant's address on the local network."""

from dataclasses import dataclass
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.hassio import is_hassio
from homeassistant.helpers.network import NoURLAvailableError, get_url
from yarl import URL

from ..engine.certificates.systems import System
from ..engine.home_hosts import Reach, reach_of

# Many of their browsers do not look names up by multicast DNS.
_BEGIN_WITH_NUMBER: Final = frozenset({System.ANDROID, System.WEAR_OS})


@dataclass(frozen=True, kw_only=True)
class LocalAddress:
    """Where devices on the local network find Home Assistant.

    The second address has the number for a name that not every device can look up. What seems
    to be known to containers alone is not known to be reachable.
    """

    url: str
    numeric_url: str | None = None
    is_reachable: bool = True

    def urls_for(self, system: System) -> tuple[str, str | None]:
        """Return the address that a device of a system is sent to, and the other form of it."""
        if self.numeric_url and system in _BEGIN_WITH_NUMBER:
            return self.numeric_url, self.url
        return self.url, self.numeric_url


def find_local_address(hass: HomeAssistant) -> LocalAddress | None:
    """Return the address, or None where Home Assistant knows none for other devices.

    In place of a host that only containers or this machine know, it is the number.
    """
    url, numeric_url = _find_url(hass), _find_numeric_url(hass)
    reach = _reach_of_url(hass, url) if url else Reach.THIS_MACHINE
    if url and reach is Reach.HOME:
        return LocalAddress(url=url)
    if url and reach is Reach.MULTICAST_DNS:
        return LocalAddress(url=url, numeric_url=numeric_url)
    if numeric_url:
        return LocalAddress(url=numeric_url)
    if url and reach is Reach.CONTAINERS:
        return LocalAddress(url=url, is_reachable=False)
    return None


def _find_url(hass: HomeAssistant) -> str | None:
    """Return what Home Assistant takes for its local address.

    It is encrypted where Home Assistant is: on its own port, it then answers over https alone.
    """
    try:
        url = URL(get_url(hass, allow_external=False, allow_cloud=False, allow_ip=True))
    except NoURLAvailableError:
        return None
    api = hass.config.api
    if api and api.use_ssl and url.port == api.port:
        url = url.with_scheme("https")
    return str(url)


def _find_numeric_url(hass: HomeAssistant) -> str | None:
    """Return the address with a number that every device on the network reaches, if there is one.

    No device would trust the certificate of an encrypted one.
    """
    api = hass.config.api
    if api is None or api.use_ssl:
        return None
    url = URL.build(scheme="http", host=api.local_ip, port=api.port)
    return str(url) if _reach_of_url(hass, str(url)) is Reach.HOME else None


def _reach_of_url(hass: HomeAssistant, url: str) -> Reach:
    return reach_of(URL(url).host or "", supervised=is_hassio(hass))
