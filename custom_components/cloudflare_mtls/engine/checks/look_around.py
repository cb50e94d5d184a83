"""Reads what stands around a zone's rules: each part needs a permission of its own, which may be missing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from ..api.client import CloudflareClient
from ..api.errors import Rejected
from ..api.models import Setting
from .surroundings import ZoneSurroundings


class UnlessMissing(Protocol):
    """Returns what is fetched, or None without the permission, which it notes."""

    async def __call__[ResultT](self, fetch: Awaitable[ResultT]) -> ResultT | None:
        """Return what is fetched, or None without the permission."""


async def look_around(
    client: CloudflareClient,
    zone_id: str,
    unless_missing: UnlessMissing,
    before: ZoneSurroundings,
) -> ZoneSurroundings:
    """Return what stands around a zone's rules; raise EngineError, but not for a permission.

    What may not be read counts as before: a lost permission does not show that something is gone.

    Sources: GET /zones/{zone_id}/settings/{setting}, /bot_management,
    /firewall/access_rules/rules and /workers/routes.
    """

    async def ask[ResultT](
        read: Callable[[CloudflareClient, str], Awaitable[ResultT]],
    ) -> ResultT | None:
        # Created only here: a refresh that is cancelled before this runs leaves nothing unawaited.
        return await unless_missing(read(client, zone_id))

    settings, bot_fight_mode, allowing, worker_routes = await asyncio.gather(
        ask(_read_settings),
        ask(lambda client, zone_id: client.bot_management.get_fight_mode(zone_id)),
        ask(lambda client, zone_id: client.ip_access_rules.list_allowing(zone_id)),
        ask(lambda client, zone_id: client.worker_routes.list(zone_id)),
    )
    return ZoneSurroundings(
        settings=before.settings if settings is None else settings,
        bot_fight_mode=(
            before.bot_fight_mode if bot_fight_mode is None else bot_fight_mode
        ),
        allowing=before.allowing if allowing is None else allowing,
        worker_routes=before.worker_routes if worker_routes is None else worker_routes,
    )


async def _read_settings(
    client: CloudflareClient, zone_id: str
) -> Mapping[Setting, str]:
    """Return the settings that the zone has."""
    first, *others = Setting
    # If the token may not read the first, it may read none: that costs one request.
    values = [await _read_setting(client, zone_id, first)]
    values += await asyncio.gather(
        *(_read_setting(client, zone_id, setting) for setting in others)
    )
    return {
        setting: value
        for setting, value in zip(Setting, values, strict=True)
        if value is not None
    }


async def _read_setting(
    client: CloudflareClient, zone_id: str, setting: Setting
) -> str | None:
    try:
        return await client.zone_settings.get(zone_id, setting)
    except Rejected:
        # Cloudflare's plans differ in which settings they have.
        return None
