"""Which login hostnames let visitors through without a login, as visits show at two looks (pure)."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from ..moment import Moment
from .login_visit import AskedBy

# The edge follows what is written within this time.
_EDGE_FOLLOWS: Final = timedelta(minutes=2)


class LetThrough:
    """The hostnames at which the latest visits met no login, and nobody knows why."""

    def __init__(self) -> None:
        """Begin without a visit."""
        self._since: Mapping[str, Moment] = {}
        self._found: frozenset[str] = frozenset()

    @property
    def wants_another_look(self) -> bool:
        """Return whether a visit met no login where an earlier one had met one."""
        return bool(self._since.keys() - self._found)

    def look(
        self, before: Collection[str], met: Mapping[str, AskedBy], now: Moment
    ) -> frozenset[str]:
        """Return the hostnames that let visitors through, as two visits have shown.

        before: those that did so far. met: what each hostname was seen to do now, where that follows
        from nothing that was read at Cloudflare. A visit that shows nothing changes nothing.
        """
        self._since = {
            hostname: self._since.get(hostname, now)
            for hostname, asked_by in met.items()
            if asked_by is AskedBy.NOBODY
            or (asked_by is AskedBy.UNCLEAR and hostname in self._since)
        }
        self._found = frozenset(
            hostname
            for hostname, asked_by in met.items()
            if (asked_by in (AskedBy.NOBODY, AskedBy.UNCLEAR) and hostname in before)
            or (
                asked_by is AskedBy.NOBODY
                and now - self._since[hostname] >= _EDGE_FOLLOWS
            )
        )
        return self._found
