"""The order in which certificates were created, whatever the clock of the home said then (pure)."""

from collections.abc import Collection
from itertools import accumulate
from operator import itemgetter

from .certificate import Certificate
from .trust import Trust


def oldest_first(
    certificates: Collection[Certificate], trust: Trust
) -> list[Certificate]:
    """Return certificates by when they were created, the oldest first.

    Those that were created here are in the order of their records. Between them, the others are where
    Cloudflare's dates put them: these come from one clock, and the home's own may have been wrong.
    """
    listed = {item.id: item for item in certificates if trust.created_here(item)}
    created = [listed[key] for key in trust.records if key in listed]
    others = [item for item in certificates if item.id not in listed]
    # A date never puts a certificate before one that was recorded earlier.
    dates = accumulate((item.facts.issued_on for item in created), max)
    dated = [
        *((item.facts.issued_on, item) for item in others),
        *zip(dates, created, strict=True),
    ]
    return [item for _, item in sorted(dated, key=itemgetter(0))]
