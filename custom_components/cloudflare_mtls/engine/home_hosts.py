"""Which devices of a home reach a host, as far as its name or address tells (pure)."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

# Docker takes its networks from the first, Podman from the second; the third is the Supervisor's.
_CONTAINERS: Final = (ip_network("172.16.0.0/12"), ip_network("10.88.0.0/16"))
_SUPERVISOR: Final = ip_network("172.30.32.0/23")
_NAMES_IN_CONTAINERS: Final = (
    "host.docker.internal",
    "host.containers.internal",
    "local.hass.io",
)


class Reach(StrEnum):
    """Which devices of a home reach a host."""

    HOME = "home"
    # Those that look names up by multicast DNS: few containers, and not every phone.
    MULTICAST_DNS = "multicast_dns"
    # Only containers and the machine that they run on, as it seems.
    CONTAINERS = "containers"
    THIS_MACHINE = "this_machine"


def reach_of(host: str, *, supervised: bool) -> Reach:
    """Return which devices reach a host: a name, or an address without brackets.

    With a Supervisor, Home Assistant itself is in the network of its machine.

    Source: Docker, default-address-pools; Podman, network.podman; Supervisor, docker/network.
    """
    host = host.lower().rstrip(".")
    try:
        address = ip_address(host)
    except ValueError:
        return _reach_of_name(host)
    return _reach_of_address(address, supervised=supervised)


def _reach_of_name(name: str) -> Reach:
    if name == "localhost" or name.endswith(".localhost"):
        return Reach.THIS_MACHINE
    if "." not in name or name.endswith(_NAMES_IN_CONTAINERS):
        return Reach.CONTAINERS
    return Reach.MULTICAST_DNS if name.endswith(".local") else Reach.HOME


def _reach_of_address(address: IPv4Address | IPv6Address, *, supervised: bool) -> Reach:
    if address.is_loopback or address.is_unspecified:
        return Reach.THIS_MACHINE
    networks = (_SUPERVISOR,) if supervised else _CONTAINERS
    if any(address in network for network in networks):
        return Reach.CONTAINERS
    return Reach.HOME
