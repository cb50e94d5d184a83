"""What the probe concludes from an answer, or from none."""

import asyncio
import socket
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.probe import (
    Answer,
    Enforcement,
    Probe,
    Verdict,
)
from sandbox import Sandbox
from sandbox.state import Rule
from tests.engine.probe.answers import (
    BLOCKED,
    CLOUDFLARE,
    FETCHED,
    HOME,
    RAY,
    Visit,
    answer,
)

OUTAGE = "<center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center>"


async def test_nobody_listens(socket_enabled: None, unused_tcp_port: int) -> None:
    """A refused connection says nothing about the rules."""
    visitor = Probe(asyncio.to_thread, address=("127.0.0.1", unused_tcp_port))

    met = await visitor.without_certificate(HOME)

    nobody = Answer(status=None, verdict=Verdict.UNREACHABLE)
    assert met == Enforcement(answers={443: nobody, 8443: nobody})


async def test_name_is_looked_up(
    sandbox: Sandbox, rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `address`, the hostname itself is visited, on its own ports."""
    asked: list[tuple[str, int]] = []

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append((host, port))
        address = (sandbox.edge_host, sandbox.edge_port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    visitor = Probe(asyncio.to_thread, ca_file=sandbox.edge_ca_file)

    assert (await visitor.without_certificate(HOME)).enforced is True
    assert sorted(asked) == [(HOME, 443), (HOME, 8443)]


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label")]
)
async def test_name_that_does_not_exist(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The name has no address, or is not a valid name."""

    def look_up(*_: Any, **__: Any) -> list[Any]:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    assert (await Probe(asyncio.to_thread).without_certificate(HOME)).enforced is None


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        # Blocked, for no other possible reason.
        (answer("403 Forbidden", *CLOUDFLARE, body=BLOCKED), Verdict.BLOCKED),
        (answer("403 ", "server:CLOUDFLARE", RAY, body=BLOCKED), Verdict.BLOCKED),
        (answer("403 No", *CLOUDFLARE, body="error code: 1020"), Verdict.BLOCKED),
        (
            answer("403 No", *CLOUDFLARE, body='<span class="cf-error-code">1020<'),
            Verdict.BLOCKED,
        ),
        (
            answer(
                "403 Forbidden",
                *CLOUDFLARE,
                "Transfer-Encoding: chunked",
                body="14\r\n<h1>Sorry, you have \r\n0d\r\nbeen blocked</\r\n0\r\n\r\n",
            ),
            Verdict.BLOCKED,
        ),
        # An origin can say the same, but a header shows that it was asked.
        (answer("403 No", *CLOUDFLARE, FETCHED, body=BLOCKED), Verdict.LET_IN),
        (answer("403 Forbidden", *CLOUDFLARE, FETCHED), Verdict.LET_IN),
        (answer("400 Bad Request", *CLOUDFLARE, FETCHED), Verdict.LET_IN),
        (answer("301 Moved", *CLOUDFLARE, FETCHED, "Location: /"), Verdict.LET_IN),
        (
            answer("403 No", *CLOUDFLARE, FETCHED, "cf-mitigated: challenge"),
            Verdict.LET_IN,
        ),
        (answer("200 OK", *CLOUDFLARE), Verdict.LET_IN),
        # The request passed the rules, but no origin answered.
        (answer("502 Bad", *CLOUDFLARE, FETCHED), Verdict.NO_ORIGIN),
        (
            answer("502 Bad", *CLOUDFLARE, body=f"<title>{HOME} | 502: Bad gateway"),
            Verdict.NO_ORIGIN,
        ),
        (answer("504 Out", *CLOUDFLARE, body="error code: 504"), Verdict.NO_ORIGIN),
        (answer("520 ", *CLOUDFLARE), Verdict.NO_ORIGIN),
        (answer("530 ", *CLOUDFLARE, body="error code: 1033"), Verdict.NO_ORIGIN),
        (
            answer("403 No", *CLOUDFLARE, "cf-mitigated: challenge", body=BLOCKED),
            Verdict.CHALLENGED,
        ),
        # Cloudflare may refuse for other reasons, which would hide a missing rule.
        (answer("403 Forbidden", *CLOUDFLARE), Verdict.UNCLEAR),
        (answer("403 No", *CLOUDFLARE, body="403: Forbidden"), Verdict.UNCLEAR),
        (answer("403 No", *CLOUDFLARE, body="error code: 1010"), Verdict.UNCLEAR),
        (answer("403 No", *CLOUDFLARE, body="Our own page"), Verdict.UNCLEAR),
        (answer("403 No", *CLOUDFLARE, body=" " * 16384 + BLOCKED), Verdict.UNCLEAR),
        (answer("429 Slow", *CLOUDFLARE, body="error code: 1015"), Verdict.UNCLEAR),
        (answer("429 Slow", *CLOUDFLARE, body=BLOCKED), Verdict.UNCLEAR),
        (answer("302 Found", *CLOUDFLARE, "Location: https://x/"), Verdict.UNCLEAR),
        (answer("400 Bad Request", *CLOUDFLARE), Verdict.UNCLEAR),
        (answer("500 Oops", *CLOUDFLARE, body="error code: 500"), Verdict.UNCLEAR),
        (answer("502 Bad Gateway", *CLOUDFLARE, body=OUTAGE), Verdict.UNCLEAR),
        (answer("503 Busy", *CLOUDFLARE), Verdict.UNCLEAR),
        # On the home network the name may lead past Cloudflare.
        (answer("403 Forbidden", body=BLOCKED), Verdict.NOT_CLOUDFLARE),
        (answer("403 No", "Server: nginx", RAY, body=BLOCKED), Verdict.NOT_CLOUDFLARE),
        (answer("403 No", "Server: cloudflare", body=BLOCKED), Verdict.NOT_CLOUDFLARE),
        (
            answer("403 No", "Server: cloudflare", "CF-RAY: -", body=BLOCKED),
            Verdict.NOT_CLOUDFLARE,
        ),
        (answer("200 OK", "Server: nginx", FETCHED), Verdict.NOT_CLOUDFLARE),
        # Not HTTP.
        (b"", Verdict.UNREACHABLE),
        (b"\r\n\r\n", Verdict.UNREACHABLE),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Verdict.UNREACHABLE),
        (bytes(range(256)) * 16 + b"\r\n\r\n", Verdict.UNREACHABLE),
        (b"\x00" * 100_000, Verdict.UNREACHABLE),
        (answer("403", *CLOUDFLARE)[:-4], Verdict.UNREACHABLE),
        (answer("999 What", *CLOUDFLARE, body=BLOCKED), Verdict.UNREACHABLE),
        (answer("100 Continue", *CLOUDFLARE), Verdict.UNREACHABLE),
        (answer("4\u0663 No", *CLOUDFLARE), Verdict.UNREACHABLE),
        (answer("-403 No", *CLOUDFLARE, body=BLOCKED), Verdict.UNREACHABLE),
        (answer("403 No", *CLOUDFLARE, "no colon", body=BLOCKED), Verdict.UNREACHABLE),
        (
            b"HTTP/2 403\r\nServer: cloudflare\r\n\r\n" + BLOCKED.encode(),
            Verdict.UNREACHABLE,
        ),
        (
            answer("403 No", *CLOUDFLARE, f"X: {'x' * 20_000}", body=BLOCKED),
            Verdict.UNREACHABLE,
        ),
    ],
    ids=lambda value: value if isinstance(value, Verdict) else "",
)
async def test_verdict_on_an_answer(
    visit: Visit, said: bytes, verdict: Verdict
) -> None:
    """Only an answer that Cloudflare alone can give counts as blocked."""
    met = await visit(said)

    assert {item.verdict for item in met.answers.values()} == {verdict}
    status = met.answers[443].status
    assert (status is None) == (verdict is Verdict.UNREACHABLE)


async def test_redirects_are_not_followed(visit: Visit) -> None:
    """The visit is over with the first answer."""
    requests: list[bytes] = []

    async def redirect(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer("302 Found", *CLOUDFLARE, "Location: /elsewhere"))
        await writer.drain()

    await visit(redirect)

    assert sorted(requests) == [
        b"GET / HTTP/1.1\r\n"
        b"Host: " + host + b"\r\n"
        b"User-Agent: HomeAssistant cloudflare_mtls\r\n"
        b"Accept: text/html\r\n"
        b"Connection: close\r\n"
        b"\r\n"
        for host in (b"home.example.com", b"home.example.com:8443")
    ]
