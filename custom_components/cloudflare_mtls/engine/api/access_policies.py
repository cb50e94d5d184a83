"""Reusable Access policies of an account."""

from collections.abc import Mapping
from typing import Any, Final

from .access_models import AccessPolicy
from .errors import NotFound, Permission
from .paging import read_all
from .resource import Resource

_PERMISSION: Final = Permission.ACCESS_EDIT
_UNKNOWN: Final = 12135
_READ_ONLY: Final = frozenset(
    {"id", "uid", "reusable", "app_count", "created_at", "updated_at"}
)


class AccessPolicies(Resource):
    """The reusable Access policies of an account; their names are not unique."""

    async def list(self, account_id: str) -> tuple[AccessPolicy, ...]:
        """Return the account's reusable policies.

        Source: GET /accounts/{account_id}/access/policies.
        """
        return await read_all(
            self._transport,
            AccessPolicy.parse,
            t"/accounts/{account_id}/access/policies",
            _PERMISSION,
            per_page=100,
        )

    async def find(self, account_id: str, policy_id: str) -> AccessPolicy | None:
        """Return a policy, None if it was deleted.

        Source: GET /accounts/{account_id}/access/policies/{policy_id}.
        """
        try:
            result = await self._transport.result(
                "GET",
                t"/accounts/{account_id}/access/policies/{policy_id}",
                _PERMISSION,
            )
        except NotFound as err:
            if err.code != _UNKNOWN:
                raise
            return None
        return AccessPolicy.parse(result)

    async def create(self, account_id: str, policy: Mapping[str, Any]) -> AccessPolicy:
        """Create a policy, which has no effect until an application uses it.

        Source: POST /accounts/{account_id}/access/policies.
        """
        return AccessPolicy.parse(
            await self._transport.result(
                "POST",
                t"/accounts/{account_id}/access/policies",
                _PERMISSION,
                body=policy,
            )
        )

    async def replace(
        self, account_id: str, changes: Mapping[str, Any], *, replacing: AccessPolicy
    ) -> AccessPolicy:
        """Change some fields of a policy that was read; the others go back as they came.

        Source: PUT /accounts/{account_id}/access/policies/{policy_id}, which clears what is left
        out.
        """
        kept = {
            key: value
            for key, value in replacing.raw.items()
            if key not in _READ_ONLY and value is not None
        }
        return AccessPolicy.parse(
            await self._transport.result(
                "PUT",
                t"/accounts/{account_id}/access/policies/{replacing.id}",
                _PERMISSION,
                body={**kept, **changes},
            )
        )

    async def delete(self, account_id: str, policy_id: str) -> None:
        """Delete a policy; raise Conflict while an application uses it.

        One that is already gone counts as deleted.

        Source: DELETE /accounts/{account_id}/access/policies/{policy_id}.
        """
        try:
            await self._transport.request(
                "DELETE",
                t"/accounts/{account_id}/access/policies/{policy_id}",
                _PERMISSION,
            )
        except NotFound as err:
            if err.code != _UNKNOWN:
                raise
