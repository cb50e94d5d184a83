"""Visits hostnames at the edge as any visitor would, with and without a client certificate."""

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

from .run_blocking import RunBlocking

# Names us, so that a person who reads the firewall events knows where the request came from.
USER_AGENT: Final = "HomeAssistant cloudflare_mtls"

MAIN_PORT: Final = 443
# Cloudflare proxies more ports; a rule that compares only the host does not cover them.
OTHER_PORTS: Final = (8443,)

# Seconds for the whole visit, from the name lookup to the last byte.
_TIMEOUT: Final = 10.0
# Bytes of the head, and as many of the body; the block page identifies itself well before.
_LIMIT: Final = 16 * 1024

_STATUS_LINE: Final = re.compile(r"HTTP/1\.[01] ([2-5]\d\d)(?: .*)?")
# When its own servers fail, Cloudflare also answers, but without a ray.
_RAY: Final = re.compile(r"[0-9a-f]{16}(?:-[A-Z]{3})?")
_CHUNK_MARK: Final = re.compile(rb"\r\n[0-9A-Fa-f]+\r\n")
_BLOCK_PAGE: Final = re.compile(
    rb"Sorry, you have been blocked|(?:error code: |\"cf-error-code\">)1020"
)
_GATEWAY_PAGE: Final = re.compile(rb"\| 50[24]: |error code: 50[24]")


class Verdict(StrEnum):
    """What happened to a request."""

    BLOCKED = "blocked"
    """Cloudflare's rules refused it: nothing else can have produced this answer."""
    LET_IN = "let_in"
    """An origin answered, with any status."""
    NO_ORIGIN = "no_origin"
    """It passed the rules, and no origin answered."""
    CHALLENGED = "challenged"
    """A browser would have to solve a challenge first."""
    UNCLEAR = "unclear"
    """Cloudflare answered by itself, and the answer does not show whether a rule did."""
    NOT_CLOUDFLARE = "not_cloudflare"
    """Another server answered, for example because the name is resolved locally at home."""
    NO_CERTIFICATE = "no_certificate"
    """The edge has no certificate for the hostname, so it refused the TLS handshake."""
    UNREACHABLE = "unreachable"
    """There was no connection, or no answer."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The status of an answer, if there was one, and what it means."""

    status: int | None
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a visit got: the beginning of the body, and where a redirect leads."""

    verdict: Verdict
    status: int | None = None
    location: str = ""
    body: bytes = b""
    chunked: bool = False

    @property
    def content(self) -> bytes:
        """Return the body without the marks of its chunks; raise ValueError if it has none."""
        return _without_chunks(self.body) if self.chunked else self.body


_NO_ANSWER: Final = Visit(verdict=Verdict.UNREACHABLE)
_NO_HANDSHAKE: Final = Visit(verdict=Verdict.NO_CERTIFICATE)
# How OpenSSL's names of it end, in all of its versions.
_HANDSHAKE_FAILURE: Final = "ALERT_HANDSHAKE_FAILURE"


@dataclass(frozen=True, kw_only=True)
class Enforcement:
    """What happened to requests without a certificate, by port."""

    answers: Mapping[int, Answer]

    @property
    def enforced(self) -> bool | None:
        """Return whether all of them were blocked; None where that is not certain."""
        verdicts = {answer.verdict for answer in self.answers.values()}
        if verdicts & {Verdict.LET_IN, Verdict.NO_ORIGIN}:
            return False
        return True if verdicts == {Verdict.BLOCKED} else None

    @property
    def has_edge_certificate(self) -> bool | None:
        """Return whether the edge has a certificate for the hostname; None where it was not met."""
        match self.answers[MAIN_PORT].verdict:
            case Verdict.NO_CERTIFICATE:
                return False
            case Verdict.UNREACHABLE | Verdict.NOT_CLOUDFLARE:
                return None
            case _:
                return True


class Probe:
    """Visits hostnames over TLS, one new connection for each request."""

    def __init__(
        self,
        run_blocking: RunBlocking,
        *,
        address: tuple[str, int] | None = None,
        ca_file: str | None = None,
    ) -> None:
        """Take what runs blocking functions, and for a sandbox another edge.

        The address replaces that of every hostname and port; the PEM file replaces the system's
        certificate authorities.
        """
        self._run_blocking = run_blocking
        self._address = address
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None
        self._making_context = asyncio.Lock()

    async def without_certificate(self, hostname: str) -> Enforcement:
        """Visit a hostname without a certificate, on all ports at once.

        Raises OSError where the PEM file of the authorities cannot be read.
        """
        context = await self._shared_context()
        ports = (MAIN_PORT, *OTHER_PORTS)
        visits = await asyncio.gather(
            *(self._visit(hostname, port, context) for port in ports)
        )
        return Enforcement(
            answers={
                port: Answer(status=visit.status, verdict=visit.verdict)
                for port, visit in zip(ports, visits, strict=True)
            }
        )

    async def anonymously(self, hostname: str, path: str = "/") -> Visit:
        """Visit a path of a hostname without a certificate, as a browser that never logged in.

        Raises OSError where the PEM file of the authorities cannot be read.
        """
        context = await self._shared_context()
        return await self._visit(hostname, MAIN_PORT, context, path)

    async def with_certificate(
        self, hostname: str, key: PrivateKeyTypes, pem: str, path: str
    ) -> Visit:
        """Visit a path of a hostname with a certificate, on systems that can keep its key in memory.

        Nothing is raised: a key that does not belong to the certificate counts as unreachable.
        """
        if not hasattr(os, "memfd_create"):
            return _NO_ANSWER
        try:
            context = await self._run_blocking(self._new_context)
            await self._run_blocking(_present, context, key, pem)
        except OSError:
            return _NO_ANSWER
        return await self._visit(hostname, MAIN_PORT, context, path)

    async def _shared_context(self) -> ssl.SSLContext:
        """Return the context of all visits without a certificate.

        Many visits begin at once. With a context each, the authorities would be read as often,
        and freeing all contexts together would block the event loop.
        """
        async with self._making_context:
            if self._context is None:
                self._context = await self._run_blocking(self._new_context)
            return self._context

    def _new_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca_file)
        context.set_alpn_protocols(["http/1.1"])
        return context

    async def _visit(
        self, hostname: str, port: int, context: ssl.SSLContext, path: str | None = None
    ) -> Visit:
        """Visit once; a refused connection or a malformed answer counts as a result."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._ask(hostname, port, context, path)
        except ssl.SSLError as err:
            return _NO_HANDSHAKE if _is_refused_handshake(err) else _NO_ANSWER
        except OSError, EOFError, ValueError, asyncio.LimitOverrunError:
            return _NO_ANSWER

    async def _ask(
        self, hostname: str, port: int, context: ssl.SSLContext, path: str | None
    ) -> Visit:
        """Ask for a path, or for the first page; the body is read where it matters."""
        reader, writer = await asyncio.open_connection(
            *(self._address or (hostname, port)),
            ssl=context,
            server_hostname=hostname,
            limit=_LIMIT,
            happy_eyeballs_delay=0.25,
        )
        try:
            writer.write(_request(hostname, port, path or "/"))
            status, headers = _parse(await reader.readuntil(b"\r\n\r\n"))
            body = b""
            while (
                verdict := _judge(status, headers, body)
            ) is Verdict.UNCLEAR or path is not None:
                more = await reader.read(_LIMIT - len(body))
                if not more:
                    break
                body += more
            return Visit(
                verdict=verdict,
                status=status,
                location=headers.get("location", ""),
                body=body,
                chunked=headers.get("transfer-encoding", "").lower() == "chunked",
            )
        finally:
            # A clean TLS shutdown could wait for the other side.
            writer.transport.abort()


