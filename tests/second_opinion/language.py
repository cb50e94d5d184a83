"""The tree of an expression in Cloudflare's rules language."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
import re
from typing import Final, Literal

type Address = IPv4Address | IPv6Address
type Scalar = bytes | int | Address

# What a field or a function gives: the containers around it from the outside, then what they hold.
type Kind = tuple[str, ...]

STRING: Final[Kind] = ("string",)
INTEGER: Final[Kind] = ("integer",)
ADDRESS: Final[Kind] = ("address",)
BOOLEAN: Final[Kind] = ("boolean",)
STRINGS: Final[Kind] = ("array", "string")
STRINGS_BY_NAME: Final[Kind] = ("map", "array", "string")


class Each:
    """The index `[*]`: every element, one by one."""


EACH: Final = Each()


@dataclass(frozen=True)
class Constant:
    """A literal argument of a function."""

    value: Scalar


@dataclass(frozen=True)
class Call:
    """A call of a function."""

    function: str
    arguments: tuple[Value | Constant | Test, ...]


@dataclass(frozen=True)
class Value:
    """A field or a call, and what is picked from its result."""

    source: str | Call
    steps: tuple[str | int | Each, ...]
    kind: Kind

    @property
    def is_mapped(self) -> bool:
        """Return whether it stands for each of several elements."""
        return EACH in self.steps


@dataclass(frozen=True)
class Span:
    """All integers or addresses from the first to the last, both included."""

    first: int | Address
    last: int | Address


@dataclass(frozen=True)
class NamedList:
    """A list that is kept elsewhere: the expression has only its name."""

    name: str


type Operator = Literal[
    "eq", "ne", "ge", "le", "gt", "lt", "and", "contains", "pattern", "one of", "in"
]
type Operand = (
    Scalar
    | re.Pattern[bytes]
    | frozenset[bytes]
    | tuple[Span, ...]
    | NamedList
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """A value, compared with literals."""

    value: Value
    operator: Operator
    operand: Operand


@dataclass(frozen=True)
class Truth:
    """A boolean that stands alone."""

    value: Value


@dataclass(frozen=True)
class Negation:
    """The opposite of a test."""

    test: Test


@dataclass(frozen=True)
class Combination:
    """Several tests with the same operator between them."""

    operator: str
    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Quantifier:
    """Whether any or every element meets a test."""

    every: bool
    test: Test


type Test = Comparison | Truth | Negation | Combination | Quantifier


FIELDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(
        (
            "http.host", "http.request.uri", "http.request.uri.path",
            "http.request.uri.query", "http.request.full_uri", "http.request.method",
            "http.request.version", "http.user_agent", "http.referer", "http.cookie",
            "http.x_forwarded_for", "raw.http.request.uri",
            "raw.http.request.uri.path", "raw.http.request.uri.query",
            "raw.http.request.full_uri", "ip.src.country", "ip.geoip.country",
            "cf.tls_version",
            "cf.tls_client_auth.cert_fingerprint_sha256",
            "cf.tls_client_auth.cert_fingerprint_sha1",
            "cf.tls_client_auth.cert_serial",
            "cf.tls_client_auth.cert_issuer_serial",
            "cf.tls_client_auth.cert_subject_dn",
            "cf.tls_client_auth.cert_subject_dn_rfc2253",
            "cf.tls_client_auth.cert_subject_dn_legacy",
            "cf.tls_client_auth.cert_issuer_dn",
            "cf.tls_client_auth.cert_issuer_dn_rfc2253",
            "cf.tls_client_auth.cert_issuer_dn_legacy",
            "cf.tls_client_auth.cert_ski", "cf.tls_client_auth.cert_issuer_ski",
            "cf.tls_client_auth.cert_not_before", "cf.tls_client_auth.cert_not_after",
        ),
        STRING,
    ),
    **dict.fromkeys(("ip.src.asnum", "cf.edge.server_port", "ip.geoip.asnum"), INTEGER),
    **dict.fromkeys(
        (
            "ssl", "cf.edge.client_tcp", "cf.tls_client_auth.cert_presented",
            "cf.tls_client_auth.cert_verified", "cf.tls_client_auth.cert_revoked",
        ),
        BOOLEAN,
    ),
    "ip.src": ADDRESS,
    "http.request.headers": STRINGS_BY_NAME,
    "http.request.cookies": STRINGS_BY_NAME,
    "http.request.uri.args": STRINGS_BY_NAME,
    "http.request.headers.names": STRINGS,
    "http.request.headers.values": STRINGS,
    "http.request.uri.args.names": STRINGS,
    "http.request.uri.args.values": STRINGS,
}  # fmt: skip

FUNCTIONS: Final[Mapping[str, Kind]] = {
    "lower": STRING,
    "upper": STRING,
    "url_decode": STRING,
    "concat": STRING,
    "substring": STRING,
    "remove_bytes": STRING,
    "len": INTEGER,
    "starts_with": BOOLEAN,
    "ends_with": BOOLEAN,
}
