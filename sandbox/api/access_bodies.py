"""What the endpoints of Access have in common: is it set up, and is a body as it should be."""

from collections.abc import Mapping
from typing import Any

from sandbox.access.durations import duration
from sandbox.state import Access

from ..envelope import ApiError, Problem
from .routing import Call, Kind, is_kind

READ_ONLY = frozenset({"id", "uid", "created_at", "updated_at"})
_NOT_ENABLED = (
    "access.api.error.not_enabled: Access is not enabled. Visit the Access dashboard at "
    "https://dash.cloudflare.com/ and click the 'Enable Access' button."
)


def enabled(call: Call) -> Access:
    """Return the account's Zero Trust; refuse if it was never set up."""
    access = call.account.access
    if access.team is None:
        forbidden = call.state.switches.missing_access_is_forbidden
        raise ApiError(403 if forbidden else 404, Problem(9999, _NOT_ENABLED))
    return access


def changing(call: Call) -> Access:
    """Return the account's Zero Trust for a write, of which some readers learn later."""
    access = enabled(call)
    delays = call.state.delays
    access.before_change(list_delay=delays.access_list, edge_delay=delays.access_edge)
    return access


def invalid(detail: str) -> ApiError:
    """Return the refusal of a request that Cloudflare calls invalid."""
    message = f"access.api.error.invalid_request: {detail}"
    return ApiError(400, Problem(12130, message))


def not_found() -> ApiError:
    """Return the refusal of an unknown reusable policy, login method, tag or person."""
    return ApiError(404, Problem(12135, "access.api.error.not_found"))


def conflict(detail: str) -> ApiError:
    """Return the refusal of what collides with something that exists."""
    return ApiError(409, Problem(12132, f"access.api.error.conflict: {detail}"))


def checked(
    body: Any, kinds: Mapping[str, Kind], ignored: frozenset[str] = READ_ONLY
) -> dict[str, Any]:
    """Return the settings of a body; refuse unknown ones and those of another kind."""
    # GUESS: the texts, that unknown settings are refused, and that read-only ones are not.
    if not isinstance(body, dict):
        raise invalid("malformed body")
    settings = {key: value for key, value in body.items() if key not in ignored}
    for key, value in settings.items():
        if key not in kinds:
            raise invalid(f"unknown field {key}")
        if value is not None and not is_kind(value, kinds[key]):
            raise invalid(f"malformed value of {key}")
    return {key: value for key, value in settings.items() if value is not None}


def check_duration(settings: Mapping[str, Any], key: str = "session_duration") -> None:
    """Refuse a duration that Go cannot read; an empty one stands for none."""
    # GUESS: the text.
    if settings.get(key) and duration(settings[key]) is None:
        raise invalid(f"malformed value of {key}")
