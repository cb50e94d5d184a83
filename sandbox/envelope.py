"""Cloudflare's JSON envelope around results and errors."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Answer:
    """The successful answer of an endpoint."""

    result: Any
    status: int = 200
    messages: tuple[dict[str, Any], ...] = ()
    info: dict[str, int] | None = None
    bare: bool = False
    """Whether the result is sent without the envelope."""


@dataclass(frozen=True)
class Problem:
    """One error of an answer; some services leave out the code."""

    code: int | None
    message: str
    pointer: str | None = None
    cause: Problem | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the error as the API writes it."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.pointer is not None:
            body["source"] = {"pointer": self.pointer}
        if self.cause is not None:
            body["error_chain"] = [self.cause.as_json()]
        return body


class ApiError(Exception):
    """An endpoint refuses a request."""

    def __init__(self, status: int, *problems: Problem) -> None:
        """Create a refusal with an HTTP status and its errors."""
        super().__init__(status, *problems)
        self.status = status
        self.problems = problems

    @property
    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {
            "result": None,
            "success": False,
            "errors": [problem.as_json() for problem in self.problems],
            "messages": [],
        }


class BareError(ApiError):
    """A refusal that is sent without the envelope."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        """Create a refusal with an HTTP status and a complete body."""
        super().__init__(status)
        self._body = body

    @property
    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return self._body


def success_response(answer: Answer) -> web.Response:
    """Build the HTTP response of a successful answer."""
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


def error_response(error: ApiError) -> web.Response:
    """Build the HTTP response of a refusal."""
    return web.json_response(error.body, status=error.status)


def seconds(time: datetime) -> str:
    """Write a time in the form that certificates and tokens use."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def microseconds(time: datetime | None) -> str | None:
    """Write a time in the form that tunnels, rulesets and DNS records use."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time else None
