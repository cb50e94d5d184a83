"""Home Assistant's own web server, as it runs now."""

from collections.abc import Iterator
import socket
from typing import Any, Final

from homeassistant.components import network
from homeassistant.components.http.const import CONF_USE_X_FORWARDED_FOR, DOMAIN
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.hassio import is_hassio

from ..engine.checks.origin import Server
from ..engine.home_hosts import Reach, reach_of

# Where the Supervisor's apps reach the machine of Home Assistant.
_SUPERVISOR_GATEWAY: Final = "172.30.32.1"
# What the Supervisor calls Home Assistant in the network of its apps.
_SUPERVISOR_NAME: Final = "homeassistant"


@callback
def async_read_server(hass: HomeAssistant) -> Server:
    """Return the settings with which the web server runs."""
    return Server(
        port=hass.http.server_port,
        tls=hass.http.ssl_certificate is not None,
        hosts=frozenset(_hosts(hass)),
        trusts_a_proxy=bool(hass.http.trusted_proxies)
        and _reads_forwarded_headers(hass),
    )


@callback
def async_find_service(hass: HomeAssistant) -> str | None:
    """Return where a connector in a container finds the web server, if that is known."""
    api = hass.config.api
    host: str | None = None
    if is_hassio(hass):
        host = _SUPERVISOR_NAME
    elif api and reach_of(api.local_ip, supervised=False) is Reach.HOME:
        host = api.local_ip
    if host is None:
        return None
    scheme = "https" if hass.http.ssl_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{hass.http.server_port}"


def _hosts(hass: HomeAssistant) -> Iterator[str]:
    """Yield the names and addresses of the machine, in lower case."""
    if hass.config.api:
        yield hass.config.api.local_ip
    for adapter in network.async_get_loaded_adapters(hass):
        yield from (item["address"] for item in adapter["ipv4"])
        yield from (item["address"] for item in adapter["ipv6"])
    if is_hassio(hass):
        yield _SUPERVISOR_GATEWAY
    if name := (_machine_name(hass) or "").lower():
        label = name.partition(".")[0]
        yield from (name, label, f"{label}.local")


def _machine_name(hass: HomeAssistant) -> str | None:
    """Return what the machine is called, if that is known."""
    if not is_hassio(hass):
        return socket.gethostname()
    # Without a Supervisor, nothing else imports this.
    from homeassistant.components.hassio import HassioNotReadyError, get_host_info  # noqa: PLC0415

    try:
        name: str | None = get_host_info(hass)["hostname"]
    except HassioNotReadyError:
        return None
    return name


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
