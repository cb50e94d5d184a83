"""Selectors: what the rules of Access policies and groups compare a visitor with (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

import orjson

from .json_fields import Fields, encoded


@dataclass(frozen=True)
class EmailIs:
    """The visitor's e-mail address, in lower case; compared at the login."""

    address: str

    def body(self) -> dict[str, Any]:
        """Return the selector as the API takes it."""
        return {"email": {"email": self.address}}


@dataclass(frozen=True)
class EmailEndsIn:
    """The domain of the visitor's e-mail address, in lower case; compared at the login."""

    domain: str

    def body(self) -> dict[str, Any]:
        """Return the selector as the API takes it."""
        return {"email_domain": {"domain": self.domain}}


@dataclass(frozen=True)
class CountryIs:
    """The country of the visitor's address, in capitals; compared at every request."""

    code: str

    def body(self) -> dict[str, Any]:
        """Return the selector as the API takes it."""
        return {"geo": {"country_code": self.code}}


@dataclass(frozen=True)
class FromNetwork:
    """A network, as it was written, that holds the visitor's address; compared at every request."""

    network: str

    def body(self) -> dict[str, Any]:
        """Return the selector as the API takes it."""
        return {"ip": {"ip": self.network}}

    @property
    def parsed(self) -> IPv4Network | IPv6Network | None:
        """Return the network; None where it was not written as one."""
        try:
            return ip_network(self.network, strict=False)
        except ValueError:
            return None


@dataclass(frozen=True)
class InGroup:
    """An Access group, which has rules of its own."""

    group_id: str

    def body(self) -> dict[str, Any]:
        """Return the selector as the API takes it."""
        return {"group": {"id": self.group_id}}


@dataclass(frozen=True)
class LoggedInBy:
    """A login method that the visitor used."""

    login_method_id: str

    def body(self) -> dict[str, Any]:
        """Return the selector as the API takes it."""
        return {"login_method": {"id": self.login_method_id}}


@dataclass(frozen=True)
class Everyone:
    """Every visitor."""

    def body(self) -> dict[str, Any]:
        """Return the selector as the API takes it."""
        return {"everyone": {}}


@dataclass(frozen=True)
class OtherSelector:
    """A selector that is only kept: its JSON, with sorted keys."""

    json: str

    def body(self) -> dict[str, Any]:
        """Return the selector as it was read."""
        body: dict[str, Any] = orjson.loads(self.json)
        return body

    @property
    def kind(self) -> str:
        """Return what the selector compares, as Cloudflare calls it."""
        return next(iter(self.body()), "")


type Selector = (
    EmailIs
    | EmailEndsIn
    | CountryIs
    | FromNetwork
    | InGroup
    | LoggedInBy
    | Everyone
    | OtherSelector
)

# The key of each selector that is understood, and the key of its value.
_VALUE_KEYS: Final[Mapping[str, str]] = {
    "email": "email",
    "email_domain": "domain",
    "geo": "country_code",
    "ip": "ip",
    "group": "id",
    "login_method": "id",
}


def parse_selector(fields: Fields) -> Selector:
    """Read an item of include, require or exclude.

    One that is not understood is kept, whatever it contains: somebody else's policy may hold
    any of them.
    """
    raw = fields.raw()
    match [*_understood(raw)] if len(raw) == 1 else []:
        case [("email", str(address))]:
            return EmailIs(address.lower())
        case [("email_domain", str(domain))]:
            return EmailEndsIn(domain.lower())
        case [("geo", str(code))]:
            return CountryIs(code.upper())
        case [("ip", str(network))]:
            return FromNetwork(network)
        case [("group", str(group_id))]:
            return InGroup(group_id)
        case [("login_method", str(login_method_id))]:
            return LoggedInBy(login_method_id)
        case [("everyone", _)]:
            return Everyone()
        case _:
            return OtherSelector(encoded(raw))


def _understood(raw: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield what a selector compares and its value, where it has nothing else."""
    for key, value in raw.items():
        if key == "everyone":
            yield key, None
        elif isinstance(value, Mapping) and value.keys() == {_VALUE_KEYS.get(key)}:
            yield key, value[_VALUE_KEYS[key]]


@dataclass(frozen=True, kw_only=True)
class SelectorRules:
    """The rules of a policy or group: any of include, all of require, none of exclude."""

    include: frozenset[Selector]
    require: frozenset[Selector] = frozenset()
    exclude: frozenset[Selector] = frozenset()

    @classmethod
    def parse(cls, fields: Fields) -> SelectorRules:
        """Read the rules of a policy or group."""
        return cls(
            include=frozenset(map(parse_selector, fields.objects("include"))),
            require=frozenset(map(parse_selector, fields.objects("require"))),
            exclude=frozenset(map(parse_selector, fields.objects("exclude"))),
        )

    def body(self) -> dict[str, Any]:
        """Return the rules as the API takes them, in an order that does not change."""
        return {
            "include": _bodies(self.include),
            "require": _bodies(self.require),
            "exclude": _bodies(self.exclude),
        }


def _bodies(selectors: frozenset[Selector]) -> list[dict[str, Any]]:
    return [selector.body() for selector in sorted(selectors, key=repr)]
