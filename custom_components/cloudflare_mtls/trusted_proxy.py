"""Whether a proxy that Home Assistant trusts is connected, whatever a request says."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

# The same few addresses connect again and again.
_MAX_REMEMBERED = 256
_IS_TRUSTED: HassKey[Callable[[str], bool]] = HassKey(f"{DOMAIN}_is_trusted")


def comes_from_trusted_proxy(hass: HomeAssistant, request: web.Request) -> bool:
    """Return whether a trusted proxy sent a request.

    A device at home can forge every header, but not the address that it connects from.
    """
    peer = request.get_extra_info("peername")
    # A Unix socket has a path, or nothing.
    if not isinstance(peer, tuple):
        return False
    if (is_trusted := hass.data.get(_IS_TRUSTED)) is None:
        # The proxies stay the same as long as the web server runs.
        judge = partial(_is_in, tuple(hass.http.trusted_proxies))
        is_trusted = lru_cache(_MAX_REMEMBERED)(judge)
        hass.data[_IS_TRUSTED] = is_trusted
    return is_trusted(peer[0])


def _is_in(networks: Iterable[IPv4Network | IPv6Network], address: str) -> bool:
    return any(ip_address(address) in network for network in networks)
