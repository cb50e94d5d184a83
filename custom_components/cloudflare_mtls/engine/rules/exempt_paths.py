"""Which paths are exempt: the rule that we write and the judgement of rules agree on it (pure)."""

from dataclasses import dataclass
from typing import Final, override

from .text_sets import TextSet
from .truth import Truth

# A zone may have switched URL normalisation off: a path with one of these may climb out.
CLIMBING: Final = ("..", "%")


def is_exempt(path: str, exempt_paths: tuple[str, ...]) -> bool:
    """Return whether everybody may send requests to a path, as rules see it."""
    return path.startswith(exempt_paths) and not _climbs(path)


def paths_outside(exempt_paths: tuple[str, ...]) -> tuple[TextSet, ...]:
    """Return sets that have all paths between them that are not exempt."""
    if not exempt_paths:
        return (TextSet(),)
    return _PlainOutside(exempt_paths), *(_Climbing(part) for part in CLIMBING)


@dataclass(frozen=True)
class _PlainOutside(TextSet):
    """All paths that do not climb and begin with none of these."""

    exempt_paths: tuple[str, ...]

    @override
    def equals(self, text: str) -> Truth:
        return self.starts_with(text)

    @override
    def starts_with(self, prefix: str) -> Truth:
        return False if prefix.startswith(self.exempt_paths) else self.contains(prefix)

    @override
    def ends_with(self, suffix: str) -> Truth:
        return self.contains(suffix)

    @override
    def contains(self, part: str) -> Truth:
        return False if _climbs(part) else None


@dataclass(frozen=True)
class _Climbing(TextSet):
    """All paths that contain this part."""

    part: str

    @override
    def equals(self, text: str) -> Truth:
        return None if self.part in text else False

    @override
    def contains(self, part: str) -> Truth:
        return True if part in self.part else None


def _climbs(path: str) -> bool:
    return any(part in path for part in CLIMBING)
