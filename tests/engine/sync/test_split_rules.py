"""Tests of zones whose hostnames need several pairs of rules: how they move, and what stays."""

from dataclasses import replace
from typing import Final

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation, Rule
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.expressions import MAX_LENGTH
from custom_components.cloudflare_mtls.engine.rules.marks import block_ref, skip_ref
from custom_components.cloudflare_mtls.engine.rules.pairs import read_pairs
from custom_components.cloudflare_mtls.engine.rules.recognition import with_marks
from custom_components.cloudflare_mtls.engine.sync.placing import with_placement
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from custom_components.cloudflare_mtls.engine.sync.rule_steps import write_block_rule
from custom_components.cloudflare_mtls.engine.sync.safe_steps import SafeSteps
from custom_components.cloudflare_mtls.engine.sync.settings import Found, Layout
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    NEIGHBOUR,
    OTHER,
    SERVICE,
    SKIP_REF,
    admits,
    after,
    block_rule,
    foreign,
    observed,
    protected,
    record,
    refs,
    rule,
    serves,
    settled,
    skip,
    skip_rule,
    states,
    taking_over,
    wanting,
    zone,
)

BLOCK_2, SKIP_2 = block_ref(2), skip_ref(2)
BOTH_PAIRS: Final = [SKIP_2, BLOCK_2, SKIP_REF, BLOCK_REF]


def certificates(device: str, number: int) -> frozenset[str]:
    """Return the fingerprints of so many certificates of a device."""
    return frozenset(f"{device[0]}{item:0>63}" for item in range(number))


def devices(**numbers: int) -> dict[str, frozenset[str]]:
    """Return the certificates of devices, by how many each has."""
    return {key: certificates(key, number) for key, number in numbers.items()}


PHONES = protected(HOST, devices=["phones"])
TABLETS = protected(OTHER, devices=["tablets"])
FEW: Final = devices(phones=25, tablets=25)
# More certificates than fit into one rule.
MANY: Final = devices(phones=25, tablets=35)
TOGETHER = wanting(PHONES, TABLETS, of_device=FEW)
SPLIT = wanting(PHONES, TABLETS, of_device=MANY)


def rules_written(plan: Plan) -> list[str]:
    """Return the action and the target of each step."""
    return [f"{step.action} {step.target}" for step in plan.steps]


def homes(observation: Observation) -> dict[str, int]:
    """Return the number of the pair whose block rule names each hostname."""
    return {
        name: pair.number
        for pair in read_pairs(observation.ruleset)
        for name in pair.blocked
    }


def test_new_zone_gets_the_pairs_that_it_needs() -> None:
    """Each skip rule stands directly ahead of the block rule of its pair."""
    plan = make_plan(observed(), SPLIT)
    assert plan.problems == ()
    left = after(observed(), plan)
    assert refs(left) == BOTH_PAIRS
    assert homes(left) == {OTHER: 1, HOST: 2}
    assert make_plan(left, SPLIT).in_sync
    by_ref = {item.ref: item for item in left.ruleset.rules}
    assert by_ref[BLOCK_2].description.endswith(" without a certificate (2)")
    assert by_ref[SKIP_2].description.endswith(" with a certificate in (2)")
    assert by_ref[BLOCK_2].action_parameters == {}
    assert by_ref[SKIP_2].action_parameters == by_ref[SKIP_REF].action_parameters


def test_hostname_moves_step_by_step() -> None:
    """It is in the new block rule first, then in the new skip rule, and leaves in reverse."""
    start = settled(observed(), TOGETHER)
    assert refs(start) == [SKIP_REF, BLOCK_REF]
    plan = make_plan(start, SPLIT)
    assert rules_written(plan) == [
        f"create {BLOCK_2}",
        f"create {SKIP_2}",
        f"update {SKIP_REF}",
        f"update {BLOCK_REF}",
    ]
    named = [
        {item.ref: item.expression.count(f'"{OTHER}"') for item in state.ruleset.rules}
        for state in states(start, plan)
    ]
    assert named == [
        {SKIP_REF: 1, BLOCK_REF: 1},
        {SKIP_REF: 1, BLOCK_REF: 1, BLOCK_2: 1},
        {SKIP_REF: 1, BLOCK_REF: 1, BLOCK_2: 1, SKIP_2: 1},
        {SKIP_REF: 0, BLOCK_REF: 1, BLOCK_2: 1, SKIP_2: 1},
        {SKIP_REF: 0, BLOCK_REF: 0, BLOCK_2: 1, SKIP_2: 1},
    ]
    left = after(start, plan)
    assert homes(left) == {HOST: 1, OTHER: 2}
    assert make_plan(left, SPLIT).in_sync


