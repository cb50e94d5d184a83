"""What a check found (pure)."""

from dataclasses import dataclass

from .specs import Check


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is in a companion device's way.

    target: what a person knows it by.
    place: the id of the zone or tunnel where it is fixed.
    subject: distinguishes findings of one check with the same target.
    value, detail: what a person reads of it; it depends on the check.
    """

    check: Check
    target: str
    place: str = ""
    subject: str = ""
    value: str = ""
    detail: str = ""

    @property
    def id(self) -> str:
        """Return the id that distinguishes the finding from all others."""
        return "_".join(
            part for part in (self.check, self.target, self.subject) if part
        )
