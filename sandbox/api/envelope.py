"""Cloudflare's envelope around every answer, good or bad."""

from dataclasses import dataclass
from datetime import UTC, datetime
import secrets
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Answer:
    """A good answer."""

    result: Any
    status: int = 200
    messages: tuple[dict[str, Any], ...] = ()
    info: dict[str, int] | None = None


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


def good(answer: Answer) -> web.Response:
    """Wrap a good answer."""
    if answer.status == 204:
        return _with_headers(web.Response(status=204))
    body = {
        "result": answer.result,
        "success": True,
        "errors": [],
        "messages": list(answer.messages),
    }
    if answer.info is not None:
        body["result_info"] = answer.info
    return _with_headers(web.json_response(body, status=answer.status))


def bad(error: ApiError) -> web.Response:
    """Wrap a refusal."""
    body = {
        "result": None,
        "success": False,
        "errors": [problem.as_json() for problem in error.problems],
        "messages": [],
    }
    return _with_headers(web.json_response(body, status=error.status))


def _with_headers(response: web.Response) -> web.Response:
    response.headers["CF-Ray"] = f"{secrets.token_hex(8)}-FRA"
    response.headers["Ratelimit"] = '"default";r=1199;t=1'
    response.headers["Ratelimit-Policy"] = '"default";q=1200;w=300'
    return response


def seconds(time: datetime) -> str:
    """Write a time as certificates and tokens have it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def microseconds(time: datetime | None) -> str | None:
    """Write a time as tunnels, rulesets and DNS records have it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time else None
