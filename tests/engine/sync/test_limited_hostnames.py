"""Tests of hostnames that only some companion devices may use."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation
from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.expressions import MAX_LENGTH
from custom_components.cloudflare_mtls.engine.rules.recognition import with_marks
from custom_components.cloudflare_mtls.engine.rules.visitors import Visitor
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from custom_components.cloudflare_mtls.engine.sync.steps import Action, RuleStep
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    NEIGHBOUR,
    OTHER,
    PINS,
    SERVICE,
    SKIP_REF,
    admits,
    after,
    codes,
    foreign,
    in_sync,
    names,
    observed,
    protected,
    published,
    record,
    serves,
    settled,
    states,
    wanting,
)

PHONE, PHONES_NEXT, TABLET, UNKNOWN = PINS[:4]
OF_DEVICE = {"phone": frozenset({PHONE}), "tablet": frozenset({TABLET})}
EVERYBODYS = protected(HOST)
TABLETS = protected(OTHER, devices=["tablet"])
BOTH = wanting(EVERYBODYS, TABLETS, of_device=OF_DEVICE)


def listed(observation: Observation, ref: str) -> dict[str, frozenset[str] | None]:
    """Return the fingerprints that one of our rules lists, by hostname; None for any."""
    rule = observation.ruleset.by_ref(ref)
    assert rule
    return {
        hostname: admission.pinned
        for hostname, admission in read_admissions(rule.expression).items()
    }


@pytest.mark.parametrize("pinned", [None, frozenset({PHONE, TABLET})])
def test_rules_list_exactly_the_certificates_of_the_devices(
    pinned: frozenset[str] | None,
) -> None:
    desired = wanting(EVERYBODYS, TABLETS, pinned=pinned, of_device=OF_DEVICE)
    left = settled(observed(), desired)
    expected = {HOST: pinned, OTHER: frozenset({TABLET})}
    assert listed(left, BLOCK_REF) == listed(left, SKIP_REF) == expected
    assert make_plan(left, desired).in_sync


def test_hostnames_for_all_devices_have_the_rules_that_they_had() -> None:
    """Who uses no limited hostname finds nothing rewritten after an update."""
    desired = wanting(EVERYBODYS, of_device=OF_DEVICE)
    assert make_plan(in_sync(), desired).in_sync


def test_marks_are_found_again() -> None:
    left = settled(observed(), BOTH)
    rules = tuple(replace(rule, ref=rule.id or "x") for rule in left.ruleset.rules)
    found = with_marks(replace(left.ruleset, rules=rules))
    assert [rule.ref for rule in found.rules] == [SKIP_REF, BLOCK_REF]


@pytest.mark.parametrize("devices", [[], ["gone"]])
def test_without_a_device_nobody_gets_in(devices: list[str]) -> None:
    desired = wanting(protected(devices=devices), of_device=OF_DEVICE)
    left = settled(in_sync(), desired)
    assert listed(left, BLOCK_REF) == {HOST: None} or listed(left, BLOCK_REF) == {
        HOST: frozenset()
    }
    assert left.ruleset.by_ref(SKIP_REF) is None
    assert exposed(left, HOST, admits(pinned=())) is None


def test_another_devices_certificate_is_a_visitor_who_must_not_get_in() -> None:
    """Both hostnames accept any certificate so far."""
    both = in_sync(HOST, OTHER)
    plan = make_plan(both, BOTH)
    assert [(item.hostname, item.visitor) for item in plan.exposures] == [
        (OTHER, Visitor.UNPINNED_CERTIFICATE)
    ]
    assert names(plan.steps) == ["update block_rule", "update skip_rule"]
    assert make_plan(after(both, plan), BOTH).in_sync


def accepted(*fingerprints: str) -> DesiredZone:
    """Return a zone with one hostname, for a phone that has these certificates."""
    of_device = {"phone": frozenset(fingerprints)}
    return wanting(protected(devices=["phone"]), of_device=of_device)


def test_new_certificate_is_listed_before_the_old_one_leaves() -> None:
    """While both are good, both are listed; no step in between shuts the phone out."""
    now = settled(observed(), accepted(PHONE))
    for desired in (accepted(PHONE, PHONES_NEXT), accepted(PHONES_NEXT)):
        before = desired.accepted.of_device["phone"]
        plan = make_plan(now, desired)
        assert names(plan.steps) == ["update block_rule", "update skip_rule"]
        for state in states(now, plan):
            assert before & (listed(state, BLOCK_REF)[HOST] or frozenset())
        now = after(now, plan)
        assert make_plan(now, desired).in_sync


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["phone"], ["tablet"]),
        (["phone"], ["phone", "tablet"]),
        (["phone", "tablet"], ["phone"]),
        (["phone"], []),
        ([], ["phone"]),
        (["phone"], None),
        (None, ["phone"]),
    ],
)
def test_change_lets_in_nobody_but_those_before_and_after(
    layout: Layout, before: list[str] | None, now: list[str] | None
) -> None:
    """In no state between does a certificate pass that neither choice accepts."""
    of_device = {**OF_DEVICE, "watch": frozenset({PHONES_NEXT})}

    def desired(devices: list[str] | None) -> DesiredZone:
        item = protected(layout=layout, devices=devices)
        return wanting(item, of_device=of_device)

    start = settled(observed(), desired(before))
    choices = [
        desired(item).admission(desired(item).hostnames[0]).pinned
        for item in (before, now)
    ]
    either = None if None in choices else frozenset[str]().union(*filter(None, choices))
    plan = make_plan(start, desired(now))
    assert plan.steps
    for state in states(start, plan):
        assert exposed(state, HOST, admits(pinned=either)) is None
    assert make_plan(after(start, plan), desired(now)).in_sync


def test_hostname_that_other_devices_reach_is_not_opened_to_everybody() -> None:
    """Its device was revoked while somebody's wildcard record leads to it: the rule has to stay."""
    start = settled(
        observed(
            records=[record("*.example.com", ours=False)],
            ingress=[serves(None, SERVICE)],
        ),
        wanting(TABLETS, of_device=OF_DEVICE),
    )
    desired = wanting(removed=[TABLETS], of_device={})
    plan = make_plan(start, desired)
    for state in states(start, plan):
        found = exposed(state, OTHER, admits(pinned=()))
        assert found is None or found.visitor is Visitor.UNPINNED_CERTIFICATE
    assert listed(after(start, plan), BLOCK_REF) == {OTHER: frozenset({TABLET})}


