"""Answers that would exhaust the memory, the time or the stack, or send the token elsewhere."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from functools import cache
import gzip
import json
import time
import tracemalloc
from typing import Any
import zlib

from aiohttp import web
import pytest

from custom_components.cloudflare_mtls.engine.api import transport
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    EngineError,
    NotFound,
    RateLimited,
    Rejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.blocked_requests import (
    BlockedRequestsQuery,
)
from tests.engine.api.calls import (
    USER_TOKEN,
    Call,
    error_of,
    every_call,
    failure,
    succeeded,
)
from tests.engine.probe.answers import Handler, serving
from tests.engine.servers import ScriptedApi

MB = 1024 * 1024


def bomb(prefix: bytes, megabytes: int) -> bytes:
    """Return gzip that begins with a text and goes on with spaces."""
    compress = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    spaces = b" " * MB
    return b"".join(
        [
            compress.compress(prefix),
            *(compress.compress(spaces) for _ in range(megabytes)),
            compress.flush(),
        ]
    )


@cache
def big_bomb() -> bytes:
    """Return a short answer that takes 860 MB; it takes seconds to make."""
    return bomb(b'{"success":true,', 860)


JSON = "Content-Type: application/json\r\n"


def compressed(
    body: bytes, *, encoding: str = "gzip", status: int = 200
) -> web.Response:
    """Return an answer of JSON in an encoding."""
    return web.Response(
        status=status,
        body=body,
        content_type="application/json",
        headers={"Content-Encoding": encoding},
    )


def raw_json(body: bytes, content_type: str = "application/json") -> web.Response:
    """Return an answer with a body as it is."""
    return web.Response(body=body, headers={"Content-Type": content_type})


def pouring(start: str, part: bytes, pause: float = 0) -> Handler:
    """Return a conversation that answers with a start, and then with the same part for ever."""

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(start.encode())
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return pour


async def error_from(conversation: Handler) -> EngineError:
    """Return what a call raises that meets a conversation on plain TCP."""
    async with serving(conversation) as port, asyncio.timeout(20):
        client = CloudflareClient(USER_TOKEN, base_url=f"http://127.0.0.1:{port}")
        return await error_of(client.zones.get("z"))


async def peak_of(call: Awaitable[Any]) -> tuple[EngineError, float]:
    """Return the error of a call, and the megabytes that Python takes for it at the most."""
    tracemalloc.start()
    try:
        raised = await error_of(call)
        return raised, tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()


@every_call
async def test_answer_that_inflates(
    api: ScriptedApi, client: CloudflareClient, call: Call
) -> None:
    """An answer of 1 MB that has 860 MB when decompressed costs no more than the limit, twice."""
    bomb_of_860_mb = big_bomb()
    api.answers = lambda _: compressed(bomb_of_860_mb)
    raised, peak = await peak_of(call(client))
    assert isinstance(raised, Unavailable)
    assert peak < 30
    assert len(api.asked) == 1


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_error_that_inflates(
    api: ScriptedApi, client: CloudflareClient, status: int
) -> None:
    """A refusal is read no further than its message needs."""
    bomb_of_860_mb = big_bomb()
    api.answers = lambda _: compressed(bomb_of_860_mb, status=status)
    raised, peak = await peak_of(client.zones.get("z"))
    assert isinstance(raised, Unavailable)
    assert peak < 10


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "x"])
async def test_other_encodings(
    api: ScriptedApi, client: CloudflareClient, encoding: str
) -> None:
    """Only gzip is asked for and read: the memory that it takes is known."""
    api.answers = lambda _: compressed(b"{}", encoding=encoding)
    assert isinstance(await error_of(client.zones.get("z")), Unavailable)
    assert api.asked[0].headers["Accept-Encoding"] == "gzip"


async def test_gzip_is_read(api: ScriptedApi, client: CloudflareClient) -> None:
    """An answer as Cloudflare sends it comes out as it was."""
    zone = {"id": "z", "name": "example.com", "account": {"id": "a"}}
    api.answers = lambda _: compressed(bomb(json.dumps(succeeded(zone)).encode(), 1))
    assert (await client.zones.get("z")).name == "example.com"


@pytest.mark.parametrize(
    "body",
    [b"", b"no gzip", gzip.compress(b'{"success":true,"result":"t"}')[:-12]],
    ids=["nothing", "another format", "cut off"],
)
async def test_broken_gzip(
    api: ScriptedApi, client: CloudflareClient, body: bytes
) -> None:
    """What cannot be decompressed, or only in part, is no answer."""
    api.answers = lambda _: compressed(body)
    assert isinstance(await error_of(client.client_certificates.revoke("z", "c")), Unavailable)  # fmt: skip


@pytest.mark.parametrize(
    ("head", "part"),
    [
        ("", b" " * 0x10000),
        ("Transfer-Encoding: chunked\r\n", b"10000\r\n" + b" " * 0x10000 + b"\r\n"),
    ],
    ids=["to the close", "chunked"],
)
async def test_body_without_an_end(
    socket_enabled: None, head: str, part: bytes
) -> None:
    """Reading stops at the limit."""
    raised = await error_from(pouring(f"HTTP/1.1 200 OK\r\n{JSON}{head}\r\n", part))
    assert isinstance(raised, Unavailable)


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        ("", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (f"HTTP/1.1 200 OK\r\n{JSON}\r\n", b" "),
        (f"HTTP/1.1 403 No\r\n{JSON}\r\n", b" "),
        (f"HTTP/1.1 429 No\r\n{JSON}\r\n", b" "),
    ],
    ids=["continue", "headers", "200", "403", "429"],
)
async def test_answer_that_trickles(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch, start: str, drop: bytes
) -> None:
    """Some bytes now and then keep no request waiting longer than the longest answer."""
    monkeypatch.setattr(transport, "_LONGEST_ANSWER", 0.3)
    before = time.monotonic()
    raised = await error_from(pouring(start, drop, pause=0.02))
    assert isinstance(raised, Unavailable)
    assert time.monotonic() - before < 5


@every_call
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"success":true,"result":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    ],
    ids=["unclosed", "arrays", "objects"],
)
async def test_nested_answers(
    api: ScriptedApi, client: CloudflareClient, call: Call, body: bytes
) -> None:
    """Nesting that exhausts the stack is no answer."""
    api.answers = lambda _: raw_json(body)
    assert isinstance(await error_of(call(client)), Unavailable)


@pytest.mark.parametrize("depth", [100, 200_000])
async def test_nested_refusal(
    api: ScriptedApi, client: CloudflareClient, depth: int
) -> None:
    """A refusal with nesting is a refusal without a reason, or no answer."""
    body = b'{"success":false,"errors":' + b"[" * depth + b"]" * depth + b"}"
    api.answers = lambda _: web.Response(
        status=400, body=body, content_type="application/json"
    )
    assert isinstance(await error_of(client.zones.get("z")), (Rejected, Unavailable))


@pytest.mark.parametrize("item", [b"{}", b"[]", b"1.5", b'"\xc3\xbc"'])
async def test_answer_with_too_many_values(
    api: ScriptedApi, client: CloudflareClient, item: bytes
) -> None:
    """A few bytes of JSON become many in memory: they are counted before."""
    items = b",".join([item] * (7 * MB // (len(item) + 1)))
    api.answers = lambda _: raw_json(b'{"success":true,"result":[' + items + b"]}")
    raised, peak = await peak_of(client.zones.list())
    assert isinstance(raised, Unavailable)
    # The server's copy is counted too.
    assert peak < 40


@pytest.mark.parametrize(
    "value",
    [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e400",
        b"9" * 5000,
        b'"\\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"a\nb"',
    ],
)
async def test_values_that_are_no_json(
    api: ScriptedApi, client: CloudflareClient, value: bytes
) -> None:
    """What could not be written back, stored or shown is not taken in, wherever it stands."""
    api.answers = lambda _: raw_json(
        b'{"success":true,"result":{"id":"rs","rules":[{"id":"r","action":"skip",'
        b'"action_parameters":{"unknown":' + value + b"}}]}}"
    )
    assert isinstance(await error_of(client.rulesets.get("z")), Unavailable)


@pytest.mark.parametrize("codec", ["utf-16", "utf-32", "utf-8-sig", "latin-1"])
async def test_other_character_sets(
    api: ScriptedApi, client: CloudflareClient, codec: str
) -> None:
    """JSON is UTF-8, whatever the header says."""
    body = json.dumps({"success": True, "result": "ü"}, ensure_ascii=False)
    api.answers = lambda _: raw_json(
        body.encode(codec), f"application/json; charset={codec}"
    )
    assert isinstance(await error_of(client.tunnels.get_token("a", "t")), Unavailable)


@pytest.mark.parametrize("status", [200, 400, 403])
async def test_character_set_that_takes_hours(
    api: ScriptedApi, client: CloudflareClient, status: int
) -> None:
    """Python's decoder for this one takes a time that grows with the square of the length."""
    body = json.dumps(failure(1, "-" + "b" * 50_000)).encode()
    api.answers = lambda _: web.Response(
        status=status,
        body=body,
        headers={"Content-Type": "application/json; charset=punycode"},
    )
    before = time.process_time()
    await error_of(client.zones.get("z"))
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    "content_type", ["", "text/html", "text/plain", "application/octet-stream"]
)
async def test_content_that_is_not_called_json(
    api: ScriptedApi, client: CloudflareClient, content_type: str
) -> None:
    """The API says what it sends; a page of a proxy may look like anything."""
    api.answers = lambda _: raw_json(b'{"success":true,"result":"t"}', content_type)
    raised = await error_of(client.tunnels.get_token("a", "t"))
    assert isinstance(raised, Unavailable)


