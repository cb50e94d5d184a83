"""Home Assistant's own web server, as it runs now."""

from typing import Any

from homeassistant.components.http.const import CONF_USE_X_FORWARDED_FOR, DOMAIN
from homeassistant.core import HomeAssistant, callback

from ..engine.checks.origin import Server


@callback
def async_read_server(hass: HomeAssistant) -> Server:
    """Return the settings with which the web server runs."""
    api = hass.config.api
    return Server(
        port=hass.http.server_port,
        tls=hass.http.ssl_certificate is not None,
        address=api.local_ip if api else None,
        trusts_a_proxy=bool(hass.http.trusted_proxies)
        and _reads_forwarded_headers(hass),
    )


def _reads_forwarded_headers(hass: HomeAssistant) -> bool:
    """Return whether the server reads the headers that proxies add.

    Only its store knows, and that is no public interface: if it has changed, assume that
    a server with trusted proxies does.
    """
    store: Any = hass.data.get(DOMAIN)
    try:
        running = (
            store.pending if store.active_config_type == "pending" else store.stable
        )
        return bool(running.get(CONF_USE_X_FORWARDED_FOR))
    except AttributeError:
        return True