def test_neighbours_list_is_kept_where_the_block_rule_was_deleted() -> None:
    """The skip rule still tells which certificates pass at the other home's hostname."""
    theirs = settled(
        observed(),
        wanting(protected(NEIGHBOUR, devices=["tablet"]), of_device=OF_DEVICE),
    )
    rules = tuple(item for item in theirs.ruleset.rules if item.ref != BLOCK_REF)
    found = replace(theirs, ruleset=replace(theirs.ruleset, rules=rules))
    left = settled(found, wanting(EVERYBODYS))
    expected = {HOST: None, NEIGHBOUR: frozenset({TABLET})}
    assert listed(left, BLOCK_REF) == listed(left, SKIP_REF) == expected


def test_neighbours_limited_hostname_is_in_sync_with_ours() -> None:
    """Neither home rewrites what the other one wrote."""
    theirs = wanting(protected(NEIGHBOUR, devices=["tablet"]), of_device=OF_DEVICE)
    ours = wanting(TABLETS, of_device={"tablet": frozenset({PHONES_NEXT})})
    left = settled(settled(observed(), theirs), ours)
    assert make_plan(left, ours).in_sync
    assert make_plan(left, theirs).in_sync


MANY = {f"phone {number}": frozenset({pin}) for number, pin in enumerate(PINS)}
ALL_OF_THEM = wanting(protected(devices=MANY), of_device=MANY)


def test_more_certificates_than_the_rules_can_list() -> None:
    """Nothing is written, and the problem says how many characters there would be."""
    plan = make_plan(observed(), ALL_OF_THEM)
    assert plan.steps == ()
    (problem,) = plan.problems
    assert (problem.code, problem.target) == ("too_many_limited", HOST)
    assert int(problem.detail) > MAX_LENGTH
    assert problem.code.affects_zone


def test_too_many_certificates_leave_the_rules_as_they_are() -> None:
    """The list from before admits fewer, so nobody has to be kept out by other means."""
    few = {key: MANY[key] for key in list(MANY)[:5]}
    start = settled(observed(), replace(ALL_OF_THEM, accepted=Accepted(of_device=few)))
    plan = make_plan(start, ALL_OF_THEM)
    assert [item.code for item in plan.problems] == ["too_many_limited"]
    assert not [step for step in plan.steps if isinstance(step, RuleStep)]


def test_rules_of_others_that_leave_no_place_are_named() -> None:
    problems = make_plan(observed(rules=foreign(5)), BOTH).problems
    assert problems[0].code == "no_free_rule"
    assert "Rule nas-0" in problems[0].detail
    assert codes(observed(rules=foreign(3)), BOTH) == []


def test_removed_hostname_is_taken_down_whole() -> None:
    start = settled(published(hostnames=[OTHER]), wanting(TABLETS, of_device=OF_DEVICE))
    desired = wanting(removed=[TABLETS], of_device=OF_DEVICE)
    plan = make_plan(start, desired)
    assert [step.action for step in plan.steps] == [Action.DELETE] * 5
    for state in states(start, plan):
        assert exposed(state, OTHER, admits(pinned=[TABLET])) is None


@pytest.mark.parametrize(
    ("device_id", "everywhere", "of_device"),
    [
        ("phone", None, {"phone": {PHONE, UNKNOWN}}),
        (None, None, {"phone": {PHONE}}),
        ("watch", {PHONE}, {"phone": {PHONE}, "watch": {UNKNOWN}}),
    ],
)
def test_another_certificate_is_accepted_where_its_device_is(
    device_id: str | None,
    everywhere: set[str] | None,
    of_device: dict[str, set[str]],
) -> None:
    pinned = None if everywhere is None else frozenset(everywhere)
    now = Accepted(everywhere=pinned, of_device={"phone": frozenset({PHONE})})
    found = now.with_another(device_id, UNKNOWN)
    assert found.of_device == of_device
    assert found.everywhere == (None if pinned is None else pinned | {UNKNOWN})
