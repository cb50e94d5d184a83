"""The invariants hold in random worlds."""

from dataclasses import replace

from hypothesis import given, note
import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation
from custom_components.cloudflare_mtls.engine.rules.admissions import (
    Admission,
    read_admissions,
)
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.marks import BLOCK_REF
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.steps import advance
from tests.engine.builders import after, names, states
from tests.engine.searching import NIGHTLY, search
from tests.engine.worlds import (
    HOSTNAMES,
    World,
    foreign_things,
    lets_in,
    others_let_in,
    worlds,
)


def _open(world: World, observation: Observation) -> set[str]:
    return {
        hostname
        for hostname, admission in world.admissions.items()
        if exposed(observation, hostname, admission)
    }


def _never_opens(world: World) -> None:
    plan = make_plan(world.observation, world.desired)
    note(str(names(plan.steps)))
    earlier = _open(world, world.observation)
    for observation in states(world.observation, plan):
        now = _open(world, observation)
        assert now <= earlier
        earlier = now


def _never_opens_wider(world: World) -> None:
    """A hostname that other devices reach must not be opened to visitors without a certificate."""
    plan = make_plan(world.observation, world.desired)
    note(str(names(plan.steps)))
    earlier = world.observation
    for observation in states(world.observation, plan):
        for hostname, admission in world.admissions.items():
            if after_step := exposed(observation, hostname, admission):
                before = exposed(earlier, hostname, admission)
                assert not after_step.is_wider_than(before)
        earlier = observation


def _no_other_device_gains(world: World) -> None:
    """By the sandbox's own reading; where anybody gets in, so does every device, by showing nothing."""
    plan = make_plan(world.observation, world.desired)
    note(str(names(plan.steps)))
    for hostname, admission in world.admissions.items():
        earlier = world.observation
        for observation in states(world.observation, plan):
            if not _lets_anybody_in(earlier, hostname, admission):
                gained = others_let_in(observation, hostname, admission)
                assert gained <= others_let_in(earlier, hostname, admission)
            earlier = observation


def _lets_anybody_in(
    observation: Observation, hostname: str, admission: Admission
) -> bool:
    return (
        _leads_past_cloudflare(observation, hostname)
        or lets_in(observation, hostname, admission) is not None
    )


def _leads_past_cloudflare(observation: Observation, hostname: str) -> bool:
    return any(
        record.name == hostname and not record.proxied and record.tunnel_id is None
        for record in observation.records
    )


def _partial_plans_never_open(world: World) -> None:
    """Take-downs need all of their steps; other hostnames may wait, one by one."""
    whole = make_plan(world.observation, world.desired)
    removed = {item.hostname for item in world.desired.removed}
    for hostname in HOSTNAMES:
        plan = whole.limited_to({hostname, *removed})
        earlier = _open(world, world.observation)
        for observation in states(world.observation, plan):
            now = _open(world, observation)
            assert now <= earlier
            earlier = now


def _closed_is_closed(world: World) -> None:
    """The sandbox's own reading of the rules agrees wherever exposed() finds nothing."""
    plan = make_plan(world.observation, world.desired)
    for observation in states(world.observation, plan):
        for hostname, admission in world.admissions.items():
            if exposed(observation, hostname, admission) is None:
                assert lets_in(observation, hostname, admission) is None


def _converges(world: World) -> None:
    """One run is enough, or two if a person has a problem to solve."""
    plan = make_plan(world.observation, world.desired)
    note(str(names(plan.steps)))
    once = after(world.observation, plan)
    again = make_plan(once, world.desired)
    if plan.problems:
        again = make_plan(after(once, again), world.desired)
    assert names(again.steps) == []


def _leaves_foreign_things(world: World) -> None:
    plan = make_plan(world.observation, world.desired)
    note(str(names(plan.steps)))
    before = foreign_things(world.observation, world.desired)
    assert foreign_things(after(world.observation, plan), world.desired) == before


def _opens_only_what_a_person_opens(world: World) -> None:
    """And that only in the last step of all, by which the block rule lets go of it."""
    adopted = [item.hostname for item in world.desired.removed if item.is_adopted]
    desired = replace(world.desired, opened=frozenset(adopted))
    plan = make_plan(world.observation, desired)
    note(str(names(plan.steps)))
    *closed, last = states(world.observation, plan)
    earlier = _open(world, world.observation)
    for observation in closed:
        now = _open(world, observation)
        assert now <= earlier
        earlier = now
    assert _open(world, last) - earlier <= desired.opened
    before = foreign_things(world.observation, desired)
    assert foreign_things(last, desired) == before
    block = last.ruleset.by_ref(BLOCK_REF)
    if not plan.problems and block:
        assert not desired.opened & read_admissions(block.expression).keys()


def _no_step_does_nothing(world: World) -> None:
    plan = make_plan(world.observation, world.desired)
    observation = world.observation
    for step in plan.steps:
        changed = advance(observation, step)
        assert changed != observation
        observation = changed


INVARIANTS = [
    _never_opens,
    _never_opens_wider,
    _no_other_device_gains,
    _partial_plans_never_open,
    _closed_is_closed,
    _converges,
    _leaves_foreign_things,
    _opens_only_what_a_person_opens,
    _no_step_does_nothing,
]
_ids = [invariant.__name__.strip("_") for invariant in INVARIANTS]


@pytest.mark.parametrize("invariant", INVARIANTS, ids=_ids)
def test_invariant(invariant: object) -> None:
    assert callable(invariant)
    search()(given(worlds())(invariant))()


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("invariant", INVARIANTS, ids=_ids)
def test_invariant_at_length(invariant: object) -> None:
    assert callable(invariant)
    search(NIGHTLY, again=False)(given(worlds())(invariant))()
