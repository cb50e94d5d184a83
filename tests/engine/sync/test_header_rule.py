"""The header rule in plans: last of all, for Home Assistant's own hostnames, and never in the way."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.cloudflare_mtls.engine.api.models import (
    Observation,
    Rule,
    Ruleset,
)
from custom_components.cloudflare_mtls.engine.rules.header_rule import (
    header_expression,
    header_parameters,
    told_marks,
    with_header_mark,
)
from custom_components.cloudflare_mtls.engine.rules.marks import HEADER_REF
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.header_steps import FullHeaderRules
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import Purpose
from custom_components.cloudflare_mtls.engine.sync.steps import (
    Action,
    HeaderRuleStep,
    Kind,
    advance,
)
from tests.engine.builders import (
    HOST,
    NEIGHBOUR,
    OTHER,
    in_sync,
    observed,
    protected,
    wanting,
    zone,
)
from tests.engine.rules.test_header_rule import MARK, header_rule
from tests.engine.searching import search

NEW = "a-new-mark-of-this-home"
ONE = wanting(protected(), header_mark=NEW)
SERVICE_OF_OTHERS = replace(protected(OTHER), purpose=Purpose.OTHER)


def with_rules(*rules: Rule, observation: Observation | None = None) -> Observation:
    """Return what is observed with these header rules."""
    ruleset = with_header_mark(Ruleset(id="hs", rules=rules))
    return replace(observation or observed(), header_rules=ruleset)


def foreign(number: int = 0) -> Rule:
    """Return a header rule of somebody else."""
    return header_rule(
        id=f"f{number}",
        ref=f"f{number}",
        description=f"Theirs {number}",
        parameters={"headers": {"X-A": {"operation": "remove"}}},
    )


def header_steps(plan: Plan) -> list[HeaderRuleStep]:
    """Return the steps that write or delete the header rule."""
    return [step for step in plan.steps if isinstance(step, HeaderRuleStep)]


def after(observation: Observation, plan: Plan) -> Observation:
    """Return what is observed once a plan is carried out."""
    for step in plan.steps:
        observation = advance(observation, step)
    return observation


@pytest.mark.parametrize("ruleset", [Ruleset(), Ruleset(id="hs")])
def test_written_last_and_once(ruleset: Ruleset) -> None:
    """All that decides who gets in comes first."""
    before = replace(observed(), header_rules=ruleset)
    plan = make_plan(before, ONE)
    [step] = header_steps(plan)
    assert plan.steps[-1] == step
    assert (step.kind, step.action, step.target) == (
        Kind.HEADER_RULE,
        Action.CREATE,
        HEADER_REF,
    )
    assert step.detail == header_expression([HOST])
    assert step.rule is not None
    # A person reads it in the list of rules at Cloudflare.
    assert step.rule.description == (
        "Home Assistant: tell which certificate a visitor used"
    )
    done = after(before, plan)
    assert done.header_rules is not None
    assert told_marks(done.header_rules) == {HOST: NEW}
    assert make_plan(done, ONE).in_sync


@pytest.mark.parametrize(
    ("observation", "desired"),
    [
        (observed(), ONE),
        (with_rules(), replace(ONE, header_mark=None)),
        (with_rules(header_rule(OTHER)), replace(ONE, header_mark=None)),
        (with_rules(), wanting(SERVICE_OF_OTHERS, header_mark=NEW)),
        (with_rules(), DesiredZone(header_mark=NEW)),
        (
            with_rules(*(foreign(number) for number in range(10))),
            replace(ONE, header_mark=None),
        ),
    ],
)
def test_no_step(observation: Observation, desired: DesiredZone) -> None:
    """Not where it may not be read or written, and not for another service's hostname alone."""
    plan = make_plan(observation, desired)
    assert header_steps(plan) == []
    assert plan.full_header_rules is None


def test_other_services_learn_nothing() -> None:
    desired = wanting(protected(), SERVICE_OF_OTHERS, header_mark=NEW)
    [step] = header_steps(make_plan(with_rules(), desired))
    assert step.detail == header_expression([HOST])


def test_hostname_that_leads_to_another_service_by_now() -> None:
    """It was Home Assistant's before, so that the rule still names it."""
    desired = wanting(protected(), SERVICE_OF_OTHERS, header_mark=NEW)
    [step] = header_steps(make_plan(with_rules(header_rule(HOST, OTHER)), desired))
    assert (step.action, step.detail) == (Action.UPDATE, header_expression([HOST]))


def test_hostnames_of_other_homes_stay() -> None:
    """And so does the mark, which another Home Assistant may know; names of other zones go."""
    observation = with_rules(header_rule(NEIGHBOUR, "home.example.net"))
    plan = make_plan(observation, ONE)
    [step] = header_steps(plan)
    assert step.action is Action.UPDATE
    told = after(observation, plan).header_rules
    assert told is not None
    assert told_marks(told) == {HOST: MARK, NEIGHBOUR: MARK}

    removing = wanting(removed=[protected()], header_mark=NEW)
    [step] = header_steps(make_plan(with_rules(*told.rules), removing))
    assert step.detail == header_expression([NEIGHBOUR])


