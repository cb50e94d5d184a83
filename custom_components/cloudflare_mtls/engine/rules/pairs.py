"""Pairs of our rules: which hostnames each pair names, and who passes there (pure)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Final

from ..api.models import Rule, Ruleset
from .admissions import Admission, read_admissions
from .expressions import MAX_LENGTH, block_expression, skip_expression
from .marks import block_ref, pair_of, skip_ref

_NONE: Final[Mapping[str, Admission]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A block rule and the skip rule ahead of it; a zone has as many pairs as its hostnames need.

    number: 1 for the first pair of a zone, whose refs have no number.
    blocked: the hostnames that the block rule names, and who passes there.
    skipping: those that the skip rule names; without any, the pair has no skip rule.
    """

    number: int
    blocked: Mapping[str, Admission] = _NONE
    skipping: Mapping[str, Admission] = _NONE

    @property
    def block_ref(self) -> str:
        """Return the ref of the block rule."""
        return block_ref(self.number)

    @property
    def skip_ref(self) -> str:
        """Return the ref of the skip rule."""
        return skip_ref(self.number)

    @cached_property
    def block_expression(self) -> str:
        """Return the expression of the block rule."""
        return block_expression(self.blocked)

    @cached_property
    def skip_expression(self) -> str:
        """Return the expression of the skip rule, empty where no certificate is good."""
        return skip_expression(self.skipping)

    @property
    def fits(self) -> bool:
        """Return whether Cloudflare takes the expressions of both rules."""
        longest = max(len(self.block_expression), len(self.skip_expression))
        return longest <= MAX_LENGTH

    @property
    def rule_count(self) -> int:
        """Return how many custom rules the pair takes."""
        return 2 if self.skip_expression else 1

    def adding(
        self, admissions: Mapping[str, Admission], skipping: Collection[str]
    ) -> Pair:
        """Return the pair with further hostnames, or other ones in their place; some are skipping."""
        return replace(
            self,
            blocked={**self.blocked, **admissions},
            skipping={
                **self.skipping,
                **{key: item for key, item in admissions.items() if key in skipping},
            },
        )

    def without(self, hostnames: Collection[str]) -> Pair:
        """Return the pair without some of its hostnames."""

        def rest(named: Mapping[str, Admission]) -> Mapping[str, Admission]:
            return {key: item for key, item in named.items() if key not in hostnames}

        return replace(self, blocked=rest(self.blocked), skipping=rest(self.skipping))


def read_pairs(ruleset: Ruleset) -> tuple[Pair, ...]:
    """Return our pairs as the rules of a zone have them, the first one first."""
    numbers = {pair_of(rule.ref) for rule in ruleset.rules} - {None}
    return tuple(
        Pair(
            number=number,
            blocked=_read(ruleset.by_ref(block_ref(number))),
            skipping=_read(ruleset.by_ref(skip_ref(number))),
        )
        for number in sorted(filter(None, numbers))
    )


def pair_naming(
    pairs: Collection[Pair], hostname: str, admission: Admission | None = None
) -> Pair | None:
    """Return the pair that a hostname is in, by its block rule or, where none names it, its skip rule.

    Of several, which only a stopped change leaves behind, it is the one that has the admission.
    """
    naming = [pair for pair in pairs if hostname in pair.blocked] or [
        pair for pair in pairs if hostname in pair.skipping
    ]
    exact = [pair for pair in naming if pair.blocked.get(hostname) == admission]
    return next(iter(exact or naming), None)


def _read(rule: Rule | None) -> Mapping[str, Admission]:
    return read_admissions(rule.expression) if rule else _NONE
