"""Access groups of an account."""

from collections.abc import Mapping
from typing import Any, Final

from .access_models import AccessGroup
from .errors import NotFound, Permission
from .paging import read_all
from .resource import Resource

_PERMISSION: Final = Permission.ACCESS_ORGANIZATION_EDIT
_UNKNOWN: Final = frozenset({11020, 12135})
_READ_ONLY: Final = frozenset({"id", "uid", "created_at", "updated_at"})


class AccessGroups(Resource):
    """The Access groups of an account."""

    async def list(self, account_id: str) -> tuple[AccessGroup, ...]:
        """Return the account's groups.

        Source: GET /accounts/{account_id}/access/groups.
        """
        return await read_all(
            self._transport,
            AccessGroup.parse,
            t"/accounts/{account_id}/access/groups",
            _PERMISSION,
            per_page=100,
        )

    async def find(self, account_id: str, group_id: str) -> AccessGroup | None:
        """Return a group, None if it was deleted.

        Source: GET /accounts/{account_id}/access/groups/{group_id}.
        """
        try:
            result = await self._transport.result(
                "GET", t"/accounts/{account_id}/access/groups/{group_id}", _PERMISSION
            )
        except NotFound as err:
            if err.code not in _UNKNOWN:
                raise
            return None
        return AccessGroup.parse(result)

    async def create(self, account_id: str, group: Mapping[str, Any]) -> AccessGroup:
        """Create a group, which has no effect until a policy uses it.

        Source: POST /accounts/{account_id}/access/groups.
        """
        return AccessGroup.parse(
            await self._transport.result(
                "POST",
                t"/accounts/{account_id}/access/groups",
                _PERMISSION,
                body=group,
            )
        )

    async def replace(
        self, account_id: str, changes: Mapping[str, Any], *, replacing: AccessGroup
    ) -> AccessGroup:
        """Change some fields of a group that was read; the others go back as they came.

        Source: PUT /accounts/{account_id}/access/groups/{group_id}, which clears what is left out.
        """
        kept = {
            key: value
            for key, value in replacing.raw.items()
            if key not in _READ_ONLY and value is not None
        }
        return AccessGroup.parse(
            await self._transport.result(
                "PUT",
                t"/accounts/{account_id}/access/groups/{replacing.id}",
                _PERMISSION,
                body={**kept, **changes},
            )
        )

    async def delete(self, account_id: str, group_id: str) -> None:
        """Delete a group; one that is already gone counts as deleted.

        Source: DELETE /accounts/{account_id}/access/groups/{group_id}.
        """
        try:
            await self._transport.request(
                "DELETE",
                t"/accounts/{account_id}/access/groups/{group_id}",
                _PERMISSION,
            )
        except NotFound as err:
            if err.code not in _UNKNOWN:
                raise
