"""Turns an error of the GraphQL API into an EngineError (pure)."""

from collections.abc import Mapping
import re
from typing import Any, Final

from .errors import (
    EngineError,
    Permission,
    PermissionMissing,
    RateLimited,
    Rejected,
    TooMuchAsked,
    Unavailable,
)

_PAUSE: Final = 300.0

# Its errors have no numbers. Sources: developers.cloudflare.com, GraphQL Analytics API,
# "Troubleshooting" and "Limits"; the sentences as recorded.
_UNAUTHORIZED: Final = re.compile(r"not authorized", re.IGNORECASE)
_LIMITED: Final = re.compile(
    r"budget depleted|rate limit|too many requests", re.IGNORECASE
)
_TOO_MUCH: Final = re.compile(
    r"cannot request (?:data older|a time range wider) than\s+(?P<length>[0-9a-z]+)",
    re.IGNORECASE,
)
_BUSY: Final = re.compile(
    r"too many queries|unable to execute|internal|timed? ?out|try again", re.IGNORECASE
)
_PART: Final = re.compile(r"(\d+)(ms|[wdhms])")
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0}
_MAX_SHOWN: Final = 200
# The rest of a longer message is ignored; Python converts no number of more than 4,300 digits.
_MAX_READ: Final = 2000


def query_error(error: object, permission: Permission) -> EngineError:
    """Return what an item of an answer's errors means."""
    if not isinstance(error, Mapping) or not isinstance(error.get("message"), str):
        return Unavailable("malformed answer: errors")
    message: str = error["message"][:_MAX_READ]
    if _code(error) == "authz" or _UNAUTHORIZED.search(message):
        return PermissionMissing(permission)
    if _LIMITED.search(message):
        return RateLimited(_PAUSE)
    shown = "".join(char for char in message if char.isprintable())[:_MAX_SHOWN]
    if too_much := _TOO_MUCH.search(message):
        return TooMuchAsked(
            shown,
            seconds=_seconds(too_much["length"]),
            too_old="older" in too_much[0].lower(),
        )
    if _BUSY.search(message):
        return Unavailable("the query was not executed")
    return Rejected(None, shown or "no reason given")


def _code(error: Mapping[str, Any]) -> object:
    extensions = error.get("extensions")
    return extensions.get("code") if isinstance(extensions, Mapping) else None


def _seconds(length: str) -> int:
    """Read a duration as Go writes it, such as 1w1d or 2678400s."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(length))
