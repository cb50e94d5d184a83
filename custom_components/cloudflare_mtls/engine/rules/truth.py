"""Three-valued logic: what holds for every request of a set, for none, or is not certain (pure)."""

from collections.abc import Iterable
from typing import Final

# None: not certain, or not the same for every request.
type Truth = bool | None

# The truth that decides a combination on its own.
_DECISIVE: Final = {"and": False, "or": True}


def negate(truth: Truth) -> Truth:
    """Return the opposite of a truth; what is not certain stays so."""
    return None if truth is None else not truth


def combine(operator: str, truths: Iterable[Truth]) -> Truth:
    """Combine truths with and, or, or xor; stop at the first one that decides."""
    # None for xor: one truth that is not certain makes the whole uncertain.
    decisive = _DECISIVE.get(operator)
    seen = []
    for truth in truths:
        if truth is decisive:
            return decisive
        seen.append(truth)
    if None in seen:
        return None
    return not decisive if operator in _DECISIVE else seen.count(True) % 2 == 1
