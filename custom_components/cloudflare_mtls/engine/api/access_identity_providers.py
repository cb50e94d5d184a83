"""Login methods of an account, which Cloudflare's API calls identity providers."""

from typing import Final

from .access_models import ONE_TIME_PIN, LoginMethod
from .access_organization import AccessOrganization
from .errors import Permission
from .paging import read_all
from .resource import Resource

_PERMISSION: Final = Permission.ACCESS_ORGANIZATION_EDIT


class AccessIdentityProviders(Resource):
    """The login methods of an account."""

    async def list(self, account_id: str) -> tuple[LoginMethod, ...]:
        """Return the account's login methods.

        A token that may not read them gets an empty list; the organization is refused to it, so
        that an empty list is believed only once the organization could be read.

        Source: GET /accounts/{account_id}/access/identity_providers.
        """
        found = await read_all(
            self._transport,
            LoginMethod.parse,
            t"/accounts/{account_id}/access/identity_providers",
            _PERMISSION,
            per_page=100,
        )
        if not found:
            await AccessOrganization(self._transport).get(account_id)
        return found

    async def create_one_time_pin(self, account_id: str) -> LoginMethod:
        """Let people log in by a code that they get by e-mail; raise Conflict where they can.

        Source: POST /accounts/{account_id}/access/identity_providers; there is only one of this
        type.
        """
        return LoginMethod.parse(
            await self._transport.result(
                "POST",
                t"/accounts/{account_id}/access/identity_providers",
                _PERMISSION,
                body={"name": "One-time PIN", "type": ONE_TIME_PIN, "config": {}},
            )
        )
