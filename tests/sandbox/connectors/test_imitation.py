"""The imitation of cloudflared and the real one: the same questions get the same answers."""

import asyncio
from collections.abc import AsyncIterator
import gzip
import re
import ssl

import pytest

from tests.sandbox.helpers import HOME

from .both import Connected
from .cloudflared import until
from .raw import ENDING_CHUNK, SILENT, Answer, RawOrigin, connect, raw_origin


@pytest.fixture
async def origin(both: Connected) -> AsyncIterator[RawOrigin]:
    """Run an origin, to which the hostname leads."""
    async with raw_origin() as running:
        await both.serve({"hostname": HOME, "service": running.url})
        yield running


def seen(both: Connected, origin: RawOrigin) -> list[str]:
    """Return the lines of the last request that reached the origin, with words for what is random."""
    [connector] = both.tunnel.connectors
    text = origin.requests[-1].decode("latin-1").replace(connector.id, "<connector>")
    return re.sub(r"Cf-Ray: \w+-FRA", "Cf-Ray: <ray>", text).split("\r\n")


async def test_whole_request_at_the_origin(both: Connected, origin: RawOrigin) -> None:
    """In Go's spelling and order."""
    await both.visit(
        "GET /a%2Fb/../c//d;x?y=%zz\nuser-agent: U\nX-mine: 1\naccept: */*"
    )
    assert seen(both, origin) == [
        "GET /a%2Fb/../c//d;x?y=%zz HTTP/1.1",
        f"Host: {HOME}",
        "User-Agent: U",
        "Accept: */*",
        "Cdn-Loop: cloudflare; loops=1",
        "Cf-Connecting-Ip: 203.0.113.24",
        "Cf-Ipcountry: DE",
        "Cf-Ray: <ray>",
        'Cf-Visitor: {"scheme":"https"}',
        "Cf-Warp-Tag-Id: <connector>",
        "Connection: keep-alive",
        "X-Forwarded-For: 203.0.113.24",
        "X-Forwarded-Proto: https",
        "X-Mine: 1",
        "Accept-Encoding: gzip",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("request_", "there", "missing"),
    [
        ("GET /\nAccept-Encoding: br", ["Accept-Encoding: br"], ["Content-Length"]),
        ("GET /\nRange: bytes=0-1", ["Range: bytes=0-1"], ["Accept-Encoding"]),
        ("HEAD /", [], ["Accept-Encoding", "Content-Length", "Transfer-Encoding"]),
        ("DELETE /\nContent-Length: 0", [], ["Content-Length", "Transfer-Encoding"]),
        ("POST /\nContent-Length: 0", ["Transfer-Encoding: chunked"], ["Content-Length"]),
        ("PUT /", ["Transfer-Encoding: chunked"], []),
        ("PATCH /", ["Transfer-Encoding: chunked"], []),
        ("OPTIONS /", [], ["Content-Length", "Transfer-Encoding"]),
        ("POST /\nContent-Length: 2\n\nhi", ["Content-Length: 2", "hi"], ["Transfer"]),
        (
            "POST /\nTransfer-Encoding: chunked\n\n2\r\nhi\r\n0\r\n\r\n",
            ["Transfer-Encoding: chunked", "hi"],
            ["Content-Length"],
        ),
        ("GET /\nContent-Length: 2\n\nhi", ["Content-Length: 2", "hi"], []),
        ("GET /\nCookie: a=1\nX-A: 1\nCookie: b=2", ["Cookie: a=1; b=2"], []),
        ("GET /\nX-A: 1\nX-A: 2", ["X-A: 1", "X-A: 2"], []),
        (
            "GET /\nCf-Warp-Tag-Id: me",
            ["Cf-Warp-Tag-Id: me", "Cf-Warp-Tag-Id: <connector>"],
            [],
        ),
        ("GET /\nX-Forwarded-Host: x", ["X-Forwarded-Host: x"], []),
        ("GET /\nX-Forwarded-For: 192.0.2.1", ["X-Forwarded-For: 192.0.2.1,203.0.113.24"], []),
        ("GET /\nConnection: close, x-mine\nX-Mine: 1\nTE: trailers\nKeep-Alive: 1", ["Connection: keep-alive"], ["X-Mine", "Te", "Keep-Alive"]),
        ("POST /\nExpect: 100-continue\nContent-Length: 2\n\nhi", ["hi"], ["Expect"]),
        ("GET /\nUser-Agent:", [], ["User-Agent"]),
        (b"GET /\nX-Name: J\xf6rg", ["X-Name: J\xf6rg"], []),
        ("GET /\nCf-Cloudflared-Proxy-Connection-Upgrade: update-configuration", [], ["Cf-Cloudflared"]),
        ("GET /a\\b", ["GET /a%5Cb HTTP/1.1"], []),
        ("GET /a%2Fb\\c", ["GET /a/b%5Cc HTTP/1.1"], []),
        ("GET /!'()*[]@:$&+,;=~", ["GET /!'()*[]@:$&+,;=~ HTTP/1.1"], []),
        ("GET /a|b%7c?a|b", ["GET /a%7Cb%7C?a|b HTTP/1.1"], []),
        ("GET /?a=%zz&b=\\", ["GET /?a=%zz&b=\\ HTTP/1.1"], []),
    ],
    ids=str,
)  # fmt: skip
async def test_request_at_the_origin(
    both: Connected,
    origin: RawOrigin,
    request_: str | bytes,
    there: list[str],
    missing: list[str],
) -> None:
    """Lines that are there, in this order, and beginnings that no line has."""
    assert (await both.visit(request_)).status == 200
    lines = seen(both, origin)
    assert [line for line in lines if line in there] == there
    assert not [line for line in lines if line.startswith(tuple(missing or ["\n"]))]


