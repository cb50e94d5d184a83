"""Who gets in, by the sandbox's own judgement, and whether anything foreign was touched."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
import json
from typing import Any

from custom_components.cloudflare_mtls.engine.rules.marks import RECORD_COMMENT
from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname
from sandbox import client_auth, firewall, ingress
from sandbox.api.dns import record_json
from sandbox.api.rulesets import ruleset_json
from sandbox.expressions import Value
from sandbox.journal import Entry
from sandbox.state import Rule, State, Zone

from .cloud import OWN_REFS, Cloud

_FORMS = ("{0}", "{0}:8443", "{0}.", "{0}.:443", "{1}", "{2}:2053")
# The last one climbs out of an exempt path, in a zone that does not normalise.
_PATHS = ("/", "/api/x", "/api/webhook/x", "/local/x", "/api/webhook/%2e%2e/x")
_COUNTRIES = ("DE", "US")

_ANY_REQUEST: Mapping[str, Value] = {
    **client_auth.without_certificate(),
    "http.request.method": "GET",
    "http.user_agent": "Mozilla/5.0",
    "ssl": True,
}


@dataclass(frozen=True)
class Visit:
    """A request without a good certificate."""

    hostname: str
    host: str
    path: str
    country: str
    revoked: bool

    @property
    def fields(self) -> dict[str, Value]:
        """Describe it in the terms of the rules language."""
        return {
            **_ANY_REQUEST,
            "http.host": self.host,
            "http.request.uri.path": self.path,
            "ip.src.country": self.country,
            "cf.tls_client_auth.cert_verified": self.revoked,
            "cf.tls_client_auth.cert_revoked": self.revoked,
        }


class Judge:
    """Says what the edge does with a request, and remembers what rules made of it."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._stopped: dict[tuple[object, ...], bool] = {}

    def open_to(
        self, state: State, zone: Zone, protected: Mapping[str, tuple[str, ...]]
    ) -> frozenset[Visit]:
        """Return the visits that reach an origin, of all that should meet a 403.

        Each protected hostname brings the paths that are exempt.
        """
        rules = tuple(_meaning(rule) for rule in zone.rules)
        return frozenset(
            visit
            for hostname, exempt_paths in protected.items()
            for path in _PATHS
            if not _is_exempt(path, exempt_paths)
            and reaches_origin(state, zone, hostname, path)
            for visit in _visits(hostname, path)
            if not self._stops(rules, zone.rules, visit)
        )

    def _stops(self, key: tuple[object, ...], rules: list[Rule], visit: Visit) -> bool:
        known = self._stopped.get((key, visit))
        if known is None:
            known = firewall.judge(rules, visit.fields).stopped_by is not None
            self._stopped[key, visit] = known
        return known


def reaches_origin(state: State, zone: Zone, hostname: str, path: str) -> bool:
    """Tell whether a request would come to an origin if no rule stopped it."""
    match ingress.route(state, zone, hostname, path):
        case ingress.Failure() as failure:
            return failure is ingress.NO_ORIGIN
        case ingress.Service(name=name):
            return not name.startswith("http_status:")


class Witness:
    """Sees every write: none may open a hostname, or touch what is foreign."""

    def __init__(self, cloud: Cloud, judge: Judge | None = None) -> None:
        """Watch a cloud from now on."""
        self.violations: list[str] = []
        # Hostnames that somebody protects, with the paths that are exempt.
        self.protected: dict[str, tuple[str, ...]] = {}
        self.open: frozenset[Visit] = frozenset()
        self._cloud = cloud
        self._judge = judge or Judge()
        self._foreign: dict[str, str] = {}
        cloud.listeners.append(self._heard)

    def begin(self) -> None:
        """Take what is there now as given: before a run, and after anybody else's edit."""
        self.open = self.look()
        self._foreign = self._read_foreign()

    def look(self) -> frozenset[Visit]:
        """Return who gets in now."""
        cloud = self._cloud
        return self._judge.open_to(cloud.sandbox.state, cloud.zone, self.protected)

    def open_hostnames(self) -> set[str]:
        """Return the hostnames that somebody gets into now."""
        return {visit.hostname for visit in self.look()}

    def _heard(self, entry: Entry) -> None:
        if not entry.write:
            return
        what = f"{entry.method} {entry.path}"
        now = self.look()
        if opened := now - self.open:
            self.violations.append(f"{what} opened {_first(opened)}")
        self.open = now
        foreign = self._read_foreign()
        for part, before in self._foreign.items():
            if foreign[part] != before:
                self.violations.append(
                    f"{what} changed foreign {part}: {before} became {foreign[part]}"
                )
        self._foreign = foreign

    def _read_foreign(self) -> dict[str, str]:
        parts = foreign(self._cloud, self.protected)
        return {part: json.dumps(content) for part, content in parts.items()}


