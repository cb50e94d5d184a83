"""Settings of a protected hostname, as a person chose them (pure)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
import re
from typing import Final

from ..api.models import IngressRule, Zone

_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOSTNAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_SERVICE: Final = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
)
_EXEMPT_PATH: Final = re.compile(r"(?:/(?!\.{1,2}/)[A-Za-z0-9._~-]+)+/")


class Layout(StrEnum):
    """How many rules protect a hostname."""

    SKIP_AND_BLOCK = "skip_and_block"
    BLOCK_ONLY = "block_only"


@dataclass(frozen=True, kw_only=True)
class ProtectedHostname:
    """A public hostname that only devices with a certificate reach.

    While it is not published its rules stay, and nothing leads to it.
    """

    hostname: str
    tunnel_id: str
    service: str
    layout: Layout = Layout.SKIP_AND_BLOCK
    exempt_paths: tuple[str, ...] = ()
    published: bool = True


def read_hostname(text: str) -> str | None:
    """Return a hostname as DNS writes it, or None where the text is none."""
    hostname = text.strip().lower().rstrip(".")
    return hostname if _HOSTNAME.fullmatch(hostname) and len(hostname) < 254 else None


def in_zone(hostname: str, zone: Zone) -> bool:
    """Tell whether the hostname belongs to the zone."""
    return hostname == zone.name or hostname.endswith(f".{zone.name}")


def is_service(text: str) -> bool:
    """Tell whether an ingress rule may lead there: an origin over HTTP, without a path.

    Source: cloudflared, ingress validation.
    """
    return _SERVICE.fullmatch(text) is not None


def is_exempt_path(text: str) -> bool:
    """Tell whether a path prefix may stay open: it names a folder, and never everything."""
    return _EXEMPT_PATH.fullmatch(text) is not None


def propose(
    zone: Zone,
    ingress: Iterable[IngressRule],
    *,
    origins: Collection[str],
    taken: Collection[str],
) -> tuple[str, str] | None:
    """Return a hostname to protect and its service, after the browser's hostname.

    The browser's hostname is the first one of the zone whose service holds one of the
    origins (such as ":8123"), or else the first one at all; what is taken is neither
    proposed nor built upon. None where nothing is left.
    """
    candidates = [
        rule
        for rule in ingress
        if rule.hostname
        and rule.path is None
        and "*" not in rule.hostname
        and in_zone(rule.hostname, zone)
        and rule.service.startswith(("http://", "https://"))
        and rule.hostname not in taken
    ]
    likely = (
        rule for rule in candidates if any(origin in rule.service for origin in origins)
    )
    if not (main := next(likely, next(iter(candidates), None))) or not main.hostname:
        return None
    label, _, rest = main.hostname.partition(".")
    proposed = read_hostname(f"{label}-mobile.{rest}")
    if main.hostname == zone.name or proposed is None:
        proposed = f"mobile.{zone.name}"
    return None if proposed in taken else (proposed, main.service)


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
