"""Brings the edge to what a person chose: one writer per account."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from .edge.apply import Outcome, apply_plan
from .edge.client import EdgeClient
from .edge.desired import DesiredZone
from .edge.models import Observation
from .edge.plan import Plan, make_plan
from .hostnames import HostnameSettings


@dataclass(frozen=True, kw_only=True)
class ZoneSync:
    """How far a zone came, and what is left to do there."""

    outcome: Outcome
    left: Plan

    def raise_if_stopped(self) -> None:
        """Raise the EdgeError that stopped the zone's changes, if one did."""
        if self.outcome.error:
            raise self.outcome.error


class Reconciler:
    """Observes, plans and applies for the hostnames of one account.

    Its methods raise EdgeError when it cannot be seen what must be done.
    """

    def __init__(
        self,
        client: EdgeClient,
        account_id: str,
        hostnames: Iterable[HostnameSettings],
        writing: asyncio.Lock | None = None,
    ) -> None:
        """Take the hostnames of the account, all of them: those of a zone share its rules."""
        self._client = client
        self._account_id = account_id
        self._hostnames = tuple(hostnames)
        # Two writers would overwrite each other's lists.
        self._writing = writing or asyncio.Lock()

    def with_hostname(self, settings: HostnameSettings) -> Reconciler:
        """Return the reconciler of the same account with other settings of a hostname."""
        others = [
            item for item in self._hostnames if item.hostname != settings.hostname
        ]
        return Reconciler(
            self._client, self._account_id, [*others, settings], self._writing
        )

    def zones_of(self, hostnames: Collection[str]) -> list[str]:
        """Return the zones that these hostnames belong to."""
        return sorted(
            {item.zone_id for item in self._hostnames if item.hostname in hostnames}
        )

    async def plan(
        self, zone_id: str, hostnames: Collection[str], *, remove: bool = False
    ) -> Plan:
        """Return what must be done for the hostnames in a zone; nothing is written."""
        return self._plan(await self._observe(zone_id), hostnames, remove=remove)

    async def preview(
        self, hostnames: Collection[str], *, remove: bool = False
    ) -> Mapping[str, ZoneSync]:
        """Return what a sync would find; nothing is written."""
        return {
            zone_id: ZoneSync(
                outcome=Outcome(applied=(), error=None),
                left=await self.plan(zone_id, hostnames, remove=remove),
            )
            for zone_id in self.zones_of(hostnames)
        }

    async def sync(
        self, hostnames: Collection[str], *, remove: bool = False
    ) -> Mapping[str, ZoneSync]:
        """Bring the hostnames to what they must be, or take them down; return it per zone."""
        async with self._writing:
            return {
                zone_id: await self._sync_zone(zone_id, hostnames, remove=remove)
                for zone_id in self.zones_of(hostnames)
            }

    async def _sync_zone(
        self, zone_id: str, hostnames: Collection[str], *, remove: bool
    ) -> ZoneSync:
        observation = await self._observe(zone_id)
        plan = self._plan(observation, hostnames, remove=remove)
        outcome = await apply_plan(self._client, observation, plan)
        if plan.steps:
            plan = self._plan(await self._observe(zone_id), hostnames, remove=remove)
        return ZoneSync(outcome=outcome, left=plan)

    async def _observe(self, zone_id: str) -> Observation:
        tunnel_ids = {
            item.protected.tunnel_id
            for item in self._hostnames
            if item.zone_id == zone_id
        }
        return await self._client.observe(self._account_id, zone_id, sorted(tunnel_ids))

    def _plan(
        self, observation: Observation, hostnames: Collection[str], *, remove: bool
    ) -> Plan:
        in_zone = [
            item for item in self._hostnames if item.zone_id == observation.zone.id
        ]
        gone = [item for item in in_zone if remove and item.hostname in hostnames]
        desired = DesiredZone(
            hostnames=tuple(item.protected for item in in_zone if item not in gone),
            removed=tuple(item.protected for item in gone),
        )
        return make_plan(observation, desired).limited_to(hostnames)
