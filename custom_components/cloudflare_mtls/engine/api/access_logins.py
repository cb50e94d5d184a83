"""The log of logins to an account's Access applications."""

from datetime import UTC, datetime
from typing import Final

from .access_models import LoginRow
from .errors import Permission
from .paging import read_all
from .resource import Resource

_MAX_PAGES: Final = 20


class AccessLogins(Resource):
    """The log of logins to an account's applications."""

    async def list(
        self, account_id: str, since: datetime, until: datetime
    ) -> tuple[LoginRow, ...]:
        """Return the rows between two aware times; one login makes several.

        A plan keeps them for a while, the free one for a day: of an older time there are none,
        and no error. Somebody who is on no list appears only after typing a code. What a policy
        lets pass without a login is not in the log.

        Source: GET /accounts/{account_id}/access/logs/access_requests.
        """
        return await read_all(
            self._transport,
            LoginRow.parse,
            t"/accounts/{account_id}/access/logs/access_requests",
            Permission.ACCESS_LOGINS_READ,
            per_page=100,
            max_pages=_MAX_PAGES,
            since=_rfc3339(since),
            until=_rfc3339(until),
            direction="desc",
        )


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