@pytest.mark.parametrize(
    "rule",
    [
        header_rule(HOST, enabled=False),
        header_rule(HOST, has_other_conditions=True),
        header_rule(HOST, OTHER, expression=header_expression([OTHER])),
        header_rule(HOST, parameters=header_parameters("1")),
        header_rule(HOST, ref="lost"),
    ],
)
def test_drift_is_fixed_in_place(rule: Rule) -> None:
    others = (foreign(1), foreign(2))
    observation = with_rules(others[0], rule, others[1])
    plan = make_plan(observation, ONE)
    [step] = header_steps(plan)
    assert step.action is Action.UPDATE
    done = after(observation, plan).header_rules
    assert done is not None
    assert [item for item in done.rules if item.ref != HEADER_REF] == list(others)
    assert HOST in told_marks(done)
    changed = done.by_ref(HEADER_REF)
    assert changed is not None
    assert changed.id == rule.id


def test_tear_down_deletes_it_last() -> None:
    done = with_rules(foreign(), header_rule(HOST), observation=in_sync())
    plan = make_plan(done, wanting(removed=[protected()], header_mark=NEW))
    assert plan.steps[-1] == HeaderRuleStep(action=Action.DELETE)
    left = after(done, plan).header_rules
    assert left == Ruleset(id="hs", rules=(foreign(),))


@pytest.mark.parametrize(
    ("plan_name", "count"),
    [("free", 10), ("pro", 25), ("business", 50), ("enterprise", 300), ("new", 10)],
)
def test_full_list_is_no_drift(plan_name: str, count: int) -> None:
    """A person is told what occupies it, and all else is as it must be."""
    full = [foreign(number) for number in range(count)]
    observation = replace(with_rules(*full), zone=zone(plan_name))
    plan = make_plan(observation, ONE)
    assert header_steps(plan) == []
    names = ", ".join(f"Theirs {number}" for number in range(count))
    assert plan.full_header_rules == FullHeaderRules("example.com", names)
    assert plan.problems == ()
    assert plan.limited_to({HOST}).full_header_rules == plan.full_header_rules

    one_less = replace(with_rules(*full[1:]), zone=zone(plan_name))
    assert header_steps(make_plan(one_less, ONE))
    assert make_plan(one_less, ONE).full_header_rules is None
    ours = replace(with_rules(*full[1:], header_rule(HOST)), zone=zone(plan_name))
    assert make_plan(ours, ONE).full_header_rules is None


def test_plan_limited_to_other_hostnames_keeps_it() -> None:
    """It is shared, as the rules are, and leads nowhere."""
    plan = make_plan(with_rules(), ONE)
    assert header_steps(plan.limited_to({OTHER}))
    assert header_steps(plan.without_ways_to({HOST}))
    assert header_steps(plan.limited_to(())) == []


ANY_RULE = st.sampled_from(
    [
        header_rule(hostname, parameters=parameters, enabled=enabled)
        for hostname in (HOST, OTHER, NEIGHBOUR, "home.example.net")
        for parameters in (
            header_parameters(MARK),
            header_parameters("1"),
            {"headers": {"X-A": {"operation": "remove"}}},
        )
        for enabled in (True, False)
    ]
)


@search()
@given(
    rules=st.dictionaries(
        st.sampled_from([HEADER_REF, *map(str, range(11))]), ANY_RULE, max_size=12
    ),
    wanted=st.sets(st.sampled_from([HOST, OTHER])),
    mark=st.sampled_from([NEW, None]),
)
def test_changes_nothing_else(
    rules: dict[str, Rule], wanted: set[str], mark: str | None
) -> None:
    """Whatever stands there: the rest of the plan, foreign rules and neighbours are as without it."""
    desired = wanting(
        *(protected(name) for name in sorted(wanted)),
        removed=[protected(name) for name in sorted({HOST, OTHER} - wanted)],
        header_mark=mark,
    )
    observation = with_rules(
        *(replace(rule, id=ref, ref=ref) for ref, rule in rules.items())
    )
    plan = make_plan(observation, desired)
    without = make_plan(replace(observation, header_rules=None), desired)
    assert [item for item in plan.steps if item not in header_steps(plan)] == list(
        without.steps
    )
    assert (plan.problems, plan.exposures) == (without.problems, without.exposures)

    assert observation.header_rules is not None
    done = after(observation, plan)
    assert done.header_rules is not None
    assert _foreign(done.header_rules) == _foreign(observation.header_rules)
    assert header_steps(make_plan(done, desired)) == []
    if mark and plan.full_header_rules is None:
        told = told_marks(done.header_rules)
        assert wanted <= told.keys()
        assert not told.keys() & ({HOST, OTHER} - wanted)


def _foreign(ruleset: Ruleset) -> list[Mapping[str, Any] | Rule]:
    return [rule for rule in ruleset.rules if rule.ref != HEADER_REF]
