"""Tests that another Home Assistant in the same zone keeps what it has."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation, Rule
from custom_components.cloudflare_mtls.engine.rules.admissions import (
    Admission,
    read_admissions,
)
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.expressions import (
    block_expression,
    skip_expression,
)
from custom_components.cloudflare_mtls.engine.rules.marks import block_ref, skip_ref
from custom_components.cloudflare_mtls.engine.rules.pairs import read_pairs
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import ProblemCode
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    NEIGHBOUR,
    ONE,
    PINS,
    SKIP_REF,
    ZONE_NAME,
    RuleStep,
    admits,
    after,
    observed,
    protected,
    published,
    record,
    rule,
    serves,
    settled,
    skip_rule,
    wanting,
)


def neighbours(*rules: Rule) -> Observation:
    """Return a zone where another Home Assistant protects a hostname."""
    return published(*rules, hostnames=[NEIGHBOUR])


NEIGHBOURS_BLOCK = rule(
    "block", block_expression({NEIGHBOUR: admits("/api/webhook/")}), BLOCK_REF
)


def test_neighbour_stays_protected() -> None:
    observation = neighbours(skip_rule(NEIGHBOUR), NEIGHBOURS_BLOCK)
    left = settled(observation, ONE)
    block, skipping = (left.ruleset.by_ref(ref) for ref in (BLOCK_REF, SKIP_REF))
    assert block
    assert skipping
    assert read_admissions(block.expression) == {
        HOST: admits(),
        NEIGHBOUR: admits("/api/webhook/"),
    }
    assert read_admissions(skipping.expression) == {HOST: admits(), NEIGHBOUR: admits()}
    assert set(left.records) > set(observation.records)
    # The neighbour has nothing to fix.
    theirs = wanting(protected(NEIGHBOUR, "/api/webhook/"))
    assert make_plan(left, theirs).in_sync


def test_neighbour_keeps_its_rules_when_we_leave() -> None:
    both = settled(neighbours(skip_rule(NEIGHBOUR), NEIGHBOURS_BLOCK), ONE)
    left = settled(both, wanting(removed=[protected()]))
    theirs = wanting(protected(NEIGHBOUR, "/api/webhook/"))
    assert make_plan(left, theirs).in_sync
    assert exposed(left, NEIGHBOUR, admits("/api/webhook/")) is None


@pytest.mark.parametrize(
    "tampered",
    [
        replace(NEIGHBOURS_BLOCK, enabled=False),
        replace(NEIGHBOURS_BLOCK, action="log"),
        replace(NEIGHBOURS_BLOCK, expression='http.host matches "x"'),
        replace(NEIGHBOURS_BLOCK, expression=skip_expression({NEIGHBOUR: admits()})),
        replace(NEIGHBOURS_BLOCK, expression='http.host eq "x"'),
        None,
    ],
)
def test_neighbour_is_found_where_the_rule_was_tampered_with(
    tampered: Rule | None,
) -> None:
    observation = neighbours(*([tampered] if tampered else []))
    plan = make_plan(observation, ONE)
    assert plan.exposures == ()
    left = after(observation, plan)
    assert exposed(left, HOST) is None
    assert exposed(left, NEIGHBOUR, admits("/api/webhook/")) is None


def test_neighbour_that_wants_no_skip_rule_gets_none() -> None:
    left = settled(neighbours(NEIGHBOURS_BLOCK), ONE)
    skipping = left.ruleset.by_ref(SKIP_REF)
    assert skipping
    assert read_admissions(skipping.expression) == {HOST: admits()}


def test_neighbour_stays_in_the_skip_rule_while_the_block_rule_has_no_place() -> None:
    """Otherwise each home would remove the other from it, in turn and for ever."""
    full = [
        rule("block", f"cf.bot_score eq {number}", f"r{number}") for number in range(4)
    ]
    observation = observed(rules=[*full, skip_rule(HOST, NEIGHBOUR)])

    for home in (ONE, wanting(protected(NEIGHBOUR, "/api/webhook/"))):
        plan = make_plan(observation, home)
        assert ProblemCode.NO_FREE_RULE in [item.code for item in plan.problems]
        assert not [step for step in plan.steps if isinstance(step, RuleStep)]


def test_hostnames_of_others_are_not_blocked() -> None:
    """They are published in the same zone, but not protected."""
    left = settled(
        observed(records=[record("nas.example.com", ours=False)], ingress=[serves(None)]),
        ONE,
    )  # fmt: skip
    block = left.ruleset.by_ref(BLOCK_REF)
    assert block
    assert read_admissions(block.expression) == {HOST: admits()}


def test_names_of_another_zone_are_no_neighbours() -> None:
    tampered = rule(
        "block", block_expression({HOST: admits(), "evil.test": admits()}), BLOCK_REF
    )
    left = settled(published(tampered), ONE)
    block = left.ruleset.by_ref(BLOCK_REF)
    assert block
    assert read_admissions(block.expression) == {HOST: admits()}


def test_neighbour_keeps_its_own_pins() -> None:
    """Each Home Assistant pins its own certificates in the rules that they share."""
    theirs = settled(
        observed(), wanting(protected(NEIGHBOUR), pinned=frozenset(PINS[:2]))
    )
    both = settled(theirs, wanting(protected(), pinned=frozenset(PINS[2:3])))
    rules = {item.ref: read_admissions(item.expression) for item in both.ruleset.rules}
    expected = {HOST: admits(pinned=PINS[2:3]), NEIGHBOUR: admits(pinned=PINS[:2])}
    assert rules == {BLOCK_REF: expected, SKIP_REF: expected}


def test_neighbours_certificates_are_those_of_the_block_rule() -> None:
    """A skip rule that accepts more certificates would lead around the block rule."""
    pinned = admits(pinned=PINS[:1])
    block = rule("block", block_expression({NEIGHBOUR: pinned}), BLOCK_REF)
    left = settled(neighbours(skip_rule(NEIGHBOUR), block), ONE)
    for written in left.ruleset.rules:
        assert read_admissions(written.expression)[NEIGHBOUR] == pinned
    assert exposed(left, NEIGHBOUR, pinned) is None


def skips(pair: int, hostname: str, admission: Admission) -> Rule:
    """Return the skip rule of a pair for one hostname."""
    expression = skip_expression({hostname: admission})
    return replace(skip_rule(), ref=skip_ref(pair), expression=expression)


def blocks(pair: int, **hostnames: Admission) -> Rule:
    """Return the block rule of a pair for hostnames of the zone, by their first label."""
    named = {f"{label}-mobile.{ZONE_NAME}": item for label, item in hostnames.items()}
    return rule("block", block_expression(named), block_ref(pair))


FEW, MORE = admits(pinned=PINS[:1]), admits(pinned=PINS[:2])


@pytest.mark.parametrize(
    "rules",
    [
        # Only the block rule of another pair names it, the last one or not.
        [skips(1, NEIGHBOUR, MORE), blocks(1, home=admits()), blocks(2, boat=FEW)],
        [skips(2, NEIGHBOUR, MORE), blocks(2, cabin=MORE), blocks(1, boat=FEW)],
        # Those of both pairs name it; ahead of the skip rule, the other one has decided.
        [blocks(1, boat=MORE), skips(2, NEIGHBOUR, MORE), blocks(2, boat=FEW)],
    ],
)
def test_skip_rule_accepts_no_more_than_the_block_rules(rules: list[Rule]) -> None:
    """A change of theirs was stopped while the hostname was on its way from pair to pair."""
    left = settled(published(*rules, hostnames=[NEIGHBOUR], plan="pro"), ONE)
    assert exposed(left, NEIGHBOUR, FEW) is None
    for pair in read_pairs(left.ruleset):
        assert pair.skipping.get(NEIGHBOUR, FEW) == FEW


def test_neighbour_whose_block_rule_is_gone_keeps_the_pins_of_its_pair() -> None:
    """The skip rule of a second pair still names them."""
    left = settled(
        neighbours(skip_rule(HOST), blocks(1, home=admits()), skips(2, NEIGHBOUR, FEW)),
        ONE,
    )
    assert exposed(left, NEIGHBOUR, FEW) is None
    (pair,) = [item for item in read_pairs(left.ruleset) if NEIGHBOUR in item.blocked]
    assert pair.blocked[NEIGHBOUR] == FEW
