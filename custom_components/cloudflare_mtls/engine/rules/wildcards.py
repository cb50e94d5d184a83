"""Wildcard patterns of the rules language (pure)."""

import fnmatch

from .letters import lower
from .truth import Truth


def is_plain(pattern: str) -> bool:
    """Return whether a pattern has no character but the star that could mean something else."""
    return not any(char in pattern for char in "\\?[")


def matches_wildcard(text: str, pattern: str, *, strict: bool) -> Truth:
    """Return whether a text matches a wildcard pattern; None where that is not certain.

    Only a strict pattern distinguishes upper and lower case.
    """
    if not is_plain(pattern):
        return None
    if not strict:
        text, pattern = lower(text), lower(pattern)
    return fnmatch.fnmatchcase(text, pattern)
