"""Coordinators of an account, and the type of its config entry."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from ..engine.api.client import CloudflareClient
from .blocked_requests import BlockedRequestsCoordinator
from .checks import ChecksCoordinator
from .protection import ProtectionCoordinator
from .tunnels import TunnelCoordinator
from .visits import VisitCoordinator

type CloudflareConfigEntry = ConfigEntry[CloudflareData]


@dataclass(frozen=True, kw_only=True)
class CloudflareData:
    """What a loaded config entry works with."""

    client: CloudflareClient
    tunnels: TunnelCoordinator
    protection: ProtectionCoordinator
    visits: VisitCoordinator
    blocked: BlockedRequestsCoordinator
    checks: ChecksCoordinator
