"""Queries of the GraphQL Analytics API."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from .errors import Permission, RateLimited
from .graphql_errors import query_error
from .json_fields import Fields, malformed
from .pause import Pause
from .resource import Resource
from .rest_errors import code_of, rejection
from .transport import Transport

_AUTHENTICATION_ERROR: Final = 10000


class Graphql(Resource):
    """The GraphQL API, which has a rate limit of its own."""

    def __init__(self, transport: Transport, pause: Pause) -> None:
        """Take what sends the requests, and the pause that queries have to keep."""
        super().__init__(transport)
        self._pause = pause

    async def query(
        self, document: str, variables: Mapping[str, Any], permission: Permission
    ) -> Fields:
        """Return the data that a query asks for; raise where it is only a part of it.

        Raises EngineError; TooMuchAsked where the same query for a shorter time would be
        answered.

        Source: POST /graphql; its errors come with status 200.
        """
        self._pause.keep()
        answer = await self._transport.answer(
            "POST",
            t"/graphql",
            permission,
            body={"query": document, "variables": variables},
        )
        # A bad token is refused in the envelope that all other endpoints use.
        if answer.get("success") is False:
            if code_of(answer) == _AUTHENTICATION_ERROR:
                raise await self._transport.refusal(answer, permission)
            raise rejection(HTTPStatus.OK, answer)
        if errors := answer.get("errors"):
            error = query_error(
                errors[0] if isinstance(errors, list) else errors, permission
            )
            if isinstance(error, RateLimited):
                raise self._pause.begin(error.retry_after)
            raise error
        if (data := Fields(answer).object("data")) is None:
            raise malformed("data")
        return data
