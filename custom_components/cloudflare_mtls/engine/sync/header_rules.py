"""Reads the header rules of a zone, less often than all else, and finds out whether ours is taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
import secrets
from typing import Final

from ..api.client import CloudflareClient
from ..api.errors import (
    EngineError,
    PermissionMissing,
    RateLimited,
    Rejected,
    TokenRejected,
)
from ..api.models import Ruleset
from ..moment import Moment
from ..rules.header_rule import EXAMPLE_RULE, told_marks, with_header_mark
from ..rules.marks import HEADER_REF

# Nobody gets in by them, so that most looks at a zone can do without: each fifth refresh is enough.
_EVERY: Final = timedelta(minutes=65)


@dataclass(frozen=True, kw_only=True)
class HeaderView:
    """The header rules of a zone, None if they are not known, and whether ours may be written."""

    ruleset: Ruleset | None = None
    is_writable: bool = False


class HeaderRules:
    """What is known of the header rules of each zone of an account, and since when."""

    def __init__(self) -> None:
        """Begin with nothing known, and a mark that nobody else knows."""
        self.mark: Final = secrets.token_urlsafe(16)
        self._known: dict[str, tuple[Moment, HeaderView]] = {}

    async def look(
        self, client: CloudflareClient, zone_id: str, *, anew: bool
    ) -> HeaderView:
        """Return what is known of a zone; it is read again if that is asked for, or if the last time was long ago.

        Whatever fails costs the header rule, and no other one. Raises TokenRejected and
        RateLimited.
        """
        read_at, known = self._known.get(zone_id, (None, HeaderView()))
        if read_at and not anew and read_at.age < _EVERY:
            return known
        try:
            view = await _read(client, zone_id, known)
        except TokenRejected, RateLimited:
            raise
        except PermissionMissing:
            view = HeaderView()
        except EngineError:
            # What the edge tells goes on being understood.
            view = HeaderView(ruleset=known.ruleset)
        return self.keep(zone_id, view)

    @property
    def marks(self) -> Mapping[str, str]:
        """Return the hostnames of whose requests the edge tells, each with the mark."""
        rulesets = [view.ruleset for _, view in self._known.values() if view.ruleset]
        return {
            hostname: mark
            for ruleset in rulesets
            for hostname, mark in told_marks(ruleset).items()
        }

    def keep(self, zone_id: str, view: HeaderView) -> HeaderView:
        """Keep what is known now; what could not be written is not tried again for a while."""
        self._known[zone_id] = (Moment.now(), view)
        return view


async def _read(
    client: CloudflareClient, zone_id: str, known: HeaderView
) -> HeaderView:
    ruleset = with_header_mark(await client.header_rulesets.get(zone_id))
    if known.is_writable or ruleset.by_ref(HEADER_REF):
        return HeaderView(ruleset=ruleset, is_writable=True)
    try:
        await client.header_rulesets.dry_run(zone_id, ruleset, EXAMPLE_RULE)
    except PermissionMissing, Rejected:
        return HeaderView(ruleset=ruleset)
    return HeaderView(ruleset=ruleset, is_writable=True)
