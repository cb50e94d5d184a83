"""Tests of the problems that a plan leaves to a person: full rule lists, long expressions, other tunnels."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from custom_components.cloudflare_mtls.engine.sync.steps import Kind
from tests.engine.builders import (
    BUILD_UP,
    HOST,
    ONE,
    OTHER,
    PINS,
    SKIP_REF,
    TUNNEL_ID,
    ZONE_NAME,
    RecordStep,
    RuleStep,
    admits,
    after,
    block_rule,
    codes,
    foreign,
    in_sync,
    names,
    observed,
    protected,
    published,
    rule,
    skip,
    skip_rule,
    taking_over,
    wanting,
)

# The limit of the Rulesets API.
LONGEST = 4096


def test_full_zone_names_its_rules_and_exposes_nothing() -> None:
    observation = observed(rules=foreign(5))
    plan = make_plan(observation, ONE)
    full = [item for item in plan.problems if item.code is ProblemCode.NO_FREE_RULE]
    assert full == [
        Problem(
            code=ProblemCode.NO_FREE_RULE,
            target=ZONE_NAME,
            detail="Rule nas-0, Rule nas-1, Rule nas-2, Rule nas-3, Rule nas-4",
        )
    ]
    assert not any(isinstance(step, RuleStep) for step in plan.steps)
    assert exposed(after(observation, plan), HOST) is None
    assert plan.drifted(HOST)


def test_rule_without_a_description_is_named_by_its_id() -> None:
    nameless = replace(skip("ssl", "nameless"), description="")
    plan = make_plan(observed(rules=[*foreign(4), nameless]), ONE)
    assert plan.problems[0].detail.endswith(", id-of-nameless")


@pytest.mark.parametrize(
    ("name", "told"),
    [("n" * 45, "n" * 45), ("n" * 46, "n" * 44 + "…")],
)
def test_rule_with_a_long_name_is_named_by_its_beginning(name: str, told: str) -> None:
    """So that the names of all rules fit into a line."""
    named = replace(skip("ssl"), description=name)
    plan = make_plan(observed(rules=[*foreign(4), named]), ONE)
    assert plan.problems[0].detail.endswith(f"nas-3, {told}")


def test_skip_rule_stays_where_no_block_rule_can_be() -> None:
    """There is no block rule for it to stand ahead of."""
    observation = observed(rules=[*foreign(4), skip_rule()])
    plan = make_plan(observation, ONE)
    assert not any(isinstance(step, RuleStep) for step in plan.steps)


def test_full_zone_is_one_problem() -> None:
    assert codes(observed(rules=foreign(5)), ONE).count("no_free_rule") == 1


@pytest.mark.parametrize(
    ("plan", "quota"),
    [
        ("free", 5),
        ("pro", 20),
        ("business", 100),
        ("enterprise", 1000),
        ("unheard-of", 5),
    ],
)
def test_quota_is_that_of_the_zones_plan(plan: str, quota: int) -> None:
    """With an unknown plan, the smallest quota counts."""
    full = make_plan(observed(rules=foreign(quota), plan=plan), ONE)
    assert ProblemCode.NO_FREE_RULE in {item.code for item in full.problems}
    assert not any(isinstance(step, RuleStep) for step in full.steps)
    room_for_two = observed(rules=foreign(quota - 2), plan=plan)
    assert codes(room_for_two, ONE) == []


def test_last_slot_goes_to_the_block_rule() -> None:
    observation = observed(rules=foreign(4))
    plan = make_plan(observation, ONE)
    assert names(plan.steps) == [step for step in BUILD_UP if "skip" not in step]
    assert [item.code for item in plan.problems] == [ProblemCode.NO_FREE_RULE]
    assert exposed(after(observation, plan), HOST) is None


def test_deleted_rule_makes_room_for_a_new_one() -> None:
    observation = observed(rules=[*foreign(4), skip_rule()])
    desired = wanting(protected(layout=Layout.BLOCK_ONLY))
    plan = make_plan(observation, desired)
    assert make_plan(after(observation, plan), desired).steps == ()


def test_skip_rule_that_blocks_is_deleted_after_the_block_rule_exists() -> None:
    """Somebody changed its action; until then it is all that keeps visitors out."""
    turned = replace(block_rule(), ref=SKIP_REF)
    plan = make_plan(published(turned), wanting(protected(layout=Layout.BLOCK_ONLY)))
    assert names(plan.steps) == ["create block_rule", "delete skip_rule"]


def test_overlong_expression_is_not_sent() -> None:
    """One hostname alone would make the rule too long; the other one is protected."""
    paths = [f"/{'a' * 90}{number}/" for number in range(40)]
    plan = make_plan(observed(), wanting(protected(), protected(OTHER, *paths)))
    length = len(block_expression({OTHER: admits(*paths)}))
    assert plan.problems[0] == Problem(
        code=ProblemCode.EXPRESSION_TOO_LONG, target=OTHER, detail=str(length)
    )
    assert all(
        len(step.rule.expression) <= LONGEST
        for step in plan.steps
        if isinstance(step, RuleStep) and step.rule
    )
    published = [step.target for step in plan.steps if isinstance(step, RecordStep)]
    assert published == [HOST]


def length_of(hosts: list[str]) -> int:
    """Return the length of the expression that blocks these hostnames."""
    return len(block_expression(dict.fromkeys(hosts, admits())))


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
@pytest.mark.parametrize("by_hand", [False, True])
def test_longest_expression_is_sent(more: int, fits: bool, by_hand: bool) -> None:
    """It may replace a rule made by hand; with one more byte, a hostname goes to another pair."""
    hosts = [f"host-{n:03}-mobile.example.com" for n in range(60)]
    missing = LONGEST + more - length_of(hosts)
    hosts[0] = f"{'a' * missing}{hosts[0]}"
    assert length_of(hosts) == LONGEST + more
    made = rule(
        "block",
        f'http.host eq "{hosts[0]}" and not cf.tls_client_auth.cert_verified',
        "by-hand",
    )
    observation = observed(rules=[made] if by_hand else [])
    desired = taking_over(observation, wanting(*map(protected, hosts)))
    plan = make_plan(observation, desired)
    written = [
        step
        for step in plan.steps
        if isinstance(step, RuleStep) and step.kind is Kind.BLOCK_RULE
    ]
    action = "adopt" if by_hand else "create"
    further = [] if fits else ["create block_rule"]
    assert names(written) == [f"{action} block_rule", *further]
    assert all(step.rule and len(step.rule.expression) <= LONGEST for step in written)


def test_deleted_tunnel_is_a_problem_of_its_own() -> None:
    """A deleted tunnel is not reported as managed by a local config file."""
    gone = replace(observed(), configurations={}, gone_tunnels=frozenset({TUNNEL_ID}))
    plan = make_plan(gone, ONE)
    assert plan.problems == (
        Problem(code=ProblemCode.TUNNEL_GONE, target=HOST, detail=TUNNEL_ID),
    )
    assert names(plan.steps) == BUILD_UP[:3]


def test_tunnel_that_could_not_be_read_is_not_called_deleted() -> None:
    """It may be there, so nobody is told to choose another one."""
    unread = replace(
        observed(), configurations={}, unread_tunnels=frozenset({TUNNEL_ID})
    )
    plan = make_plan(unread, ONE)
    assert plan.problems == (
        Problem(code=ProblemCode.TUNNEL_UNREAD, target=HOST, detail=TUNNEL_ID),
    )
    assert names(plan.steps) == BUILD_UP[:3]


def test_more_pins_than_a_rule_holds() -> None:
    """No rule is changed, and a hostname that others could still reach is taken off the internet."""
    desired = wanting(protected(), pinned=frozenset(PINS))
    plan = make_plan(in_sync(), desired)
    too_many = Problem(code=ProblemCode.TOO_MANY_PINNED, target=ZONE_NAME, detail="60")
    assert too_many in plan.problems
    assert names(plan.steps) == ["delete dns_record"]
    assert make_plan(after(in_sync(), plan), desired).steps == ()
