"""Finds other hostnames that lead to what a protected hostname leads to, past its lock (pure)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from ..access.coverage import asks_for_login, host_of
from ..api.ingress import IngressRule, TunnelConfiguration
from ..api.models import ADDRESS_TYPES, Observation
from ..api.names import in_dns
from ..rules.exposure import exposed
from ..sync.reach import zone_of
from ..sync.settings import ProtectedHostname
from .finding import Finding
from .leading import Leading
from .origin import Server
from .specs import Check
from .surroundings import Surroundings


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
    return [
        Finding(
            check=Check.OPEN_HOSTNAME,
            target=name,
            place=configuration.tunnel_id,
            value=rule.service,
            detail=beside,
        )
        for configuration in (*configurations.values(), *told)
        for name in _served(configuration).union(led.get(configuration.tunnel_id, ()))
        if name not in protected
        for rule in _rules(configuration, name)
        if (beside := leading.beside(configuration, rule))
        and not asks_for_login(surroundings.applications, name)
        and _is_open(observations, configuration, name)
    ]


def _led_by_records(
    observations: Iterable[Observation], known: Collection[str]
) -> Mapping[str, set[str]]:
    """Return the names that DNS records lead to each tunnel, by its id.

    A wildcard record leads there by names that only an application of Access tells. Such a name may
    have no login although all others below the wildcard have one: nothing is inherited.
    """
    led = defaultdict[str, set[str]](set)
    for observation in observations:
        for record in observation.records:
            if tunnel_id := record.tunnel_id:
                led[tunnel_id].add(record.name)
        for name in known:
            if any(item.type in ADDRESS_TYPES for item in observation.records_of(name)):
                continue
            for record in observation.wildcards_over(_sample(name)):
                if tunnel_id := record.tunnel_id:
                    led[tunnel_id].add(name)
    return led


def _served(configuration: TunnelConfiguration) -> set[str]:
    """Return the names that a tunnel's rules name, but for wildcards."""
    return {
        in_dns(rule.hostname)
        for rule in configuration.ingress
        if rule.hostname and not rule.hostname.startswith("*.")
    }


def _rules(configuration: TunnelConfiguration, name: str) -> Iterator[IngressRule]:
    """Yield the rules that requests for a name may meet, in whichever letters a visitor writes it.

    So only a rule for every hostname keeps requests from the rules behind it.
    """
    for rule in configuration.ingress:
        if rule.may_take(_sample(name)):
            yield rule
        if rule.hostname is None and rule.path is None:
            return


def _is_open(
    observations: Mapping[str, Observation],
    configuration: TunnelConfiguration,
    name: str,
) -> bool:
    """Return whether visitors of a name get to the tunnel without a certificate."""
    zone = zone_of(name, [item.zone for item in observations.values()])
    if zone is None:
        return False
    observation = observations[zone.id]
    known = {**observation.configurations, configuration.tunnel_id: configuration}
    seen = replace(observation, configurations=known)
    return exposed(seen, _sample(name)) is not None


def _sample(name: str) -> str:
    """Return a name that a wildcard stands for, or the name itself; Access has stars in any place."""
    return name.replace("*", "any-other-name")
