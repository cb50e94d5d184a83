"""Requests and WebSockets through a real cloudflared, from the edge to an origin."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
import signal

from aiohttp import ClientError, WSMsgType
import pytest

from sandbox import Sandbox
from sandbox.api.tunnels import connector_token
from sandbox.state import Tunnel
from tests.sandbox.helpers import HOME, Api, Origin, Visitor, visitor

from .cloudflared import Running, cloudflared, needs_cloudflared, until, until_connected
from .test_configurations import CONFIGURATION

pytestmark = needs_cloudflared


@pytest.fixture
async def served(tunnel: Tunnel, api: Api, origin: Origin) -> None:
    """Lead the hostname to the small web server."""
    rules = [{"hostname": HOME, "service": origin.url}, {"service": "http_status:404"}]
    await api.request("PUT", CONFIGURATION, {"config": {"ingress": rules}})


@pytest.fixture
async def running(
    served: None, sandbox: Sandbox, tunnel: Tunnel
) -> AsyncIterator[Running]:
    """Run one connector."""
    async with cloudflared(sandbox, connector_token(tunnel)) as program:
        await until_connected(tunnel)
        yield program


@pytest.fixture
async def guest(
    running: Running, sandbox: Sandbox, tmp_path: Path
) -> AsyncIterator[Visitor]:
    """Return a visitor."""
    async with visitor(sandbox, tmp_path) as client:
        yield client


async def test_requests_reach_the_origin(guest: Visitor) -> None:
    """Method, path, body and headers reach the origin, with Cloudflare's own headers."""
    response = await guest.request(
        "PUT", HOME, "/a%20b?c=d", data=b"x" * 3_000_000, headers={"X-Mine": "1"}
    )
    seen = await response.json()
    assert (seen["method"], seen["path"], seen["size"]) == (
        "PUT",
        "/a%20b?c=d",
        3_000_000,
    )
    assert seen["headers"]["Host"] == HOME
    assert seen["headers"]["X-Mine"] == "1"
    assert seen["headers"]["X-Forwarded-For"] == "203.0.113.24"
    assert seen["headers"]["Cf-Connecting-Ip"] == "203.0.113.24"
    assert response.headers["CF-RAY"] == seen["headers"]["Cf-Ray"]
    assert response.headers["Server"] == "cloudflare"
    assert response.headers["Set-Cookie"] == "a=1"


async def test_many_requests_at_once(guest: Visitor) -> None:
    """More than the streams that cloudflared allows on a connection."""
    answers = await asyncio.gather(
        *(guest.get(HOME, f"/{number}") for number in range(300))
    )
    assert [(await each.json())["path"] for each in answers] == [
        f"/{number}" for number in range(300)
    ]


async def test_incomplete_answers(guest: Visitor) -> None:
    """If an origin aborts its answer, the visitor's connection is aborted too."""
    with pytest.raises(ClientError):
        await guest.get(HOME, "/broken")


async def test_slow_visitors_slow_the_origin_down(
    guest: Visitor, origin: Origin
) -> None:
    """Back pressure passes through the tunnel, and nobody else waits meanwhile."""
    async with guest.session.get(guest.url(HOME, "/flood")) as response:
        await asyncio.sleep(0.5)
        assert origin.sent_megabytes < 32
        assert (await guest.get(HOME)).status == 200
        assert len(await response.read()) == 64 * 2**20


async def test_websockets_pass(guest: Visitor) -> None:
    """Messages, pings, the subprotocol, compression and close codes are forwarded."""
    async with guest.session.ws_connect(
        guest.url(HOME, "/api/websocket"),
        protocols=("ha",),
        autoping=False,
        compress=15,
    ) as socket:
        assert (socket.protocol, socket.compress) == ("ha", 15)
        await socket.send_str("hello")
        assert await socket.receive_str() == "echo hello"
        await socket.send_bytes(b"\x00" * 2_000_000)
        assert await socket.receive_bytes() == b"\x00" * 2_000_000
        await socket.ping(b"are you there")
        answer = await socket.receive()
        assert (answer.type, answer.data) == (WSMsgType.PONG, b"are you there")
        await socket.send_str("close")
        ending = await socket.receive()
        assert (ending.type, ending.data, ending.extra) == (
            WSMsgType.CLOSE,
            4001,
            "as told",
        )


async def test_open_websocket_does_not_keep_a_stopped_connector(
    guest: Visitor, tunnel: Tunnel, running: Running
) -> None:
    """It unregisters, and the edge hangs up although something is still open."""
    async with guest.session.ws_connect(guest.url(HOME, "/api/websocket")) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "echo hello"
        running.process.send_signal(signal.SIGTERM)
        await until(lambda: not tunnel.connectors)
        assert (await guest.get(HOME)).status == 530
        assert await running.ended() == 0
        assert (await socket.receive()).type in (WSMsgType.CLOSED, WSMsgType.ERROR)


async def test_lost_connector_ends_its_requests(
    guest: Visitor, running: Running
) -> None:
    async with guest.session.ws_connect(guest.url(HOME, "/api/websocket")) as socket:
        running.process.kill()
        assert (await socket.receive(10)).type in (WSMsgType.CLOSED, WSMsgType.ERROR)
    assert (await guest.get(HOME)).status == 530


async def test_second_connector_takes_over(
    guest: Visitor, sandbox: Sandbox, tunnel: Tunnel, running: Running
) -> None:
    """Two connectors of one tunnel have the same rules; one is enough."""
    async with cloudflared(sandbox, connector_token(tunnel)):
        await until_connected(tunnel, 2)
        assert (await guest.get(HOME)).status == 200
        first, second = tunnel.connectors
        running.process.kill()
        await until(lambda: tunnel.connectors == [second])
        assert first.id != second.id
        assert (await guest.get(HOME)).status == 200