def reaches(cloud: Cloud, hostname: ProtectedHostname) -> bool:
    """Tell whether a device with a good certificate gets as far as our rules decide.

    A hostname that is not published need not be reached.
    """
    name, zone = hostname.hostname, cloud.zone
    if not hostname.published:
        return True
    request = Visit(name, name, "/", "DE", revoked=False).fields
    request["cf.tls_client_auth.cert_verified"] = True
    own = [rule for rule in zone.rules if rule.ref in OWN_REFS]
    service = ingress.route(cloud.sandbox.state, zone, name, "/")
    return (
        zone.associates(name)
        and firewall.judge(own, request).stopped_by is None
        and isinstance(service, ingress.Service)
        and service.name == hostname.service
    )


def foreign(cloud: Cloud, hostnames: Iterable[str]) -> dict[str, Any]:
    """Return all that is not ours, as the API tells it, in its order."""
    zone, ours = cloud.zone, set(hostnames)
    entrypoint = zone.entrypoint()
    rules = ruleset_json(entrypoint).get("rules", []) if entrypoint else []
    config = cloud.tunnel.config or {}
    return {
        "rules": [rule for rule in rules if rule["ref"] not in OWN_REFS],
        "records": [
            record_json(record)
            for record in zone.dns_records.values()
            if record.name not in ours or record.comment != RECORD_COMMENT
        ],
        "associations": [name for name in zone.associations or () if name not in ours],
        "ingress": [
            rule
            for rule in cloud.tunnel.ingress
            if rule.get("hostname") not in ours or rule.get("path")
        ],
        "configuration": [item for item in config.items() if item[0] != "ingress"],
    }


def doubles(cloud: Cloud, hostnames: Iterable[str]) -> list[str]:
    """Return what of ours is there more than once."""
    zone = cloud.zone
    ours = set(hostnames)
    things = [
        *(f"rule {rule.ref}" for rule in zone.rules if rule.ref in OWN_REFS),
        *(
            f"record {record.name}"
            for record in zone.dns_records.values()
            if record.name in ours and record.comment == RECORD_COMMENT
        ),
        *(f"association {name}" for name in zone.associations or () if name in ours),
        *(
            f"ingress {rule['hostname']}"
            for rule in cloud.tunnel.ingress
            if rule.get("hostname") in ours and not rule.get("path")
        ),
    ]
    return sorted({thing for thing in things if things.count(thing) > 1})


def remains(cloud: Cloud, hostname: str) -> list[str]:
    """Return what of ours is there for a hostname."""
    zone = cloud.zone
    return [
        *(rule.ref for rule in zone.rules if hostname in rule.expression),
        *(
            f"record {record.name}"
            for record in zone.dns_records.values()
            if record.name == hostname and record.comment == RECORD_COMMENT
        ),
        *(
            f"association {name}"
            for name in zone.associations or ()
            if name == hostname
        ),
        *(
            f"ingress {hostname}"
            for rule in cloud.tunnel.ingress
            if rule.get("hostname") == hostname and not rule.get("path")
        ),
    ]


def _visits(hostname: str, path: str) -> Iterator[Visit]:
    hosts = [
        form.format(hostname, hostname.upper(), hostname.title()) for form in _FORMS
    ]
    for host, country, revoked in product(hosts, _COUNTRIES, (False, True)):
        yield Visit(hostname, host, path, country, revoked)


def _is_exempt(path: str, exempt_paths: tuple[str, ...]) -> bool:
    return path.startswith(exempt_paths) and "%" not in path


def _meaning(rule: Rule) -> tuple[object, ...]:
    parameters = rule.action_parameters or {}
    return (
        rule.enabled,
        rule.action,
        rule.expression,
        parameters.get("ruleset"),
        parameters.get("phase"),
    )


def _first(visits: Iterable[Visit]) -> Visit:
    return min(visits, key=repr)
