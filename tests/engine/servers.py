"""Servers that misbehave on demand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
import json
from typing import Any, Self

from aiohttp import ClientSession, web

HTML = "<!DOCTYPE html><title>520: Web server is returning an unknown error</title>"


class _Server:
    """A server on a free port while its `async with` block runs."""

    def __init__(self) -> None:
        self.url = ""
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        """Start the server."""
        self._runner = web.ServerRunner(
            web.Server(self.answer, access_log=None, handler_cancellation=True),
            shutdown_timeout=1,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the server."""
        assert self._runner is not None
        await self._runner.cleanup()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        raise NotImplementedError


def _hang_up(request: web.BaseRequest) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Fault(StrEnum):
    """How a write fails; the LOST ones take effect although the client sees a failure."""

    REFUSED = "403"
    LIMITED = "429"
    BROKEN = "500"
    CUT = "cut"
    LOST = "500 after it took effect"
    LOST_CUT = "cut after it took effect"


class FaultyProxy(_Server):
    """A proxy that lets the n-th write fail, counted from 0."""

    def __init__(self, target: str) -> None:
        """Prepare a proxy before an API."""
        super().__init__()
        self._target = target
        self._session: ClientSession | None = None
        self.fails_at: int | None = None
        self.fault = Fault.BROKEN
        self.writes = 0

    async def __aenter__(self) -> Self:
        """Start the proxy."""
        self._session = ClientSession()
        return await super().__aenter__()

    async def __aexit__(self, *exc: object) -> None:
        """Stop the proxy."""
        await super().__aexit__(*exc)
        assert self._session is not None
        await self._session.close()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Forward a request, or let it fail."""
        fails = False
        if request.method != "GET":
            fails = self.writes == self.fails_at
            self.writes += 1
        if fails and self.fault in (Fault.LOST, Fault.LOST_CUT):
            await self._forward(request)
        if not fails:
            return await self._forward(request)
        match self.fault:
            case Fault.CUT | Fault.LOST_CUT:
                return _hang_up(request)
            case Fault.REFUSED:
                return envelope(403, code=10000, message="Authentication error")
            case Fault.LIMITED:
                return envelope(429, code=10429, headers={"Retry-After": "7"})
            case _:
                return web.Response(status=500, text=HTML, content_type="text/html")

    async def _forward(self, request: web.BaseRequest) -> web.Response:
        assert self._session is not None
        async with self._session.request(
            request.method,
            f"{self._target}{request.raw_path}",
            data=await request.read(),
            headers={
                name: request.headers[name]
                for name in ("Authorization", "Content-Type")
                if name in request.headers
            },
        ) as answer:
            return web.Response(
                status=answer.status,
                body=await answer.read(),
                content_type=answer.content_type,
            )


def envelope(
    status: int,
    *,
    code: object = None,
    message: object = "no",
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return a refusal in Cloudflare's envelope."""
    errors = [{"code": code, "message": message}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return web.json_response(body, status=status, headers=headers)


def success(result: object, **more: object) -> web.Response:
    """Return a result in Cloudflare's envelope."""
    body = {"success": True, "errors": [], "messages": [], "result": result, **more}
    return web.json_response(body)


@dataclass(frozen=True)
class Asked:
    """A request that was received."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class ScriptedApi(_Server):
    """An API with one scripted answer to all requests, and another to token verifications."""

    def __init__(self) -> None:
        """Script answers: valid tokens, and empty results."""
        super().__init__()
        self.asked: list[Asked] = []
        self.answers: Callable[[Asked], web.StreamResponse | None] = lambda _: success(
            None
        )
        self.verifies: Callable[[], web.StreamResponse] = lambda: success(
            {"id": "t", "status": "active"}
        )
        self.hangs_up = False
        self.pause: Callable[[], Awaitable[None]] | None = None

    def always(
        self, status: int, body: object, headers: Mapping[str, str] | None = None
    ) -> None:
        """Script the answer to all requests but verifications: a text is HTML, anything else JSON."""
        if isinstance(body, str):
            self.answers = lambda _: web.Response(
                status=status, text=body, content_type="text/html", headers=headers
            )
        else:
            self.answers = lambda _: web.json_response(
                body, status=status, headers=headers
            )

    @property
    def calls(self) -> list[Asked]:
        """Return the requests, without verifications of tokens."""
        return [item for item in self.asked if not item.path.endswith("/verify")]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Record a request and send the scripted answer."""
        text = await request.text()
        path, _, _ = request.raw_path.partition("?")
        asked = Asked(
            method=request.method,
            path=path,
            query=dict(request.query),
            headers=dict(request.headers),
            body=json.loads(text) if text else None,
        )
        self.asked.append(asked)
        if self.pause is not None:
            await self.pause()
        if self.hangs_up:
            return _hang_up(request)
        if asked.path.endswith("/tokens/verify"):
            return self.verifies()
        return self.answers(asked) or _hang_up(request)


async def forever() -> None:
    """Wait until the task is cancelled."""
    await asyncio.Event().wait()
