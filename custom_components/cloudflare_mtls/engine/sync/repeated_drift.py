"""Counts how often drift of a hostname comes back, and how long it was exposed (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ..moment import Moment

_WITHIN: Final = timedelta(days=1)
_OFTEN: Final = 3


@dataclass(frozen=True, kw_only=True)
class RepeatedChange:
    """What somebody else keeps undoing: since when, how often, and for how long it was exposed at most.

    The time of exposure is an upper bound: from the last look that found the hostname closed to the
    last attempt that fixed it. It is None if the hostname was never exposed.
    """

    since: datetime
    times: int
    exposed_for: timedelta | None


@dataclass(frozen=True, kw_only=True)
class Condition:
    """How a look found a hostname: whether it had drifted, and whether it was exposed."""

    drifted: bool
    exposed: bool


@dataclass(frozen=True, kw_only=True)
class _Fixed:
    at: Moment
    exposed_for: timedelta | None


class RepeatedDrift:
    """The drift that was fixed within a day, by hostname."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._in_sync = set[str]()
        self._closed_at: dict[str, Moment] = {}
        self._open_since: dict[str, Moment] = {}
        self._fixed: dict[str, list[_Fixed]] = {}

    def look(self, found: Mapping[str, Condition], now: Moment) -> None:
        """Note which hostnames were seen in sync or closed, and since when others may be exposed."""
        for hostname, condition in found.items():
            if not condition.drifted:
                self._in_sync.add(hostname)
            if not condition.exposed:
                self._closed_at[hostname] = now
                self._open_since.pop(hostname, None)
            elif hostname in self._closed_at:
                self._open_since.setdefault(hostname, self._closed_at[hostname])

    def fixed(self, hostname: str, now: Moment) -> None:
        """Note that drift of a hostname was fixed; it counts once, until the hostname is in sync again."""
        since = self._open_since.get(hostname)
        exposed_for = None if since is None else now - since
        items = self._fixed.setdefault(hostname, [])
        if hostname in self._in_sync:
            self._in_sync.discard(hostname)
            items.append(_Fixed(at=now, exposed_for=exposed_for))
        elif items and exposed_for is not None:
            # An attempt before this one left the hostname open.
            longest = max(exposed_for, items[-1].exposed_for or exposed_for)
            items[-1] = replace(items[-1], exposed_for=longest)

    def repeated(self, now: Moment) -> Mapping[str, RepeatedChange]:
        """Return what was fixed three times or more within a day, by hostname."""
        self._fixed = {
            hostname: recent
            for hostname, items in self._fixed.items()
            if (recent := [item for item in items if now - item.at < _WITHIN])
        }
        return {
            hostname: RepeatedChange(
                since=items[0].at.on,
                times=len(items),
                exposed_for=max(
                    (
                        item.exposed_for
                        for item in items
                        if item.exposed_for is not None
                    ),
                    default=None,
                ),
            )
            for hostname, items in self._fixed.items()
            if len(items) >= _OFTEN
        }
