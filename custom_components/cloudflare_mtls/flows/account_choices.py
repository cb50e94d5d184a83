"""What an account has to choose from for a protected hostname, without forms."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from homeassistant.core import HomeAssistant

from ..const import CONF_TUNNEL_ID, CONF_ZONE_ID
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import EngineError, Permission, PermissionMissing
from ..engine.api.models import Observation, Tunnel, Zone, ZoneType
from ..engine.permissions import NEEDED, OPTIONAL, Allowance, find_permissions
from ..engine.sync.observe import observe
from ..engine.sync.reconciler import Reconciler
from ..engine.sync.settings import HostnameSettings
from ..engine.tunnels.served import (
    ServedHostname,
    find_served,
    served_hostnames,
    served_wildcards,
)
from ..quoting import Ours
from ..wording import Message, async_get_dialog_texts, describe, describe_missing
from .account_tunnels import AccountTunnels


@dataclass(frozen=True, kw_only=True)
class AccountChoices:
    """The zones and tunnels of an account, and its hostnames as they are so far."""

    hass: HomeAssistant
    client: CloudflareClient
    account_id: str
    zones: Mapping[str, Zone]
    # Those of other accounts too: one of them may be closer to a hostname.
    visible_zones: tuple[Zone, ...]
    tunnels: AccountTunnels
    # What leads to the tunnels, by hostname.
    served: Mapping[str, ServedHostname]
    wildcards: tuple[ServedHostname, ...]
    # Asked for each time: an account that is loaded again has another one.
    reconciler_for: Callable[[HostnameSettings], Reconciler]
    current: HostnameSettings | None
    # The names of the companion devices, by our ids.
    devices: Mapping[str, str]
    others: tuple[HostnameSettings, ...]

    @classmethod
    async def load(
        cls,
        hass: HomeAssistant,
        client: CloudflareClient,
        account_id: str,
        zones: Iterable[Zone],
        reconciler_for: Callable[[HostnameSettings], Reconciler],
        *,
        current: HostnameSettings | None = None,
        devices: Mapping[str, str] = MappingProxyType({}),
        others: Iterable[HostnameSettings] = (),
    ) -> Self | Message:
        """Return what there is to choose from, or why there is nothing.

        The current settings are those of the hostname to change; there are none for a new one.
        """
        visible = tuple(zones)
        of_account = {
            item.id: item for item in visible if item.account.id == account_id
        }
        if not of_account:
            return Message("no_zone")
        try:
            tunnels = await client.tunnels.list(account_id)
            served = await find_served(client, of_account)
        except PermissionMissing as err:
            return describe_missing([err.permission])
        except EngineError as err:
            return describe(err)
        return cls(
            hass=hass,
            client=client,
            account_id=account_id,
            zones=of_account,
            visible_zones=visible,
            tunnels=AccountTunnels(client, account_id, tunnels, served),
            served=served_hostnames(tunnels, served, of_account.values()),
            wildcards=served_wildcards(tunnels, served, of_account.values()),
            reconciler_for=reconciler_for,
            current=current,
            devices=devices,
            others=tuple(others),
        )

    async def check(self, zone: Zone, tunnel: Tunnel | None) -> Message | None:
        """Return why no hostname of a zone can be protected, if so, with a tunnel or before."""
        seen = await self.observe(zone, tunnel)
        return seen if isinstance(seen, Message) else None

    async def observe(
        self, zone: Zone, tunnel: Tunnel | None
    ) -> tuple[Observation, Ours] | Message:
        """Return what was seen and the table of permissions, or what is in the way.

        Everything is read once, so that a missing permission shows before anything is written.
        """
        try:
            found = await find_permissions(self.client, self.account_id, zone.id)
            missing = [item for item in NEEDED if found[item] is Allowance.NO]
            if missing:
                return describe_missing(missing)
            tunnel_ids = [tunnel.id] if tunnel else []
            observation = await observe(
                self.client, self.account_id, zone.id, tunnel_ids
            )
        except EngineError as err:
            return describe(err)
        obstacle = _obstacle(zone, tunnel, observation)
        if obstacle is not None:
            return obstacle
        return observation, await _permission_table(self.hass, found)


def _obstacle(
    zone: Zone, tunnel: Tunnel | None, observation: Observation
) -> Message | None:
    """Return what keeps a zone and a tunnel from being used, if something does."""
    if not observation.zone.active:
        return Message("zone_not_active", {"zone": zone.name}, CONF_ZONE_ID)
    if tunnel and tunnel.id in observation.unread_tunnels:
        return Message("unavailable")
    if observation.zone.type is ZoneType.SECONDARY:
        return Message("zone_secondary", {"zone": zone.name}, CONF_ZONE_ID)
    if tunnel and tunnel.id in observation.gone_tunnels:
        return Message("tunnel_deleted", {"tunnel": tunnel.name}, CONF_TUNNEL_ID)
    return None


async def _permission_table(
    hass: HomeAssistant, found: Mapping[Permission, Allowance]
) -> Ours:
    """Return what the token may not do as a table in Markdown, and what is not known yet."""
    text = await async_get_dialog_texts(hass)
    lines = [
        f"| {permission} | {text(_permission_key(permission, allowance))} |"
        for permission, allowance in found.items()
        if allowance not in (Allowance.YES, Allowance.READS)
    ]
    # Without what is needed, no dialog comes this far.
    parts = [text("permissions_read")]
    if lines:
        parts.append("\n".join([text("permissions"), "|---|---|", *lines]))
    return Ours("".join(f"\n\n{part}" for part in parts))


def _permission_key(permission: Permission, allowance: Allowance) -> str:
    """Return the key of the words for whether a token has a permission."""
    if allowance is Allowance.NO and permission in OPTIONAL:
        return "permission_off"
    return f"permission_{allowance}"
