"""What stands around a zone's custom rules, and can stop a device that the rules let in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from .fields import Fields

# The kinds of application that stand in front of a hostname; others are links, or elsewhere.
_IN_FRONT_OF_A_HOSTNAME: Final = frozenset({"self_hosted", "ssh", "vnc", "rdp"})


class Setting(StrEnum):
    """A setting of a zone that the companion apps feel."""

    WEBSOCKETS = "websockets"
    SECURITY_LEVEL = "security_level"
    ZERO_RTT = "0rtt"
    MIN_TLS_VERSION = "min_tls_version"
    HTTP3 = "http3"


@dataclass(frozen=True, kw_only=True)
class AccessApplication:
    """An Access application, and the public addresses that it stands in front of."""

    id: str
    name: str
    uris: tuple[str, ...]
    lets_all_pass: bool

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /accounts/{account_id}/access/apps."""
        return cls(
            id=fields.text("id"),
            name=fields.optional_text("name") or fields.text("id"),
            uris=tuple(_uris(fields)),
            lets_all_pass=any(
                isinstance(policy, Mapping) and _bypasses(Fields(policy))
                for policy in fields.raw().get("policies") or ()
            ),
        )


@dataclass(frozen=True, kw_only=True)
class ZoneSurroundings:
    """What was read around one zone's rules; None, or not there, where the token may not look."""

    settings: Mapping[Setting, str] = field(default_factory=dict)
    bot_fight_mode: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What was read around the rules of an account's zones, by the zones' ids."""

    zones: Mapping[str, ZoneSurroundings] = field(default_factory=dict)
    applications: tuple[AccessApplication, ...] = ()

    def of(self, zone_id: str) -> ZoneSurroundings:
        """Return what was read of a zone."""
        return self.zones.get(zone_id, ZoneSurroundings())


def _uris(fields: Fields) -> Iterable[str]:
    """Yield the addresses; the newest way to give them makes the older ones void."""
    if fields.optional_text("type") not in _IN_FRONT_OF_A_HOSTNAME:
        return
    destinations = fields.objects("destinations")
    if destinations:
        for destination in destinations:
            uri = destination.optional_text("uri")
            if uri and destination.optional_text("type") in (None, "public"):
                yield uri.lower()
        return
    domain = fields.optional_text("domain")
    domains = fields.texts("self_hosted_domains") or ((domain,) if domain else ())
    for each in domains:
        yield each.lower()


def _bypasses(policy: Fields) -> bool:
    """Tell whether a policy lets everybody pass without a login."""
    return (
        policy.optional_text("decision") == "bypass"
        and any("everyone" in rule.raw() for rule in policy.objects("include"))
        and not policy.objects("require")
        and not policy.objects("exclude")
    )
