"""Edits and other changes at Cloudflare that the home did not make."""

from collections.abc import Callable
from typing import Final

from sandbox.state import COLOS, CertificateStatus, Connection, Connector
from tests.common import BLOCK_REF, HOSTNAME, SKIP_REF, records_of

from .home import Home

type Edit = Callable[[Home, int], None]


def remove_rule(home: Home, number: int) -> None:
    """Delete one of our rules."""
    if ours := [item for item in home.zone.rules if item.ref in (BLOCK_REF, SKIP_REF)]:
        home.zone.rules.remove(ours[number % len(ours)])


def disable_rule(home: Home, number: int) -> None:
    """Disable one of our rules."""
    if ours := [item for item in home.zone.rules if item.ref in (BLOCK_REF, SKIP_REF)]:
        ours[number % len(ours)].enabled = False


def reverse_rules(home: Home, number: int) -> None:
    """Reverse the order of all rules."""
    home.zone.rules.reverse()


def remove_record(home: Home, number: int) -> None:
    """Delete the DNS record."""
    for record in records_of(home.sandbox):
        del home.zone.dns_records[record.id]


def remove_associations(home: Home, number: int) -> None:
    """Remove our associations: none of our hostnames asks for a certificate any more."""
    home.zone.associations = [
        name for name in home.zone.associations or () if name == "nas.example.com"
    ]


def remove_ingress(home: Home, number: int) -> None:
    """Remove the hostname's ingress rules from the tunnel."""
    config = home.tunnels[0].config
    assert config
    config["ingress"] = [
        rule for rule in config["ingress"] if rule.get("hostname") != HOSTNAME
    ]


# Changes of what is ours, which the integration has to undo.
DRIFTS: Final[tuple[Edit, ...]] = (
    remove_rule,
    disable_rule,
    reverse_rules,
    remove_record,
    remove_associations,
    remove_ingress,
)


def stop_connectors(home: Home, number: int) -> None:
    """Let the tunnel lose every connector."""
    home.tunnels[0].disconnect(180)


def start_connector(home: Home, number: int) -> None:
    """Let the tunnel have one connector."""
    home.tunnels[0].connect()


def add_connector(home: Home, number: int) -> None:
    """Let a tunnel with a connector have a second one; its status stays."""
    if home.tunnels[0].serves:
        connections = [Connection(colo) for colo in COLOS]
        home.tunnels[0].connectors = [
            *home.tunnels[0].connectors[:1],
            Connector(connections),
        ]


def remove_connector(home: Home, number: int) -> None:
    """Remove all connectors of the tunnel but one."""
    del home.tunnels[0].connectors[1:]


def add_tunnel(home: Home, number: int) -> None:
    """Create another tunnel, unless there are three."""
    if len(home.tunnels) < 3:
        home.sandbox.state.add_tunnel(f"cabin {len(home.sandbox.state.tunnels)}")


def start_other_tunnel(home: Home, number: int) -> None:
    """Let the newest tunnel have a connector."""
    home.tunnels[-1].connect()


def remove_tunnel(home: Home, number: int) -> None:
    """Delete a tunnel that is not the home's."""
    for tunnel in home.tunnels[1:][:1]:
        tunnel.forget()
        tunnel.deleted_at = home.now


def revoke_certificate(home: Home, number: int) -> None:
    """Revoke a certificate in the dashboard."""
    _set_status(home, number, CertificateStatus.REVOKED)


def restore_certificate(home: Home, number: int) -> None:
    """Restore a certificate in the dashboard."""
    _set_status(home, number, CertificateStatus.ACTIVE)


def _set_status(home: Home, number: int, status: CertificateStatus) -> None:
    certificates = list(home.zone.certificates.values())
    certificates[number % len(certificates)].status = status


# Other changes, which the integration only has to show.
CHANGES: Final[tuple[Edit, ...]] = (
    stop_connectors,
    start_connector,
    add_connector,
    remove_connector,
    add_tunnel,
    start_other_tunnel,
    remove_tunnel,
    revoke_certificate,
    restore_certificate,
)
