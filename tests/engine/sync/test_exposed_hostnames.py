"""Tests of plans for exposed hostnames: they are closed first, or reported."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Rule
from custom_components.cloudflare_mtls.engine.rules.exposure import Visitor, exposed
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import ProblemCode
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    MAY_END_THE_RULES,
    ONE,
    OTHER,
    PINS,
    SKIP_REF,
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
    rule,
    serves,
    skip,
    skip_rule,
    states,
    wanting,
)


def test_exposed_hostname_is_closed_before_anything_else() -> None:
    observation = published(hostnames=[HOST, OTHER])
    desired = wanting(protected(HOST), protected(OTHER))
    plan = make_plan(observation, desired)
    assert {item.hostname for item in plan.exposures} == {HOST, OTHER}
    first = list(states(observation, plan))[1]
    assert not exposed(first, HOST)
    assert not exposed(first, OTHER)


def test_our_rules_move_ahead_of_a_foreign_skip_rule() -> None:
    observation = published(skip("ssl"), skip_rule(), block_rule())
    plan = make_plan(observation, ONE)
    assert [item.through and item.through.ref for item in plan.exposures] == ["foreign"]
    left = after(observation, plan)
    assert refs(left) == [SKIP_REF, BLOCK_REF, "foreign"]
    assert exposed(list(states(observation, plan))[1], HOST) is None


def test_hostname_that_no_rule_can_close_is_taken_off_the_internet() -> None:
    """The next plan does not publish it again."""
    observation = published(*foreign(5))
    plan = make_plan(observation, ONE)
    assert names(plan.steps)[0] == "delete dns_record"
    left = after(observation, plan)
    assert exposed(left, HOST) is None
    assert not left.records
    again = make_plan(left, ONE)
    assert again.steps == ()
    assert again.problems


def test_hostname_that_a_foreign_record_exposes_is_reported() -> None:
    observation = observed(
        rules=foreign(5), records=[record(ours=False)], ingress=[serves(None)]
    )
    plan = make_plan(observation, ONE)
    assert [item.hostname for item in plan.exposures] == [HOST]
    assert not plan.in_sync


def test_hostname_that_stays_exposed_is_not_published() -> None:
    """Where no rule is free, an exposed hostname gets no record and no ingress rule of ours."""
    world = observed(
        rules=[rule("block", f'http.host eq "x{n}"', f"x{n}") for n in range(5)],
        records=[record("*.example.com", ours=False)],
        ingress=[serves(None)],
    )

    plan = make_plan(world, wanting(protected(HOST)))

    assert plan.exposures
    assert names(plan.steps) == ["create association"]


def test_pinning_blocks_certificates_from_elsewhere() -> None:
    """A valid certificate that is not pinned counts as one that gets in."""
    pinned = frozenset(PINS[:2])
    admission = admits(pinned=pinned)
    assert exposed(in_sync(), HOST) is None
    exposure = exposed(in_sync(), HOST, admission)
    assert exposure is not None
    assert exposure.visitor is Visitor.UNPINNED_CERTIFICATE

    desired = wanting(protected(), pinned=pinned)
    plan = make_plan(in_sync(), desired)
    assert names(plan.steps) == ["update block_rule", "update skip_rule"]
    assert exposed(after(in_sync(), plan), HOST, admission) is None
    assert exposed(after(in_sync(), plan), HOST, admits(pinned=PINS[:1])) is not None


def test_own_record_that_leads_past_cloudflare_is_replaced() -> None:
    around = record(kind="A", content="192.0.2.1", proxied=False)
    world = replace(in_sync(), records=(around,))
    plan = make_plan(world, ONE)
    assert [item.hostname for item in plan.exposures] == [HOST]
    assert names(plan.steps) == ["delete dns_record", "create dns_record"]
    assert exposed(after(world, plan), HOST) is None


def test_foreign_record_that_leads_past_cloudflare_is_reported() -> None:
    around = record(kind="A", content="192.0.2.1", proxied=False, ours=False)
    plan = make_plan(replace(in_sync(), records=(around,)), ONE)
    assert [item.hostname for item in plan.exposures] == [HOST]
    assert [item.code for item in plan.problems] == [ProblemCode.RECORD_IN_THE_WAY]
    assert plan.steps == ()


@pytest.mark.parametrize("foreign_rule", MAY_END_THE_RULES)
def test_our_rules_move_ahead_of_all_that_may_end_the_evaluation(
    foreign_rule: Rule,
) -> None:
    observation = published(foreign_rule, skip_rule(), block_rule())
    plan = make_plan(observation, ONE)
    assert [item.through for item in plan.exposures] == [foreign_rule]
    assert names(plan.steps) == ["move block_rule", "move skip_rule"]
    left = after(observation, plan)
    assert refs(left) == [SKIP_REF, BLOCK_REF, "foreign"]
    assert make_plan(left, ONE).in_sync
