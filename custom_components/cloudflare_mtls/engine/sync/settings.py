"""Settings of a protected hostname, as a person chose them, and what may be chosen (pure)."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv6Address
import re
from typing import Final

from ..api.ingress import IngressRule
from ..api.models import Zone
from ..api.names import in_dns, in_letters, is_at_or_below, is_decodable

_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOSTNAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_SERVICE: Final = re.compile(
    r"https?://(?:[\w-]+(?:\.[\w-]+)*\.?|\[(?P<address>[^]]+)\])(?::(?P<port>\d{1,5}))?",
    re.ASCII,
)
_WEB_SERVICES: Final = (
    "http://",
    "https://",
    "ws://",
    "wss://",
    "unix:",
    "unix+tls:",
)
_HIGHEST_PORT: Final = 65_535
# How people call the browser's hostname of Home Assistant.
_USUAL_LABELS: Final = frozenset(
    {"ha", "hass", "hassio", "home", "home-assistant", "homeassistant"}
)
_EXEMPT_PATH: Final = re.compile(r"(?!.*\.\.)(?:/(?!\.(?:/|$))[A-Za-z0-9._~-]+)+/?")


class Layout(StrEnum):
    """Which rules protect a hostname: both, or the block rule alone."""

    SKIP_AND_BLOCK = "skip_and_block"
    BLOCK_ONLY = "block_only"


class Purpose(StrEnum):
    """What a hostname is for."""

    HOME_ASSISTANT = "home_assistant"
    OTHER = "other"


class Found(StrEnum):
    """Whether a tunnel served a hostname before it was protected.

    Then its ingress rule stays as its owner made it, and so does a DNS record without our mark.
    """

    CREATED = "created"
    ADOPTED = "adopted"


@dataclass(frozen=True, kw_only=True)
class ProtectedHostname:
    """A public hostname that only devices with a certificate reach.

    While it is not published, nothing of ours leads to it, and the block rule lets nobody in.

    was_asked: whether Cloudflare asked its visitors for a certificate before it was protected; then it
    goes on asking once it is protected no more.
    devices: the companion devices that may use it, by our ids; None for all of them. Without any
    device in it, nobody gets in.
    """

    hostname: str
    tunnel_id: str
    service: str
    purpose: Purpose = Purpose.HOME_ASSISTANT
    layout: Layout = Layout.SKIP_AND_BLOCK
    exempt_paths: tuple[str, ...] = ()
    published: bool = True
    found: Found = Found.CREATED
    was_asked: bool = False
    devices: frozenset[str] | None = None

    @property
    def is_home(self) -> bool:
        """Return whether it is for Home Assistant."""
        return self.purpose is Purpose.HOME_ASSISTANT

    @property
    def is_adopted(self) -> bool:
        """Return whether its ingress rule is somebody else's."""
        return self.found is Found.ADOPTED

    @property
    def is_limited(self) -> bool:
        """Return whether only some companion devices may use it."""
        return self.devices is not None


def read_hostname(text: str) -> str | None:
    """Return a hostname as DNS has it, without a trailing dot; None if the text is not one."""
    hostname = in_dns(text.strip()).rstrip(".")
    is_hostname = _HOSTNAME.fullmatch(hostname) and len(hostname) < 254
    return hostname if is_hostname and is_decodable(hostname) else None


def in_zone(hostname: str, zone: Zone) -> bool:
    """Return whether the hostname belongs to the zone."""
    return is_at_or_below(hostname, zone.name)


def is_service(text: str) -> bool:
    """Return whether an ingress rule may lead there: an origin over HTTP, without a path.

    cloudflared refuses a whole configuration for the sake of one service, and goes on with the
    former one; it takes a port that no server can have.

    Source: cloudflared 2026.8.2, ingress validation.
    """
    if (found := _SERVICE.fullmatch(text)) is None:
        return False
    address, port = found["address"], found["port"]
    return (address is None or _is_ipv6(address)) and (
        port is None or 0 < int(port) <= _HIGHEST_PORT
    )


def is_web_service(text: str) -> bool:
    """Return whether an ingress rule leads to a web server, also one that a person wrote.

    Source: cloudflared 2026.8.2, ingress: services over HTTP have one of these schemes.
    """
    return text.lower().startswith(_WEB_SERVICES)


def _is_ipv6(text: str) -> bool:
    try:
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def is_exempt_path(text: str) -> bool:
    """Return whether a path may be exempt: with a slash at its end, as all that is below it.

    The whole site never may, and neither may a path that could climb out of another one.
    """
    return _EXEMPT_PATH.fullmatch(text) is not None


def propose(
    zone: Zone,
    ingress: Iterable[IngressRule],
    *,
    origins: Collection[str],
    taken: Collection[str],
    is_reached: Callable[[str], bool],
    own_hosts: Collection[str] = (),
) -> tuple[str, str] | None:
    """Return a hostname to protect and its service, named after the browser's hostname.

    The browser's hostname is one of Home Assistant's own hosts, or else the first one of the
    zone whose service contains one of the origins (such as ":8123"), or else one with a usual
    name, or else the first one of all; hostnames that are taken are neither proposed nor named
    after. The proposal stands beside it, or directly below the zone where visitors reach only
    that one. None if there is no hostname to propose.
    """
    candidates = [
        (hostname, rule.service)
        for rule in ingress
        if (hostname := in_dns(rule.hostname or ""))
        and rule.path is None
        and "*" not in hostname
        and in_zone(hostname, zone)
        and rule.service.startswith(("http://", "https://"))
        and hostname not in taken
    ]
    if not candidates:
        return None
    hostname, service = max(
        candidates,
        key=lambda candidate: (
            candidate[0] in own_hosts,
            any(_is_in(origin, candidate[1]) for origin in origins),
            candidate[0].partition(".")[0] in _USUAL_LABELS,
        ),
    )
    named_after = _named_after(hostname, zone)
    proposed = next(filter(is_reached, named_after), named_after[0])
    return None if proposed in taken else (proposed, service)


def _is_in(origin: str, service: str) -> bool:
    """Return whether a service contains an origin, and not only the beginning of a number."""
    return re.search(rf"{re.escape(origin)}(?!\d)", service) is not None


def _named_after(hostname: str, zone: Zone) -> list[str]:
    """Return hostnames that are named after another one, the most alike first."""
    label, _, rest = in_letters(hostname).partition(".")
    texts = [f"{label}-mobile.{rest}", f"{label}-mobile.{zone.name}"]
    alike = map(read_hostname, [] if hostname == zone.name else texts)
    return [*filter(None, alike), f"mobile.{zone.name}"]


@dataclass(frozen=True, kw_only=True)
class HostnameSettings:
    """What a person chose for one hostname."""

    zone_id: str
    protected: ProtectedHostname
    keep_in_sync: bool

    @property
    def hostname(self) -> str:
        """Return the hostname itself."""
        return self.protected.hostname

    def is_for(self, device_id: str | None) -> bool:
        """Return whether a companion device may use the hostname, by our id; None for none of them."""
        devices = self.protected.devices
        return devices is None or device_id in devices

    def limited_to(self, devices: Collection[str]) -> HostnameSettings:
        """Return the settings with these companion devices as the only ones that may use it."""
        return replace(
            self, protected=replace(self.protected, devices=frozenset(devices))
        )
