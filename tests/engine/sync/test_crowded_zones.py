"""The invariants hold in random zones whose hostnames need several pairs of rules."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, note
from hypothesis.strategies import SearchStrategy
import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.expressions import MAX_LENGTH
from custom_components.cloudflare_mtls.engine.rules.marks import pair_of
from custom_components.cloudflare_mtls.engine.rules.pairs import read_pairs
from custom_components.cloudflare_mtls.engine.rules.quota import rule_quota
from custom_components.cloudflare_mtls.engine.rules.recognition import with_marks
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from custom_components.cloudflare_mtls.engine.sync.steps import advance
from tests.engine.builders import after, names, states
from tests.engine.crowded_worlds import CrowdedWorld, crowded_worlds, getting_in
from tests.engine.searching import NIGHTLY, search


def planned(observation: Observation, desired: DesiredZone) -> Plan:
    """Return the plan for a zone as it is read."""
    plan = make_plan(observation, desired)
    note(str([f"{step.action} {step.target}" for step in plan.steps]))
    note(str(plan.problems))
    return plan


def _read(world: CrowdedWorld) -> CrowdedWorld:
    """Return the world as the engine reads it: rules that lost their marks are recognised."""
    ruleset = with_marks(world.observation.ruleset)
    return replace(world, observation=replace(world.observation, ruleset=ruleset))


def _never_opens(world: CrowdedWorld) -> None:
    """Nobody gets in with less than before, at any hostname of either home."""
    world = _read(world)
    plan = planned(world.observation, world.desired)
    earlier = world.observation
    for observation in states(world.observation, plan):
        for hostname, admission in world.admissions.items():
            if now := exposed(observation, hostname, admission):
                assert not now.is_wider_than(exposed(earlier, hostname, admission))
        earlier = observation


def _no_certificate_gains(world: CrowdedWorld) -> None:
    """Not where it may not get in; by the sandbox's own reading of the rules."""
    world = _read(world)
    plan = planned(world.observation, world.desired)
    hostnames = world.admissions.keys()
    earlier = getting_in(world.observation, hostnames)
    for observation in states(world.observation, plan):
        now = getting_in(observation, hostnames)
        for hostname, fingerprint in now - earlier:
            pinned = world.admissions[hostname].pinned
            may = pinned is None or fingerprint in pinned
            assert fingerprint and may, f"{fingerprint} at {hostname}"
        earlier = now


def _nobody_is_locked_out_meanwhile(world: CrowdedWorld) -> None:
    """A certificate that gets in before and after a plan gets in in every state between."""
    world = _read(world)
    plan = planned(world.observation, world.desired)
    hostnames = [item.hostname for item in world.desired.hostnames]
    *_, last = states(world.observation, plan)
    both = getting_in(world.observation, hostnames) & getting_in(last, hostnames)
    for observation in states(world.observation, plan):
        assert both <= getting_in(observation, hostnames)


def _stays_named(world: CrowdedWorld) -> None:
    """A hostname that a block rule names is named by one in every state, and no skip rule is alone."""
    world = _read(world)
    plan = planned(world.observation, world.desired)
    wanted = {
        item.hostname for item in (*world.desired.hostnames, *world.theirs.hostnames)
    }
    earlier = _named(world.observation) & wanted
    was_alone = _skipped_alone(world.observation, wanted)
    for observation in states(world.observation, plan):
        now = _named(observation) & wanted
        assert earlier <= now
        assert _skipped_alone(observation, wanted) <= was_alone
        earlier = now


def _named(observation: Observation) -> set[str]:
    return {name for pair in read_pairs(observation.ruleset) for name in pair.blocked}


def _skipped_alone(
    observation: Observation, hostnames: set[str]
) -> set[tuple[int, str]]:
    """Return those of the hostnames that a skip rule names, and the block rule of its pair does not."""
    return {
        (pair.number, name)
        for pair in read_pairs(observation.ruleset)
        for name in hostnames & pair.skipping.keys() - pair.blocked.keys()
    }


def _keeps_to_the_limits(world: CrowdedWorld) -> None:
    """No rule is too long, and there are never more of them than the plan of the zone allows."""
    world = _read(world)
    plan = planned(world.observation, world.desired)
    most = max(rule_quota(world.observation.zone), len(world.observation.ruleset.rules))
    for observation in states(world.observation, plan):
        rules = observation.ruleset.rules
        assert len(rules) <= most
        assert all(len(rule.expression) <= MAX_LENGTH for rule in rules)


def _converges(world: CrowdedWorld) -> None:
    """One run is enough, or two if a person has a problem to solve; from every state on the way."""
    world = _read(world)
    plan = planned(world.observation, world.desired)
    for observation in states(world.observation, plan):
        again = planned(observation, world.desired)
        for _ in range(2 if again.problems else 1):
            observation = after(observation, again)
            again = planned(observation, world.desired)
        assert names(again.steps) == []


def _leaves_rules_of_others(world: CrowdedWorld) -> None:
    world = _read(world)
    plan = planned(world.observation, world.desired)
    before, now = (
        [rule for rule in item.ruleset.rules if pair_of(rule.ref) is None]
        for item in (world.observation, after(world.observation, plan))
    )
    assert before == now


def _leaves_the_other_home(world: CrowdedWorld) -> None:
    """Where the other home had nothing to do, it has nothing to do afterwards."""
    world = _read(world)
    if make_plan(world.observation, world.theirs).in_sync:
        plan = planned(world.observation, world.desired)
        assert make_plan(after(world.observation, plan), world.theirs).in_sync


def _no_step_does_nothing(world: CrowdedWorld) -> None:
    world = _read(world)
    observation = world.observation
    for step in planned(observation, world.desired).steps:
        changed = advance(observation, step)
        assert changed != observation
        observation = changed


INVARIANTS = [
    _never_opens,
    _no_certificate_gains,
    _stays_named,
    _keeps_to_the_limits,
    _converges,
    _leaves_rules_of_others,
    _leaves_the_other_home,
    _no_step_does_nothing,
]
# Whoever deletes a rule of ours locks devices out, until the plan is done.
WITHOUT_TAMPERING = [_nobody_is_locked_out_meanwhile]
CASES = [
    *((invariant, crowded_worlds()) for invariant in INVARIANTS),
    *((invariant, crowded_worlds(tampering=False)) for invariant in WITHOUT_TAMPERING),
]
_ids = [invariant.__name__.strip("_") for invariant, _ in CASES]


@pytest.mark.parametrize(("invariant", "worlds"), CASES, ids=_ids)
def test_invariant(
    invariant: Callable[[CrowdedWorld], None], worlds: SearchStrategy[CrowdedWorld]
) -> None:
    search(40)(given(worlds)(invariant))()


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("invariant", "worlds"), CASES, ids=_ids)
def test_invariant_at_length(
    invariant: Callable[[CrowdedWorld], None], worlds: SearchStrategy[CrowdedWorld]
) -> None:
    search(NIGHTLY, again=False)(given(worlds)(invariant))()
