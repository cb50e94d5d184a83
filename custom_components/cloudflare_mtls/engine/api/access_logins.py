"""The log of logins to an account's Access applications."""

from datetime import UTC, datetime
from typing import Final

from .access_models import LoginRow, LoginRows
from .errors import Permission, Rejected
from .paging import read_first
from .resource import Resource

_MAX_PAGES: Final = 20
_MAX_PAGES_OF_ALLOWED: Final = 10


class AccessLogins(Resource):
    """The log of logins to an account's applications."""

    async def list(
        self, account_id: str, since: datetime, until: datetime
    ) -> LoginRows:
        """Return the rows between two aware times; one login makes several.

        Who is refused again and again makes the log as long as they like. Of one that is too long
        to be read, the newest rows are returned, and those of people who were let in.

        A plan keeps them for a while, the free one for a day: of an older time there are none,
        and no error. Somebody who is on no list appears only after typing a code. What a policy
        lets pass without a login is not in the log.

        Source: GET /accounts/{account_id}/access/logs/access_requests.
        """
        times = {"since": _rfc3339(since), "until": _rfc3339(until)}
        rows, is_whole = await self._read(account_id, _MAX_PAGES, **times)
        if is_whole:
            return LoginRows(rows=rows, is_whole=True, has_all_allowed=True)
        try:
            allowed, has_all = await self._read(
                account_id,
                _MAX_PAGES_OF_ALLOWED,
                **times,
                allowed="true",
                allowedOp="eq",
            )
        except Rejected:
            # The reference names this filter by its operator alone.
            allowed, has_all = (), False
        return LoginRows(
            rows=(*rows, *allowed), is_whole=False, has_all_allowed=has_all
        )

    async def _read(
        self, account_id: str, max_pages: int, **query: str
    ) -> tuple[tuple[LoginRow, ...], bool]:
        """Return the newest rows, and whether these are all."""
        return await read_first(
            self._transport,
            LoginRow.parse,
            t"/accounts/{account_id}/access/logs/access_requests",
            Permission.ACCESS_LOGINS_READ,
            per_page=100,
            max_pages=max_pages,
            direction="desc",
            **query,
        )


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
