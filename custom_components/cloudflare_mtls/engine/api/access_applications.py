"""Cloudflare Access applications of an account."""

from collections.abc import Mapping
from typing import Any, Final

from .access_models import AccessApplication
from .errors import NotFound, Permission, Rejected, ZeroTrustNotSetUp
from .paging import read_all
from .resource import Resource

_PERMISSION: Final = Permission.ACCESS_EDIT
_UNKNOWN: Final = 11021
_INVALID_REQUEST: Final = 12130
# What Cloudflare adds; the rest of an application goes back as it came.
_READ_ONLY: Final = frozenset({"id", "uid", "aud", "created_at", "updated_at"})


class AccessApplications(Resource):
    """The Access applications of an account."""

    async def list(self, account_id: str) -> tuple[AccessApplication, ...]:
        """Return the account's applications: none where Zero Trust was never set up.

        Cloudflare also returns none to a token that may not read them, and may leave out for 30
        seconds what was created a moment ago.

        Source: GET /accounts/{account_id}/access/apps.
        """
        try:
            return await read_all(
                self._transport,
                AccessApplication.parse,
                t"/accounts/{account_id}/access/apps",
                _PERMISSION,
                per_page=100,
            )
        except ZeroTrustNotSetUp:
            return ()

    async def find(
        self, account_id: str, application_id: str
    ) -> AccessApplication | None:
        """Return an application, None if it was deleted.

        Source: GET /accounts/{account_id}/access/apps/{application_id}.
        """
        try:
            result = await self._transport.result(
                "GET",
                t"/accounts/{account_id}/access/apps/{application_id}",
                _PERMISSION,
            )
        except NotFound as err:
            if err.code != _UNKNOWN:
                raise
            return None
        return AccessApplication.parse(result)

    async def expect_edit_permission(self, account_id: str) -> None:
        """Raise PermissionMissing unless the token may edit applications; nothing is written.

        Source: POST /accounts/{account_id}/access/apps with an empty body, which Cloudflare
        refuses as invalid only once it has looked at the permission.
        """
        try:
            await self._transport.request(
                "POST",
                t"/accounts/{account_id}/access/apps",
                _PERMISSION,
                body={},
            )
        except Rejected as err:
            if err.code != _INVALID_REQUEST:
                raise

    async def create(
        self, account_id: str, application: Mapping[str, Any]
    ) -> AccessApplication:
        """Create an application; raise Conflict where another one has the same address.

        Raises PolicyUnknownYet where one of its policies was created a moment ago.

        Source: POST /accounts/{account_id}/access/apps.
        """
        return AccessApplication.parse(
            await self._transport.result(
                "POST",
                t"/accounts/{account_id}/access/apps",
                _PERMISSION,
                body=application,
            )
        )

    async def replace(
        self,
        account_id: str,
        changes: Mapping[str, Any],
        *,
        replacing: AccessApplication,
    ) -> AccessApplication:
        """Change some fields of an application that was read; the others go back as they came.

        Source: PUT /accounts/{account_id}/access/apps/{application_id}, which clears what is left
        out, and refuses reusable policies as whole objects.
        """
        kept = {
            key: value
            for key, value in replacing.raw.items()
            if key not in _READ_ONLY and value is not None
        }
        body = {**kept, "policies": policy_references(replacing), **changes}
        return AccessApplication.parse(
            await self._transport.result(
                "PUT",
                t"/accounts/{account_id}/access/apps/{replacing.id}",
                _PERMISSION,
                body=body,
            )
        )

    async def delete(self, account_id: str, application_id: str) -> None:
        """Delete an application; one that is already gone counts as deleted.

        Its reusable policies stay. The edge may ask for a login for two minutes more.

        Source: DELETE /accounts/{account_id}/access/apps/{application_id}.
        """
        try:
            await self._transport.request(
                "DELETE",
                t"/accounts/{account_id}/access/apps/{application_id}",
                _PERMISSION,
            )
        except NotFound as err:
            if err.code != _UNKNOWN:
                raise

    async def end_sessions(self, account_id: str, application_id: str) -> None:
        """End everybody's sessions of an application, within 30 seconds.

        Source: POST /accounts/{account_id}/access/apps/{application_id}/revoke_tokens.
        """
        await self._transport.request(
            "POST",
            t"/accounts/{account_id}/access/apps/{application_id}/revoke_tokens",
            _PERMISSION,
        )


def policy_references(application: AccessApplication) -> list[Mapping[str, Any]]:
    """Return an application's policies as the API takes them, in their order.

    A reusable one is named; one that lives in the application goes back whole, with its id, or it
    would be created again.
    """
    return [
        {"id": policy.id, "precedence": place}
        if policy.reusable
        else {**policy.raw, "precedence": place}
        for place, policy in enumerate(application.policies, start=1)
    ]
