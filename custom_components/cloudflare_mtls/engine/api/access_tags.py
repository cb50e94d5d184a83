"""Tags of Access applications."""

from typing import Final

from .errors import NotFound, Permission
from .json_fields import Fields
from .paging import read_all
from .resource import Resource

_PERMISSION: Final = Permission.ACCESS_EDIT
_UNKNOWN: Final = 12135


class AccessTags(Resource):
    """The tags of an account's applications; a tag is nothing but its name."""

    async def list(self, account_id: str) -> frozenset[str]:
        """Return the names of the account's tags.

        Source: GET /accounts/{account_id}/access/tags.
        """
        return frozenset(
            await read_all(
                self._transport,
                _name,
                t"/accounts/{account_id}/access/tags",
                _PERMISSION,
                per_page=100,
            )
        )

    async def create(self, account_id: str, name: str) -> None:
        """Create a tag of at most 35 characters; raise Conflict where it is already there.

        Source: POST /accounts/{account_id}/access/tags.
        """
        await self._transport.request(
            "POST",
            t"/accounts/{account_id}/access/tags",
            _PERMISSION,
            body={"name": name},
        )

    async def delete(self, account_id: str, name: str) -> None:
        """Delete a tag; one that is already gone counts as deleted.

        Source: DELETE /accounts/{account_id}/access/tags/{name}.
        """
        try:
            await self._transport.request(
                "DELETE", t"/accounts/{account_id}/access/tags/{name}", _PERMISSION
            )
        except NotFound as err:
            if err.code != _UNKNOWN:
                raise


def _name(fields: Fields) -> str:
    return fields.text("name")
