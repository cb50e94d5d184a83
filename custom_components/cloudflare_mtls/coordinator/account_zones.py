"""Remembers which zones the token sees, and what became of those that cannot be read."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Final

from ..const import LOGGER
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import (
    EngineError,
    PermissionMissing,
    RateLimited,
    Rejected,
    TokenRejected,
)
from ..engine.api.models import Zone
from ..engine.moment import Moment
from ..engine.sync.lost_zones import LostZone, find_lost_zone
from ..engine.sync.settings import HostnameSettings

_INTERVAL: Final = timedelta(hours=6)
# What failed is tried again with the next refresh, and from then on with each second one.
_RETRY: Final = timedelta(minutes=20)


class AccountZones:
    """The zones that the token sees, by an occasional look."""

    def __init__(self, client: CloudflareClient, account_id: str) -> None:
        """Begin without having looked."""
        self._client = client
        self._account_id = account_id
        self._zones: tuple[Zone, ...] | None = None
        self._names: dict[str, str] = {}
        self._looked_at: Moment | None = None
        self._failures = 0

    @property
    def visible(self) -> tuple[Zone, ...]:
        """Return all zones that the token sees, those of other accounts too."""
        return self._zones or ()

    @property
    def ids(self) -> frozenset[str]:
        """Return the ids of the account's zones."""
        return frozenset(
            zone.id for zone in self.visible if zone.account.id == self._account_id
        )

    @property
    def are_known(self) -> bool:
        """Return whether Cloudflare has said which zones there are."""
        return self._zones is not None

    async def async_keep_up(self) -> bool:
        """Look again if the last look is long ago; return whether the account has new zones."""
        before = self.ids
        if self._looked_at and self._looked_at.age < self._pause:
            return False
        self._failures = 0 if await self.async_look() else self._failures + 1
        self._looked_at = Moment.now()
        return bool(self.ids - before)

    @property
    def _pause(self) -> timedelta:
        match self._failures:
            case 0:
                return _INTERVAL
            case 1:
                return timedelta(0)
        return _RETRY

    async def async_find_lost(
        self,
        failed: Mapping[str, EngineError],
        hostnames: Collection[HostnameSettings],
        *,
        look: bool,
    ) -> Mapping[str, LostZone]:
        """Return what became of the zones that could not be read, where that will not pass."""
        lasting = {
            zone_id: err
            for zone_id, err in failed.items()
            if isinstance(err, (PermissionMissing, Rejected))
        }
        if look and lasting:
            await self.async_look()
        if self._zones is None:
            return {}
        found = (
            find_lost_zone(
                zone_id,
                err,
                known_name=self._names.get(zone_id),
                hostnames={
                    item.hostname for item in hostnames if item.zone_id == zone_id
                },
                zones=self._zones,
                account_id=self._account_id,
            )
            for zone_id, err in lasting.items()
        )
        return {lost.zone_id: lost for lost in found if lost}

    def remember(self, zones: Iterable[Zone]) -> None:
        """Remember what zones are called, for when they cannot be read any more."""
        self._names |= {zone.id: zone.name for zone in zones}

    async def async_look(self) -> bool:
        """Ask for the zones, and return whether there was an answer; else what is known stays."""
        try:
            self._zones = await self._client.zones.list()
        except TokenRejected, RateLimited:
            raise
        except EngineError as err:
            LOGGER.debug("Zones could not be listed: %s", err)
            return False
        self.remember(self._zones)
        return True
