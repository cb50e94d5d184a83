"""Tests of the way from the edge to an origin: requests, WebSockets, and what leads nowhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import ClientError, WSMsgType, WSServerHandshakeError
import pytest

from sandbox import Sandbox
from sandbox.state import DnsRecord, TunnelStatus

from .helpers import HOME, Origin, protect, visitor


@pytest.mark.usefixtures("origin")
async def test_requests_reach_the_origin(sandbox: Sandbox, tmp_path: Path) -> None:
    """Method, path, body and headers reach the origin, with Cloudflare's own headers."""
    async with visitor(sandbox, tmp_path) as guest:
        response = await guest.request(
            "PUT",
            HOME,
            "/a%20b?c=d",
            data=b"x" * 3_000_000,
            headers={"X-Mine": "1", "X-Forwarded-For": "192.0.2.1"},
        )
        seen = await response.json()

    assert (seen["method"], seen["path"], seen["size"]) == (
        "PUT",
        "/a%20b?c=d",
        3_000_000,
    )
    assert seen["headers"]["Host"] == HOME
    assert seen["headers"]["X-Mine"] == "1"
    assert seen["headers"]["X-Forwarded-For"] == "192.0.2.1,203.0.113.24"
    assert seen["headers"]["X-Forwarded-Proto"] == "https"
    assert seen["headers"]["Cf-Connecting-Ip"] == "203.0.113.24"
    assert seen["headers"]["Cf-Ipcountry"] == "DE"
    assert response.headers["CF-RAY"] == seen["headers"]["Cf-Ray"]
    assert response.headers["Server"] == "cloudflare"
    assert response.headers["CF-Cache-Status"] == "DYNAMIC"
    assert response.headers["Set-Cookie"] == "a=1"


@pytest.mark.usefixtures("origin")
async def test_chunked_bodies_and_head(sandbox: Sandbox, tmp_path: Path) -> None:
    """Bodies of unknown length are streamed; the answer to HEAD has no body."""
    async with visitor(sandbox, tmp_path) as guest:

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"y" * 50_000

        response = await guest.request("POST", HOME, data=chunks())
        assert (await response.json())["size"] == 2_500_000
        response = await guest.request("HEAD", HOME)
        assert (response.status, response.content_type) == (200, "application/json")


@pytest.mark.usefixtures("origin")
async def test_incomplete_answers(sandbox: Sandbox, tmp_path: Path) -> None:
    """If an origin aborts its answer, the visitor's connection is aborted too."""
    async with visitor(sandbox, tmp_path) as guest:
        with pytest.raises(ClientError):
            await guest.get(HOME, "/broken")


async def test_slow_visitors_slow_the_origin_down(
    sandbox: Sandbox, origin: Origin, tmp_path: Path
) -> None:
    """Back pressure passes through the edge, and no data is lost."""
    async with (
        visitor(sandbox, tmp_path) as guest,
        guest.session.get(guest.url(HOME, "/flood")) as response,
    ):
        await asyncio.sleep(0.5)
        assert origin.sent_megabytes < 32
        assert len(await response.read()) == 64 * 2**20


@pytest.mark.usefixtures("origin")
async def test_websockets_pass(sandbox: Sandbox, tmp_path: Path) -> None:
    """Messages, pings, the subprotocol and close codes are forwarded."""
    async with (
        visitor(sandbox, tmp_path) as guest,
        guest.session.ws_connect(
            guest.url(HOME, "/api/websocket"), protocols=("ha",), autoping=False
        ) as socket,
    ):
        assert socket.protocol == "ha"
        await socket.send_str("hello")
        assert await socket.receive_str() == "echo hello"
        await socket.send_bytes(b"\x00" * 200_000)
        assert await socket.receive_bytes() == b"\x00" * 200_000
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


@pytest.mark.usefixtures("origin")
async def test_websockets_are_blocked(sandbox: Sandbox, tmp_path: Path) -> None:
    """A rule stops a WebSocket before it opens."""
    protect(sandbox)
    async with visitor(sandbox, tmp_path) as guest:
        with pytest.raises(WSServerHandshakeError) as refusal:
            await guest.session.ws_connect(guest.url(HOME, "/api/websocket"))
    assert refusal.value.status == 403


async def test_no_way_to_an_origin(sandbox: Sandbox, tmp_path: Path) -> None:
    """Without a DNS record, tunnel, ingress rule or origin, the edge itself answers."""
    zone = sandbox.state.zones[sandbox.zone_id]
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    async with visitor(sandbox, tmp_path) as guest:

        async def answer(host: str) -> tuple[int, str]:
            response = await guest.get(host)
            return response.status, await response.text()

        code, text = await answer("nowhere.example.com")
        assert (code, "Error 1016" in text) == (530, True)
        assert (await answer("vpn.example.com"))[0] == 530
        assert (await answer(HOME))[0] == 502

        target = f"{tunnel.id}.cfargotunnel.com"
        zone.add_dns_record(DnsRecord("CNAME", "*.example.com", target, proxied=True))
        assert (await answer("anything.example.com"))[0] == 404

        tunnel.status = TunnelStatus.DOWN
        code, text = await answer(HOME)
        assert (code, "Error 1033" in text) == (530, True)


@pytest.mark.usefixtures("origin")
async def test_ingress_rules(sandbox: Sandbox, tmp_path: Path) -> None:
    """The first ingress rule whose hostname and path match is used."""
    [service] = sandbox.state.origins
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.config = {
        "ingress": [
            {"hostname": HOME, "path": "^/gone", "service": "http_status:410"},
            {
                "hostname": "*.example.com",
                "service": service,
                "originRequest": {"httpHostHeader": "inside"},
            },
            {"service": "http_status:404"},
        ]
    }
    async with visitor(sandbox, tmp_path) as guest:
        assert (await guest.get(HOME, "/gone/x")).status == 410
        response = await guest.get(HOME, "/not/gone")
        assert (await response.json())["headers"]["Host"] == "inside"
