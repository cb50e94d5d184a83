"""Sets of texts: what is known of a text of a request that a rule looks at (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import override

from .letters import lower, upper
from .truth import Truth, combine, negate
from .wildcards import matches_wildcard


@dataclass(frozen=True)
class TextSet:
    """Any text at all.

    An answer is true or false only where it is so for every text of the set. A subclass says
    what is known of its texts, and inherits that nothing else is.
    """

    def compare(self, operator: str, texts: Sequence[str]) -> Truth:
        """Return whether a comparison holds; None for an operator that is not known here."""
        match operator:
            case "eq" | "in":
                return combine("or", map(self.equals, texts))
            case "ne":
                return negate(self.equals(texts[0]))
            case "contains":
                return self.contains(texts[0])
            case "wildcard":
                return self.like(texts[0], strict=False)
            case "strict wildcard":
                return self.like(texts[0], strict=True)
            case _:
                return None

    def equals(self, text: str) -> Truth:
        """Return whether every text of the set is this one."""
        return None

    def starts_with(self, prefix: str) -> Truth:
        """Return whether every text of the set begins with this one."""
        return None

    def ends_with(self, suffix: str) -> Truth:
        """Return whether every text of the set ends with this one."""
        return None

    def contains(self, part: str) -> Truth:
        """Return whether every text of the set contains this one."""
        return None

    def like(self, pattern: str, *, strict: bool) -> Truth:
        """Return whether every text of the set matches a wildcard pattern."""
        return None

    def lowered(self) -> TextSet:
        """Return the texts in lower case."""
        return TextSet()

    def uppered(self) -> TextSet:
        """Return the texts in upper case."""
        return TextSet()


@dataclass(frozen=True)
class Exactly(TextSet):
    """One text, and no other."""

    text: str

    @override
    def equals(self, text: str) -> Truth:
        return self.text == text

    @override
    def starts_with(self, prefix: str) -> Truth:
        return self.text.startswith(prefix)

    @override
    def ends_with(self, suffix: str) -> Truth:
        return self.text.endswith(suffix)

    @override
    def contains(self, part: str) -> Truth:
        return part in self.text

    @override
    def like(self, pattern: str, *, strict: bool) -> Truth:
        return matches_wildcard(self.text, pattern, strict=strict)

    @override
    def lowered(self) -> TextSet:
        return Exactly(lower(self.text))

    @override
    def uppered(self) -> TextSet:
        return Exactly(upper(self.text))


@dataclass(frozen=True)
class AnyExcept(TextSet):
    """Any text except these."""

    texts: frozenset[str]

    @override
    def equals(self, text: str) -> Truth:
        return False if text in self.texts else None
