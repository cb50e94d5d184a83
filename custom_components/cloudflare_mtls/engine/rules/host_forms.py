"""Every form in which a Host header can write a hostname (pure)."""

from dataclasses import dataclass
import re
from typing import Final

from .truth import Truth
from .wildcards import matches_wildcard


@dataclass(frozen=True)
class HostForms:
    """All forms of a hostname in a Host header: in any case, with a dot, with a port.

    Whether Cloudflare's rules see the dot and the port is documented nowhere, so a rule that
    matches only some of the forms decides nothing. Lowered forms went through lower().
    """

    hostname: str
    lowered: bool = False

    def equals(self, text: str) -> Truth:
        """Return False where no form is this text, else None: the other forms are not."""
        lowered = text.lower()
        rest = lowered.removeprefix(self.hostname)
        if rest == lowered or not _SUFFIX_ANY.fullmatch(rest):
            return False
        return False if self.lowered and text != lowered else None

    def starts_with(self, prefix: str) -> Truth:
        """Return whether every form begins with a text."""
        text = self._same_case(prefix)
        if text is None:
            return False
        if self.hostname.startswith(text):
            return True if self.lowered or not text else None
        rest = text.removeprefix(self.hostname)
        return None if rest != text and _SUFFIX.fullmatch(rest) else False

    def ends_with(self, suffix: str) -> Truth:
        """Return False where no form ends with a text, else None: the other forms do not."""
        text = self._same_case(suffix)
        return None if text is not None and self._may_end(text) else False

    def contains(self, part: str) -> Truth:
        """Return whether every form contains a text."""
        text = self._same_case(part)
        if text is None:
            return False
        if text in self.hostname:
            return True if self.lowered or not text else None
        ends = (text[:place] for place in range(len(text) + 1))
        possible = any(
            self.hostname.endswith(end) and _SUFFIX_PART.fullmatch(text[len(end) :])
            for end in ends
        )
        return None if possible else False

    def like(self, pattern: str, *, strict: bool) -> Truth:
        """Return whether every form matches a wildcard pattern."""
        if strict and self.lowered and pattern != pattern.lower():
            return None
        # Digits that the pattern asks for may be those of a port.
        digits = re.findall(r"[0-9]+", pattern)
        ports = ["443", *("".join(digits[place:]) for place in range(len(digits)))]
        suffixes = ("", *(f":{port}" for port in ports))
        forms = [
            f"{self.hostname}{dot}{suffix}" for dot in ("", ".") for suffix in suffixes
        ]
        truths = {matches_wildcard(form, pattern, strict=False) for form in forms}
        if truths == {True} and pattern.endswith("*"):
            return True if self.lowered or not strict else None
        return False if truths == {False} and ":" not in pattern else None

    def _same_case(self, text: str) -> str | None:
        """Return a text in the hostname's case, or None where it cannot match."""
        lowered = text.lower()
        return None if self.lowered and text != lowered else lowered

    def _may_end(self, text: str) -> bool:
        return any(
            self.hostname.endswith(text[:place]) and _SUFFIX.fullmatch(text[place:])
            for place in range(len(text) + 1)
        ) or bool(_SUFFIX_END.fullmatch(text))


# What may stand behind a hostname in a Host header, its ends and its parts.
_SUFFIX_ANY: Final = re.compile(r"\.?(?::.*)?", re.DOTALL)
_SUFFIX: Final = re.compile(r"\.?(?::[0-9]{0,5})?")
_SUFFIX_END: Final = re.compile(r"(?:\.?:)?[0-9]{0,5}|\.")
_SUFFIX_PART: Final = re.compile(r"\.?:?[0-9]{0,5}")
