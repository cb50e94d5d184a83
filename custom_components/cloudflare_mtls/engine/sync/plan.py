"""Observed against desired: the ordered steps that remove the drift (pure)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..api.models import Observation
from ..rules.adoption import MadeByHand
from ..rules.exposure import Exposure
from ..rules.pairs import read_pairs
from ..rules.placement import Placement
from .associations import associate, dissociate
from .desired import DesiredZone
from .header_steps import FullHeaderRules, find_full_list, write_header_rule
from .ingress_steps import clear_former_tunnel, serve
from .neighbours import with_neighbours
from .pair_steps import write_block_rules, write_skip_rules
from .placing import with_placement
from .problems import Problem, ProblemCode
from .record_steps import lead_to_tunnel
from .rule_adoption import discard_rules, find_made_by_hand
from .rule_steps import delete_rule, open_to_everybody, report_unplaced
from .safe_steps import SafeSteps
from .steps import Action, RecordStep, Step, is_shared
from .unpublish import close, say_what_is_left, unpublish


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Ordered steps that remove drift; no prefix of them opens a hostname."""

    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    # What was made by hand and could become ours; only looked for where a person is asked.
    adoptable: frozenset[MadeByHand] = frozenset()
    # What keeps the header rule from being written; nothing waits for it.
    full_header_rules: FullHeaderRules | None = None
    # Which pair of rules protects which hostname: it knows how many certificates still fit.
    placement: Placement = field(default_factory=Placement)

    @property
    def in_sync(self) -> bool:
        """Return whether nothing is left to do, by us or by a person."""
        return not self.steps and not self.problems and not self.exposures

    @property
    def takes_over(self) -> bool:
        """Return whether something that was made by hand becomes ours."""
        return any(step.action.takes_over for step in self.steps)

    def is_covered_by(self, confirmed: Plan) -> bool:
        """Return whether a person who confirmed a plan that was shown agreed to this one.

        Nothing may be different, except that all of it may be done by now, or that somebody
        removed what was not to be taken over.
        """
        is_same = (self.steps, self.problems, self.exposures) == (
            confirmed.steps,
            confirmed.problems,
            confirmed.exposures,
        )
        return (is_same or self.in_sync) and self.adoptable <= confirmed.adoptable

    @property
    def is_down(self) -> bool:
        """Return whether what was removed is gone, but for what local tunnels' files may name."""
        left = {problem.code for problem in self.problems}
        return left <= {ProblemCode.STILL_IN_FILE} and not (
            self.steps or self.exposures
        )

    def drifted(self, hostname: str) -> bool:
        """Return whether something that concerns this hostname is not as it must be."""
        return self._affects_all or hostname in self._affected

    @cached_property
    def _affects_all(self) -> bool:
        """Return whether a shared rule changes, or a problem is every hostname's."""
        return any(map(is_shared, self.steps)) or any(
            problem.code.affects_zone for problem in self.problems
        )

    @cached_property
    def _affected(self) -> frozenset[str]:
        """Return what has a step, a problem or an exposure of its own: an account asks for each hostname."""
        return frozenset(
            (
                *(step.target for step in self.steps),
                *(problem.target for problem in self.problems),
                *(exposure.hostname for exposure in self.exposures),
            )
        )

    def exposes(self, hostname: str) -> bool:
        """Return whether somebody gets in at a hostname who must not."""
        return any(item.hostname == hostname for item in self.exposures)

    def left_open(self, hostname: str) -> tuple[Problem, ...]:
        """Return what keeps an exposed hostname from being closed, as far as is known."""
        return self.limited_to({hostname}).problems if self.exposes(hostname) else ()

    def what_is_left(self, hostname: str) -> Problem | None:
        """Return what still leads to a removed hostname, or may do so, if something does."""
        codes = (
            ProblemCode.STILL_SERVED,
            ProblemCode.STILL_REACHABLE,
            ProblemCode.STILL_IN_FILE,
        )
        problems = [item for item in self.problems if item.target == hostname]
        return next((item for item in problems if item.code in codes), None)

    def has_record(self, hostname: str) -> bool:
        """Return whether the hostname already has a DNS record, so that it can be visited."""
        return not any(
            isinstance(step, RecordStep)
            and step.action is Action.CREATE
            and step.target == hostname
            for step in self.steps
        )

    def limited_to(self, hostnames: Collection[str]) -> Plan:
        """Return the plan without what concerns other hostnames only.

        Rules are shared, so their steps stay; without the rest no hostname can open.
        """
        if not hostnames:
            return Plan()
        return Plan(
            steps=tuple(
                step
                for step in self.steps
                if step.target in hostnames or is_shared(step)
            ),
            problems=tuple(
                problem
                for problem in self.problems
                if problem.target in hostnames or problem.code.affects_zone
            ),
            exposures=tuple(
                exposure
                for exposure in self.exposures
                if exposure.hostname in hostnames
            ),
            adoptable=self.adoptable,
            full_header_rules=self.full_header_rules,
            placement=self.placement,
        )

    def without_ways_to(self, hostnames: Collection[str]) -> Plan:
        """Return the plan with nothing but rules for these hostnames; no hostname can open."""
        steps = tuple(
            step
            for step in self.steps
            if is_shared(step) or step.target not in hostnames
        )
        return replace(self, steps=steps)


