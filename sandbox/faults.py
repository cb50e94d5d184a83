"""Faults on demand: which answers of the API go wrong, and how."""

import asyncio
from collections.abc import Mapping
import copy
from dataclasses import dataclass
from enum import StrEnum
import json
import socket
import struct
from typing import Any, override

from aiohttp import web

from .envelope import ApiError, Problem, error_response
from .planned_faults import PlannedFault, PlannedFaults
from .state import State

_ERROR_PAGE = "<html><title>{0}</title><h1>{0}</h1></html>"
_WRONG_TYPES: Mapping[type, Any] = {
    str: 17,
    int: "many",
    bool: "yes",
    list: {},
    dict: [],
}


class FaultKind(StrEnum):
    """A way for an API call to go wrong."""

    DELAY = "delay"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNSUCCESSFUL = "success_false"
    HTML = "html"
    NULL = "null"
    MISSING = "missing"
    MISTYPED = "mistyped"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    TIMEOUT_AFTER = "timeout_after"
    STALE = "stale"

    @property
    def runs_endpoint(self) -> bool:
        """Return whether the endpoint still runs, so that a write takes effect."""
        return self in {
            FaultKind.DELAY,
            FaultKind.NULL,
            FaultKind.MISSING,
            FaultKind.MISTYPED,
            FaultKind.RESET_AFTER,
            FaultKind.TIMEOUT_AFTER,
            FaultKind.STALE,
        }

    @property
    def breaks_connection(self) -> bool:
        """Return whether the client gets no answer at all."""
        return self in {
            FaultKind.RESET_BEFORE,
            FaultKind.RESET_AFTER,
            FaultKind.TIMEOUT_AFTER,
        }


@dataclass
class Fault(PlannedFault[FaultKind]):
    """A fault of the API; the path is that below /client/v4."""

    retry_after: int = 60
    """The value of a 429's Retry-After header, in seconds."""
    key: str = ""
    """The key of the answer that is missing or mistyped, for example result.0.id."""

    def __post_init__(self) -> None:
        """Accept the kind as a string too."""
        self.kind = FaultKind(self.kind)

    def spoil(self, answer: web.Response | None) -> web.Response | None:
        """Return the answer that the client gets instead, or None for no answer."""
        if self.kind.breaks_connection:
            return None
        match self.kind:
            case FaultKind.UNAUTHORIZED:
                return _refusal(401, 10000, "Authentication error")
            case FaultKind.FORBIDDEN:
                return _refusal(403, 10000, "Authentication error")
            case FaultKind.RATE_LIMITED:
                return rate_limit_response(self.retry_after)
            case FaultKind.SERVER_ERROR:
                return _page(500, "500 Internal Server Error")
            case FaultKind.BAD_GATEWAY:
                return _page(502, "502 Bad Gateway")
            case FaultKind.HTML:
                return _page(200, "Just a moment...")
            case FaultKind.UNSUCCESSFUL:
                return _refusal(200, 10001, "Unable to process your request")
            case _:
                assert answer is not None, "the endpoint should have run"
                return self._changed(answer)

    def _changed(self, answer: web.Response) -> web.Response:
        """Remove or change one key of a successful answer."""
        if answer.status >= 400 or self.kind in (FaultKind.DELAY, FaultKind.STALE):
            return answer
        body = json.loads(answer.text or "null")
        # GraphQL's envelope has "data" in place of "result".
        result = "data" if "data" in body else "result"
        key = result if self.kind is FaultKind.NULL else self.key
        *parents, last = key.split(".")
        holder = body
        for parent in parents:
            holder = holder[_index(holder, parent)]
        last_index = _index(holder, last)
        match self.kind:
            case FaultKind.NULL:
                holder[last_index] = None
            case FaultKind.MISSING:
                del holder[last_index]
            case _:
                holder[last_index] = _WRONG_TYPES.get(type(holder[last_index]), 17)
        return web.json_response(body, status=answer.status)


class Faults(PlannedFaults[Fault]):
    """The faults of the API, and what stale reads see."""

    def __init__(self, state: State) -> None:
        """Start without faults."""
        super().__init__()
        self._state = state
        self._before_last_write: State | None = None

    @override
    def clear(self) -> None:
        super().clear()
        self._before_last_write = None

    @override
    def take(self, method: str, path: str, *, is_dry: bool = False) -> Fault | None:
        taken = super().take(method, path)
        writes = method != "GET" and not is_dry
        if writes and any(f.kind is FaultKind.STALE for f in self.waiting):
            self._before_last_write = copy.deepcopy(self._state)
        return taken

    def state_for(self, fault: Fault | None) -> State:
        """Return the state that a call sees: for a stale read, the one before the last write."""
        if fault is not None and fault.kind is FaultKind.STALE:
            return self._before_last_write or self._state
        return self._state


def rate_limit_response(retry_after: int) -> web.Response:
    """Return the answer to a request over the rate limit."""
    message = "Please wait and consider throttling your request speed"
    response = _refusal(429, 971, message)
    response.headers["Retry-After"] = str(retry_after)
    return response


async def leave_unanswered(request: web.Request, fault: Fault) -> None:
    """Reset the connection, or leave it open until the client gives up."""
    if fault.kind is FaultKind.TIMEOUT_AFTER:
        while request.transport is not None:
            await asyncio.sleep(0.05)
    elif request.transport is not None:
        # With SO_LINGER at zero, the kernel sends a reset when the socket is closed.
        request.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        request.transport.abort()


def _index(holder: Any, key: str) -> Any:
    return int(key) if isinstance(holder, list) else key


def _refusal(status: int, code: int, message: str) -> web.Response:
    return error_response(ApiError(status, Problem(code, message)))


def _page(status: int, title: str) -> web.Response:
    return web.Response(
        status=status, text=_ERROR_PAGE.format(title), content_type="text/html"
    )
