"""Where a request goes that passed the rules: DNS records, then the tunnel's ingress as cloudflared matches it."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
import re
from typing import Any, Final

import idna

from custom_components.cloudflare_mtls.engine.api.models import (
    ADDRESS_TYPES,
    DnsRecord,
    Observation,
    TunnelConfiguration,
)

from .paths import is_sendable, readings
from .requests import Request
from .values import percent_decode

_STATUS: Final = "http_status:"
_LEADING_TYPES: Final = ADDRESS_TYPES | {"HTTPS", "NS", "SVCB"}


def records_of(observation: Observation, hostname: str) -> tuple[DnsRecord, ...]:
    """Return the records that decide where a hostname leads: its own, else those of the nearest wildcard."""
    _, *labels = hostname.split(".")
    parents = (".".join(labels[at:]) for at in range(len(labels)))
    for name in (hostname, *(f"*.{parent}" for parent in parents)):
        found = tuple(
            record
            for record in observation.records
            if record.name == name and record.type in ADDRESS_TYPES
        )
        if found:
            return found
    return ()


def goes_around_the_edge(observation: Observation, hostname: str) -> bool:
    """Return whether a record of the hostname sends visitors to a server that is not the edge."""
    return any(
        record.name == hostname
        and record.type in _LEADING_TYPES
        and not record.proxied
        and record.tunnel_id is None
        for record in observation.records
    )


def reaches_an_origin(
    observation: Observation, hostname: str, request: Request
) -> bool:
    """Return whether a request may reach an origin once the edge lets it through."""
    return any(
        record.proxied and _leads_on(observation, record, request)
        for record in records_of(observation, hostname)
    )


def _leads_on(observation: Observation, record: DnsRecord, request: Request) -> bool:
    if (tunnel := record.tunnel_id) is None:
        return True
    if tunnel in observation.gone_tunnels:
        return False
    configuration = observation.configurations.get(tunnel)
    return configuration is None or _is_served(configuration, request)


def _is_served(configuration: TunnelConfiguration, request: Request) -> bool:
    """Return whether cloudflared hands a request to an origin, in any form in which it may get it."""
    if not configuration.ingress or not is_sendable(request.path):
        return False
    for host, path, folded in product(
        _forwarded(request.host), readings(request.path), (False, True)
    ):
        service = _service(configuration, host, path, folded=folded)
        if not service.startswith(_STATUS):
            return True
    return False


def _forwarded(host: str) -> Iterator[str]:
    """Yield the forms in which the edge may pass a Host on: as written, or tidied up."""
    yield host
    yield host.lower()
    yield host.lower().partition(":")[0].rstrip(".")


def _service(
    configuration: TunnelConfiguration, host: str, path: str, *, folded: bool
) -> str:
    """Return the service of the first ingress rule that matches; folded if case makes no difference."""
    name, colon, port = host.partition(":")
    # A port is cut only if there is one colon.
    asked = name if colon and ":" not in port else host
    decoded = percent_decode(path.encode()).decode("utf-8", "replace")
    for rule in configuration.ingress:
        if _matches_host(rule.raw, asked, folded=folded) and (
            rule.path is None or re.search(rule.path, decoded)
        ):
            return rule.service
    return configuration.ingress[-1].service


def _matches_host(rule: Any, asked: str, *, folded: bool) -> bool:
    pattern = str(rule.get("hostname") or "")
    if pattern in ("", "*"):
        return True
    patterns = {pattern, _idna_form(pattern)}
    if folded:
        asked = asked.lower()
        patterns = {each.lower() for each in patterns}
    return any(
        asked.endswith(each[1:]) if each.startswith("*.") else asked == each
        for each in patterns
    )


@lru_cache
def _idna_form(hostname: str) -> str:
    """Return the name in lower case and punycode, or as it is if IDNA refuses it."""
    if "_" in hostname or "*" in hostname:
        return hostname
    try:
        return idna.encode(hostname, uts46=True).decode()
    except idna.IDNAError:
        return hostname