@pytest.mark.parametrize("path", ["/%zz", "/%", "/a%2"])
async def test_path_that_go_cannot_read(
    both: Connected, origin: RawOrigin, path: str
) -> None:
    assert (await both.visit(f"GET {path}")).status == 502
    assert not origin.requests


async def test_host_header_for_the_origin(both: Connected, origin: RawOrigin) -> None:
    """The visitor's own host comes in another header, in place of what the visitor sent there."""
    settings = {"httpHostHeader": "inside"}
    await both.serve(
        {"service": origin.url, "hostname": HOME, "originRequest": settings}
    )
    await both.visit("GET /\nX-Forwarded-Host: mine")
    lines = seen(both, origin)
    assert lines[1] == "Host: inside"
    assert [line for line in lines if line.startswith("X-Forwarded-Host")] == [
        f"X-Forwarded-Host: {HOME}"
    ]


def answer_of(*headers: str, status: str = "200 OK", body: bytes = b"ok") -> bytes:
    """Return an answer as an origin writes it."""
    lines = [f"HTTP/1.1 {status}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def test_headers_of_an_answer(both: Connected, origin: RawOrigin) -> None:
    """Those of one connection and Cloudflare's own do not come back, all others do."""
    origin.answers["/"] = answer_of(
        "Content-Length: 2",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2",
        "Connection: keep-alive, X-Hop",
        "Keep-Alive: timeout=5",
        "X-Hop: 1",
        "X-Mine: 1",
        "Server: nginx",
        "Cf-Cloudflared-Mine: 1",
        "Cf-Int-Mine: 1",
        "Cf-Proxy-Mine: 1",
        "Cf-Mine: 1",
        "Date: Sun, 29 Nov 2026 00:00:00 GMT",
        status="200 Everything is fine",
    )
    answer = await both.visit("GET /")
    names = sorted(name.title() for name, _ in answer.headers)
    assert names == [
        "Cf-Cache-Status",
        "Cf-Mine",
        "Cf-Ray",
        "Connection",
        "Content-Length",
        "Date",
        "Server",
        "Set-Cookie",
        "Set-Cookie",
        "X-Mine",
    ]
    assert (answer.reason, answer.body) == ("OK", b"ok")
    assert answer.header("Set-Cookie") == ["a=1", "b=2"]
    assert answer.header("Server") == ["cloudflare"]
    assert answer.header("Date") == ["Sun, 29 Nov 2026 00:00:00 GMT"]


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (answer_of("Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"), 200, b"ok"),
        (answer_of(), 200, b"ok"),
        (answer_of("Content-Length: 0", status="204 No Content", body=b""), 204, b""),
        (answer_of(status="304 Not Modified", body=b""), 304, b""),
        (answer_of("Content-Length: 2", status="302 Found"), 302, b"ok"),
        (answer_of("Content-Length: 2", status="599 Odd"), 599, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer_of("Content-Length: 2"), 200, b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nok", 200, b"ok"),
        # Less than was said, none of which was passed on yet.
        (answer_of("Content-Length: 100"), 502, None),
        (b"", 502, None),
        (b"garbage\r\n\r\n", 502, None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 502, None),
        (answer_of("Content-Length: x"), 502, None),
    ],
)  # fmt: skip
async def test_answers(
    both: Connected, origin: RawOrigin, answer: bytes, status: int, body: bytes | None
) -> None:
    origin.answers["/"] = answer
    got = await both.visit("GET /")
    assert got.status == status
    if body is None:
        assert b"Bad gateway" in got.body
    else:
        assert got.body == body


