"""Brings the hostnames of an account to the settings that a person chose: one writer an account."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from ..api.client import CloudflareClient
from ..api.errors import EngineError, PlanChanged, RateLimited, TokenRejected
from ..api.models import Observation
from ..certificates.fetch import CertificateList
from ..rules.adoption import MadeByHand
from ..rules.exposure import records_to_an_origin
from ..rules.marks import is_skip_ref
from ..rules.skippable import Skippable
from .accepted import Accepted
from .apply import apply_plan
from .desired import DesiredZone
from .dry_runs import SkipDryRuns
from .header_rules import HeaderRules, HeaderView
from .observe import observe
from .pins import Pins
from .plan import Plan, make_plan
from .problems import Problem
from .settings import HostnameSettings, Layout
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class ZoneView:
    """What was observed of a zone, what its skip rules may skip, and whether it takes a header rule."""

    observation: Observation
    skippable: frozenset[Skippable]
    takes_header_rule: bool = False


@dataclass(frozen=True, kw_only=True)
class ZoneSync:
    """How a sync of a zone ended: what was done, what stopped it, and what is left to do.

    The view is what is known of the zone after that; it need not be read again.
    """

    view: ZoneView
    left: Plan
    applied: tuple[Step, ...] = ()
    error: EngineError | None = None


@dataclass(frozen=True, kw_only=True)
class AccountSync:
    """How a sync ended in each zone, by its id; unseen zones could not even be looked at."""

    zones: Mapping[str, ZoneSync]
    unseen: Mapping[str, EngineError]

    @property
    def errors(self) -> tuple[EngineError, ...]:
        """Return what stopped the sync of a zone, before it began or after."""
        stopped = (zone.error for zone in self.zones.values() if zone.error)
        return (*self.unseen.values(), *stopped)

    @property
    def left(self) -> Mapping[str, Plan]:
        """Return what is left to do in each zone that was looked at."""
        return {zone_id: zone.left for zone_id, zone in self.zones.items()}

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Return what is known of the zones that were looked at."""
        return tuple(zone.view.observation for zone in self.zones.values())

    @property
    def in_sync(self) -> bool:
        """Return whether all is known to be as it must be."""
        return not self.unseen and all(plan.in_sync for plan in self.left.values())

    @property
    def is_down(self) -> bool:
        """Return whether what was removed is gone, but for what local tunnels' files may name."""
        return not self.unseen and all(plan.is_down for plan in self.left.values())

    def raise_if_unseen(self) -> None:
        """Raise the first EngineError that kept a zone from being looked at, if none could be."""
        if not self.zones:
            self.raise_if_stopped()

    def left_open(self, settings: HostnameSettings) -> tuple[Problem, ...]:
        """Return why a hostname lets somebody in who must not, if only a person can solve that."""
        plan = self.left.get(settings.zone_id)
        return plan.left_open(settings.hostname) if plan else ()

    def may_be_reached(self, settings: HostnameSettings) -> bool:
        """Return whether something may still lead visitors to a hostname, whom the rules may block."""
        zone = self.zones.get(settings.zone_id)
        return zone is None or bool(
            records_to_an_origin(zone.view.observation, settings.hostname)
        )

    def raise_if_stopped(self) -> None:
        """Raise the first EngineError that stopped the sync of a zone, if one did."""
        if self.errors:
            raise self.errors[0]


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Which hostnames to bring to their settings, or to remove, and what a person agreed to.

    opens: whether everybody is to reach removed ones again that a tunnel served before; a person
        said so.
    rules_only: those of the hostnames for which nothing but rules may be written.
    takes_over: what was made by hand for them and becomes ours; None where nobody is asked.
    confirmed: the plans that a person saw, by zone, in which case nothing else is done; None
        where nobody is asked.
    goes_on: whether the others are brought to their settings where a hostname stops a plan; a
        person who asked reads that nothing else was changed.
    """

    hostnames: Collection[str]
    remove: bool = False
    opens: bool = False
    rules_only: Collection[str] = ()
    takes_over: frozenset[MadeByHand] | None = None
    confirmed: Mapping[str, Plan] | None = None
    goes_on: bool = False

    def covers(self, zone_id: str, plan: Plan) -> bool:
        """Return whether a zone's plan may be carried out without asking again."""
        return self.confirmed is None or plan.is_covered_by(
            self.confirmed.get(zone_id, Plan())
        )


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Observes, plans and applies for the hostnames of one account.

    It needs all of the account's hostnames, because the hostnames of a zone share its rules:
    those to protect, those that were removed and still have to be taken down, and former
    settings of hostnames that were changed. Marked are those whose DNS record was seen with our
    mark. Files are the local tunnels that served a hostname once, whose files may still name it;
    released are those that do not any more, each with its tunnel. Without pins, every certificate of
    the account is accepted, and none at limited hostnames. Its methods raise EngineError where they
    cannot see what must be done.
    """

    client: CloudflareClient
    account_id: str
    hostnames: tuple[HostnameSettings, ...]
    removed: tuple[HostnameSettings, ...] = ()
    former: tuple[HostnameSettings, ...] = ()
    marked: frozenset[str] = frozenset()
    files: Mapping[str, Collection[str]] = field(default_factory=dict)
    released: frozenset[tuple[str, str]] = frozenset()
    pins: Pins | None = None
    # Shared by all reconcilers of a client, so that Cloudflare is not asked the same again.
    skip_dry_runs: SkipDryRuns = field(default_factory=SkipDryRuns)
    header_rules: HeaderRules = field(default_factory=HeaderRules)

    def with_hostname(self, settings: HostnameSettings) -> Reconciler:
        """Return a reconciler of the same account with other settings of one hostname.

        One that was removed before is no longer to be taken down.
        """
        former = tuple(
            item
            for item in (*self.hostnames, *self.removed)
            if item.hostname == settings.hostname
        )
        return replace(
            self,
            hostnames=(*_without(self.hostnames, former), settings),
            removed=_without(self.removed, former),
            former=former,
        )

    def zones_of(self, hostnames: Collection[str]) -> list[str]:
        """Return the ids of the zones that these hostnames belong to."""
        return sorted(
            {
                item.zone_id
                for item in (*self.hostnames, *self.removed)
                if item.hostname in hostnames
            }
        )

    def unasked(self, hostnames: Collection[str]) -> Extent:
        """Return what may be written for hostnames that nobody asked to sync.

        Only those that are kept in sync are led to their tunnels: a person may have taken the
        others down.
        """
        not_kept = {item.hostname for item in self.hostnames if not item.keep_in_sync}
        return Extent(hostnames=hostnames, rules_only=not_kept, goes_on=True)

    async def look(self, zone_id: str, *, anew: bool = False) -> ZoneView:
        """Return what there is to see of a zone; anew asks for its header rules to be read again, too."""
        in_zone = [
            item
            for item in (*self.hostnames, *self.removed, *self.former)
            if item.zone_id == zone_id
        ]
        reading = asyncio.ensure_future(self._observe(zone_id, in_zone))
        reading_headers = asyncio.ensure_future(
            self.header_rules.look(self.client, zone_id, anew=anew)
        )
        # One that fails leaves no other one under way.
        await asyncio.gather(reading, reading_headers, return_exceptions=True)
        (observation, skippable), headers = reading.result(), reading_headers.result()
        return ZoneView(
            observation=replace(observation, header_rules=headers.ruleset),
            skippable=skippable,
            takes_header_rule=headers.is_writable,
        )

    async def _observe(
        self, zone_id: str, in_zone: Iterable[HostnameSettings]
    ) -> tuple[Observation, frozenset[Skippable]]:
        """Return what decides who gets in, and what the zone's skip rule may skip."""
        tunnel_ids = {item.protected.tunnel_id for item in in_zone}
        for item in in_zone:
            # Those of hostnames that are protected are read once these are removed.
            if item in self.removed:
                tunnel_ids |= set(self.files.get(item.hostname, ()))
        observation = await observe(
            self.client, self.account_id, zone_id, sorted(tunnel_ids)
        )
        # A skip rule may be there for another Home Assistant alone.
        skips = any(is_skip_ref(rule.ref) for rule in observation.ruleset.rules) or any(
            item.protected.layout is Layout.SKIP_AND_BLOCK for item in in_zone
        )
        skippable = frozenset[Skippable]()
        if skips:
            skippable = await self.skip_dry_runs.find_skippable(
                self.client, zone_id, observation.ruleset
            )
        return observation, skippable

    def plan_for(self, view: ZoneView, accepted: Accepted, extent: Extent) -> Plan:
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
            marked=self.marked,
            files=self.files,
            released=self.released,
            opened=frozenset(
                item.hostname
                for item in gone
                if extent.opens
                and item.hostname in extent.hostnames
                and item.protected.is_adopted
            ),
            accepted=accepted,
            skipped=view.skippable,
            takes_over=extent.takes_over,
            header_mark=self.header_rules.mark if view.takes_header_rule else None,
        )
        # A hostname leaves the shared rules only once nothing leads to it.
        concerned = {*extent.hostnames, *(item.hostname for item in gone)}
        plan = make_plan(view.observation, desired).limited_to(concerned)
        return plan.without_ways_to(extent.rules_only)

    async def plan(self, zone_id: str, extent: Extent) -> Plan:
        """Return what must be done in a zone; nothing is written."""
        view, accepted = await self._look_and_read(zone_id)
        return self.plan_for(view, accepted, extent)

    async def offer(self, zone_id: str, hostnames: Collection[str]) -> Plan:
        """Return what must be done in a zone if all that was made by hand is taken over."""
        view, accepted = await self._look_and_read(zone_id)
        extent = Extent(hostnames=hostnames, takes_over=frozenset())
        found = self.plan_for(view, accepted, extent).adoptable
        return self.plan_for(view, accepted, replace(extent, takes_over=found))

    async def preview(self, extent: Extent) -> AccountSync:
        """Return what a sync would find in each zone; nothing is written."""
        return await self._each_zone(extent, self._preview_zone)

    async def sync(
        self, extent: Extent, begin: Callable[[], Awaitable[None]] | None = None
    ) -> AccountSync:
        """Bring the hostnames to their settings; return how it ended in each zone.

        begin is called before anything is written, once it is known that it may be.
        Two writers of one account would overwrite each other's lists: the caller sees to it
        that nobody else writes, from the moment when the settings were taken.
        """
        return await self._each_zone(extent, partial(self._sync_zone, begin))

    async def _each_zone(
        self, extent: Extent, act: Callable[[str, Extent], Awaitable[ZoneSync]]
    ) -> AccountSync:
        """Act on one zone after the other; one that cannot be looked at stops no other.

        Where Cloudflare answers nobody, the zones that are left are unseen; raises EngineError if
        that are all.
        """
        zones, unseen = dict[str, ZoneSync](), dict[str, EngineError]()
        zone_ids = self.zones_of(extent.hostnames)
        for place, zone_id in enumerate(zone_ids):
            try:
                zones[zone_id] = await act(zone_id, extent)
            except (TokenRejected, RateLimited) as err:
                if not zones:
                    raise
                unseen |= dict.fromkeys(zone_ids[place:], err)
                break
            except EngineError as err:
                unseen[zone_id] = err
        return AccountSync(zones=zones, unseen=unseen)

    async def _preview_zone(self, zone_id: str, extent: Extent) -> ZoneSync:
        view, accepted = await self._look_and_read(zone_id)
        return ZoneSync(view=view, left=self.plan_for(view, accepted, extent))

    async def _sync_zone(
        self,
        begin: Callable[[], Awaitable[None]] | None,
        zone_id: str,
        extent: Extent,
    ) -> ZoneSync:
        view, accepted = await self._look_and_read(zone_id)
        plan = self.plan_for(view, accepted, extent)
        if not extent.covers(zone_id, plan):
            return ZoneSync(view=view, left=plan, error=PlanChanged())
        if begin:
            await begin()
        if not plan.steps:
            return ZoneSync(view=view, left=plan)
        return await self._apply(view, accepted, extent, plan)

    async def _apply(
        self, view: ZoneView, accepted: Accepted, extent: Extent, plan: Plan
    ) -> ZoneSync:
        """Carry out a plan; where a hostname stops it, do without that hostname what is left."""
        outcome = await apply_plan(self.client, view.observation, plan)
        headers = HeaderView(
            ruleset=outcome.observation.header_rules,
            is_writable=view.takes_header_rule and not outcome.header_error,
        )
        self.header_rules.keep(view.observation.zone.id, headers)
        if outcome.error is None or isinstance(outcome.error, RateLimited):
            # A rate-limited write did not happen; do not spend another request on looking.
            view = replace(
                view,
                observation=outcome.observation,
                takes_header_rule=headers.is_writable,
            )
        else:
            # The write may have taken effect or not; only another look shows which.
            view = await self.look(view.observation.zone.id)
        done = ZoneSync(
            view=view,
            left=self.plan_for(view, accepted, extent),
            applied=outcome.applied,
            error=outcome.error,
        )
        past = self._past(outcome.stuck_at, extent, view.observation)
        if past is None:
            return done
        others, rest = past
        plan = others.plan_for(view, accepted, rest)
        if not plan.steps:
            return done
        further = await others._apply(view, accepted, rest, plan)  # noqa: SLF001
        return replace(
            done,
            view=further.view,
            left=self.plan_for(further.view, accepted, extent),
            applied=(*done.applied, *further.applied),
        )

    def _past(
        self, stuck_at: str | None, extent: Extent, observation: Observation
    ) -> tuple[Reconciler, Extent] | None:
        """Return how to go on without the hostname that a plan got stuck at, None if it must not.

        The rules keep everybody out of one that cannot be taken down, as long as something may
        lead to it.
        """
        if stuck_at is None or not extent.goes_on:
            return None
        stuck = [item for item in self.removed if item.hostname == stuck_at]
        if stuck:
            held = tuple(
                replace(item, protected=replace(item.protected, published=False))
                for item in stuck
                if records_to_an_origin(observation, item.hostname)
            )
            others = replace(
                self,
                hostnames=(*self.hostnames, *held),
                removed=_without(self.removed, stuck),
            )
        else:
            others = self
        return others, replace(extent, rules_only={*extent.rules_only, stuck_at})

    @property
    def lists_certificates(self) -> bool:
        """Return whether the rules list certificates, and do not accept every one."""
        return (self.pins is not None and self.pins.everywhere) or any(
            item.protected.is_limited for item in (*self.hostnames, *self.removed)
        )

    def accepted(self, listed: CertificateList) -> Accepted:
        """Return which certificates the rules accept, of those that Cloudflare lists."""
        if self.pins is None or not self.lists_certificates:
            return Accepted()
        return self.pins.accepted(listed)

    async def read_accepted(self) -> Accepted:
        """Return which certificates the rules accept now; raise EngineError."""
        if self.pins is None or not self.lists_certificates:
            return Accepted()
        return await self.pins.read(self.client)

    async def _look_and_read(self, zone_id: str) -> tuple[ZoneView, Accepted]:
        return await asyncio.gather(self.look(zone_id, anew=True), self.read_accepted())


def _without(
    settings: Iterable[HostnameSettings], left_out: Collection[HostnameSettings]
) -> tuple[HostnameSettings, ...]:
    return tuple(item for item in settings if item not in left_out)