def test_hostname_stays_named_until_another_rule_names_it() -> None:
    """Nobody reaches it now. If somebody adds a record for it, it is closed."""
    led = settled(observed(), TOGETHER)
    start = replace(led, records=(), configurations=observed().configurations)
    desired = with_placement(start, SPLIT)
    first, second = desired.pairs
    steps = SafeSteps(start, desired.admissions)
    write_block_rule(steps, desired, first)
    # Both together are too long by now, so it stays as it is.
    assert steps.steps == []
    write_block_rule(steps, desired, second)
    write_block_rule(steps, desired, first)
    assert homes(steps.state) == {HOST: 1, OTHER: 2}


def test_hostname_stays_where_it_is_once_there_is_room_again() -> None:
    """The renewal is over; nothing is written for the sake of the hostname that did not change."""
    start = settled(settled(observed(), TOGETHER), SPLIT)
    plan = make_plan(start, TOGETHER)
    assert rules_written(plan) == [f"update {BLOCK_2}", f"update {SKIP_2}"]
    assert homes(after(start, plan)) == {HOST: 1, OTHER: 2}


def test_pair_is_taken_down_with_its_last_hostname() -> None:
    start = settled(settled(observed(), TOGETHER), SPLIT)
    desired = wanting(PHONES, removed=[TABLETS], of_device=MANY)
    plan = make_plan(start, desired)
    assert rules_written(plan) == [
        f"delete {OTHER}",
        f"delete {OTHER}",
        f"delete {SKIP_2}",
        f"delete {BLOCK_2}",
        f"delete {OTHER}",
    ]
    left = after(start, plan)
    assert refs(left) == [SKIP_REF, BLOCK_REF]
    assert make_plan(left, desired).in_sync


def test_first_pair_may_go_before_the_second_one() -> None:
    """A new hostname then finds room in the second one."""
    start = settled(settled(observed(), TOGETHER), SPLIT)
    desired = wanting(TABLETS, removed=[PHONES], of_device=MANY)
    left = settled(start, desired)
    assert refs(left) == [SKIP_2, BLOCK_2]
    again = wanting(TABLETS, protected(HOST), of_device=MANY)
    assert homes(settled(left, again)) == {HOST: 2, OTHER: 2}


def test_all_pairs_are_taken_down() -> None:
    """All skip rules go before the first block rule."""
    start = settled(observed(), SPLIT)
    plan = make_plan(start, wanting(removed=[PHONES, TABLETS], of_device=MANY))
    assert [item for item in rules_written(plan) if "cloudflare_mtls" in item] == [
        f"delete {SKIP_REF}",
        f"delete {SKIP_2}",
        f"delete {BLOCK_REF}",
        f"delete {BLOCK_2}",
    ]
    assert after(start, plan).ruleset.rules == ()


def test_pair_without_skipping_hostnames_is_a_block_rule_alone() -> None:
    block_only = replace(TABLETS, layout=Layout.BLOCK_ONLY)
    desired = wanting(PHONES, block_only, of_device=MANY)
    left = settled(observed(rules=foreign(2)), desired)
    assert sorted(refs(left)) == sorted(["nas-0", "nas-1", SKIP_2, BLOCK_2, BLOCK_REF])
    assert make_plan(left, desired).in_sync


