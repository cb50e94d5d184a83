"""The log of logins, of which the plan keeps one day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.clock import now
from sandbox.state import LoginRow

from ..envelope import Answer, seconds
from .access_bodies import enabled, invalid
from .routing import Call, Routes

routes = Routes()

_KEPT = timedelta(hours=24)
_DEFAULT_LIMIT = 1000


@routes.get("/accounts/{account_id}/access/logs/access_requests")
async def list_access_requests(call: Call) -> Answer:
    """List logins; what is older than the plan keeps is left out without an error."""
    people, query = enabled(call).people, call.query
    since = max(_time(query, "since") or now() - _KEPT, now() - _KEPT)
    until = _time(query, "until") or now()
    limit = _number(query, "limit", _number(query, "per_page", _DEFAULT_LIMIT))
    page = _number(query, "page", 1)
    fits = _filters(call)
    rows = [
        row
        for row in people.log
        if since <= row.created_at <= until and all(each(row) for each in fits)
    ]
    # GUESS: the newest come first unless the query says otherwise.
    if query.get("direction", "desc") == "desc":
        rows.reverse()
    shown = rows[(page - 1) * limit : page * limit]
    info = {"page": page, "per_page": limit, "count": len(shown), "total_count": 0}
    return Answer([_row_json(row) for row in shown], info=info)


def _filters(call: Call) -> list[Callable[[LoginRow], bool]]:
    query = call.query
    fits: list[Callable[[LoginRow], bool]] = []
    if email := query.get("email", "").lower():
        exact = query.get("email_exact") == "true" or query.get("emailOp") == "eq"
        excludes = query.get("emailOp") == "neq"
        fits.append(
            lambda row: (
                (row.user_email == email if exact else email in row.user_email)
                != excludes
            )
        )
    if user_id := query.get("user_id"):
        fits.append(lambda row: row.user_id == user_id)
    if app_uid := query.get("app_uid"):
        fits.append(lambda row: row.app_uid == app_uid)
    if allowed := query.get("allowed"):
        fits.append(lambda row: row.allowed == (allowed == "true"))
    return fits


def _time(query: Any, key: str) -> datetime | None:
    if key not in query:
        return None
    try:
        time = datetime.fromisoformat(query[key])
    except ValueError:
        # GUESS: the text.
        raise invalid(f"malformed value of {key}") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _number(query: Any, key: str, default: int) -> int:
    text = query.get(key, str(default))
    if not (text.isascii() and text.isdecimal() and 1 <= len(text) <= 6 and int(text)):
        # GUESS: the text.
        raise invalid(f"malformed value of {key}")
    return int(text)


def _row_json(row: LoginRow) -> dict[str, Any]:
    return {
        "action": row.action,
        "allowed": row.allowed,
        "app_domain": row.app_domain,
        "app_name": row.app_name,
        "app_type": row.app_type,
        "app_uid": row.app_uid,
        "connection": row.connection,
        # GUESS: in lower case.
        "country": row.country.lower(),
        "created_at": seconds(row.created_at),
        "ip_address": row.ip_address,
        "ray_id": row.ray_id,
        "user_email": row.user_email,
        "user_id": row.user_id,
    }
