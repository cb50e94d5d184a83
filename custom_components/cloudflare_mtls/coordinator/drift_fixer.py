"""Fixes drift in the background: writes, looks what came of it, and fires what was fixed."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from homeassistant.core import callback

from ..bus_events import async_fire_fixed
from ..const import LOGGER
from ..engine.api.errors import EngineError, Rejected
from ..engine.moment import Moment
from ..engine.sync.plan import Plan
from ..engine.sync.reconciler import AccountSync, Extent, Reconciler
from ..engine.sync.repeated_drift import Condition, RepeatedDrift
from .base import CloudflareCoordinator
from .fix_policy import FixPolicy, fixed_steps
from .removals import Removals


class DriftFixer:
    """Fixes the hostnames that are kept in sync, and takes removed ones down."""

    def __init__(
        self,
        coordinator: CloudflareCoordinator[Any],
        removals: Removals,
        writing: Callable[[], AbstractAsyncContextManager[Reconciler]],
    ) -> None:
        """Take the coordinator that finds drift, and what lets the fixer write."""
        self._coordinator = coordinator
        self._removals = removals
        self._writing = writing
        self.policy = FixPolicy()
        self.repeated = RepeatedDrift()

    @callback
    def async_fix(self, plans: Mapping[str, Plan | None]) -> set[str]:
        """Begin to fix what these plans may, by zone; return the hostnames that are not told of yet.

        A zone that could not be read is not tried.
        """
        readable = {zone_id: plan for zone_id, plan in plans.items() if plan}
        zones = self._zones_by_hostname(readable)
        found = {
            hostname: Condition(
                drifted=readable[zone_id].drifted(hostname),
                exposed=readable[zone_id].exposes(hostname),
            )
            for hostname, zone_id in zones.items()
        }
        self.repeated.look(found, Moment.now())
        drift = [
            # What is wrong in a zone is no drift of the hostnames of another one.
            plan.limited_to(
                {hostname for hostname in zones if zones[hostname] == zone_id}
            )
            for zone_id, plan in readable.items()
        ]
        if not any(plan.steps for plan in drift):
            self.policy = FixPolicy()
        elif self.policy.begin():
            # Not eager: entities show what was found before it is fixed.
            coordinator = self._coordinator
            fix = self._fix(self.policy, readable.keys(), announce=True)
            coordinator.config_entry.async_create_background_task(
                coordinator.hass, fix, f"{coordinator.name} fix", eager_start=False
            )
        exposed = any(plan.exposures for plan in drift)
        return set() if self.policy.may_tell(exposed=exposed) else set(zones)

    async def async_apply_settings(self) -> None:
        """Apply settings that a person just changed; that is no drift, so nothing is fired."""
        self.policy = FixPolicy()
        self.policy.begin()
        await self._fix(self.policy, self._zone_ids(), announce=False)

    async def _fix(
        self, policy: FixPolicy, zone_ids: Collection[str], *, announce: bool
    ) -> None:
        """Make one attempt, and look what came of it."""
        try:
            await self._attempt(policy, zone_ids, announce=announce)
            await self._coordinator.async_refresh()
        finally:
            policy.end()

    async def _attempt(
        self, policy: FixPolicy, zone_ids: Collection[str], *, announce: bool
    ) -> None:
        try:
            async with self._writing() as reconciler:
                extent = Extent(
                    hostnames=self._zones_by_hostname(zone_ids), goes_on=True
                )
                outcome = await reconciler.sync(extent)
        except EngineError as err:
            LOGGER.debug("Drift could not be fixed: %s", err)
            policy.failed()
            return
        # A record that was just made is ours, even if it is removed before anybody looks again.
        await self._removals.async_note_records(
            outcome.observations, reconciler.hostnames
        )
        if outcome.errors:
            policy.failed(outcome.errors)
            policy.refused(
                {
                    zone_id: zone.error.message
                    for zone_id, zone in outcome.zones.items()
                    if isinstance(zone.error, Rejected)
                }
            )
        else:
            policy.succeeded()
        if announce:
            for hostname in self.async_announce(outcome, asked=()):
                self.repeated.fixed(hostname, Moment.now())

    @callback
    def async_announce(
        self, outcome: AccountSync, *, asked: Collection[str]
    ) -> Collection[str]:
        """Fire what was fixed, and return the hostnames of it.

        asked: those that a person wants fixed, also if they are not kept in sync.
        """
        coordinator, removed = self._coordinator, self._removals.hostnames.values()
        wanted = [
            item
            for item in coordinator.hostnames
            if item.keep_in_sync or item.hostname in asked
        ]
        fixed = fixed_steps(outcome.zones, wanted, removed)
        for hostname, steps in fixed.items():
            async_fire_fixed(
                coordinator.hass, coordinator.config_entry, hostname, steps
            )
        return fixed.keys()

    def _zones_by_hostname(self, zone_ids: Collection[str]) -> dict[str, str]:
        """Return the zones of the hostnames that are kept in sync, and of those to be taken down."""
        kept = [item for item in self._coordinator.hostnames if item.keep_in_sync]
        return {
            item.hostname: item.zone_id
            for item in (*kept, *self._removals.hostnames.values())
            if item.zone_id in zone_ids
        }

    def _zone_ids(self) -> set[str]:
        items = (*self._coordinator.hostnames, *self._removals.hostnames.values())
        return {item.zone_id for item in items}
