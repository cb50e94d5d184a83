"""A proxy between Home Assistant and the sandbox, in which tests set up faults."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
import re
from typing import Any

from aiohttp import web

from sandbox import Sandbox
from sandbox.api.request import Request

HTML_ERROR = "<html><title>500 Internal Server Error</title></html>"


@dataclass
class Fault:
    """A fault of the requests that match, a number of times or always."""

    method: str
    path: re.Pattern[str]
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after_write: bool = False
    hold: asyncio.Event | None = None
    times: int | None = None
    hits: int = 0

    def takes(self, request: Request) -> bool:
        """Return whether this fault applies to a request."""
        return (
            self.method in ("*", request.method)
            and self.path.search(request.path) is not None
            and (self.times is None or self.hits < self.times)
        )

    async def until_hit(self) -> None:
        """Wait until a request has met this fault; time may stand still."""
        while not self.hits:
            await asyncio.sleep(0)


class Faults:
    """A proxy that forwards everything until a fault is added."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Prepare a proxy before a sandbox's API."""
        self._sandbox = sandbox
        self._faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        status: int | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        after_write: bool = False,
        hold: asyncio.Event | None = None,
        times: int | None = None,
    ) -> Fault:
        """Add a fault; `path` is a regular expression for the path below /client/v4.

        With `hold`, the request first waits for the event. Without `status`, the sandbox then
        answers as usual. With `after_write`, the sandbox executes the request before that, and the
        client gets the faulty or late answer.
        """
        fault = Fault(
            method,
            re.compile(path),
            status,
            body,
            headers or {},
            after_write,
            hold,
            times,
        )
        self._faults.append(fault)
        return fault

    def unavailable(self, method: str, path: str, **options: Any) -> Fault:
        """Answer with status 500 and an error page."""
        return self.add(method, path, status=500, body=HTML_ERROR, **options)

    def refuse(
        self, method: str, path: str, status: int, code: int, message: str, **rest: Any
    ) -> Fault:
        """Answer with a refusal in Cloudflare's envelope."""
        return self.add(
            method, path, status=status, body=refusal(code, message), **rest
        )

    def limit(
        self, seconds: int, method: str = "*", path: str = "", **rest: Any
    ) -> Fault:
        """Answer with 429 and ask for a pause."""
        return self.add(
            method,
            path,
            status=429,
            body=refusal(10100, "Please wait and consider throttling your requests"),
            headers={"Retry-After": str(seconds)},
            **rest,
        )

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    async def answer(self, request: Request) -> web.Response:
        """Answer as the sandbox does, or with the first fault that takes the request."""
        self.requests.append((request.method, request.path))
        fault = next((item for item in self._faults if item.takes(request)), None)
        if fault is None:
            return await self._forward(request)
        fault.hits += 1
        if fault.after_write:
            answer = await self._forward(request)
        if fault.hold is not None:
            await fault.hold.wait()
        if fault.status is None and not fault.after_write:
            answer = await self._forward(request)
        if fault.status is None:
            return answer
        if isinstance(fault.body, str):
            return web.Response(
                status=fault.status,
                text=fault.body,
                content_type="text/html",
                headers=fault.headers,
            )
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)

    async def _forward(self, request: Request) -> web.Response:
        answer = await self._sandbox.api.answer(request)
        assert isinstance(answer, web.Response)
        return answer


def refusal(code: int | None, message: str) -> dict[str, Any]:
    """Return Cloudflare's envelope around a refusal."""
    return {
        "result": None,
        "success": False,
        "errors": [{"code": code, "message": message}],
        "messages": [],
    }
