"""What a loaded config entry works with, and the type of the entry."""

from collections.abc import Mapping
from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry

from .certificates.creation import CertificateCreator
from .certificates.lookup import CertificateLookup
from .certificates.proofs import Proofs
from .certificates.restoration import CertificateRestorer
from .certificates.revocation import CertificateRevoker
from .coordinator.access import AccessCoordinator
from .coordinator.blocked_requests import BlockedRequestsCoordinator
from .coordinator.checks import ChecksCoordinator
from .coordinator.login_log import LoginLogCoordinator
from .coordinator.protection import ProtectionCoordinator
from .coordinator.reports import ReportCoordinator
from .coordinator.seats import SeatsCoordinator
from .coordinator.token import TokenCoordinator
from .coordinator.tunnels import TunnelCoordinator
from .coordinator.visits import VisitCoordinator
from .device_models import DeviceModel
from .engine.api.client import CloudflareClient
from .storage.alarms import Alarms
from .storage.uses import Uses

type CloudflareConfigEntry = ConfigEntry[CloudflareData]


@dataclass(frozen=True, kw_only=True)
class CloudflareData:
    """The runtime data of an account's config entry."""

    client: CloudflareClient
    token: TokenCoordinator
    tunnels: TunnelCoordinator
    protection: ProtectionCoordinator
    visits: VisitCoordinator
    reports: ReportCoordinator
    blocked: BlockedRequestsCoordinator
    checks: ChecksCoordinator
    access: AccessCoordinator
    login_log: LoginLogCoordinator
    seats: SeatsCoordinator
    certificates: CertificateLookup
    creator: CertificateCreator
    revoker: CertificateRevoker
    restorer: CertificateRestorer
    proofs: Proofs
    uses: Uses
    alarms: Alarms
    models: Mapping[DeviceModel, str]