async def test_last_of_two_keys_counts(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """A key that comes twice has its last value, here as everywhere: nothing is seen two ways."""
    api.answers = lambda _: raw_json(b'{"success":true,"result":"t","success":false}')
    assert isinstance(await error_of(client.tunnels.get_token("a", "t")), Rejected)


@every_call
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed(
    api: ScriptedApi, client: CloudflareClient, call: Call, status: int
) -> None:
    """Neither another host nor another path of the same one gets the token."""
    asked: list[str] = []

    async def listen(*_: object) -> None:
        asked.append("elsewhere")

    async with serving(listen) as port:
        for target in (f"http://127.0.0.1:{port}", "/elsewhere", "//127.0.0.1:1/x", ""):
            api.asked.clear()
            api.always(status, failure(1), {"Location": target})
            raised = await error_of(call(client))
            assert isinstance(raised, Unavailable)
            assert len(api.asked) == 1
    assert asked == []


async def test_message_of_megabytes(api: ScriptedApi, client: CloudflareClient) -> None:
    """A success that calls itself a failure may have a long message, and a long chain of them."""
    error = {"code": 1, "message": "x" * MB, "error_chain": [{"message": "y"}] * 90_000}
    api.always(200, {"success": False, "errors": [error]})
    before = time.process_time()
    raised = await error_of(client.zones.get("z"))
    assert time.process_time() - before < 0.5
    assert isinstance(raised, Rejected)
    assert len(raised.message) <= 200


@pytest.mark.parametrize("digits", [20, 5000])
async def test_duration_of_many_digits(
    api: ScriptedApi, client: CloudflareClient, digits: int
) -> None:
    """A limit of the plan that no clock can hold ends in an error like others."""
    limits = {"enabled": True, "maxDuration": 60, "notOlderThan": 60, "maxPageSize": 1}
    zone = {"settings": {"firewallEventsAdaptive": limits}}
    message = f"cannot request data older than {'9' * digits}d"
    refusal = {"data": None, "errors": [{"message": message}]}
    api.answers = lambda _: web.json_response(
        refusal if len(api.asked) > 1 else {"data": {"viewer": {"zones": [zone]}}}
    )
    now = datetime.now(UTC)
    query = BlockedRequestsQuery(client)
    raised = await error_of(query.blocked("z", ["h"], now - timedelta(hours=1), now))
    assert isinstance(raised, Unavailable)


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFound), (429, RateLimited), (503, Unavailable)]
)
async def test_page_of_a_proxy_is_not_read(
    socket_enabled: None, status: int, error: type[EngineError]
) -> None:
    """Of an endless page only the status and the pause are taken."""
    start = f"HTTP/1.1 {status} X\r\nContent-Type: text/html\r\nRetry-After: 7\r\n\r\n"
    raised = await error_from(pouring(start, b"x" * 0x10000))
    assert isinstance(raised, error)
    if isinstance(raised, RateLimited):
        assert raised.retry_after == 7


async def test_largest_lists_are_read(
    api: ScriptedApi, client: CloudflareClient
) -> None:
    """A thousand certificates of 4 kB, and a hundred tunnels of four connectors, stay below the limits."""
    certificate = {
        "id": "c",
        "certificate": "-----BEGIN CERTIFICATE-----\n" + "M" * 2000,
        "csr": "-----BEGIN CERTIFICATE REQUEST-----\n" + "M" * 2000,
        "status": "active",
        **{f"field_{number}": "value" for number in range(20)},
    }
    api.always(200, {**succeeded({}), "result": [certificate] * 1000})
    assert len(await client.client_certificates.list("z")) == 1000

    tunnel = {
        "id": "t",
        "name": "home",
        "status": "healthy",
        "config_src": "cloudflare",
        "connections": [{f"field_{number}": "v" * 50 for number in range(12)}] * 16,
    }
    api.always(200, {**succeeded({}), "result": [tunnel] * 100})
    assert len(await client.tunnels.list("a")) == 100