async def test_compressed_answers(both: Connected, origin: RawOrigin) -> None:
    """Cloudflared unpacks what only it asked to be packed."""
    packed = gzip.compress(b"hello")
    origin.answers["/"] = answer_of(
        "Content-Encoding: gzip", f"Content-Length: {len(packed)}", body=packed
    )
    plain = await both.visit("GET /")
    assert plain.body == b"hello"
    assert not plain.header("Content-Encoding")
    asked = await both.visit("GET /\nAccept-Encoding: gzip")
    assert asked.body == packed
    assert asked.header("Content-Encoding") == ["gzip"]


@pytest.mark.parametrize(
    "answer",
    [
        answer_of("Transfer-Encoding: chunked", body=b"2\r\nok\r\n"),
        answer_of("Content-Length: 100000", body=b"x" * 50_000),
    ],
    ids=["chunked", "long"],
)
async def test_answers_that_break_off(
    both: Connected, origin: RawOrigin, answer: bytes
) -> None:
    """The visitor gets a part, and no proper end."""
    origin.answers["/"] = answer
    reader, writer = await connect(both.sandbox, HOME)
    writer.write(f"GET / HTTP/1.1\r\nHost: {HOME}\r\n\r\n".encode())
    try:
        data = await reader.read(-1)
    except ConnectionError, ssl.SSLError:
        data = b""
    writer.close()
    assert not data.endswith(ENDING_CHUNK)
    assert len(data) < 100_000


async def test_visitor_gives_up(both: Connected, origin: RawOrigin) -> None:
    """The connection with the origin ends, too."""
    _, writer = await connect(both.sandbox, HOME)
    writer.write(f"GET {SILENT} HTTP/1.1\r\nHost: {HOME}\r\n\r\n".encode())
    await until(lambda: origin.requests)
    assert not origin.given_up.is_set()
    writer.close()
    await asyncio.wait_for(origin.given_up.wait(), 10)


SWITCHES = answer_of(
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: {accept}",
    "Sec-WebSocket-Extensions: permessage-deflate",
    status="101 Switching Protocols",
    body=b"\x81\x05hello",
)
UPGRADE = (
    "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
)


