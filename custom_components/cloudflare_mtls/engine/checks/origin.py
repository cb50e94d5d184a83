"""Finds what keeps a request from its origin once it is in the tunnel (pure)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from ipaddress import IPv6Address, ip_address
from socket import inet_aton
from typing import Any, Final
from urllib.parse import urlsplit

from ..api.ingress import IngressRule, TunnelConfiguration
from ..api.names import in_dns
from ..home_hosts import Reach, reach_of
from ..sync.settings import ProtectedHostname
from .finding import Finding
from .specs import Check

# Names by which a connector on the same machine usually reaches Home Assistant.
_KNOWN_NAMES: Final = frozenset(
    {
        "host.containers.internal",
        "host.docker.internal",
        "homeassistant",
        "homeassistant.local",
        "homeassistant.local.hass.io",
    }
)
# cloudflared reaches no other service without a port.
_PORTS: Final[Mapping[str, int]] = {
    "http": 80,
    "https": 443,
    "rdp": 3389,
    "smb": 445,
    "ssh": 22,
    "tcp": 7864,
}
_WEB_SOCKETS: Final[Mapping[str, str]] = {"ws": "http", "wss": "https"}
# No public certificate authority signs for names under these.
_PRIVATE: Final = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain")
# Under these, the router of a home names its machines.
_AT_HOME: Final = (*_PRIVATE, ".fritz.box")
# Each of these settings says which certificate of the origin is accepted.
_TRUSTS: Final = ("noTLSVerify", "originServerName", "caPool", "matchSNItoHost")


@dataclass(frozen=True, kw_only=True)
class Server:
    """Home Assistant's own web server, as it runs now.

    The hosts are the names and addresses of its machine, as far as they are known, in lower
    case.
    """

    port: int
    tls: bool
    hosts: frozenset[str] = frozenset()
    trusts_a_proxy: bool = True


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where an ingress rule leads, as far as its service says so.

    cloudflared takes ws for http, and wss for https. By every other scheme than these it passes TCP
    on. The port is 0 where a service leads nowhere for want of one.

    Source: cloudflared 2026.8.2, ingress and origins.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    @lru_cache(maxsize=1024)
    def read(cls, service: str) -> Origin | None:
        """Read the service of an ingress rule; None if it names no host."""
        try:
            parts = urlsplit(service)
            port = parts.port
        except ValueError:
            return None
        if not parts.scheme or not parts.hostname:
            return None
        scheme = _WEB_SOCKETS.get(parts.scheme, parts.scheme)
        return cls(
            scheme=scheme,
            host=_read_host(parts.hostname),
            port=port or _PORTS.get(scheme, 0),
        )

    @classmethod
    def read_web(cls, service: str) -> Origin | None:
        """Read the service of an ingress rule; None if it is not HTTP over TCP."""
        origin = cls.read(service)
        is_web = origin is not None and origin.scheme in ("http", "https")
        return origin if is_web else None

    def is_on(self, server: Server) -> bool:
        """Return whether the host is the machine of Home Assistant, as far as that is known."""
        return (
            self.host in _KNOWN_NAMES
            or self.host in server.hosts
            or self.reach is Reach.THIS_MACHINE
        )

    def may_be_on(self, server: Server) -> bool:
        """Return whether the host may be that machine: routers put a domain behind its name."""
        name, _, domain = self.host.partition(".")
        here = replace(self, host=name) if f".{domain}" in _AT_HOME else self
        return here.is_on(server)

    def may_be_at(self, server: Server) -> bool:
        """Return whether this may be Home Assistant's own server."""
        return self.port == server.port and self.may_be_on(server)

    def may_be(self, server: Server) -> bool:
        """Return whether this is Home Assistant's own server, as its port or its name says."""
        return self.port == server.port or self.host.startswith("homeassistant")

    @cached_property
    def reach(self) -> Reach:
        """Return who reaches the host by this name or address."""
        return reach_of(self.host, supervised=False)

    @property
    def is_private(self) -> bool:
        """Return whether no public certificate authority signs for this host."""
        try:
            return not ip_address(self.host).is_global
        except ValueError:
            return "." not in self.host or self.host.endswith(_PRIVATE)


