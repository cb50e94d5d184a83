"""Why a plan stops short of what is desired (pure)."""

from dataclasses import dataclass
from enum import StrEnum


class ProblemCode(StrEnum):
    """The kind of a problem."""

    RECORD_IN_THE_WAY = "record_in_the_way"
    NO_FREE_RULE = "no_free_rule"
    NO_FURTHER_PAIR = "no_further_pair"
    EXPRESSION_TOO_LONG = "expression_too_long"
    TOO_MANY_PINNED = "too_many_pinned"
    TOO_MANY_LIMITED = "too_many_limited"
    TUNNEL_GONE = "tunnel_gone"
    TUNNEL_UNREAD = "tunnel_unread"
    WOULD_EXPOSE = "would_expose"
    NOT_SERVED = "not_served"
    STILL_SERVED = "still_served"
    STILL_REACHABLE = "still_reachable"
    STILL_IN_FILE = "still_in_file"

    @property
    def affects_zone(self) -> bool:
        """Return whether such a problem affects every hostname of the zone."""
        return self in (
            ProblemCode.NO_FREE_RULE,
            ProblemCode.NO_FURTHER_PAIR,
            ProblemCode.EXPRESSION_TOO_LONG,
            ProblemCode.TOO_MANY_PINNED,
            ProblemCode.TOO_MANY_LIMITED,
        )


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that only a person can solve.

    The target is a hostname, a zone or one of our rules; what the detail is depends on the
    code.
    """

    code: ProblemCode
    target: str
    detail: str
