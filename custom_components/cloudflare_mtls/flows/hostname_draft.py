"""Draft a protected hostname, without forms: plan, decide, apply."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from ..const import CONF_HOSTNAME
from ..engine.access.barriers import Barrier
from ..engine.api.errors import EngineError, PlanChanged
from ..engine.api.models import Tunnel
from ..engine.rules.adoption import MadeByHand
from ..engine.rules.visitors import Visitor
from ..engine.sync.plan import Plan
from ..engine.sync.problems import ProblemCode
from ..engine.sync.reach import Doubt
from ..engine.sync.reconciler import Extent, Reconciler
from ..engine.sync.settings import HostnameSettings, ProtectedHostname
from ..engine.sync.steps import address_record
from ..wording import Message, describe, describe_problem
from .allowed_devices import Access, ChangedAccess
from .chosen_tunnel import ChosenTunnel, look_at


@dataclass(frozen=True, kw_only=True)
class HostnameDraft:
    """Settings of a protected hostname, and the changes that they need at Cloudflare."""

    chosen: ChosenTunnel
    settings: HostnameSettings
    # What was made by hand: all that a person is asked about, and the part that becomes ours.
    offered: frozenset[MadeByHand]
    takes_over: frozenset[MadeByHand]
    plan: Plan

    # What stands in front of a hostname that is there already, and stays; None for others.
    barrier: Barrier | None = None

    @property
    def asks_for_rule(self) -> bool:
        """Return whether a person has to add the ingress rule to a file, or to an app's options."""
        return self.chosen.configuration is None and self.barrier is None

    @property
    def doubt(self) -> Doubt | None:
        """Return why visitors may not get to the hostname, as far as is known."""
        return self.chosen.find_doubt(self.settings.hostname)

    @property
    def shuts_out(self) -> bool:
        """Return whether people can use the hostname today without a certificate.

        Where somebody made such rules by hand, browsers and apps are shut out already.
        """
        return not self.offered and any(
            exposure.hostname == self.settings.hostname
            and exposure.visitor is Visitor.NO_CERTIFICATE
            for exposure in self.plan.exposures
        )

    @property
    def access(self) -> Access:
        """Return which companion devices may use the hostname, and which may until now."""
        current, devices = self.chosen.account.current, self.settings.protected.devices
        if current is None:
            return Access(devices=devices)
        return ChangedAccess(devices=devices, before=current.protected.devices)

    @property
    def former_local_tunnel(self) -> Tunnel | None:
        """Return the tunnel that the hostname is moved away from, if a file or an app manages that one."""
        account = self.chosen.account
        former_id = account.current.protected.tunnel_id if account.current else None
        former = account.tunnels.by_id.get(former_id or "")
        if former is None or former.remotely_managed:
            return None
        return None if former.id == self.settings.protected.tunnel_id else former

    def shows(self, devices: Mapping[str, str]) -> bool:
        """Return whether a person was shown the right ones, of the devices that there are now."""
        shown = self.chosen.account.devices
        return self.access.named(devices) == self.access.named(shown)

    async def decided(self, *, takes_over: bool) -> HostnameDraft | Message:
        """Return the draft with what a person decided of the offer, or what is in the way."""
        decided = replace(
            self, takes_over=self.offered if takes_over else frozenset[MadeByHand]()
        )
        try:
            decided = await decided.planned()
        except EngineError as err:
            return describe(err)
        return _problem_of(decided.plan) or decided

    async def planned(self) -> HostnameDraft:
        """Return the draft with the changes that it needs now; raise EngineError."""
        plan = await self._reconciler.plan(self.settings.zone_id, self._extent)
        return replace(self, plan=plan)

    async def renewed(self, devices: Mapping[str, str]) -> HostnameDraft | Message:
        """Return the draft as it would begin now, with these devices, or what is in the way."""
        chosen, settings = self.chosen, self.settings
        if settings.protected.devices:
            left = settings.protected.devices & devices.keys()
            if not left:
                return Message("devices_gone")
            settings = settings.limited_to(left)
        account = replace(chosen.account, devices=devices)
        seen = await look_at(account, chosen.zone, chosen.tunnel)
        return (
            seen
            if isinstance(seen, Message)
            else await offer(seen, settings, barrier=self.barrier)
        )

    async def apply(
        self, is_outdated: Callable[[], bool], begin: Callable[[], Awaitable[None]]
    ) -> None:
        """Make the changes that were shown, and no others; raise EngineError.

        The caller has waited for other writers, and keeps them away. begin is called before the
        first change.
        """
        # Settings or devices may have changed while the caller waited.
        if is_outdated():
            raise PlanChanged
        confirmed = replace(self.plan, adoptable=self.offered)
        extent = replace(self._extent, confirmed={self.settings.zone_id: confirmed})
        outcome = await self._reconciler.sync(extent, begin)
        outcome.raise_if_stopped()

    @property
    def _reconciler(self) -> Reconciler:
        return _reconciler(self.chosen, self.settings, self.barrier)

    @property
    def _extent(self) -> Extent:
        return Extent(hostnames={self.settings.hostname}, takes_over=self.takes_over)


async def offer(
    chosen: ChosenTunnel, settings: HostnameSettings, *, barrier: Barrier | None = None
) -> HostnameDraft | Message:
    """Return a draft that takes over what was made by hand, or what is in the way."""
    if message := _serves_otherwise(chosen, settings.protected):
        return message
    reconciler = _reconciler(chosen, settings, barrier)
    try:
        plan = await reconciler.offer(settings.zone_id, {settings.hostname})
    except EngineError as err:
        return describe(err)
    return _problem_of(plan) or HostnameDraft(
        chosen=chosen,
        settings=settings,
        offered=plan.adoptable,
        takes_over=plan.adoptable,
        plan=plan,
        barrier=barrier,
    )


def _reconciler(
    chosen: ChosenTunnel, settings: HostnameSettings, barrier: Barrier | None
) -> Reconciler:
    """Return the reconciler for settings; a record that nobody has made yet will be ours.

    With a barrier, the hostname is there already, though maybe only a wildcard leads to it.
    """
    reconciler, hostname = chosen.account.reconciler_for(settings), settings.hostname
    is_led_there = address_record(chosen.records, hostname) or chosen.serves(hostname)
    if chosen.account.current or is_led_there or barrier is not None:
        return reconciler
    return replace(reconciler, marked=reconciler.marked | {hostname})


def _serves_otherwise(chosen: ChosenTunnel, item: ProtectedHostname) -> Message | None:
    """Return that the tunnel serves the hostname from something else already, if so."""
    current = chosen.account.current
    services = {item.service, *([current.protected.service] if current else [])}
    known = chosen.configuration
    rule = known.rule_for(item.hostname) if known else None
    if rule and rule.service not in services:
        return in_use(item.hostname, rule.service)
    return None


def _problem_of(plan: Plan) -> Message | None:
    """Return what only a person can clear away before a plan can be carried out."""
    for problem in plan.problems:
        if problem.code is ProblemCode.NOT_SERVED:
            # Nobody gets in meanwhile, and a repair says so.
            continue
        if problem.code is ProblemCode.RECORD_IN_THE_WAY:
            return in_use(problem.target, problem.detail)
        return describe_problem(problem)
    return None


def in_use(hostname: str, by: str) -> Message:
    """Return that something else is at a hostname."""
    return Message("hostname_in_use", {"hostname": hostname, "by": by}, CONF_HOSTNAME)