def _read_host(text: str) -> str:
    """Return a host as the same host is always written."""
    host = in_dns(text).rstrip(".")
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return _read_short_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def _read_short_address(host: str) -> str:
    """Return a name as it is, and an address such as 127.1 or 0 as some systems read it."""
    if not host.isascii() or not host[:1].isdigit() or " " in host:
        return host
    try:
        return str(ip_address(inet_aton(host)))
    except OSError:
        return host


def check_tunnel(
    configuration: TunnelConfiguration,
    name: str,
    hostnames: Iterable[ProtectedHostname],
) -> list[Finding]:
    """Return what is wrong with a tunnel's way to these hostnames' origins.

    Source: cloudflared, ingress validation and originRequest.
    """
    tunnel_id = configuration.tunnel_id
    findings = []
    if configuration.ingress and not configuration.has_catch_all:
        findings.append(
            Finding(
                check=Check.NO_CATCH_ALL,
                target=name,
                place=tunnel_id,
                subject=tunnel_id,
            )
        )
    findings += [
        Finding(
            check=Check.ORIGIN_CERTIFICATE,
            target=item.hostname,
            place=tunnel_id,
            value=rule.service,
            detail=name,
        )
        for item in hostnames
        if (rule := configuration.rule_for(item.hostname))
        and _refuses_certificate(configuration, rule)
    ]
    return findings


def _refuses_certificate(configuration: TunnelConfiguration, rule: IngressRule) -> bool:
    """Return whether cloudflared will refuse the origin's certificate: no setting accepts it."""
    origin = Origin.read_web(rule.service)
    if origin is None or origin.scheme != "https" or not origin.is_private:
        return False
    settings = origin_request(configuration, rule)
    return not any(settings.get(key) for key in _TRUSTS)


def origin_request(
    configuration: TunnelConfiguration, rule: IngressRule
) -> Mapping[str, Any]:
    """Return how cloudflared asks the origin of a rule, as far as somebody set it."""
    return {**_origin_request(configuration.raw), **_origin_request(rule.raw)}


def _origin_request(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    found = raw.get("originRequest")
    return found if isinstance(found, Mapping) else {}


def check_server(
    server: Server, hostnames: Collection[ProtectedHostname]
) -> list[Finding]:
    """Return where these hostnames' services and Home Assistant's own server disagree.

    Source: Home Assistant, components/http: a proxy that sends X-Forwarded-For, as
    cloudflared does, and is not trusted gets the status 400.
    """
    leading = [
        (item.hostname, origin)
        for item in hostnames
        if item.is_home and (origin := Origin.read_web(item.service))
    ]
    findings = [
        Finding(check=Check.ORIGIN_LOCAL_NAME, target=item.hostname, value=item.service)
        for item in hostnames
        if (origin := Origin.read_web(item.service))
        and origin.reach is Reach.MULTICAST_DNS
    ]
    findings += [
        finding
        for hostname, origin in leading
        if origin.is_on(server)
        for finding in _mismatches(server, hostname, origin)
    ]
    leading_here = [
        hostname
        for hostname, origin in leading
        if origin.is_on(server) or origin.port == server.port
    ]
    if leading_here and not server.trusts_a_proxy:
        target = ", ".join(sorted(leading_here))
        findings.append(Finding(check=Check.PROXY_NOT_TRUSTED, target=target))
    return findings


def _mismatches(server: Server, hostname: str, origin: Origin) -> Iterator[Finding]:
    scheme = "https" if server.tls else "http"
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    if origin.port != server.port:
        check = Check.ORIGIN_PORT
    elif origin.scheme != scheme:
        check = Check.ORIGIN_SCHEME
    else:
        return
    yield Finding(
        check=check,
        target=hostname,
        value=f"{origin.scheme}://{host}:{origin.port}",
        detail=f"{scheme}://{host}:{server.port}",
    )