async def test_websocket(both: Connected, origin: RawOrigin) -> None:
    """Key, extensions and frames pass untouched."""
    origin.answers["/"] = SWITCHES
    reader, writer = await connect(both.sandbox, HOME)
    head = f"GET / HTTP/1.1\r\nHost: {HOME}\r\n" + UPGRADE.replace("\n", "\r\n")
    # The first frame comes right behind the request.
    writer.write(head.encode() + b"\r\n\r\n" + b"\x81\x02hi")
    answer = Answer.parse(await reader.readuntil(b"\r\n\r\n"))
    assert answer.status == 101
    assert answer.header("Sec-WebSocket-Accept") == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
    assert answer.header("Sec-WebSocket-Extensions") == ["permessage-deflate"]
    assert answer.header("Upgrade") == ["websocket"]
    assert answer.header("Connection") == ["Upgrade"]
    assert answer.header("Server") == ["cloudflare"]
    assert sorted(await reader.readexactly(11)) == sorted(b"\x81\x05hello\x81\x02hi")
    writer.write(b"\xff" * 100_000)
    assert await reader.readexactly(100_000) == b"\xff" * 100_000
    writer.close()

    lines = seen(both, origin)
    for line in (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-Websocket-Version: 13",
        "Sec-Websocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-Websocket-Extensions: permessage-deflate; client_max_window_bits",
        "Accept-Encoding: gzip",
    ):
        assert line in lines
    assert not [line for line in lines if line.startswith("Transfer-Encoding")]


@pytest.mark.parametrize("status", ["403 Forbidden", "302 Found", "200 OK"])
async def test_refused_websocket(
    both: Connected, origin: RawOrigin, status: str
) -> None:
    """The origin's answer passes like any other."""
    origin.answers["/"] = answer_of(
        "Content-Length: 2", "Location: /x", "X-Mine: 1", status=status
    )
    answer = await both.visit(
        f"GET /\n{UPGRADE.replace('Upgrade\n', 'Upgrade, close\n', 1)}"
    )
    assert (answer.status, answer.body) == (int(status[:3]), b"ok")
    assert answer.header("Location") == ["/x"]
    assert answer.header("X-Mine") == ["1"]
    assert answer.header("Server") == ["cloudflare"]
    assert answer.header("CF-RAY")


@pytest.mark.parametrize(
    ("service", "status"),
    [
        ("http_status:418", 418),
        ("http_status:+404", 404),
        ("http_status:0404", 404),
        ("http_status:100", 200),
        ("http_status:101", 200),
        ("http_status:199", 200),
        ("http_status:999", 999),
        ("hello_world", 200),
        ("hello-world", 200),
        ("http://127.0.0.1:1", 502),
        ("http://127.0.0.1:99999", 502),
        ("https://127.0.0.1:{port}", 502),
        ("wss://127.0.0.1:{port}", 502),
        ("ws://127.0.0.1:{port}", 200),
        ("HTTP://127.0.0.1:{port}", 200),
        ("tcp://127.0.0.1:{port}", 200),
        ("ssh://127.0.0.1:1", 502),
        ("unix:/nowhere", 502),
        ("unix:", 502),
        ("bastion", 502),
    ],
)
async def test_services(
    both: Connected, origin: RawOrigin, service: str, status: int
) -> None:
    """Cloudflare's own page stands for what could not be reached, an empty answer for a status."""
    await both.serve({"hostname": HOME, "service": service.format(port=origin.port)})
    answer = await both.visit("GET /")
    assert answer.status == status
    assert (b"Bad gateway" in answer.body) == (status == 502)
    if "status" in service:
        assert answer.body == b""
        assert not answer.header("Content-Type")


async def test_no_rule_no_configuration_no_connector(both: Connected) -> None:
    await both.serve()
    assert (await both.visit("GET /")).status == 404
    if both.real:
        both.real.process.kill()
        await both.real.process.wait()
    both.tunnel.disconnect()
    answer = await both.visit("GET /")
    assert (answer.status, b"Error 1033" in answer.body) == (530, True)


async def test_access_is_asked_for_by_rules_only(
    both: Connected, origin: RawOrigin
) -> None:
    access = {"access": {"required": True, "teamName": "t", "audTag": ["a"]}}
    rule = {"hostname": HOME, "service": origin.url}
    await both.serve({**rule, "originRequest": access})
    answer = await both.visit("GET /")
    assert (answer.status, answer.body) == (403, b"")
    assert not origin.requests
    await both.serve(rule, originRequest=access)
    assert (await both.visit("GET /")).status == 200
