"""Tests of plans for several hostnames: they share the rules, and each has its own drift and problems."""

from dataclasses import replace

from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from tests.engine.builders import (
    BLOCK_REF,
    BUILD_UP,
    HOST,
    ONE,
    OTHER,
    PINS,
    SKIP_REF,
    ZONE_NAME,
    admits,
    after,
    block_rule,
    foreign,
    in_sync,
    names,
    observed,
    protected,
    published,
    record,
    refs,
    serves,
    settled,
    skip_rule,
    wanting,
)


def test_hostnames_share_the_rules() -> None:
    desired = wanting(protected(HOST, "/a/"), protected(OTHER))
    observation = settled(observed(), desired)
    assert refs(observation) == [SKIP_REF, BLOCK_REF]
    block = observation.ruleset.by_ref(BLOCK_REF)
    assert block is not None
    assert read_admissions(block.expression) == {HOST: admits("/a/"), OTHER: admits()}


def test_second_hostname_updates_the_rules_before_it_is_published() -> None:
    plan = make_plan(in_sync(), wanting(protected(), protected(OTHER)))
    assert names(plan.steps) == [
        "update block_rule",
        "create association",
        "update skip_rule",
        "create ingress",
        "create dns_record",
    ]
    assert {step.target for step in plan.steps} == {BLOCK_REF, SKIP_REF, OTHER}


def test_one_of_two_is_taken_down_before_the_rules_change() -> None:
    observation = in_sync(HOST, OTHER)
    plan = make_plan(observation, wanting(protected(), removed=[protected(OTHER)]))
    assert names(plan.steps)[0] == "delete dns_record"
    left = after(observation, plan)
    assert make_plan(left, ONE).in_sync
    assert set(left.associations) == {HOST}


def test_skip_rule_lists_only_hostnames_with_that_layout() -> None:
    desired = wanting(protected(), protected(OTHER, layout=Layout.BLOCK_ONLY))
    skipping = settled(observed(), desired).ruleset.by_ref(SKIP_REF)
    assert skipping is not None
    assert read_admissions(skipping.expression) == {HOST: admits()}


def test_plan_can_be_limited_to_a_hostname() -> None:
    plan = make_plan(observed(), wanting(protected(), protected(OTHER)))
    limited = plan.limited_to({HOST})
    assert names(limited.steps) == BUILD_UP
    assert OTHER not in {step.target for step in limited.steps}
    assert plan.limited_to(set()) == Plan(steps=(), problems=(), exposures=())


def test_problem_of_one_hostname_is_not_that_of_another() -> None:
    """A problem of the zone concerns both."""
    in_the_way = record(OTHER, kind="A", content="192.0.2.1", ours=False)
    both = wanting(protected(), protected(OTHER))

    world = replace(in_sync(HOST, OTHER), records=(record(), in_the_way))
    plan = make_plan(world, both)
    assert plan.drifted(OTHER)
    assert not plan.drifted(HOST)
    assert plan.limited_to({OTHER}).problems == plan.problems
    assert plan.limited_to({HOST}).problems == ()

    paths = [f"/{'a' * 90}{number}/" for number in range(40)]
    desired = wanting(protected(), protected(OTHER, *paths))
    for hostname in (HOST, OTHER):
        long = make_plan(observed(), desired).limited_to({hostname})
        assert ProblemCode.EXPRESSION_TOO_LONG in {item.code for item in long.problems}
    pinned = make_plan(in_sync(), wanting(protected(), pinned=frozenset(PINS)))
    assert pinned.limited_to({HOST}).problems == pinned.problems

    full = make_plan(observed(rules=foreign(5)), both)
    limited = full.limited_to({HOST}).problems
    assert [item.code for item in limited] == ["no_free_rule", "would_expose"]
    assert [item.target for item in limited] == [ZONE_NAME, HOST]


def test_exposure_of_one_hostname_is_not_that_of_another() -> None:
    world = published(skip_rule(), block_rule(), hostnames=[HOST, OTHER])
    plan = make_plan(world, wanting(protected(), protected(OTHER)))
    assert [item.hostname for item in plan.exposures] == [OTHER]
    assert plan.limited_to({OTHER}).exposures == plan.exposures
    assert plan.limited_to({HOST}).exposures == ()


def test_drift_of_one_hostname_is_not_that_of_another() -> None:
    observation = replace(in_sync(HOST, OTHER), associations=(HOST,))
    plan = make_plan(observation, wanting(protected(), protected(OTHER)))
    assert plan.drifted(OTHER)
    assert not plan.drifted(HOST)


def test_hostname_that_must_stay_closed_does_not_keep_another_one_open() -> None:
    """A wildcard would expose what is taken down, so the block rule holds on to it.

    Meanwhile the rule closes the other hostname, whose exempt path was wider than it may be.
    """
    wider = block_expression({HOST: admits("/api/"), OTHER: admits()})
    world = observed(
        rules=[replace(block_rule(), expression=wider)],
        records=[record("*.example.com", ours=False)],
        ingress=[serves(None)],
    )
    desired = wanting(protected(HOST), removed=[protected(OTHER)])

    plan = make_plan(world, desired)
    done = after(world, plan)

    assert exposed(world, HOST)
    assert plan.problems == (
        Problem(
            code=ProblemCode.STILL_REACHABLE,
            target=OTHER,
            detail=f"CNAME *.example.com → {world.records[0].content}",
        ),
    )
    assert not exposed(done, HOST)
    assert not exposed(done, OTHER)
    assert names(make_plan(done, desired).steps) == []
