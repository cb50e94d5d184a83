"""Which requests without a good certificate reach an origin, as the sandbox decides it.

The sandbox shares no code with the engine, so it does not repeat the engine's mistakes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from types import MappingProxyType

from sandbox import client_auth, firewall, ingress
from sandbox.expressions import Value
from sandbox.state import Rule, State, Zone

from .hostnames import DEVICES, STRANGER

# Ways to write a hostname: {0} as it is, {1} in upper case, {2} in title case.
_HOST_FORMS = ("{0}", "{0}:8443", "{0}.", "{0}.:443", "{1}", "{2}:2053", "{0}:x.nas")
# The last paths leave an exempt path, unless the zone normalises URLs.
_PATHS = (
    "/",
    "/api/x",
    "/api/webhook/x",
    "/local/x",
    "/api/webhook/%2e%2e/x",
    "/api/webhook/../x",
)
_COUNTRIES = ("DE", "US")

_FIELDS: Mapping[str, Value] = {
    **client_auth.without_certificate(),
    "http.request.method": "GET",
    "http.user_agent": "Mozilla/5.0",
    "ssl": True,
}


@dataclass(frozen=True)
class UnauthorizedRequest:
    """A request without a certificate, with a revoked one, or with a valid one of another device."""

    hostname: str
    host: str
    path: str
    country: str
    revoked: bool
    fingerprint: str = ""

    @property
    def fields(self) -> dict[str, Value]:
        """Return the request's fields in Cloudflare's rules language."""
        return {
            **_FIELDS,
            "http.host": self.host,
            "http.request.uri.path": self.path,
            "ip.src.country": self.country,
            "cf.tls_client_auth.cert_verified": self.revoked or bool(self.fingerprint),
            "cf.tls_client_auth.cert_fingerprint_sha256": self.fingerprint,
            "cf.tls_client_auth.cert_revoked": self.revoked,
        }


@dataclass(frozen=True)
class _Rules:
    """Rules, equal to all others that do the same."""

    effects: tuple[tuple[object, ...], ...]
    rules: Sequence[Rule] = field(compare=False)


def admitted(
    state: State,
    zone: Zone,
    protected: Mapping[str, tuple[str, ...]],
    devices: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> frozenset[UnauthorizedRequest]:
    """Return the unauthorized requests that reach an origin.

    `protected` has the exempt paths of each hostname; requests to these paths are left out.
    `devices` has those that may use a limited hostname.
    """
    rules = _Rules(tuple(map(_effect, zone.rules)), zone.rules)
    return frozenset().union(
        *(
            _not_blocked(rules, hostname, path, devices.get(hostname))
            for hostname, exempt_paths in protected.items()
            for path in _PATHS
            if not _is_exempt(path, exempt_paths)
            and reaches_origin(state, zone, hostname, path)
        )
    )


# The same few rules are judged again and again: after each fault of a scenario, and in its repetitions.
@lru_cache(maxsize=2**14)
def _not_blocked(
    rules: _Rules, hostname: str, path: str, devices: frozenset[str] | None
) -> frozenset[UnauthorizedRequest]:
    return frozenset(
        request
        for request in _requests(hostname, path, devices)
        if firewall.judge(rules.rules, request.fields).stopped_by is None
    )


def reaches_origin(state: State, zone: Zone, hostname: str, path: str) -> bool:
    """Return whether a request reaches an origin if no rule blocks it."""
    match ingress.route(state, zone, hostname, path):
        case ingress.Failure() as failure:
            return failure is ingress.NO_ORIGIN
        case ingress.Service(name=name):
            return not name.startswith("http_status:")


def _requests(
    hostname: str, path: str, devices: Collection[str] | None
) -> Iterator[UnauthorizedRequest]:
    hosts = [
        form.format(hostname, hostname.upper(), hostname.title())
        for form in _HOST_FORMS
    ]
    for host, country, revoked in product(hosts, _COUNTRIES, (False, True)):
        yield UnauthorizedRequest(hostname, host, path, country, revoked)
    if devices is None:
        return
    others = [item for key, item in DEVICES.items() if key not in devices]
    for host, country, other in product(hosts, _COUNTRIES, (*others, STRANGER)):
        yield UnauthorizedRequest(
            hostname, host, path, country, revoked=False, fingerprint=other
        )


def _is_exempt(path: str, exempt_paths: tuple[str, ...]) -> bool:
    return (
        any(
            path.startswith(exempt) if exempt.endswith("/") else path == exempt
            for exempt in exempt_paths
        )
        and "%" not in path
        and ".." not in path
    )


def _effect(rule: Rule) -> tuple[object, ...]:
    """Return the part of a rule that decides what it does."""
    parameters = rule.action_parameters or {}
    return (
        rule.enabled,
        rule.action,
        rule.expression,
        parameters.get("ruleset"),
        parameters.get("phase"),
    )
