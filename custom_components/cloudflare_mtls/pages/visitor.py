"""Where the visitor of a page is: at home, or behind a Cloudflare Tunnel."""

from ipaddress import ip_address
from typing import Final

from aiohttp import hdrs, web
from homeassistant.helpers.http import KEY_HASS
from homeassistant.helpers.network import is_cloud_connection
from homeassistant.util.network import is_local

from ..trusted_proxy import comes_from_trusted_proxy

# Cloudflare adds headers with this prefix to every request that it passes on.
_CLOUDFLARE: Final = "cf-"
_RAY: Final = "Cf-Ray"


def is_at_home(request: web.Request) -> bool:
    """Return whether a request is from the home network, and nothing in it is from Cloudflare.

    It is what Home Assistant itself calls local. A proxy that does not say for whom it asks
    looks local too.
    """
    return (
        _has_local_address(request)
        and not is_cloud_connection(request.app[KEY_HASS])
        and not any(name.lower().startswith(_CLOUDFLARE) for name in request.headers)
    )


def came_through_tunnel(request: web.Request) -> bool:
    """Return whether a trusted proxy passed on a request of somebody outside, for Cloudflare.

    Where a device at home goes through a trusted proxy, the proxy names it as the visitor.
    """
    hass = request.app[KEY_HASS]
    # A zone can be set to leave out the visitor's address; then the proxy is the visitor.
    names_visitor = hdrs.X_FORWARDED_FOR in request.headers
    return (
        comes_from_trusted_proxy(hass, request)
        and _RAY in request.headers
        and not (names_visitor and _has_local_address(request))
        # Home Assistant Cloud connects from this machine, as cloudflared may do.
        and not is_cloud_connection(hass)
    )


def _has_local_address(request: web.Request) -> bool:
    """Return whether the visitor has a local address, as far as trusted proxies say."""
    try:
        return is_local(ip_address(request.remote or ""))
    except ValueError:
        return False