class TestSlots:
    """The custom rules that the plan of the zone allows are counted before anything is written."""

    @pytest.mark.parametrize(("others", "fits"), [(1, True), (2, False), (3, False)])
    def test_new_hostname(self, others: int, fits: bool) -> None:
        """Without a place it is not published, and the other one is protected."""
        observation = observed(rules=foreign(others))
        plan = make_plan(observation, SPLIT)
        assert [item.code for item in plan.problems] == (
            [] if fits else ["no_further_pair"]
        )
        left = after(observation, plan)
        assert homes(left) == ({OTHER: 1, HOST: 2} if fits else {OTHER: 1})
        assert {item.name for item in left.records} == set(homes(left))
        assert make_plan(left, SPLIT).steps == ()

    def test_what_occupies_them_is_named(self) -> None:
        plan = make_plan(observed(rules=foreign(3)), SPLIT)
        (problem,) = plan.problems
        assert problem.target == "example.com"
        assert problem.detail == "Rule nas-0, Rule nas-1, Rule nas-2"
        assert problem.code.affects_zone

    def test_hostname_that_has_a_pair_stays_in_it_as_it_is(self) -> None:
        """No rule is written, and its devices get in as before."""
        start = settled(observed(rules=foreign(2)), TOGETHER)
        plan = make_plan(start, SPLIT)
        assert [item.code for item in plan.problems] == ["no_further_pair"]
        assert plan.steps == ()
        assert "Home Assistant: block devices" in plan.problems[0].detail

    def test_other_pairs_are_written_meanwhile(self) -> None:
        """The new certificate of a device that has room is listed."""
        three = (PHONES, TABLETS, protected(NEIGHBOUR, devices=["watch"]))
        before = devices(phones=50, tablets=30, watch=10)
        start = settled(observed(rules=foreign(1)), wanting(*three, of_device=before))
        assert homes(start) == {HOST: 1, OTHER: 2, NEIGHBOUR: 2}
        now = devices(phones=51, tablets=48, watch=20)
        plan = make_plan(start, wanting(*three, of_device=now))
        assert [item.code for item in plan.problems] == ["no_further_pair"]
        assert rules_written(plan) == [f"update {BLOCK_REF}", f"update {SKIP_REF}"]

    def test_place_of_a_rule_that_goes_is_free(self) -> None:
        """A skip rule that nobody needs any more makes room for a block rule."""
        block_only = [
            replace(item, layout=Layout.BLOCK_ONLY) for item in (PHONES, TABLETS)
        ]
        start = settled(observed(rules=foreign(3)), TOGETHER)
        desired = wanting(*block_only, of_device=MANY)
        plan = make_plan(start, desired)
        assert plan.problems == ()
        assert make_plan(after(start, plan), desired).in_sync

    def test_larger_plan_has_more(self) -> None:
        observation = observed(rules=foreign(5), plan="pro")
        assert make_plan(observation, SPLIT).problems == ()

    def test_smaller_plan_leaves_the_pairs_that_are_there(self) -> None:
        """A new hostname needs no further rule, so it finds a place in one of them."""
        larger = settled(observed(rules=foreign(5), plan="pro"), SPLIT)
        start = replace(larger, zone=zone("free"))
        desired = wanting(PHONES, TABLETS, protected(NEIGHBOUR), of_device=MANY)
        plan = make_plan(start, desired)
        assert plan.problems == ()
        left = after(start, plan)
        assert refs(left) == refs(start)
        assert homes(left).keys() == {HOST, OTHER, NEIGHBOUR}


def test_rules_that_lost_their_marks_get_them_back() -> None:
    """Nothing is created a second time, and each rule is in the pair in which it was."""
    start = settled(observed(), SPLIT)
    wiped = [
        replace(item, ref=f"wiped-{number}", id=f"wiped-{number}")
        for number, item in enumerate(start.ruleset.rules)
    ]
    found = replace(
        start,
        ruleset=with_marks(replace(start.ruleset, rules=tuple(reversed(wiped)))),
    )
    plan = make_plan(found, SPLIT)
    assert {step.action for step in plan.steps} <= {"update", "move"}
    left = after(found, plan)
    assert homes(left) == homes(start)
    assert make_plan(left, SPLIT).in_sync


def test_deleted_rules_come_back_in_their_pair() -> None:
    """The skip rule still tells which pair the hostname was in."""
    start = settled(settled(observed(), TOGETHER), SPLIT)
    for gone in ({BLOCK_2}, {SKIP_2}, {BLOCK_REF}, {BLOCK_REF, BLOCK_2}):
        rules = tuple(item for item in start.ruleset.rules if item.ref not in gone)
        found = replace(start, ruleset=replace(start.ruleset, rules=rules))
        left = settled(found, SPLIT)
        assert homes(left) == {HOST: 1, OTHER: 2}
        assert make_plan(left, SPLIT).in_sync


@pytest.mark.parametrize("overtaken", [0, 1, 2, 3])
def test_each_block_rule_stands_ahead_of_rules_that_let_visitors_past(
    overtaken: int,
) -> None:
    start = settled(observed(), SPLIT)
    rules = list(start.ruleset.rules)
    rules.insert(overtaken, skip("ssl"))
    found = replace(start, ruleset=replace(start.ruleset, rules=tuple(rules)))
    left = settled(found, SPLIT)
    assert refs(left)[-1] == "foreign"
    assert make_plan(left, SPLIT).in_sync


