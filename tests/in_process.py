"""Has HTTP clients ask local Cloudflares within the process, without sockets.

Those would take most of a test's time. What needs them keeps them: faults that break connections,
the edge, other clients than httpx, other processes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

# Where Home Assistant replaces the module, it did so before.
import httpx  # noqa: TID251
import pytest
from yarl import URL

from sandbox import Sandbox
from sandbox.api.request import PREFIX, Request
from sandbox.faults import Fault

type Answer = Callable[[Request], Awaitable[web.Response | None]]
"""Answers a request, or leaves it to a server by returning None."""

_ANSWERS: Final[dict[URL, Answer]] = {}
# The loop itself remembers no task.
_TASKS: Final[set[asyncio.Task[web.Response | None]]] = set()

_send_to_server = httpx.AsyncHTTPTransport.handle_async_request


@contextmanager
def answering(address: str, answer: Answer) -> Iterator[None]:
    """Answer the requests to a server's address, in place of whatever answered them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_ANSWERS, URL(address).origin(), answer)
        yield


@contextmanager
def answering_for(sandbox: Sandbox) -> Iterator[None]:
    """Answer the requests to a sandbox's API, unless a fault is planned that breaks a connection."""

    async def answer(request: Request) -> web.Response | None:
        breaks = any(fault.kind.breaks_connection for fault in sandbox.faults.waiting)
        if breaks or not request.url.path.startswith(PREFIX):
            return None
        given = await sandbox.api.answer(request)
        assert not isinstance(given, Fault)
        return given

    with answering(sandbox.url, answer):
        yield


@pytest.fixture(autouse=True, scope="session")
def within_the_process() -> Iterator[None]:
    """Ask what answers within the process, and servers otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", _send)
        yield


async def _send(
    transport: httpx.AsyncHTTPTransport, request: httpx.Request
) -> httpx.Response:
    url = URL(str(request.url), encoded=True)
    if (answer := _ANSWERS.get(url.origin())) is None:
        return await _send_to_server(transport, request)
    asked = Request(
        request.method, url, request.headers, await request.aread(), "127.0.0.1"
    )
    # What has arrived is carried out, even if the client gives up.
    task = asyncio.ensure_future(_turn_later(answer, asked))
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)
    if (given := await asyncio.shield(task)) is None:
        return await _send_to_server(transport, request)
    assert isinstance(given.body, bytes)
    return httpx.Response(
        given.status,
        headers=list(given.headers.items()),
        stream=httpx.ByteStream(given.body),
    )


async def _turn_later(answer: Answer, asked: Request) -> web.Response | None:
    """Answer in the next turn of the loop: no answer is there at once."""
    await asyncio.sleep(0)
    return await answer(asked)
