"""Whether a proxy that Home Assistant trusts is connected, whatever a request says."""

from collections.abc import Iterable
from functools import lru_cache, partial
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

# The same few addresses connect again and again.
_MAX_REMEMBERED = 256


class _Proxies:
    """The networks of the trusted proxies."""

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        """Take the networks."""
        self.include = lru_cache(_MAX_REMEMBERED)(partial(_is_in, tuple(networks)))


_PROXIES: HassKey[_Proxies] = HassKey(f"{DOMAIN}_trusted_proxies")


def comes_from_trusted_proxy(hass: HomeAssistant, request: web.Request) -> bool:
    """Return whether a trusted proxy sent a request.

    A device at home can forge every header, but not the address that it connects from.
    """
    peer = request.get_extra_info("peername")
    # A Unix socket has a path, or nothing.
    if not isinstance(peer, tuple):
        return False
    if (proxies := hass.data.get(_PROXIES)) is None:
        # They stay the same as long as the web server runs.
        proxies = hass.data[_PROXIES] = _Proxies(hass.http.trusted_proxies)
    return proxies.include(peer[0])


def _is_in(networks: Iterable[IPv4Network | IPv6Network], address: str) -> bool:
    return any(ip_address(address) in network for network in networks)
