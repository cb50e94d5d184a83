"""Cloudflare Access applications of an account."""

from .errors import NotFound, Permission
from .models import AccessApplication
from .paging import read_all
from .resource import Resource


class AccessApplications(Resource):
    """The Access applications of an account."""

    async def list(self, account_id: str) -> tuple[AccessApplication, ...]:
        """Return the account's applications: none where Zero Trust was never set up.

        Cloudflare may also return none to a token that may not read them.

        Source: GET /accounts/{account_id}/access/apps.
        """
        try:
            return await read_all(
                self._transport,
                AccessApplication.parse,
                t"/accounts/{account_id}/access/apps",
                Permission.ACCESS_READ,
                per_page=100,
            )
        except NotFound:
            return ()