def test_skip_rule_of_one_pair_skips_no_block_rule_of_another() -> None:
    """Its certificates get nowhere else, whichever pair stands first."""
    left = settled(observed(), SPLIT)
    for item, others in ((HOST, "tablets"), (OTHER, "phones")):
        pins = MANY["phones" if others == "tablets" else "tablets"]
        assert exposed(left, item, admits(pinned=pins)) is None
        assert exposed(left, item, admits(pinned=MANY[others])) is not None
    turned = replace(
        left, ruleset=replace(left.ruleset, rules=left.ruleset.rules[::-1])
    )
    assert exposed(turned, HOST, admits(pinned=MANY["phones"])) is None


class TestOtherHomes:
    """Another Home Assistant shares the pairs."""

    THEIRS = wanting(protected(NEIGHBOUR, devices=["phones"]), of_device=MANY)

    def test_each_has_its_place_and_leaves_the_other(self) -> None:
        both = settled(settled(observed(), self.THEIRS), SPLIT)
        assert len({homes(both)[name] for name in (HOST, OTHER, NEIGHBOUR)}) == 2
        assert make_plan(both, self.THEIRS).in_sync
        assert make_plan(both, SPLIT).in_sync

    def test_our_hostname_makes_room_for_theirs(self) -> None:
        """Ours grew; theirs, in the same pair, is written as it is."""
        theirs = wanting(
            protected(NEIGHBOUR, devices=["watch"]), of_device=devices(watch=20)
        )
        ours = wanting(PHONES, of_device=devices(phones=30))
        start = settled(settled(observed(), theirs), ours)
        assert homes(start) == {NEIGHBOUR: 1, HOST: 1}
        grown = replace(
            ours, accepted=replace(ours.accepted, of_device=devices(phones=45))
        )
        left = settled(start, grown)
        assert homes(left) == {NEIGHBOUR: 1, HOST: 2}
        assert make_plan(left, theirs).in_sync

    def test_hostname_that_they_name_in_two_pairs_stays_in_both(self) -> None:
        """Their change was stopped on its way: they finish it themselves."""
        few = wanting(
            protected(NEIGHBOUR, devices=["watch"]),
            PHONES,
            of_device=devices(watch=20, phones=30),
        )
        many = replace(
            few, accepted=replace(few.accepted, of_device=devices(watch=20, phones=45))
        )
        start = settled(observed(), few)
        plan = make_plan(start, many)
        *_, between = (
            state for state, _ in zip(states(start, plan), range(2), strict=False)
        )
        named = [pair.blocked for pair in read_pairs(between.ruleset)]
        assert all(HOST in pair for pair in named)
        left = settled(between, wanting(protected(OTHER)))
        for pair, before in zip(read_pairs(left.ruleset), named, strict=True):
            assert pair.blocked[HOST] == before[HOST]
        assert make_plan(left, wanting(protected(OTHER))).in_sync
        assert homes(settled(left, many)) == {NEIGHBOUR: 1, HOST: 2, OTHER: 1}


def by_hand(hostname: str, action: str) -> Rule:
    """Return a rule that somebody made by hand for a hostname."""
    verified = "cf.tls_client_auth.cert_verified"
    asked = verified if action == "skip" else f"not {verified}"
    ref = f"by-hand-{hostname}-{action}"
    expression = f'http.host eq "{hostname}" and {asked}'
    return rule(action, expression, ref, parameters={"ruleset": "current"})


def test_rules_made_by_hand_become_those_of_their_pair() -> None:
    """Each keeps its id; so it needs no free place."""
    made = [
        by_hand(name, action) for name in (HOST, OTHER) for action in ("skip", "block")
    ]
    observation = observed(rules=made)
    desired = taking_over(observation, SPLIT)
    plan = make_plan(observation, desired)
    left = after(observation, plan)
    ids = {item.ref: item.id for item in left.ruleset.rules}
    assert ids == {
        SKIP_2: f"id-of-by-hand-{HOST}-skip",
        BLOCK_2: f"id-of-by-hand-{HOST}-block",
        SKIP_REF: f"id-of-by-hand-{OTHER}-skip",
        BLOCK_REF: f"id-of-by-hand-{OTHER}-block",
    }
    assert make_plan(left, desired).in_sync


def test_rule_made_by_hand_for_hostnames_of_two_pairs_is_no_pairs_own() -> None:
    """Ours are written first, and then it is deleted."""
    made = rule(
        "block",
        f'http.host in {{"{HOST}" "{OTHER}"}} and not cf.tls_client_auth.cert_verified',
        "by-hand",
    )
    observation = observed(rules=[made])
    desired = taking_over(observation, SPLIT)
    plan = make_plan(observation, desired)
    assert "adopt" not in {step.action for step in plan.steps}
    assert sorted(refs(after(observation, plan))) == sorted(BOTH_PAIRS)


