"""Wildcard patterns of the rules language (pure)."""

import fnmatch

from .truth import Truth


def matches_wildcard(text: str, pattern: str, *, strict: bool) -> Truth:
    """Return whether a text matches a wildcard pattern; None where that is not certain.

    Only a strict pattern distinguishes upper and lower case.
    """
    # Only ASCII letters have two cases to Cloudflare.
    if any(char in pattern for char in "\\?[") or not pattern.isascii():
        return None
    if not strict:
        text, pattern = text.lower(), pattern.lower()
    return fnmatch.fnmatchcase(text, pattern)
