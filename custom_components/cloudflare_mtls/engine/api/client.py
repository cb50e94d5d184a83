"""A client of Cloudflare's API: its resources, over one transport."""

from datetime import datetime
from typing import Any

from .access_applications import AccessApplications
from .access_groups import AccessGroups
from .access_identity_providers import AccessIdentityProviders
from .access_logins import AccessLogins
from .access_organization import AccessOrganization
from .access_policies import AccessPolicies
from .access_tags import AccessTags
from .access_users import AccessUsers
from .bot_management import BotManagement
from .certificate_packs import CertificatePacks
from .client_certificates import ClientCertificates
from .connectors import Connectors
from .dns import Dns
from .graphql import Graphql
from .hostname_associations import HostnameAssociations
from .ip_access_rules import IpAccessRules
from .pause import Pause
from .recent_writes import RecentWrites
from .rulesets import CUSTOM_RULES, HEADER_RULES, Rulesets
from .transport import BASE_URL, Transport
from .tunnels import Tunnels
from .whole_lists import WholeLists
from .worker_routes import WorkerRoutes
from .zone_settings import ZoneSettings
from .zones import Zones


class CloudflareClient:
    """The part of Cloudflare's API that decides who reaches a hostname.

    Every method of a resource raises EngineError: TokenRejected, PermissionMissing,
    RateLimited, Unavailable, Rejected, or a subclass of Rejected.
    """

    def __init__(
        self,
        token: str,
        *,
        account_id: str | None = None,
        base_url: str = BASE_URL,
        http_client: Any = None,
        recent: RecentWrites | None = None,
        lists: WholeLists | None = None,
        pause: Pause | None = None,
        query_pause: Pause | None = None,
    ) -> None:
        """Take an API token of a user, or of the account; a given HTTP client is never closed.

        Clients of the same account share the recent writes, the lists as they were seen last, and
        the pauses that Cloudflare asks for: during one, every request raises RateLimited and nothing
        is sent. Cloudflare also counts queries separately, so they have a pause of their own.
        """
        self._transport = transport = Transport(
            token,
            account_id=account_id,
            base_url=base_url,
            http_client=http_client,
            pause=pause,
        )
        recent, lists = recent or RecentWrites(), lists or WholeLists()
        self.zones = Zones(transport)
        self.dns = Dns(transport, lists)
        self.certificate_packs = CertificatePacks(transport)
        self.client_certificates = ClientCertificates(transport, recent)
        self.hostname_associations = HostnameAssociations(transport, recent, lists)
        self.rulesets = Rulesets(transport, CUSTOM_RULES)
        self.header_rulesets = Rulesets(transport, HEADER_RULES)
        self.zone_settings = ZoneSettings(transport)
        self.bot_management = BotManagement(transport)
        self.ip_access_rules = IpAccessRules(transport)
        self.worker_routes = WorkerRoutes(transport)
        self.tunnels = Tunnels(transport, lists)
        self.connectors = Connectors(transport)
        self.access_organization = AccessOrganization(transport)
        self.access_identity_providers = AccessIdentityProviders(transport)
        self.access_groups = AccessGroups(transport)
        self.access_policies = AccessPolicies(transport)
        self.access_applications = AccessApplications(transport)
        self.access_tags = AccessTags(transport)
        self.access_logins = AccessLogins(transport)
        self.access_users = AccessUsers(transport)
        self.graphql = Graphql(transport, query_pause or Pause())

    async def verify_token(self) -> datetime | None:
        """Return when the token expires, None for never; raise TokenRejected if it is dead.

        An account's token can only be verified once its account is known; before that, this
        does nothing.
        """
        return await self._transport.verify_token()
