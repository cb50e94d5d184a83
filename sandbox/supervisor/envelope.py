"""The Supervisor's JSON envelope around results and errors.

Source: Supervisor of 2026-08-21, api/utils.py and exceptions.py.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web


class SupervisorError(Exception):
    """The Supervisor refuses a request."""

    def __init__(
        self,
        message: str,
        status: int = 400,
        error_key: str | None = None,
        extra_fields: Mapping[str, str] | None = None,
    ) -> None:
        """Create a refusal with its text, HTTP status, key and the values in the text."""
        super().__init__(message)
        self.status = status
        self.error_key = error_key
        self.extra_fields = extra_fields


class NotInstalledError(SupervisorError):
    """The store knows the app, and nobody has installed it."""


def success_response(data: Any = None) -> web.Response:
    """Build the HTTP response of a successful answer."""
    return web.json_response({"result": "ok", "data": data or {}})


def error_response(error: SupervisorError) -> web.Response:
    """Build the HTTP response of a refusal."""
    body: dict[str, Any] = {"result": "error", "message": str(error)}
    if error.error_key is not None:
        body["error_key"] = error.error_key
    if error.extra_fields is not None:
        body["extra_fields"] = dict(error.extra_fields)
    return web.json_response(body, status=error.status)
