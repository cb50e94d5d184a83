"""Visits at once, and servers that never come to an end."""

import asyncio
from collections.abc import Callable

import pytest

from custom_components.cloudflare_mtls.engine import probe
from custom_components.cloudflare_mtls.engine.probe import (
    Answer,
    Enforcement,
    Probe,
    Verdict,
)
from tests.engine.probe.answers import (
    BLOCKED,
    CLOUDFLARE,
    FETCHED,
    HOME,
    Visit,
    answer,
    serving,
)

HEAD = "HTTP/1.1 403 Forbidden\r\nServer: cloudflare\r\n"


async def test_visits_share_the_authorities(
    socket_enabled: None, unused_tcp_port: int
) -> None:
    """Of many first visits at once, one reads the authorities; a failure is tried again."""
    made: list[str] = []

    async def counted[*ArgumentsT, ResultT](
        function: Callable[[*ArgumentsT], ResultT], *arguments: *ArgumentsT
    ) -> ResultT:
        made.append(function.__name__)
        if len(made) == 1:
            raise OSError
        return await asyncio.to_thread(function, *arguments)

    visitor = Probe(counted, address=("127.0.0.1", unused_tcp_port))
    visits = (visitor.without_certificate(f"{number}.{HOME}") for number in range(5))
    first, *others = await asyncio.gather(*visits, return_exceptions=True)

    assert isinstance(first, OSError)
    assert all(isinstance(other, Enforcement) for other in others)
    assert len(made) == 2


async def test_both_ports_are_visited_at_once(visit: Visit) -> None:
    """The second visit does not wait for the first answer."""
    met = asyncio.Barrier(2)

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await met.wait()
        writer.write(answer("200 OK", *CLOUDFLARE))
        await writer.drain()

    async with asyncio.timeout(5):
        assert (await visit(wait)).enforced is False


async def pour(writer: asyncio.StreamWriter, what: bytes) -> None:
    """Write the same bytes until the connection is closed."""
    while True:
        writer.write(what)
        await writer.drain()


async def test_endless_headers(visit: Visit) -> None:
    """Headers beyond the limit do not count as an answer."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.encode())
        await pour(writer, b"X: x\r\n" * 100)

    async with asyncio.timeout(5):
        met = await visit(flood)
    assert met.answers[443].verdict is Verdict.UNREACHABLE


@pytest.mark.parametrize(
    ("extra", "verdict"), [((), Verdict.UNCLEAR), ((FETCHED,), Verdict.LET_IN)]
)
async def test_endless_body(
    visit: Visit, extra: tuple[str, ...], verdict: Verdict
) -> None:
    """Only its beginning is read, and nothing if the headers are enough."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("403 Forbidden", *CLOUDFLARE, *extra))
        await pour(writer, b"x" * 1000)

    async with asyncio.timeout(5):
        met = await visit(flood)
    assert met.answers[443].verdict is verdict


@pytest.mark.parametrize(
    "said", [b"", b"HTTP", HEAD.encode(), answer("403 Forbidden", *CLOUDFLARE)]
)
async def test_slow_drip(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """A visit ends at the timeout, even if bytes keep coming."""
    monkeypatch.setattr(probe, "_TIMEOUT", 0.3)

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        while True:
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(b" ")

    async with asyncio.timeout(5):
        met = await visit(drip)
    assert met.answers[443] == Answer(status=None, verdict=Verdict.UNREACHABLE)


async def test_no_handshake(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server accepts the connection and is silent, or does not speak TLS."""
    monkeypatch.setattr(probe, "_TIMEOUT", 0.3)

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("403 Forbidden", *CLOUDFLARE, body=BLOCKED))
        await writer.drain()

    for handler in (mute, plain):
        async with serving(handler) as port:
            visitor = Probe(asyncio.to_thread, address=("127.0.0.1", port))
            met = await visitor.without_certificate(HOME)
        assert met.answers[443].verdict is Verdict.UNREACHABLE


async def test_answer_that_is_cut_off(visit: Visit) -> None:
    """Half a page without its headline proves nothing."""

    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("403 Forbidden", *CLOUDFLARE, body=BLOCKED[:-30]))
        await writer.drain()
        writer.transport.abort()

    assert (await visit(cut)).enforced is None


@pytest.mark.parametrize(
    ("verdicts", "enforced"),
    [
        ((Verdict.BLOCKED, Verdict.BLOCKED), True),
        ((Verdict.BLOCKED, Verdict.LET_IN), False),
        ((Verdict.NO_ORIGIN, Verdict.BLOCKED), False),
        ((Verdict.UNREACHABLE, Verdict.LET_IN), False),
        ((Verdict.BLOCKED, Verdict.CHALLENGED), None),
        ((Verdict.BLOCKED, Verdict.UNCLEAR), None),
        ((Verdict.BLOCKED, Verdict.NOT_CLOUDFLARE), None),
        ((Verdict.UNREACHABLE, Verdict.BLOCKED), None),
        ((Verdict.UNREACHABLE, Verdict.UNREACHABLE), None),
    ],
)
def test_enforced(verdicts: tuple[Verdict, Verdict], enforced: bool | None) -> None:
    """True if all are blocked, false if one got past, and otherwise unknown."""
    one, other = (Answer(status=None, verdict=verdict) for verdict in verdicts)

    assert Enforcement(answers={443: one, 8443: other}).enforced is enforced


@pytest.mark.parametrize(
    ("verdict", "has_certificate"),
    [
        (Verdict.NO_CERTIFICATE, False),
        (Verdict.UNREACHABLE, None),
        (Verdict.NOT_CLOUDFLARE, None),
        (Verdict.BLOCKED, True),
        (Verdict.LET_IN, True),
        (Verdict.NO_ORIGIN, True),
        (Verdict.CHALLENGED, True),
        (Verdict.UNCLEAR, True),
    ],
)
def test_certificate_of_the_edge(
    verdict: Verdict, has_certificate: bool | None
) -> None:
    """Whatever the edge answers, it had one; another server shows nothing of it."""
    met, blocked = (
        Answer(status=None, verdict=item) for item in (verdict, Verdict.BLOCKED)
    )

    enforcement = Enforcement(answers={443: met, 8443: blocked})

    assert enforcement.has_edge_certificate is has_certificate
