"""Finds other hostnames that lead to what a protected hostname leads to, past its lock (pure)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from ..access.coverage import asks_for_login, host_of
from ..api.ingress import IngressRule, TunnelConfiguration
from ..api.models import ADDRESS_TYPES, Observation
from ..api.names import in_dns
from ..rules.aliases import tunnel_behind
from ..rules.exposure import exposed
from ..sync.reach import zone_of
from ..sync.settings import ProtectedHostname
from .finding import Finding
from .leading import Leading
from .origin import Server
from .specs import Check
from .surroundings import Surroundings

_WILDCARD: Final = "*."


def check_other_ways(
    observations: Mapping[str, Observation],
    surroundings: Surroundings,
    hostnames: Collection[ProtectedHostname],
    server: Server,
    told: Iterable[TunnelConfiguration] = (),
) -> list[Finding]:
    """Return the names by which everybody reaches what these hostnames lead to.

    Home Assistant's own server is the same by whichever name or address a rule leads there.

    Without the applications of Access, nothing is found: they may ask for a login. Neither is a
    name of a zone that is not among the observations, which are given by zone: nobody knows
    whether it leads anywhere. Told are the rules of tunnels that Cloudflare does not know, as their
    connectors tell them.
    """
    if surroundings.applications is None:
        return []
    configurations = dict(surroundings.configurations)
    for observation in observations.values():
        configurations |= observation.configurations
    protected = {item.hostname for item in hostnames}
    leading = Leading(hostnames, server)
    led = _led_by_records(
        observations.values(),
        {host_of(uri) for item in surroundings.applications for uri in item.uris},
    )
    findings = []
    for configuration in (*configurations.values(), *told):
        ways = _Ways(configuration, leading)
        zones = _seen_with(observations, configuration)
        names = _served(configuration).union(led.get(configuration.tunnel_id, ()))
        findings += [
            Finding(
                check=Check.OPEN_HOSTNAME,
                target=name,
                place=configuration.tunnel_id,
                value=rule.service,
                detail=beside,
            )
            for name in names - protected
            if ways.by(name)
            and not asks_for_login(surroundings.applications, name)
            and _is_open(zones, name)
            for rule, beside in ways.by(name)
        ]
    return _without_deeper(findings)


def _without_deeper(findings: list[Finding]) -> list[Finding]:
    """Return the findings without names below a wildcard that is open itself."""
    targets = {finding.target for finding in findings}
    return [
        finding
        for finding in findings
        if not (
            finding.target.startswith(_WILDCARD * 2)
            and finding.target.removeprefix(_WILDCARD) in targets
        )
    ]


class _Ways:
    """The rules of a tunnel that lead to what protected hostnames lead to, by the names that meet them.

    A visitor writes a name in whichever letters, so only a rule for every hostname keeps requests
    from the rules behind it.
    """

    def __init__(self, configuration: TunnelConfiguration, leading: Leading) -> None:
        """Look at each rule once: a tunnel may have a thousand of them, and as many names."""
        self._by_name = defaultdict[str | None, list[tuple[IngressRule, str]]](list)
        for rule in configuration.ingress:
            if beside := leading.beside(configuration, rule):
                self._by_name[rule.only_name].append((rule, beside))
            if rule.hostname is None and rule.path is None:
                break

    def by(self, name: str) -> list[tuple[IngressRule, str]]:
        """Return the rules that requests for a name may meet, each with the protected hostname."""
        return self._by_name.get(_sample(name), []) + self._by_name.get(None, [])


def _led_by_records(
    observations: Collection[Observation], known: Collection[str]
) -> Mapping[str, set[str]]:
    """Return the names that DNS records lead to each tunnel, by its id.

    A wildcard record leads there by deeper names, too; to Access, a star stands for one label only.
    And it leads there by names that only an application of Access tells. Such a name may
    have no login although all others below the wildcard have one: nothing is inherited.
    """
    led = defaultdict[str, set[str]](set)
    for observation in observations:
        for record in observation.records:
            if tunnel_id := tunnel_behind(record, observations):
                led[tunnel_id].add(record.name)
                if record.name.startswith(_WILDCARD):
                    led[tunnel_id].add(f"{_WILDCARD}{record.name}")
        for name in known:
            if any(item.type in ADDRESS_TYPES for item in observation.records_of(name)):
                continue
            for record in observation.wildcards_over(_sample(name)):
                if tunnel_id := tunnel_behind(record, observations):
                    led[tunnel_id].add(name)
    return led


def _served(configuration: TunnelConfiguration) -> set[str]:
    """Return the names that a tunnel's rules name, but for wildcards."""
    return {
        in_dns(rule.hostname)
        for rule in configuration.ingress
        if rule.hostname and not rule.hostname.startswith("*.")
    }


def _seen_with(
    observations: Mapping[str, Observation], configuration: TunnelConfiguration
) -> list[Observation]:
    """Return the zones as they are if the tunnel has this configuration."""
    return [
        replace(
            item,
            configurations={
                **item.configurations,
                configuration.tunnel_id: configuration,
            },
        )
        for item in observations.values()
    ]


def _is_open(zones: Collection[Observation], name: str) -> bool:
    """Return whether visitors of a name get to the tunnel without a certificate."""
    zone = zone_of(name, [item.zone for item in zones])
    return any(
        item.zone is zone and exposed(item, _sample(name)) is not None for item in zones
    )


def _sample(name: str) -> str:
    """Return a name that a wildcard stands for, or the name itself; Access has stars in any place."""
    return name.replace("*", "any-other-name")
