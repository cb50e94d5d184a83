"""Cloudflare's envelope around every answer, good or bad."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Answer:
    """A good answer."""

    result: Any
    status: int = 200
    messages: tuple[dict[str, Any], ...] = ()
    info: dict[str, int] | None = None
    bare: bool = False
    """Whether the result goes without the envelope."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; some services leave the code out."""

    code: int | None
    message: str
    pointer: str | None = None
    cause: Problem | None = None

    def as_json(self) -> dict[str, Any]:
        """Describe it as the API does."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.pointer is not None:
            body["source"] = {"pointer": self.pointer}
        if self.cause is not None:
            body["error_chain"] = [self.cause.as_json()]
        return body


class ApiError(Exception):
    """A refusal."""

    def __init__(self, status: int, *problems: Problem) -> None:
        """Refuse with an HTTP status for some reasons."""
        super().__init__(status, *problems)
        self.status = status
        self.problems = problems

    @property
    def body(self) -> dict[str, Any]:
        """Return what is answered."""
        return {
            "result": None,
            "success": False,
            "errors": [problem.as_json() for problem in self.problems],
            "messages": [],
        }


class FlatError(ApiError):
    """A refusal whose body is not Cloudflare's envelope."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        """Refuse with an HTTP status and a whole body."""
        super().__init__(status)
        self._body = body

    @property
    def body(self) -> dict[str, Any]:
        """Return what is answered."""
        return self._body


def good(answer: Answer) -> web.Response:
    """Wrap a good answer."""
    if answer.status == 204:
        return web.Response(status=204)
    if answer.bare:
        return web.json_response(answer.result, status=answer.status)
    body = {
        "result": answer.result,
        "success": True,
        "errors": [],
        "messages": list(answer.messages),
    }
    if answer.info is not None:
        body["result_info"] = answer.info
    return web.json_response(body, status=answer.status)


def bad(error: ApiError) -> web.Response:
    """Wrap a refusal."""
    return web.json_response(error.body, status=error.status)


def seconds(time: datetime) -> str:
    """Write a time as certificates and tokens have it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def microseconds(time: datetime | None) -> str | None:
    """Write a time as tunnels, rulesets and DNS records have it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time else None
