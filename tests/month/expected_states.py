"""What entities and repairs have to show, by the state of the sandbox."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sandbox import firewall
from sandbox.state import REVOKED, ClientCertificate, Tunnel, TunnelStatus
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    HOSTNAME,
    SKIP_REF,
    TUNNELS_EVERY,
    records_of,
)
from tests.proofs.exposure import UnauthorizedRequest

from .active_faults import Part
from .home import Home

OURS: Final = (SKIP_REF, BLOCK_REF)

# The connectors of a tunnel that did not change are read less often than the tunnel.
_CONNECTORS_EVERY: Final = timedelta(minutes=5)
_DRIFT: Final = "binary_sensor.home_mobile_example_com_drift"
_ENFORCED: Final = "binary_sensor.home_mobile_example_com_enforced"
_A_MONTH_BEFORE: Final = timedelta(days=30)


@dataclass(frozen=True)
class ExpectedState:
    """The state that an entity has to show, and how old it may be."""

    value: str
    every: timedelta
    """The interval of its refresh."""
    part: Part | None
    """The part that a fault can make unknown; None for what no API call reads."""


def expected_states(home: Home) -> Mapping[str, ExpectedState]:
    """Return the states by entity id."""
    return {
        entity_id: ExpectedState(value, every, part)
        for every, part, values in (
            (TUNNELS_EVERY, Part.TUNNELS, _tunnels(home)),
            (_CONNECTORS_EVERY, Part.TUNNELS, _connectors(home)),
            (EDGE_EVERY, Part.CERTIFICATES, _certificates(home)),
            (
                EDGE_EVERY,
                Part.HOSTNAME,
                [(_DRIFT, "off" if is_in_sync(home) else "on")],
            ),
            # Visits of the hostname call no API.
            (EDGE_EVERY, None, [(_ENFORCED, "on" if _enforced(home) else "off")]),
        )
        for entity_id, value in values
    }


def _tunnels(home: Home) -> Iterator[tuple[str, str]]:
    for tunnel in home.tunnels:
        name = _slug(tunnel)
        yield f"sensor.{name}_tunnel_status", tunnel.status
        runs = tunnel.status in (TunnelStatus.HEALTHY, TunnelStatus.DEGRADED)
        yield f"binary_sensor.{name}_connected", "on" if runs else "off"


def _connectors(home: Home) -> Iterator[tuple[str, str]]:
    for tunnel in home.tunnels:
        name = _slug(tunnel)
        yield f"sensor.{name}_connectors", str(len(tunnel.connectors))
        lost = [item.is_pending_reconnect for item in tunnel.connections]
        yield f"sensor.{name}_connections", str(lost.count(False))


def _certificates(home: Home) -> Iterator[tuple[str, str]]:
    phone = _phone(home)
    status = _status(phone, home.now)
    yield "sensor.pixel_8_certificate_status", status
    problem = "off" if status in ("active", "revoked") else "on"
    yield "binary_sensor.pixel_8_certificate_problem", problem
    yield "sensor.pixel_8_certificate_expiry", _expiry(phone).isoformat()
    expiries = [
        _expiry(item)
        for item in home.zone.certificates.values()
        if _status(item, home.now) in ("active", "expiring")
    ]
    first = min(expiries).isoformat() if expiries else "unknown"
    yield "sensor.home_lab_next_certificate_expiry", first


def _enforced(home: Home) -> bool:
    """Return whether the rules block a request without a certificate."""
    request = UnauthorizedRequest(HOSTNAME, HOSTNAME, "/", "DE", revoked=False)
    return firewall.judge(home.zone.rules, request.fields).stopped_by is not None


def is_in_sync(home: Home) -> bool:
    """Return whether everything of ours exists once and unchanged."""
    refs = [rule.ref for rule in home.zone.rules if rule.enabled]
    ours = [ref for ref in refs if ref in OURS]
    return (
        ours == list(OURS)
        # No rule is between the two.
        and refs.index(BLOCK_REF) == refs.index(SKIP_REF) + 1
        and len(records_of(home.sandbox)) == 1
        and HOSTNAME in (home.zone.associations or ())
        and _served(home) == 1
    )


def duplicates(home: Home) -> list[str]:
    """Return what of ours exists more than once."""
    counts = {
        **{ref: [rule.ref for rule in home.zone.rules].count(ref) for ref in OURS},
        "record": len(records_of(home.sandbox)),
        "association": (home.zone.associations or []).count(HOSTNAME),
        "ingress": _served(home),
    }
    return [thing for thing, count in counts.items() if count > 1]


def expected_repairs(home: Home) -> set[str]:
    """Return the keys of the repairs that have to be open while there is no fault."""
    phone, found = _phone(home), set()
    match _status(phone, home.now):
        case "expired":
            found.add("certificate_expired")
        case "expiring":
            urgent = _expiry(phone) - home.now < timedelta(days=7)
            found.add("certificate_urgent" if urgent else "certificate_expiring")
    if any(
        item is not phone and item.status not in REVOKED
        for item in home.zone.certificates.values()
    ):
        found.add("unknown_certificates")
    if home.tunnels[0].status is TunnelStatus.DOWN:
        found.add("tunnel_down")
    return found


def _phone(home: Home) -> ClientCertificate:
    return home.zone.certificates[CERTIFICATE_ID]


def _served(home: Home) -> int:
    hostnames = [rule.get("hostname") for rule in home.tunnels[0].ingress]
    return hostnames.count(HOSTNAME)


def _slug(tunnel: Tunnel) -> str:
    return tunnel.name.replace(" ", "_")


def _expiry(certificate: ClientCertificate) -> datetime:
    return certificate.certificate.not_valid_after_utc


def _status(certificate: ClientCertificate, now: datetime) -> str:
    if certificate.status in REVOKED:
        return "revoked"
    if now > _expiry(certificate):
        return "expired"
    return "expiring" if now > _expiry(certificate) - _A_MONTH_BEFORE else "active"