def make_plan(observation: Observation, desired: DesiredZone) -> Plan:
    """Return the steps from what is observed to what is desired, safe in every prefix.

    A hostname that the rules cannot close is taken off the internet first. What was made by
    hand for our hostnames, and ours replaces, becomes ours where that is desired by name, and
    else stays.
    """
    desired = with_neighbours(observation, desired)
    desired = replace(desired, in_files=_in_files(observation, desired))
    steps = SafeSteps(observation, desired.admissions)
    exposures = tuple(
        steps.exposures[item.hostname]
        for item in desired.hostnames
        if item.hostname in steps.exposures
    )
    is_asked = desired.takes_over is not None
    adoptable = (
        find_made_by_hand(observation, desired) if is_asked else frozenset[MadeByHand]()
    )
    placement = _remove_drift(steps, desired)
    if still_exposed := steps.exposures.keys() - desired.opened:
        steps = SafeSteps(observation, desired.admissions)
        for item in desired.hostnames:
            if item.hostname in still_exposed:
                close(steps, desired, item)
        placement = _remove_drift(steps, desired)
    return Plan(
        steps=tuple(steps.steps),
        problems=_without_consequences(steps.problems),
        exposures=exposures,
        adoptable=adoptable,
        full_header_rules=find_full_list(observation, desired),
        placement=placement,
    )


def _in_files(
    observation: Observation, desired: DesiredZone
) -> Mapping[str, Collection[str]]:
    """Return the removed hostnames that files of local tunnels may still name, with these tunnels.

    Of a tunnel that could not be read, nobody knows how it is managed. The file of one that is gone
    may be used for another tunnel.
    """
    protected = {item.hostname for item in desired.hostnames}
    found: dict[str, Collection[str]] = {}
    for item in desired.removed:
        tunnels = set(desired.files.get(item.hostname, ()))
        if item.tunnel_id not in observation.gone_tunnels:
            tunnels.add(item.tunnel_id)
        tunnels = {
            tunnel_id
            for tunnel_id in tunnels - observation.configurations.keys()
            if (item.hostname, tunnel_id) not in desired.released
        }
        if tunnels and item.hostname not in desired.opened | protected:
            found[item.hostname] = sorted(tunnels)
    return found


def _without_consequences(problems: Collection[Problem]) -> tuple[Problem, ...]:
    """Return problems without the rules that are kept because a hostname can still be reached."""
    reachable = _still_reachable(problems)
    return tuple(
        problem
        for problem in problems
        if problem.code is not ProblemCode.WOULD_EXPOSE
        or problem.target not in reachable
    )


def _still_reachable(problems: Iterable[Problem]) -> set[str]:
    """Return the hostnames that something of others still leads home."""
    return {
        problem.target
        for problem in problems
        if problem.code in (ProblemCode.STILL_SERVED, ProblemCode.STILL_REACHABLE)
    }


def _remove_drift(steps: SafeSteps, desired: DesiredZone) -> Placement:
    """Add everything that is needed; return which pair of rules protects which hostname.

    The shared rules are rewritten only once nothing leads any more to the hostnames that
    they will no longer name.
    """
    for item in desired.removed:
        unpublish(steps, desired, item)
        if item.hostname not in desired.opened:
            say_what_is_left(steps, desired, item)
    desired = with_placement(steps.state, desired)
    if desired.blocked:
        _build_up(steps, desired)
        open_to_everybody(steps, desired)
    else:
        _tear_down(steps, desired)
    write_header_rule(steps, desired)
    return desired.placement


def _build_up(steps: SafeSteps, desired: DesiredZone) -> None:
    """Add, in this order: block rules, associations, skip rules, ingress, DNS.

    The rules also close what is off the internet, before its record and its ingress rule go.
    """
    report_unplaced(steps, desired)
    write_block_rules(steps, desired)
    placed = [item for item in desired.hostnames if desired.has_rules(item)]
    for item in placed:
        associate(steps, item)
    write_skip_rules(steps, desired)
    discard_rules(steps, desired)
    _dissociate(steps, desired)
    for item in desired.hostnames:
        if not item.published:
            unpublish(steps, desired, item)
    published = [item for item in placed if item.published]
    for item in published:
        serve(steps, desired, item)
    for item in published:
        lead_to_tunnel(steps, desired, item)
    for item in desired.former:
        clear_former_tunnel(steps, desired, item)


def _tear_down(steps: SafeSteps, desired: DesiredZone) -> None:
    """Remove, in this order: skip rules, associations, block rules."""
    pairs = read_pairs(steps.state.ruleset)
    for pair in pairs:
        delete_rule(steps, pair.skip_ref)
    _dissociate(steps, desired)
    for pair in pairs:
        delete_rule(steps, pair.block_ref, may_open=desired.opened)


def _dissociate(steps: SafeSteps, desired: DesiredZone) -> None:
    """Ask visitors of removed hostnames for no certificate, unless they still need one."""
    reachable = _still_reachable(steps.problems)
    for item in desired.removed:
        if item.hostname not in reachable and not item.was_asked:
            dissociate(steps, item)
