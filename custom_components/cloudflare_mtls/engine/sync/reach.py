"""Whether visitors get to a hostname at all: the zone, the DNS and the TLS around it (pure)."""

from collections.abc import Collection, Iterable
from enum import StrEnum

from ..api.models import DnsRecord, Zone, ZoneType
from ..api.names import is_at_or_below
from .settings import in_zone


class Doubt(StrEnum):
    """Why visitors may not get to a hostname although Cloudflare serves it."""

    NO_CERTIFICATE = "no_certificate"
    """The edge has no certificate for it, so that every TLS handshake fails."""
    PARTIAL_ZONE = "partial_zone"
    """Another provider has the zone's DNS, where a record for it is needed too."""


def zone_of(hostname: str, zones: Iterable[Zone]) -> Zone | None:
    """Return the zone that serves a hostname, which is the one with the longest name."""
    fitting = (zone for zone in zones if in_zone(hostname, zone))
    return max(fitting, key=lambda zone: len(zone.name), default=None)


def find_delegation(
    hostname: str, zone: Zone, records: Iterable[DnsRecord]
) -> str | None:
    """Return the name from which on other name servers answer for a hostname, if they do.

    Source: RFC 1034, section 4.2.1: a zone ends where it has NS records for a name below it.
    """
    delegated = (
        record.name
        for record in records
        if record.type == "NS" and record.name != zone.name
    )
    return next((name for name in delegated if is_at_or_below(hostname, name)), None)


def find_doubt(
    hostname: str, zone: Zone, certificate_names: Collection[str] | None
) -> Doubt | None:
    """Return why visitors may not get to a hostname of a zone, as far as is known.

    The names are those of the edge's certificates, None where they could not be read.

    Sources: developers.cloudflare.com, Universal SSL, "Limitations": a zone whose DNS is
    elsewhere gets a certificate for each of its hostnames; DNS, "Partial (CNAME) setup".
    """
    if zone.type is ZoneType.PARTIAL:
        return Doubt.PARTIAL_ZONE
    if certificate_names is None or _is_covered(hostname, certificate_names):
        return None
    return Doubt.NO_CERTIFICATE


def _is_covered(hostname: str, names: Collection[str]) -> bool:
    """Return whether a certificate for these names is good for a hostname."""
    parent = hostname.partition(".")[2]
    return hostname in names or f"*.{parent}" in names
