"""What others do at Cloudflare meanwhile."""

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
    """Switch one of our rules off."""
    if ours := [item for item in home.zone.rules if item.ref in (BLOCK_REF, SKIP_REF)]:
        ours[number % len(ours)].enabled = False


def reverse_rules(home: Home, number: int) -> None:
    """Turn the order of all rules around."""
    home.zone.rules.reverse()


def remove_record(home: Home, number: int) -> None:
    """Delete the DNS record."""
    for record in records_of(home.sandbox):
        del home.zone.dns_records[record.id]


def remove_associations(home: Home, number: int) -> None:
    """Have nobody asked for a certificate."""
    home.zone.associations = []


def remove_ingress(home: Home, number: int) -> None:
    """Take the hostname out of the tunnel."""
    config = home.tunnels[0].config
    assert config
    config["ingress"] = [
        rule for rule in config["ingress"] if rule.get("hostname") != HOSTNAME
    ]


# What has to be put right.
DRIFTS: Final[tuple[Edit, ...]] = (
    remove_rule,
    disable_rule,
    reverse_rules,
    remove_record,
    remove_associations,
    remove_ingress,
)


def stop_connectors(home: Home, number: int) -> None:
    """Have the tunnel lose every connector."""
    home.tunnels[0].disconnect(180)


def start_connector(home: Home, number: int) -> None:
    """Have one connector run."""
    home.tunnels[0].connect()


def join_connector(home: Home, number: int) -> None:
    """Have one more connector run: the tunnel itself is what it was."""
    if home.tunnels[0].serves:
        connections = [Connection(colo) for colo in COLOS]
        home.tunnels[0].connectors = [
            *home.tunnels[0].connectors[:1],
            Connector(connections),
        ]


def leave_connector(home: Home, number: int) -> None:
    """Have one of several connectors end."""
    del home.tunnels[0].connectors[1:]


def add_tunnel(home: Home, number: int) -> None:
    """Make another tunnel, if there are not many."""
    if len(home.tunnels) < 3:
        home.sandbox.state.add_tunnel(f"cabin {len(home.sandbox.state.tunnels)}")


def run_other_tunnel(home: Home, number: int) -> None:
    """Have the newest tunnel run."""
    home.tunnels[-1].connect()


def remove_tunnel(home: Home, number: int) -> None:
    """Delete another tunnel than the home's."""
    for tunnel in home.tunnels[1:][:1]:
        tunnel.forget()
        tunnel.deleted_at = home.now


def revoke(home: Home, number: int) -> None:
    """Revoke a certificate in the dashboard."""
    _set_status(home, number, CertificateStatus.REVOKED)


def restore(home: Home, number: int) -> None:
    """Restore a certificate in the dashboard."""
    _set_status(home, number, CertificateStatus.ACTIVE)


def _set_status(home: Home, number: int, status: CertificateStatus) -> None:
    certificates = list(home.zone.certificates.values())
    certificates[number % len(certificates)].status = status


# What has to be shown.
CHANGES: Final[tuple[Edit, ...]] = (
    stop_connectors,
    start_connector,
    join_connector,
    leave_connector,
    add_tunnel,
    run_other_tunnel,
    remove_tunnel,
    revoke,
    restore,
)