def _is_refused_handshake(err: ssl.SSLError) -> bool:
    """Return whether a server refused the TLS handshake, as one does without a certificate.

    Sources: RFC 8446, section 6.2, handshake_failure; cloudflare/cloudflared#474.
    """
    # Errors of the verification here have no reason of the other side.
    return (err.reason or "").endswith(_HANDSHAKE_FAILURE)


def _request(hostname: str, port: int, path: str) -> bytes:
    host = hostname if port == MAIN_PORT else f"{hostname}:{port}"
    # Cloudflare's error pages look different to clients that accept JSON.
    lines = (
        f"GET {path} HTTP/1.1",
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
    """Return what happened to a request; what is not certain is unclear.

    Only an answer that no origin can send proves a block: Cloudflare adds a cache status to
    everything that it fetches, and its rules stop a request before the cache. The page must be
    that of a rule, because 403 has other reasons too, and these would hide that the rule is gone.

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
        # Cloudflare's own answers for an origin that fails.
        case 502 | 504 if fetched or _GATEWAY_PAGE.search(body):
            return Verdict.NO_ORIGIN
        case _ if 520 <= status <= 530:
            return Verdict.NO_ORIGIN
        case _ if fetched:
            return Verdict.LET_IN
        case _ if headers.get("cf-mitigated") == "challenge":
            return Verdict.CHALLENGED
        # A Worker answered, which runs after the rules.
        case _ if 200 <= status < 300:
            return Verdict.LET_IN
        case 403 if _BLOCK_PAGE.search(body):
            return Verdict.BLOCKED
        case _:
            return Verdict.UNCLEAR


def _without_chunks(body: bytes) -> bytes:
    """Return the content of a chunked body, as far as it came; raise ValueError.

    Source: RFC 9112, section 7.1.
    """
    content = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if length <= 0:
            break
        content += rest[:length]
        body = rest[length + len(b"\r\n") :]
    return content


def _present(context: ssl.SSLContext, key: PrivateKeyTypes, pem: str) -> None:
    """Load a certificate into a context without writing its key to a disk; raise OSError."""
    # Python only loads a key from a file. This one is in memory and has no name. If it were
    # swapped out, it would be useless, because its password is not kept.
    password = secrets.token_urlsafe(32).encode()
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)
    )
    with os.fdopen(os.memfd_create("certificate"), "wb", buffering=0) as file:
        file.write(pem.encode() + b"\n" + encrypted)
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=password)
