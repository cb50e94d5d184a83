"""Every form in which a Host header can write a hostname (pure)."""

from dataclasses import dataclass
from functools import lru_cache
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
        return None if self._may_be(text, lower(text)) else False

    @override
    def starts_with(self, prefix: str) -> Truth:
        lowered = lower(prefix)
        if self.hostname.startswith(lowered) and self._may_have(prefix, lowered):
            return True if self.are_lower or not prefix else None
        return None if self._may_be(prefix, lowered) else False

    @override
    def ends_with(self, suffix: str) -> Truth:
        return None if self._may_have(suffix, lower(suffix)) else False

    @override
    def contains(self, part: str) -> Truth:
        if not self._may_have(part, lower(part)):
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
        return _lowered(self.hostname)

    def _may_be(self, text: str, lowered: str) -> bool:
        """Return whether one of the forms is this text."""
        return (
            lowered.startswith(self.hostname)
            and self._may_have(text, lowered)
            and _BEHIND.fullmatch(text[len(self.hostname) :]) is not None
        )

    def _may_have(self, text: str, lowered: str) -> bool:
        """Return whether the forms can have letters in the case that they have in a text."""
        return not self.are_lower or text == lowered


# A rule may ask for the host in lower case many times.
@lru_cache(maxsize=256)
def _lowered(hostname: str) -> HostForms:
    return HostForms(hostname, are_lower=True)
