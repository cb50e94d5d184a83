"""The account's Zero Trust organization, and the sessions of its people."""

from typing import Final

from .access_models import Organization
from .errors import Permission
from .resource import Resource

_PERMISSION: Final = Permission.ACCESS_ORGANIZATION_EDIT


class AccessOrganization(Resource):
    """The Zero Trust organization of an account, which is never written."""

    async def get(self, account_id: str) -> Organization:
        """Return the organization; raise ZeroTrustNotSetUp where there is none yet.

        Source: GET /accounts/{account_id}/access/organizations.
        """
        return Organization.parse(
            await self._transport.result(
                "GET", t"/accounts/{account_id}/access/organizations", _PERMISSION
            )
        )

    async def end_sessions_of(self, account_id: str, email: str) -> None:
        """End a person's sessions of all of the account's applications, within 30 seconds.

        Whom a policy lets in can log in again after a minute.

        Source: POST /accounts/{account_id}/access/organizations/revoke_user.
        """
        await self._transport.request(
            "POST",
            t"/accounts/{account_id}/access/organizations/revoke_user",
            _PERMISSION,
            body={"email": email},
        )
