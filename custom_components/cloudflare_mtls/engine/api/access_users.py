"""The people who have logged in to an account's Access applications."""

from .access_models import AccessUser
from .errors import Permission
from .paging import read_all
from .resource import Resource


class AccessUsers(Resource):
    """The people who have logged in to an account's applications."""

    async def list(self, account_id: str) -> tuple[AccessUser, ...]:
        """Return everybody who has logged in at least once, and whether they have a seat.

        Source: GET /accounts/{account_id}/access/users.
        """
        return await read_all(
            self._transport,
            AccessUser.parse,
            t"/accounts/{account_id}/access/users",
            Permission.ACCESS_ORGANIZATION_EDIT,
            per_page=100,
        )
