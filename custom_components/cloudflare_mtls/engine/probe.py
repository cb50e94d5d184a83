"""Asks the edge itself, as any visitor would, with and without a client certificate."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
import os
import re
import secrets
import ssl
from typing import Final

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from .blocking import RunBlocking

# Honest, so that whoever reads the firewall events knows who asked.
USER_AGENT: Final = "HomeAssistant cloudflare_mtls"

MAIN_PORT: Final = 443
# Cloudflare proxies more ports, and a rule that compares the host alone forgets them.
OTHER_PORTS: Final = (8443,)

# Seconds for everything from the name to the last byte.
_TIMEOUT: Final = 10.0
# Bytes of a head, and as many of a body; the block page tells itself well before.
_LIMIT: Final = 16 * 1024

_STATUS_LINE: Final = re.compile(r"HTTP/1\.[01] ([2-5]\d\d)(?: .*)?")
# Where its own servers fail, Cloudflare answers too, but without a ray.
_RAY: Final = re.compile(r"[0-9a-f]{16}(?:-[A-Z]{3})?")
_CHUNK_MARK: Final = re.compile(rb"\r\n[0-9A-Fa-f]+\r\n")
_BLOCK_PAGE: Final = re.compile(
    rb"Sorry, you have been blocked|(?:error code: |\"cf-error-code\">)1020"
)
_GATEWAY_PAGE: Final = re.compile(rb"\| 50[24]: |error code: 50[24]")


class Verdict(StrEnum):
    """What became of a request."""

    BLOCKED = "blocked"
    """Cloudflare's rules refused it, and nobody else can have."""
    LET_IN = "let_in"
    """An origin answered, whatever it said."""
    NO_ORIGIN = "no_origin"
    """It passed the rules, and no origin answered."""
    CHALLENGED = "challenged"
    """A browser would have to solve something first."""
    UNCLEAR = "unclear"
    """Cloudflare answered by itself, and it does not show whether by a rule."""
    NOT_CLOUDFLARE = "not_cloudflare"
    """Somebody else answered, as where the name leads elsewhere at home."""
    UNREACHABLE = "unreachable"
    """Nobody could be asked, or nobody answered."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, where anything did, and what that means."""

    status: int | None
    verdict: Verdict


_NOBODY: Final = Answer(status=None, verdict=Verdict.UNREACHABLE)


@dataclass(frozen=True, kw_only=True)
class Enforcement:
    """What requests without a certificate met, by port."""

    answers: Mapping[int, Answer]

    @property
    def enforced(self) -> bool | None:
        """Tell whether all of them were blocked; None where that could not be seen."""
        verdicts = {answer.verdict for answer in self.answers.values()}
        if verdicts & {Verdict.LET_IN, Verdict.NO_ORIGIN}:
            return False
        return True if verdicts == {Verdict.BLOCKED} else None


