"""Which ingress rules lead to what a protected hostname leads to (pure)."""

from collections.abc import Collection
from typing import Final

from ..api.ingress import IngressRule, TunnelConfiguration
from ..sync.settings import ProtectedHostname
from .origin import Origin, Server, origin_request

# By these, a visitor chooses any address that the connector reaches.
_EVERYWHERE: Final = frozenset({"bastion", "socks-proxy"})
_OWN_PAGES: Final = frozenset({"hello_world", "hello-world"})
_SOCKETS: Final = ("unix:", "unix+tls:")


class Leading:
    """Where the protected hostnames lead."""

    def __init__(
        self, hostnames: Collection[ProtectedHostname], server: Server
    ) -> None:
        """Take the hostnames, and Home Assistant's own server."""
        self._server = server
        self._by_place = {
            self._place(item.service): item.hostname for item in hostnames
        }
        self._home = next((item.hostname for item in hostnames if item.is_home), None)
        self._any = self._home or next((item.hostname for item in hostnames), None)

    def beside(
        self, configuration: TunnelConfiguration, rule: IngressRule
    ) -> str | None:
        """Return a protected hostname that leads to the same server as a rule does, if any.

        A service that cannot be read counts as leading to Home Assistant.
        """
        settings = origin_request(configuration, rule)
        if (
            rule.service in _EVERYWHERE
            or settings.get("bastionMode")
            or settings.get("proxyType")
        ):
            return self._any
        if rule.answers_itself or rule.service in _OWN_PAGES:
            return None
        if known := self._by_place.get(self._place(rule.service)):
            return known
        origin = Origin.read(rule.service)
        if origin is None:
            return None if rule.service.startswith(_SOCKETS) else self._home
        return self._home if origin.may_be_at(self._server) else None

    def _place(self, service: str) -> tuple[str, int]:
        """Return what is the same for all services that lead to the same server.

        By whichever scheme, the machine of Home Assistant has many names.
        """
        origin = Origin.read(service)
        if origin is None:
            return service, 0
        return "" if origin.may_be_on(self._server) else origin.host, origin.port
