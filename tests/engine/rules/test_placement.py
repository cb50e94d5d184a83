"""Which pair of rules protects which hostname: nothing moves that fits where it is."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from hypothesis import given, strategies as st
import pytest

from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.expressions import MAX_LENGTH
from custom_components.cloudflare_mtls.engine.rules.pairs import Pair
from custom_components.cloudflare_mtls.engine.rules.placement import Placement
from tests.engine.builders import admits
from tests.engine.searching import search

A, B, C, D, E = (f"{letter}.example.com" for letter in "abcde")
ENOUGH: Final = 1000
FREE: Final = 5


def listing(name: str, number: int) -> Admission:
    """Return an admission of so many certificates, which are the same for the same name."""
    return admits(pinned=[f"{name}{item:0>63}" for item in range(number)])


def placed(
    admissions: Mapping[str, Admission],
    *present: Pair,
    kept: Collection[Pair] = (),
    max_rules: int = ENOUGH,
    skipping: Collection[str] | None = None,
) -> Placement:
    """Return where hostnames go; all of them skip the other rules, unless told otherwise."""
    theirs = {pair.number: pair for pair in kept}
    return Placement(
        present=present,
        kept=tuple(
            theirs.get(pair.number, Pair(number=pair.number)) for pair in present
        ),
        admissions=admissions,
        skipping=frozenset(admissions if skipping is None else skipping),
        max_rules=max_rules,
    )


def homes(placement: Placement) -> dict[str, int]:
    """Return the number of the pair that each hostname is in."""
    return {name: pair.number for pair in placement.pairs for name in pair.blocked}


def test_everything_that_fits_into_one_pair_is_in_one() -> None:
    placement = placed({A: admits(), B: listing("b", 30), C: admits(pinned=())})
    (pair,) = placement.pairs
    assert (pair.number, pair.rule_count) == (1, 2)
    assert pair.blocked.keys() == {A, B, C}
    assert placement.unplaced == ()


def test_hostname_that_fits_into_no_pair_gets_a_further_one() -> None:
    placement = placed(
        {A: listing("a", 50), B: listing("b", 50), C: listing("c", 50), D: admits()}
    )
    assert homes(placement) == {A: 1, B: 2, C: 3, D: 1}
    assert all(pair.fits for pair in placement.pairs)


def test_nothing_to_protect_needs_no_pair() -> None:
    assert placed({}).pairs == ()
    assert placed({}, Pair(number=1, blocked={A: admits()})).pairs == ()


def test_hostnames_with_the_same_certificates_come_together() -> None:
    """A hostname goes where it makes the rule longer by the least, though another pair has room."""
    first = Pair(number=1, blocked={A: listing("a", 10)})
    second = Pair(number=2, blocked={B: listing("b", 40)})
    admissions = {A: listing("a", 10), B: listing("b", 40), C: listing("b", 40)}
    assert homes(placed(admissions, first, second))[C] == 2
    other = {**admissions, C: listing("c", 10)}
    assert homes(placed(other, first, second))[C] == 1


def test_first_of_the_pairs_that_become_longer_by_the_same() -> None:
    """All homes of a zone find the same one, whatever the numbers are."""
    first = Pair(number=1, blocked={A: listing("a", 20)})
    other = Pair(number=8, blocked={B: listing("b", 20)})
    admissions = {A: listing("a", 20), B: listing("b", 20), C: admits()}
    assert homes(placed(admissions, first, other))[C] == 1
    assert homes(placed(admissions, other, first))[C] == 1


def test_hostname_in_two_pairs_stays_in_the_one_that_names_it_as_it_must_be() -> None:
    """A change was stopped on its way; it goes on from there."""
    first = Pair(number=1, blocked={A: listing("a", 1), B: admits()})
    second = Pair(number=2, blocked={A: listing("a", 2)})
    admissions = {A: listing("a", 2), B: admits()}
    assert homes(placed(admissions, first, second)) == {A: 2, B: 1}
    admissions = {A: listing("a", 1), B: admits()}
    assert homes(placed(admissions, first, second)) == {A: 1, B: 1}


def test_longest_hostnames_come_first() -> None:
    """In the order of their names, they would need three pairs."""
    admissions = {
        A: listing("a", 15),
        B: listing("b", 15),
        C: listing("c", 35),
        D: listing("d", 35),
    }
    placement = placed(admissions)
    assert len(placement.pairs) == 2
    assert homes(placement) == {C: 1, A: 1, D: 2, B: 2}


def test_those_that_changed_leave_first() -> None:
    """The others are named as before, so that nothing is written for their sake."""
    now = {A: listing("a", 20), B: listing("b", 20), C: listing("c", 5)}
    pair = Pair(number=1, blocked=now)
    assert homes(placed(now, pair)) == {A: 1, B: 1, C: 1}
    assert homes(placed({**now, A: listing("a", 45)}, pair)) == {A: 2, B: 1, C: 1}
    assert homes(placed({**now, C: listing("c", 45)}, pair)) == {A: 1, B: 1, C: 2}
    # The one that changed stays where there is room for it.
    assert homes(placed({**now, C: listing("c", 10)}, pair)) == {A: 1, B: 1, C: 1}


def test_hostname_goes_to_a_pair_that_has_room() -> None:
    """Also to an earlier one; there is no further pair while there is room."""
    first = Pair(number=1, blocked={A: listing("a", 20)})
    second = Pair(number=2, blocked={B: listing("b", 30), C: listing("c", 15)})
    admissions = {A: listing("a", 20), B: listing("b", 30), C: listing("c", 30)}
    assert homes(placed(admissions, first, second)) == {A: 1, B: 2, C: 1}


def test_no_hostname_enters_a_pair_that_another_one_leaves() -> None:
    """So a pair either gains hostnames or loses some, though C would fit into the first one."""
    first = Pair(number=1, blocked={A: listing("a", 20), B: listing("b", 20)})
    admissions = {A: listing("a", 20), B: listing("b", 40), C: listing("c", 5)}
    placement = placed(admissions, first)
    assert homes(placement) == {A: 1, B: 2, C: 2}


def test_pair_goes_with_its_last_hostname() -> None:
    """Until then it stays, although one pair would do."""
    now = {A: listing("a", 50), B: listing("b", 50), C: admits()}
    pairs = placed(now).pairs
    fewer = {A: listing("a", 2), B: listing("b", 2), C: admits()}
    assert homes(placed(fewer, *pairs)) == {A: 1, B: 2, C: 1}
    assert homes(placed({A: listing("a", 2), C: admits()}, *pairs)) == {A: 1, C: 1}
    assert homes(placed({B: listing("b", 2)}, *pairs)) == {B: 2}


def test_number_of_a_pair_that_went_is_given_again() -> None:
    """Its rules are still there, and are rewritten rather than deleted."""
    pairs = placed({A: listing("a", 50), B: listing("b", 50)}).pairs
    assert homes(placed({B: listing("b", 50), C: listing("c", 50)}, *pairs)) == {
        B: 2,
        C: 1,
    }


class TestRoomForRules:
    """The custom rules that the plan of the zone leaves to the pairs."""

    MANY: Final = {A: listing("a", 50), B: listing("b", 50)}

    def test_pair_takes_two_rules(self) -> None:
        assert placed(self.MANY, max_rules=4).unplaced == ()
        short = placed(self.MANY, max_rules=3)
        assert (homes(short), short.unplaced) == ({A: 1}, (B,))

    def test_pair_without_a_skip_rule_takes_one(self) -> None:
        assert placed(self.MANY, max_rules=2, skipping=()).unplaced == ()
        assert placed(self.MANY, max_rules=1, skipping=()).unplaced == (B,)
        assert placed(self.MANY, max_rules=3, skipping={A}).unplaced == ()

    @pytest.mark.parametrize("max_rules", [-1, 0, 1])
    def test_first_pair_is_there_anyway(self, max_rules: int) -> None:
        """That its rules have no place is found when they are written."""
        assert homes(placed({A: admits()}, max_rules=max_rules)) == {A: 1}

    def test_pair_gets_a_skip_rule_where_there_is_room_for_it(self) -> None:
        """A hostname that needs one goes into no pair that has none; the first pair takes it anyway."""
        first = Pair(number=1, blocked={A: listing("a", 54)})
        second = Pair(number=2, blocked={B: admits()})
        admissions = {A: listing("a", 54), B: admits(), C: admits()}
        pairs = (first, second)
        assert placed(admissions, *pairs, max_rules=2, skipping={C}).unplaced == (C,)
        enough = placed(admissions, *pairs, max_rules=3, skipping={C})
        assert homes(enough)[C] == 2
        alone = placed({B: admits(), C: admits()}, second, max_rules=1, skipping={C})
        assert homes(alone) == {B: 2, C: 2}

    def test_hostname_that_fits_nowhere_stays_in_its_pair(self) -> None:
        """It must not leave the rule that closes it, so that nothing of the pair is written."""
        now = {A: listing("a", 25), B: listing("b", 25)}
        pair = Pair(number=1, blocked=now)
        grown = placed({**now, B: listing("b", 40)}, pair, max_rules=3)
        assert grown.unplaced == (B,)
        assert homes(grown) == {A: 1, B: 1}
        assert not grown.pairs[0].fits

    def test_new_hostname_that_fits_nowhere_is_in_no_pair(self) -> None:
        """The others are protected as before."""
        pair = Pair(number=1, blocked={A: listing("a", 50)})
        placement = placed(self.MANY, pair, max_rules=3)
        assert placement.unplaced == (B,)
        assert homes(placement) == {A: 1}
        assert placement.pairs[0].fits


def test_hostname_that_is_too_long_alone() -> None:
    """No pair would help; it costs no other hostname its place."""
    long = listing("a", 60)
    placement = placed({A: long, B: listing("b", 50), C: admits()})
    assert placement.unplaced == (A,)
    assert homes(placement) == {B: 1, C: 1}
    assert placement.length_alone(A) > MAX_LENGTH >= placement.length_alone(B)

    grown = placed({A: long, B: admits()}, Pair(number=1, blocked={A: admits()}))
    assert grown.unplaced == (A,)
    assert homes(grown) == {A: 1, B: 2}
    assert [pair.fits for pair in grown.pairs] == [False, True]


class TestOtherHomes:
    """What the pairs name for other Home Assistants stays where it is."""

    def test_they_stay_where_they_are_named(self) -> None:
        """In two pairs too, since the other home may be on its way."""
        theirs = {D: listing("d", 20)}
        first = Pair(number=1, blocked={**theirs, A: admits()}, skipping=theirs)
        second = Pair(number=2, blocked=theirs)
        kept = [replace(first, blocked=theirs), second]
        placement = placed({A: admits()}, first, second, kept=kept)
        assert placement.pairs == (
            replace(first, skipping={**theirs, A: admits()}),
            second,
        )

    def test_they_never_make_room(self) -> None:
        """Ours leaves, although theirs is longer."""
        theirs = {D: listing("d", 45)}
        pair = Pair(number=1, blocked={**theirs, A: admits()})
        kept = [Pair(number=1, blocked=theirs)]
        placement = placed({A: listing("a", 20)}, pair, kept=kept)
        assert homes(placement) == {D: 1, A: 2}

    def test_skip_rule_of_theirs_alone_makes_no_pair(self) -> None:
        theirs = Pair(number=2, skipping={D: admits()})
        assert placed({}, theirs, kept=[theirs]).pairs == ()
        assert homes(placed({A: admits()}, theirs, kept=[theirs])) == {A: 1}

    def test_skip_rule_of_theirs_keeps_what_it_names(self) -> None:
        """Its block rule was deleted; ours is in the same pair."""
        theirs = Pair(number=1, skipping={D: admits()})
        placement = placed({A: admits()}, theirs, kept=[theirs])
        assert placement.pairs[0].skipping.keys() == {A, D}


class TestRoomForCertificates:
    """How many more certificates a hostname can list."""

    @staticmethod
    def most(placement: Placement, hostname: str) -> int:
        """Return the most certificates with which the hostname has a place."""
        admission = placement.admissions[hostname]
        now = admission.pinned or frozenset()
        count = 0
        while True:
            more = listing("f", count + 1).pinned or frozenset()
            grown = replace(admission, pinned=now | more)
            admissions = {**placement.admissions, hostname: grown}
            if hostname in replace(placement, admissions=admissions).unplaced:
                return count
            count += 1

    @pytest.mark.parametrize("max_rules", [2, ENOUGH])
    @pytest.mark.parametrize(
        "admissions",
        [
            {A: listing("a", 1)},
            {A: listing("a", 10), B: listing("b", 20)},
            {A: listing("a", 10), B: listing("a", 10)},
            {A: listing("a", 40), B: listing("b", 40)},
            {A: admits(pinned=()), B: admits("/api/webhook/")},
            {A: listing("a", 60)},
        ],
    )
    def test_it_is_what_would_fit(
        self, admissions: dict[str, Admission], max_rules: int
    ) -> None:
        placement = settled(admissions, max_rules)
        for hostname in admissions:
            assert placement.room_for(hostname) == self.most(placement, hostname)

    def test_further_pair_makes_room(self) -> None:
        pair = Pair(number=1, blocked={A: listing("a", 10), B: listing("b", 40)})
        full = placed(dict(pair.blocked), pair, max_rules=3)
        assert full.room_for(A) == 5
        assert placed(dict(pair.blocked), pair, max_rules=4).room_for(A) > 40

    def test_hostname_without_a_place_has_no_room(self) -> None:
        assert placed({A: listing("a", 60)}).room_for(A) == 0


_ADMISSIONS: st.SearchStrategy[Admission] = st.builds(
    listing, st.sampled_from("xyz"), st.sampled_from([0, 1, 12, 20, 30, 50, 56])
) | st.just(admits())
_HOSTNAMES = st.dictionaries(
    st.sampled_from([f"host-{number}.example.com" for number in range(12)]),
    _ADMISSIONS,
    max_size=10,
)


def settled(admissions: Mapping[str, Admission], max_rules: int) -> Placement:
    """Return hostnames that are in their pairs."""
    placement = placed(admissions, max_rules=max_rules)
    return placed(admissions, *placement.pairs, max_rules=max_rules)


@search()
@given(_HOSTNAMES, st.sampled_from([2, FREE, ENOUGH]))
def test_nothing_is_to_do_once_all_is_placed(
    admissions: dict[str, Admission], max_rules: int
) -> None:
    first = placed(admissions, max_rules=max_rules)
    assert settled(admissions, max_rules).pairs == first.pairs
    assert all(pair.fits for pair in first.pairs)
    assert sum(pair.rule_count for pair in first.pairs) <= max_rules
    names = [name for pair in first.pairs for name in pair.blocked]
    assert sorted([*names, *first.unplaced]) == sorted(admissions)


@search()
@given(_HOSTNAMES, _HOSTNAMES, st.sampled_from([2, FREE, ENOUGH]))
def test_adding_and_removing_moves_no_other_hostname(
    before: dict[str, Admission], other: dict[str, Admission], max_rules: int
) -> None:
    now = settled(before, max_rules)
    left = {key: item for key, item in before.items() if key not in other}
    new = {key: item for key, item in other.items() if key not in before}
    changed = placed({**left, **new}, *now.pairs, max_rules=max_rules)
    was, is_now = homes(now), homes(changed)
    for hostname in left.keys() & was.keys():
        assert is_now[hostname] == was[hostname]


@search()
@given(_HOSTNAMES, _HOSTNAMES, st.sampled_from([2, FREE, ENOUGH]))
def test_pair_gains_hostnames_or_loses_some(
    before: dict[str, Admission], after: dict[str, Admission], max_rules: int
) -> None:
    """And only those move that changed, or had to make room for what stays."""
    now = settled(before, max_rules)
    changed = placed(after, *now.pairs, max_rules=max_rules)
    was, is_now = homes(now), homes(changed)
    moved = {key for key in was.keys() & is_now.keys() if was[key] != is_now[key]}
    left = {was[key] for key in moved}
    entered = {is_now[key] for key in is_now if is_now[key] != was.get(key)}
    assert not left & entered
    assert all(before[key] != after[key] for key in moved)


@search()
@given(_HOSTNAMES)
def test_there_is_one_pair_where_one_is_enough(
    admissions: dict[str, Admission],
) -> None:
    whole = Pair(number=1, blocked=admissions, skipping=admissions)
    assert (len(placed(admissions).pairs) <= 1) is whole.fits
