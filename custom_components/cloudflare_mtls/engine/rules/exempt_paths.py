"""Which paths are exempt: the rule that we write and the judgement of rules agree on it (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, override

from .text_sets import TextSet
from .truth import Truth

# A zone may have switched URL normalisation off: a path with one of these may climb out.
CLIMBING: Final = ("..", "%")
# What a visitor asks for first; no settings exempt it.
FIRST_PAGE: Final = "/"


class Opened(StrEnum):
    """A part of Home Assistant that people rarely mean to open to everybody."""

    API = "api"
    LOGIN = "login"
    WEBHOOKS = "webhooks"


# Anybody who reaches one of the paths has the whole part.
_DOORS: Final[Mapping[Opened, tuple[str, ...]]] = {
    Opened.API: ("/api/websocket",),
    Opened.LOGIN: ("/auth/login_flow", "/auth/login_flow/"),
    Opened.WEBHOOKS: ("/api/webhook/",),
}


def opened_by(exempt_path: str) -> Opened | None:
    """Return the broadest part of Home Assistant that an exempt path opens, if it opens one.

    Source: Home Assistant 2026.10, components websocket_api, auth and webhook.
    """
    for opened, doors in _DOORS.items():
        if any(is_exempt(door, (exempt_path,)) for door in doors):
            return opened
    return None


def is_prefix(exempt_path: str) -> bool:
    """Return whether an exempt path stands for all paths below it, and not for itself alone."""
    return exempt_path.endswith("/")


def is_exempt(path: str, exempt_paths: tuple[str, ...]) -> bool:
    """Return whether everybody may send requests to a path, as rules see it."""
    return (
        path in exempt_paths or path.startswith(_prefixes(exempt_paths))
    ) and not _climbs(path)


def paths_outside(exempt_paths: tuple[str, ...]) -> tuple[TextSet, ...]:
    """Return sets that have all paths between them that are not exempt."""
    if not exempt_paths:
        return (TextSet(),)
    return _PlainOutside(exempt_paths), *(_Climbing(part) for part in CLIMBING)


@dataclass(frozen=True)
class _PlainOutside(TextSet):
    """All paths that do not climb and are not exempt."""

    exempt_paths: tuple[str, ...]

    @override
    def equals(self, text: str) -> Truth:
        return False if is_exempt(text, self.exempt_paths) else self.contains(text)

    @override
    def starts_with(self, prefix: str) -> Truth:
        below = prefix.startswith(_prefixes(self.exempt_paths))
        return False if below else self.contains(prefix)

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


def _prefixes(exempt_paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(is_prefix, exempt_paths))


def _climbs(path: str) -> bool:
    return any(part in path for part in CLIMBING)
