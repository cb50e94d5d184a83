"""The order in which certificates were created, whatever the clock of the home said then (pure)."""

from collections.abc import Collection
from itertools import accumulate, filterfalse
from operator import itemgetter

from .certificate import Certificate
from .trust import Trust


def oldest_first(
    certificates: Collection[Certificate], trust: Trust
) -> list[Certificate]:
    """Return certificates by when they were created, the oldest first.

    The order of those that were created here was recorded. Between them, the others are where
    Cloudflare's dates put them: these come from one clock, and the home's own may have been wrong.
    """
    created = sorted(
        filter(trust.created_here, certificates),
        key=lambda item: trust.records[item.id].places.creation,
    )
    others = filterfalse(trust.created_here, certificates)
    # A date never puts a certificate before one that was recorded earlier.
    dates = accumulate((item.facts.issued_on for item in created), max)
    dated = [
        *((item.facts.issued_on, item) for item in others),
        *zip(dates, created, strict=True),
    ]
    return [item for _, item in sorted(dated, key=itemgetter(0))]
