"""Every form in which a Host header can write a hostname (pure)."""

from dataclasses import dataclass
import re
from typing import Final, override

from .letters import lower
from .text_sets import TextSet
from .truth import Truth
from .wildcards import is_plain, matches_wildcard

# What a visitor may write behind a hostname: a dot, and after a colon whatever they like.
_BEHIND: Final = re.compile(r"\.?(?::.*)?", re.DOTALL)


@dataclass(frozen=True)
class HostForms(TextSet):
    """All forms of a hostname in a Host header: in any case, with a dot, with a colon.

    What follows the colon need not be a port: cloudflared cuts off any text there. Whether
    Cloudflare's rules see it, and the dot, is documented nowhere. A rule that matches only
    some of the forms decides nothing. Lowered forms went through lower().

    Sources: cloudflare/cloudflared#1490; ingress.FindMatchingRule.
    """

    hostname: str
    are_lower: bool = False

    @override
    def equals(self, text: str) -> Truth:
        return None if self._may_be(text) else False

    @override
    def starts_with(self, prefix: str) -> Truth:
        if not self._has_case_of(prefix):
            return False
        if self.hostname.startswith(lower(prefix)):
            return True if self.are_lower or not prefix else None
        return None if self._may_be(prefix) else False

    @override
    def ends_with(self, suffix: str) -> Truth:
        return None if self._has_case_of(suffix) else False

    @override
    def contains(self, part: str) -> Truth:
        if not self._has_case_of(part):
            return False
        certain = self.are_lower or not part
        return True if certain and part in self.hostname else None

    @override
    def like(self, pattern: str, *, strict: bool) -> Truth:
        if not is_plain(pattern):
            return None
        if self.are_lower and not strict:
            pattern = lower(pattern)
        beginning, star, _ = pattern.partition("*")
        if not star:
            return self.equals(pattern)
        if self.starts_with(beginning) is False:
            return False
        ignores_case = self.are_lower or not strict
        matches = matches_wildcard(self.hostname, pattern, strict=strict)
        return True if ignores_case and matches and pattern.endswith("*") else None

    @override
    def lowered(self) -> TextSet:
        return HostForms(self.hostname, are_lower=True)

    def _may_be(self, text: str) -> bool:
        """Return whether one of the forms is this text."""
        return (
            self._has_case_of(text)
            and lower(text).startswith(self.hostname)
            and _BEHIND.fullmatch(text[len(self.hostname) :]) is not None
        )

    def _has_case_of(self, text: str) -> bool:
        """Return whether the forms can have letters as they are in a text."""
        return not self.are_lower or text == lower(text)
