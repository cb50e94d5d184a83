"""Brings the edge to what a person chose: one writer per account."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from ..api.client import CloudflareClient
from ..api.errors import EngineError, RateLimited
from ..api.models import Observation
from ..rules.marks import SKIP_REF
from .apply import apply_plan
from .desired import DesiredZone
from .dry_runs import SkipDryRuns
from .observe import observe
from .plan import Plan, make_plan
from .settings import HostnameSettings, Layout
from .skippable import Skippable
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class ZoneView:
    """What was seen of a zone, and what its skip rule may skip."""

    observation: Observation
    skippable: frozenset[Skippable]


@dataclass(frozen=True, kw_only=True)
class ZoneSync:
    """How far a zone came, what stopped it there, and what is left to do."""

    left: Plan
    applied: tuple[Step, ...] = ()
    error: EngineError | None = None

    def raise_if_stopped(self) -> None:
        """Raise the EngineError that stopped the zone's changes, if one did."""
        if self.error:
            raise self.error


@dataclass(frozen=True, kw_only=True)
class Extent:
    """What is wanted of some hostnames: that they are as they must be, or gone.

    What somebody made by hand for them is taken over only if a person agreed.
    """

    hostnames: Collection[str]
    remove: bool = False
    takes_over: bool = False


async def any_certificate() -> None:
    """Return that no certificate is pinned."""


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Observes, plans and applies for the hostnames of one account.

    It knows all of them, since those of a zone share its rules: the ones to protect, those
    that were removed and still have to be taken down, and settings as they were before a
    change. Its methods raise EngineError when it cannot be seen what must be done.
    """

    client: CloudflareClient
    account_id: str
    hostnames: tuple[HostnameSettings, ...]
    removed: tuple[HostnameSettings, ...] = ()
    former: tuple[HostnameSettings, ...] = ()
    read_pins: Callable[[], Awaitable[frozenset[str] | None]] = any_certificate
    # Held while something is written: there is one for the account.
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    # What Cloudflare answered to dry runs, for as long as the account is loaded.
    skip_dry_runs: SkipDryRuns = field(default_factory=SkipDryRuns)

    def with_hostname(self, settings: HostnameSettings) -> Reconciler:
        """Return the reconciler of the same account with other settings of a hostname."""
        former = tuple(
            item for item in self.hostnames if item.hostname == settings.hostname
        )
        others = tuple(item for item in self.hostnames if item not in former)
        return replace(self, hostnames=(*others, settings), former=former)

    def zones_of(self, hostnames: Collection[str]) -> list[str]:
        """Return the zones that these hostnames belong to."""
        return sorted(
            {
                item.zone_id
                for item in (*self.hostnames, *self.removed)
                if item.hostname in hostnames
            }
        )

    async def look(self, zone_id: str) -> ZoneView:
        """Return what there is to be seen of a zone."""
        in_zone = [
            item
            for item in (*self.hostnames, *self.removed, *self.former)
            if item.zone_id == zone_id
        ]
        tunnel_ids = {item.protected.tunnel_id for item in in_zone}
        observation = await observe(
            self.client, self.account_id, zone_id, sorted(tunnel_ids)
        )
        # The rule may be there for another Home Assistant alone.
        skips = observation.ruleset.by_ref(SKIP_REF) or any(
            item.protected.layout is Layout.SKIP_AND_BLOCK for item in in_zone
        )
        return ZoneView(
            observation=observation,
            skippable=(
                await self.skip_dry_runs.find_skippable(
                    self.client, zone_id, observation.ruleset
                )
                if skips
                else frozenset()
            ),
        )

    def plan_for(
        self, view: ZoneView, pinned: frozenset[str] | None, extent: Extent
    ) -> Plan:
        """Return what must be done in a zone as it was seen."""
        zone_id = view.observation.zone.id
        in_zone = [item for item in self.hostnames if item.zone_id == zone_id]
        gone = [
            item
            for item in in_zone
            if extent.remove and item.hostname in extent.hostnames
        ] + [item for item in self.removed if item.zone_id == zone_id]
        desired = DesiredZone(
            hostnames=tuple(item.protected for item in in_zone if item not in gone),
            removed=tuple(item.protected for item in gone),
            former=tuple(item.protected for item in self.former),
            pinned=pinned,
            skipped=view.skippable,
            takes_over=extent.takes_over,
        )
        # The shared rules let go of a hostname only once nothing leads to it any more.
        concerned = {*extent.hostnames, *(item.hostname for item in gone)}
        return make_plan(view.observation, desired).limited_to(concerned)

    async def plan(self, zone_id: str, extent: Extent) -> Plan:
        """Return what must be done in a zone; nothing is written."""
        view, pinned = await asyncio.gather(self.look(zone_id), self.read_pins())
        return self.plan_for(view, pinned, extent)

    async def preview(self, extent: Extent) -> Mapping[str, ZoneSync]:
        """Return what a sync would find; nothing is written."""
        return {
            zone_id: ZoneSync(left=await self.plan(zone_id, extent))
            for zone_id in self.zones_of(extent.hostnames)
        }

    async def sync(self, extent: Extent) -> Mapping[str, ZoneSync]:
        """Bring the hostnames to what is wanted; return how it went, per zone."""
        async with self.writing:
            return {
                zone_id: await self._sync_zone(zone_id, extent)
                for zone_id in self.zones_of(extent.hostnames)
            }

    async def _sync_zone(self, zone_id: str, extent: Extent) -> ZoneSync:
        view, pinned = await asyncio.gather(self.look(zone_id), self.read_pins())
        plan = self.plan_for(view, pinned, extent)
        if not plan.steps:
            return ZoneSync(left=plan)
        outcome = await apply_plan(self.client, view.observation, plan)
        if outcome.error and not isinstance(outcome.error, RateLimited):
            # It may have taken effect and it may not: only looking tells. What is one request
            # too many did not, and whoever looks then is one more.
            view = await self.look(zone_id)
        else:
            view = replace(view, observation=outcome.observation)
        return ZoneSync(
            left=self.plan_for(view, pinned, extent),
            applied=outcome.applied,
            error=outcome.error,
        )