def test_hostname_that_a_person_opens_leaves_its_pair_last() -> None:
    """Its pair goes with it, and the other pair stays as it is."""
    adopted = replace(TABLETS, found=Found.ADOPTED)
    observation = observed(
        records=[record(OTHER, ours=False)],
        ingress=[serves(OTHER), serves(None, "http_status:404")],
    )
    start = settled(observation, wanting(PHONES, of_device=MANY))
    start = settled(start, wanting(PHONES, adopted, of_device=MANY))
    assert homes(start) == {HOST: 1, OTHER: 2}
    desired = wanting(
        PHONES, removed=[adopted], of_device=MANY, opened=frozenset({OTHER})
    )
    plan = make_plan(start, desired)
    assert plan.problems == ()
    assert rules_written(plan)[0] == f"delete {SKIP_2}"
    assert rules_written(plan)[-1] == f"delete {BLOCK_2}"
    *closed, last = states(start, plan)
    assert all(
        exposed(item, OTHER, admits(pinned=MANY["tablets"])) is None for item in closed
    )
    assert exposed(last, OTHER) is not None
    assert refs(last) == [SKIP_REF, BLOCK_REF]


def test_what_does_not_fit_is_left_as_it_is() -> None:
    """Neither of its rules is written or deleted, though it needs no skip rule any more."""
    start = settled(observed(), wanting(PHONES, of_device=FEW))
    blocking = replace(PHONES, layout=Layout.BLOCK_ONLY)
    desired = wanting(blocking, of_device=devices(phones=70))
    plan = make_plan(start, desired)
    assert [item.code for item in plan.problems] == ["too_many_limited"]
    assert plan.steps == ()


def test_removed_hostname_that_something_still_leads_to_keeps_its_pair() -> None:
    """Somebody's wildcard record leads there."""
    start = settled(
        observed(
            records=[record("*.example.com", ours=False)],
            ingress=[serves(None, SERVICE)],
        ),
        SPLIT,
    )
    desired = wanting(TABLETS, removed=[PHONES], of_device=MANY)
    plan = make_plan(start, desired)
    assert [item.code for item in plan.problems] == ["still_reachable"]
    left = after(start, plan)
    assert homes(left) == homes(start)
    assert exposed(left, HOST, admits(pinned=MANY["phones"])) is None


@pytest.mark.parametrize(("others", "moves"), [(1, True), (3, False)])
def test_removed_hostname_that_has_to_stay_takes_its_room(
    others: int, moves: bool
) -> None:
    """Another one that grew goes to a pair of its own; without a place, nothing of the pair is written."""
    start = settled(
        observed(
            rules=foreign(others),
            records=[record("*.example.com", ours=False)],
            ingress=[serves(None, SERVICE)],
        ),
        wanting(PHONES, TABLETS, of_device=devices(phones=20, tablets=30)),
    )
    desired = wanting(
        TABLETS, removed=[PHONES], of_device=devices(phones=20, tablets=45)
    )
    plan = make_plan(start, desired)
    left = after(start, plan)
    assert homes(left) == {HOST: 1, OTHER: 2 if moves else 1}
    found = [item.code for item in make_plan(left, desired).problems]
    assert found == (
        ["still_reachable"] if moves else ["still_reachable", "no_further_pair"]
    )
    assert make_plan(left, desired).steps == ()
    for state in states(start, plan):
        assert all(len(item.expression) <= MAX_LENGTH for item in state.ruleset.rules)
        assert exposed(state, HOST, admits(pinned=devices(phones=20)["phones"])) is None


def test_removed_hostname_that_nothing_leads_to_takes_no_room() -> None:
    """Another one that grew stays where it is."""
    before, now = devices(phones=20, tablets=30), devices(phones=20, tablets=45)
    start = settled(observed(), wanting(PHONES, TABLETS, of_device=before))
    left = settled(start, wanting(TABLETS, removed=[PHONES], of_device=now))
    assert homes(left) == {OTHER: 1}


def test_read_of_our_rules_is_not_that_of_a_stranger() -> None:
    """A rule with a ref like ours, but no number of a pair, is somebody else's."""
    theirs = replace(block_rule(OTHER), ref=f"{BLOCK_REF}_1")
    start = observed(rules=[theirs, skip_rule(), block_rule()])
    left = settled(start, wanting(protected()))
    assert theirs in left.ruleset.rules