class Probe:
    """Visits hostnames over TLS, one new connection for each request."""

    def __init__(
        self,
        run_blocking: RunBlocking,
        *,
        address: tuple[str, int] | None = None,
        ca_file: str | None = None,
    ) -> None:
        """Take what runs slow things in a thread, and perhaps an edge elsewhere.

        The address replaces every hostname's own, whatever the port; the PEM file replaces
        the system's certificate authorities.
        """
        self._run_blocking = run_blocking
        self._address = address
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None
        self._making_context = asyncio.Lock()

    async def without_certificate(self, hostname: str) -> Enforcement:
        """Ask for a hostname without a certificate, on all ports at once.

        Raises OSError where the PEM file of the authorities cannot be read.
        """
        context = await self._shared_context()
        ports = (MAIN_PORT, *OTHER_PORTS)
        answers = await asyncio.gather(
            *(self._visit(hostname, port, context) for port in ports)
        )
        return Enforcement(answers=dict(zip(ports, answers, strict=True)))

    async def with_certificate(
        self, hostname: str, key: PrivateKeyTypes, pem: str
    ) -> Answer:
        """Ask for a hostname with a certificate, where the machine can show one safely.

        Nothing is raised: key and certificate that do not fit count as unreachable.
        """
        if not hasattr(os, "memfd_create"):
            return _NOBODY
        try:
            context = await self._run_blocking(self._new_context)
            await self._run_blocking(_present, context, key, pem)
        except OSError:
            return _NOBODY
        return await self._visit(hostname, MAIN_PORT, context)

    async def _shared_context(self) -> ssl.SSLContext:
        """Return the one for all visits without a certificate.

        Many begin at once: had each its own, the authorities would be read as often, and
        letting go of all of them together would hold the event loop.
        """
        async with self._making_context:
            if self._context is None:
                self._context = await self._run_blocking(self._new_context)
            return self._context

    def _new_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca_file)
        context.set_alpn_protocols(["http/1.1"])
        return context

    async def _visit(self, hostname: str, port: int, context: ssl.SSLContext) -> Answer:
        """Ask once; whoever answers may lie, and no answer is an answer too."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._ask(hostname, port, context)
        except OSError, EOFError, ValueError, asyncio.LimitOverrunError:
            return _NOBODY

    async def _ask(self, hostname: str, port: int, context: ssl.SSLContext) -> Answer:
        reader, writer = await asyncio.open_connection(
            *(self._address or (hostname, port)),
            ssl=context,
            server_hostname=hostname,
            limit=_LIMIT,
            happy_eyeballs_delay=0.25,
        )
        try:
            writer.write(_request(hostname, port))
            status, headers = _parse(await reader.readuntil(b"\r\n\r\n"))
            body = b""
            # Only what its head leaves open is read on.
            while (verdict := _judge(status, headers, body)) is Verdict.UNCLEAR:
                more = await reader.read(_LIMIT - len(body))
                if not more:
                    break
                body += more
            return Answer(status=status, verdict=verdict)
        finally:
            # No good-byes: the other side could take its time over them.
            writer.transport.abort()


def _request(hostname: str, port: int) -> bytes:
    host = hostname if port == MAIN_PORT else f"{hostname}:{port}"
    # Asked for JSON, Cloudflare tells errors another way.
    lines = (
        "GET / HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: {USER_AGENT}",
        "Accept: text/html",
        "Connection: close",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


def _parse(head: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers, their names in lower case; raise ValueError."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise ValueError("no HTTP")
    headers = {}
    for line in lines:
        name, separator, value = line.partition(":")
        if not separator:
            raise ValueError("no header")
        headers[name.lower()] = value.strip()
    return int(status[1]), headers


def _judge(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """Tell what became of a request; whatever is not certain is unclear.

    A block is proven by what no origin can send: Cloudflare puts a cache status on whatever
    it fetched, and its rules stop a request before the cache. The page must be that of a
    rule, because 403 has other reasons, which would hide that the rule is gone.

    Sources: developers.cloudflare.com, Cache, "Cloudflare cache responses" (a request that a
    custom rule blocks has no cache status); Challenges, "Detect a Challenge Page response";
    Rules, "Error page types". The block page's headers and text as recorded.
    """
    if headers.get("server", "").lower() != "cloudflare":
        return Verdict.NOT_CLOUDFLARE
    if not _RAY.fullmatch(headers.get("cf-ray", "")):
        return Verdict.NOT_CLOUDFLARE
    body = _CHUNK_MARK.sub(b"", body)
    fetched = "cf-cache-status" in headers
    match status:
        # What Cloudflare says of an origin that fails.
        case 502 | 504 if fetched or _GATEWAY_PAGE.search(body):
            return Verdict.NO_ORIGIN
        case _ if 520 <= status <= 530:
            return Verdict.NO_ORIGIN
        case _ if fetched:
            return Verdict.LET_IN
        case _ if headers.get("cf-mitigated") == "challenge":
            return Verdict.CHALLENGED
        # A Worker answers so, and it comes after the rules.
        case _ if 200 <= status < 300:
            return Verdict.LET_IN
        case 403 if _BLOCK_PAGE.search(body):
            return Verdict.BLOCKED
        case _:
            return Verdict.UNCLEAR


def _present(context: ssl.SSLContext, key: PrivateKeyTypes, pem: str) -> None:
    """Have a context show a certificate, whose key no disk ever sees; raise OSError."""
    # Python takes a key from a file only: this one is in memory, has no name, and would be
    # of no use where memory is swapped out, because nobody keeps the password.
    password = secrets.token_urlsafe(32).encode()
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
    )
    with os.fdopen(os.memfd_create("certificate"), "wb", buffering=0) as file:
        file.write(pem.encode() + b"\n" + encrypted)
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=password)
