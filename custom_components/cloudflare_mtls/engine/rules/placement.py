"""Decides which pair of rules protects which hostname (pure)."""

from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from types import MappingProxyType
from typing import Final

from .admissions import Admission
from .expressions import MAX_LENGTH
from .pairs import Pair, pair_naming

# In characters: what a further fingerprint adds to a rule, with its quotes and a space.
_FINGERPRINT_COST: Final = 67


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The hostnames of a zone that need a pair of rules, and the pairs that there are.

    A hostname stays in its pair as long as it fits, so that adding or removing one moves no other
    one. Of a pair that is too long, those stay first that are named as they must be. There is a
    further pair only where a hostname fits into no other one and the zone has room for its rules;
    the first pair is there anyway. A pair goes with its last hostname, and is never merged with
    another one: each renewal of a certificate makes the rules longer for a while, so that
    hostnames would move there and back, each time with several writes.

    present: the pairs as the zone has them.
    kept: what stays in them: hostnames of other Home Assistants, and removed ones that something
        still leads to.
    admissions: who passes at each hostname that needs a pair.
    skipping: those of the hostnames where devices skip the zone's other rules.
    max_rules: how many custom rules the pairs may take together.
    """

    present: tuple[Pair, ...] = ()
    kept: tuple[Pair, ...] = ()
    admissions: Mapping[str, Admission] = MappingProxyType({})
    skipping: frozenset[str] = frozenset()
    max_rules: int = 0

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Return the pairs that there must be, the first one first.

        One that does not fit has a hostname that fits nowhere: its rules must stay as they are.
        """
        pairs, _ = self._placed
        return pairs

    @property
    def unplaced(self) -> tuple[str, ...]:
        """Return the hostnames that fit nowhere."""
        _, unplaced = self._placed
        return unplaced

    def length_alone(self, hostname: str) -> int:
        """Return how many characters a rule would need that names this hostname alone."""
        return len(self._with(Pair(number=1), hostname).block_expression)

    def room_for(self, hostname: str) -> int:
        """Return how many more certificates the rules can list at a hostname."""
        return bisect_left(
            range(MAX_LENGTH // _FINGERPRINT_COST),
            True,
            key=lambda more: not self._takes(hostname, more + 1),
        )

    def _takes(self, hostname: str, more: int) -> bool:
        """Return whether the hostname has a place with so many more certificates."""
        admission = self.admissions[hostname]
        further = {f"{number:x>64}" for number in range(more)}
        pinned = (admission.pinned or frozenset()) | further
        admissions = {**self.admissions, hostname: replace(admission, pinned=pinned)}
        return hostname not in replace(self, admissions=admissions).unplaced

    @cached_property
    def _placed(self) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
        """Return the pairs, and the hostnames that fit nowhere.

        No hostname enters a pair that another one has to leave: a pair gains hostnames or loses
        some, so that all that gain can be written before those that lose.
        """
        homes = self._homes()
        pairs = {pair.number: pair for pair in self.kept}
        full, homeless = set[int](), sorted(self.admissions.keys() - homes.keys())
        for number in sorted(set(homes.values())):
            residents = sorted(key for key, home in homes.items() if home == number)
            theirs = pairs.get(number, Pair(number=number))
            pairs[number] = self._filled(theirs, residents)
            if leaving := [
                key for key in residents if key not in pairs[number].blocked
            ]:
                full.add(number)
                homeless += leaving
        unplaced = []
        # The longest first: this needs the fewest pairs.
        for hostname in sorted(homeless, key=self.length_alone, reverse=True):
            if pair := self._pair_for(hostname, pairs, full):
                pairs[pair.number] = pair
            else:
                unplaced.append(hostname)
        for hostname in unplaced:
            if home := homes.get(hostname):
                # No other rule names it, so it must not leave.
                pairs[home] = self._with(pairs[home], hostname)
        used = (pairs[number] for number in sorted(pairs))
        return tuple(pair for pair in used if pair.blocked), tuple(sorted(unplaced))

    def _homes(self) -> dict[str, int]:
        """Return the number of the pair that each hostname is in, if it is in one."""
        return {
            hostname: pair.number
            for hostname, admission in self.admissions.items()
            if (pair := pair_naming(self.present, hostname, admission))
        }

    def _filled(self, pair: Pair, residents: Collection[str]) -> Pair:
        """Return a pair with those of its hostnames that fit."""
        if (whole := self._with(pair, *residents)).fits:
            return whole
        (now,) = [item.blocked for item in self.present if item.number == pair.number]
        for hostname in sorted(
            residents, key=lambda key: now.get(key) != self.admissions[key]
        ):
            if (more := self._with(pair, hostname)).fits:
                pair = more
        return pair

    def _pair_for(
        self, hostname: str, pairs: Mapping[int, Pair], full: Collection[int]
    ) -> Pair | None:
        """Return the pair that takes the hostname, with it; None if no pair does.

        It is the one that becomes longer by the least: hostnames with the same certificates
        come together.
        """
        used = {number: pair for number, pair in pairs.items() if pair.blocked}
        further = next(item for item in count(1) if item not in used.keys() | full)
        fitting = [
            more
            for number in (*used.keys() - full, further)
            if (
                more := self._with(pairs.get(number, Pair(number=number)), hostname)
            ).fits
            and self._has_room_for(more, used)
        ]

        def price(more: Pair) -> tuple[bool, int, int]:
            before = pairs.get(more.number, more)
            growth = len(more.block_expression) - len(before.block_expression)
            return more.number == further, growth, more.number

        return min(fitting, key=price, default=None)

    def _has_room_for(self, pair: Pair, used: Mapping[int, Pair]) -> bool:
        """Return whether the zone has room for the rules of a pair beside those of the others."""
        others = [item for number, item in used.items() if number != pair.number]
        now = used.get(pair.number)
        needs_more = now is None or now.rule_count < pair.rule_count
        rules = pair.rule_count + sum(item.rule_count for item in others)
        return not others or not needs_more or rules <= self.max_rules

    def _with(self, pair: Pair, *hostnames: str) -> Pair:
        """Return a pair with further hostnames."""
        admissions = {key: self.admissions[key] for key in hostnames}
        return pair.adding(admissions, self.skipping)
