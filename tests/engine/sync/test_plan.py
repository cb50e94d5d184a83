"""Tests of the steps that build up, change and tear down a hostname: the least, in the right order."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation, Ruleset
from custom_components.cloudflare_mtls.engine.rules.exposure import (
    Exposure,
    Visitor,
    exposed,
)
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from custom_components.cloudflare_mtls.engine.sync.steps import Action, Kind
from tests.engine.builders import (
    BLOCK_REF,
    BUILD_UP,
    CATCH_ALL,
    HOST,
    ONE,
    OTHER,
    SKIP_REF,
    TEAR_DOWN,
    IngressStep,
    RecordStep,
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
    settled,
    wanting,
)


@pytest.mark.parametrize("ruleset", [Ruleset(), Ruleset(id="rs")])
def test_build_up_writes_the_rules_before_the_record(ruleset: Ruleset) -> None:
    plan = make_plan(replace(observed(), ruleset=ruleset), ONE)
    assert names(plan.steps) == BUILD_UP
    assert not plan.problems
    assert not plan.exposures


def test_targets_of_a_build_up() -> None:
    """Rules are named by their refs, everything else by the hostname."""
    plan = make_plan(observed(), ONE)
    assert [step.target for step in plan.steps] == [
        BLOCK_REF,
        HOST,
        SKIP_REF,
        HOST,
        HOST,
    ]


def test_steps_that_publish_carry_the_admissions() -> None:
    """The exposure is judged again before such a step is written."""
    desired = wanting(protected(HOST, "/api/webhook/"), pinned=frozenset("a" * 64))
    plan = make_plan(observed(), desired)
    leading = [
        step for step in plan.steps if isinstance(step, IngressStep | RecordStep)
    ]
    admission = admits("/api/webhook/", pinned="a" * 64)
    assert [step.admission for step in leading] == [admission, admission]
    # Steps that unpublish are judged too: a wildcard may be behind them.
    down = make_plan(in_sync(), wanting(removed=[protected()])).steps[:2]
    assert [getattr(step, "admission", None) for step in down] == [admits(), admits()]


def test_new_skip_rule_goes_where_the_block_rule_is() -> None:
    """It does not go ahead of the rules of others."""
    world = published(*foreign(2), block_rule())
    assert refs(settled(world, ONE)) == ["nas-0", "nas-1", SKIP_REF, BLOCK_REF]


def test_skip_comes_directly_before_block_and_both_before_the_rest() -> None:
    observation = settled(observed(rules=foreign(2)), ONE)
    assert refs(observation) == [SKIP_REF, BLOCK_REF, "nas-0", "nas-1"]


def test_plan_for_one_hostname_knows_how_many_certificates_still_fit() -> None:
    """All hostnames share the rules."""
    plan = make_plan(observed(), wanting(protected(), protected(OTHER)))
    assert plan.placement.admissions.keys() == {HOST, OTHER}
    assert plan.limited_to({HOST}).placement == plan.placement


def test_in_sync_means_no_steps() -> None:
    observation = settled(observed(), ONE)
    plan = make_plan(observation, ONE)
    assert plan.in_sync
    assert not plan.drifted(HOST)
    assert make_plan(in_sync(), ONE).in_sync


@pytest.mark.parametrize(
    ("observation", "there"),
    [
        (observed(), False),
        (in_sync(), True),
        (in_sync(HOST, OTHER), True),
        (replace(in_sync(), records=()), False),
        # Other missing things do not count.
        (replace(in_sync(), associations=()), True),
        # A foreign record stays, and ours is corrected.
        (replace(in_sync(), records=(record(ours=False),)), True),
        (replace(in_sync(), records=(record(proxied=False),)), True),
    ],
)
def test_whether_there_is_a_record(observation: Observation, there: bool) -> None:
    """A hostname has a record unless the plan creates one."""
    plan = make_plan(observation, ONE)
    assert plan.has_record(HOST) is there
    assert plan.has_record(OTHER)


def test_tear_down_removes_the_record_before_the_rules() -> None:
    plan = make_plan(in_sync(), wanting(removed=[protected()]))
    assert names(plan.steps) == TEAR_DOWN
    observation = after(in_sync(), plan)
    assert make_plan(observation, wanting(removed=[protected()])).in_sync
    assert observation == observed(
        ingress=[CATCH_ALL], associations=[], rules=[], records=[]
    )


def test_nothing_wanted_and_nothing_there_is_in_sync() -> None:
    assert make_plan(observed(), DesiredZone()).in_sync
    assert make_plan(observed(), wanting()).in_sync


def test_block_only_needs_one_rule() -> None:
    desired = wanting(protected(layout=Layout.BLOCK_ONLY))
    plan = make_plan(observed(rules=foreign(4)), desired)
    assert names(plan.steps) == [step for step in BUILD_UP if "skip" not in step]
    assert make_plan(after(observed(), plan), desired).in_sync


def test_layout_can_be_changed() -> None:
    block_only = wanting(protected(layout=Layout.BLOCK_ONLY))
    assert names(make_plan(in_sync(), block_only).steps) == ["delete skip_rule"]
    reduced = settled(in_sync(), block_only)
    assert names(make_plan(reduced, ONE).steps) == ["create skip_rule"]


def test_unpublished_hostname_keeps_a_block_rule_without_exceptions() -> None:
    """Nobody gets in, not even where somebody leads the hostname home again."""
    unpublished = wanting(protected(HOST, "/api/webhook/", published=False))
    plan = make_plan(in_sync(), unpublished)
    assert names(plan.steps) == [
        "delete skip_rule",
        "update block_rule",
        "delete dns_record",
        "delete ingress",
    ]
    left = after(in_sync(), plan)
    assert make_plan(left, unpublished).in_sync
    led_home = replace(in_sync(), ruleset=left.ruleset)
    assert not exposed(led_home, HOST, admits(pinned=[]))
    assert names(make_plan(left, ONE).steps) == [
        "update block_rule",
        "create skip_rule",
        "create ingress",
        "create dns_record",
    ]
    first = make_plan(observed(), unpublished)
    assert names(first.steps) == BUILD_UP[:2]


def test_words_in_the_responses_of_actions_stay() -> None:
    """Automations compare them."""
    assert set(ProblemCode) == {
        "record_in_the_way",
        "no_free_rule",
        "no_further_pair",
        "expression_too_long",
        "not_served",
        "still_in_file",
        "still_served",
        "still_reachable",
        "tunnel_unread",
        "too_many_pinned",
        "too_many_limited",
        "tunnel_gone",
        "would_expose",
    }
    assert set(Kind) == {
        "block_rule",
        "association",
        "skip_rule",
        "ingress",
        "dns_record",
        "header_rule",
    }
    assert set(Action) == {
        "create",
        "update",
        "move",
        "delete",
        "adopt",
        "discard",
        "mark",
    }
    assert set(Visitor) == {
        "no_certificate",
        "unaccepted_certificate",
        "revoked_certificate",
        "unpinned_certificate",
    }


def test_plan_without_steps_may_be_out_of_sync() -> None:
    """The hostname is exposed, or a person has a problem to solve."""
    exposure = Exposure(hostname=HOST, visitor=Visitor.NO_CERTIFICATE, through=None)
    problem = Problem(code=ProblemCode.WOULD_EXPOSE, target=HOST, detail="")
    assert Plan().in_sync
    assert not Plan(exposures=(exposure,)).in_sync
    assert not Plan(problems=(problem,)).in_sync
