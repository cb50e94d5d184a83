"""Tunnels of an account, their configurations, and the tokens of their connectors."""

from collections.abc import Mapping
from datetime import timedelta
import re
from typing import Any, Final

from .errors import Conflict, NotFound, Permission, QuotaExceeded, Rejected
from .ingress import TunnelConfiguration
from .json_fields import Fields
from .models import ConnectorToken, Tunnel
from .paging import read_all
from .resource import Resource
from .transport import Transport
from .whole_lists import WholeLists

# Cloudflare takes no configuration without a rule: one that comes back so is hardly meant.
_BELIEVED_AFTER: Final = timedelta(days=1)
_PERMISSION: Final = Permission.TUNNEL_EDIT
_TUNNEL_OR_CONFIGURATION_NOT_FOUND: Final = frozenset({1002, 1055})
# Nobody recorded how a further tunnel is refused, only that there is a limit.
_QUOTA: Final = re.compile(r"\b(limit|maximum|quota)\b", re.IGNORECASE)


class Tunnels(Resource):
    """The tunnels of an account."""

    def __init__(self, transport: Transport, lists: WholeLists) -> None:
        """Take what sends the requests, and the lists as they were seen."""
        super().__init__(transport)
        self._lists = lists

    async def list(self, account_id: str) -> tuple[Tunnel, ...]:
        """Return the account's tunnels without the deleted ones.

        Source: GET /accounts/{account_id}/cfd_tunnel.
        """
        return await read_all(
            self._transport,
            Tunnel.parse,
            t"/accounts/{account_id}/cfd_tunnel",
            _PERMISSION,
            per_page=100,
            is_deleted="false",
        )

    async def create(self, account_id: str, name: str) -> Tunnel:
        """Create a remotely managed tunnel; raise Conflict where the account has the name.

        Source: POST /accounts/{account_id}/cfd_tunnel. The answer also holds the connector's
        secrets, of which nothing is kept.
        """
        try:
            result = await self._transport.result(
                "POST",
                t"/accounts/{account_id}/cfd_tunnel",
                _PERMISSION,
                body={"name": name, "config_src": "cloudflare"},
            )
        except Conflict:
            raise
        except Rejected as err:
            if _QUOTA.search(err.message):
                raise QuotaExceeded(err.code, err.message) from err
            raise
        return Tunnel.parse(result)

    async def find(self, account_id: str, tunnel_id: str) -> Tunnel | None:
        """Return a tunnel, None if it was deleted: Cloudflare answers for deleted ones as well.

        Source: GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}.
        """
        try:
            result = await self._transport.result(
                "GET", t"/accounts/{account_id}/cfd_tunnel/{tunnel_id}", _PERMISSION
            )
        except NotFound as err:
            if err.code in _TUNNEL_OR_CONFIGURATION_NOT_FOUND:
                return None
            raise
        return None if result.time("deleted_at") else Tunnel.parse(result)

    async def get_token(self, account_id: str, tunnel_id: str) -> ConnectorToken:
        """Return what a connector needs to run the tunnel; raise NotFound where it is gone.

        Source: GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}/token, which needs the
        permission to edit.
        """
        envelope = await self._transport.request(
            "GET", t"/accounts/{account_id}/cfd_tunnel/{tunnel_id}/token", _PERMISSION
        )
        return ConnectorToken(envelope.text("result"))

    async def get_configuration(
        self, account_id: str, tunnel_id: str
    ) -> TunnelConfiguration | None:
        """Return the tunnel's configuration, or None where it is managed locally or gone.

        Source: GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations.
        """
        try:
            result = await self._transport.result(
                "GET",
                t"/accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations",
                _PERMISSION,
            )
        except NotFound as err:
            if err.code in _TUNNEL_OR_CONFIGURATION_NOT_FOUND:
                return None
            raise
        if result.optional_text("source") == "local":
            return None
        return self._noted(TunnelConfiguration.parse(tunnel_id, result))

    async def put_configuration(
        self,
        account_id: str,
        config: Mapping[str, Any],
        *,
        replacing: TunnelConfiguration,
    ) -> TunnelConfiguration:
        """Replace a tunnel's whole configuration and return what Cloudflare made of it.

        Only one that was read can be replaced: a first one would convert a local tunnel for good,
        and lose all rules of its file. Raises Unavailable where all of its rules are said to be gone.

        Source: PUT /accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations.
        """
        tunnel_id = replacing.tunnel_id
        wanted = TunnelConfiguration.from_raw(tunnel_id, Fields(config))
        self._lists.expect_kept(
            _name(tunnel_id), _rules(replacing), _rules(wanted), _BELIEVED_AFTER
        )
        result = await self._transport.result(
            "PUT",
            t"/accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations",
            _PERMISSION,
            body={"config": config},
        )
        return self._noted(TunnelConfiguration.parse(tunnel_id, result))

    def _noted(self, configuration: TunnelConfiguration) -> TunnelConfiguration:
        self._lists.note(_name(configuration.tunnel_id), _rules(configuration))
        return configuration


def _name(tunnel_id: str) -> str:
    return f"ingress rules of {tunnel_id}"


def _rules(configuration: TunnelConfiguration) -> frozenset[str]:
    return frozenset(
        f"{rule.hostname} {rule.path} {rule.service}" for rule in configuration.ingress
    )
