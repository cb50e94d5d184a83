"""Clients of the sandbox's API and edge, client certificates for them, and web servers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
import ssl
from typing import Any

from aiohttp import ClientResponse, ClientSession, TCPConnector, web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from sandbox import Sandbox
from sandbox.authority import Authority
from sandbox.clock import now
from sandbox.state import Rule

HOME = "home.example.com"
NAS = "nas.example.com"

VERIFIED = "cf.tls_client_auth.cert_verified"
REVOKED = "cf.tls_client_auth.cert_revoked"


@dataclass(frozen=True)
class Reply:
    """An answer of the API: HTTP status and body."""

    status: int
    body: Any

    @property
    def result(self) -> Any:
        """Return the result of a successful answer."""
        assert self.body["success"], self.body
        return self.body["result"]

    @property
    def code(self) -> int | None:
        """Return the first error's code."""
        code: int | None = self.body["errors"][0]["code"]
        return code

    @property
    def message(self) -> str:
        """Return the first error's message."""
        return str(self.body["errors"][0]["message"])


@dataclass(frozen=True)
class Api:
    """A client of the API."""

    sandbox: Sandbox
    session: ClientSession
    token: str

    def with_token(self, token: str) -> Api:
        """Return a client that uses another token."""
        return Api(self.sandbox, self.session, token)

    async def get(self, path: str, **query: Any) -> Reply:
        """Send a GET request."""
        return await self.request("GET", path, query=query)

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Send a request; {zone}, {account} and {tunnel} in the path stand for the seeded ids."""
        filled = path.format(
            zone=self.sandbox.zone_id,
            account=self.sandbox.account_id,
            tunnel=self.sandbox.tunnel_id,
        )
        async with self.session.request(
            method,
            f"{self.sandbox.api_url}{filled}",
            json=body,
            params={key: str(value) for key, value in (query or {}).items()},
            headers={"Authorization": f"Bearer {self.token}"},
        ) as response:
            body = await response.json() if response.status != 204 else None
            return Reply(response.status, body)


@dataclass
class Origin:
    """The web server behind the seeded service, and how much it has sent."""

    url: str = ""
    sent_megabytes: int = 0

    async def flood(self, request: web.Request) -> web.StreamResponse:
        """Answer with more data than the buffers on the way can hold."""
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(64):
            await response.write(bytes(2**20))
            self.sent_megabytes += 1
        return response


@dataclass(frozen=True)
class Identity:
    """A client certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def load_into(self, context: ssl.SSLContext, directory: Path) -> None:
        """Let clients with an SSL context use this certificate."""
        file = directory / "client.pem"
        file.write_bytes(
            self.certificate.public_bytes(Encoding.PEM)
            + self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context.load_cert_chain(file)


def new_csr(
    name: str = "Phone",
) -> tuple[ec.EllipticCurvePrivateKey, x509.CertificateSigningRequest]:
    """Create a key and a certificate signing request."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Home Assistant"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "01J0DEVICE"),
        ]
    )
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return key, csr.sign(key, hashes.SHA256())


def csr_text(csr: x509.CertificateSigningRequest) -> str:
    """Return a certificate signing request as PEM."""
    return csr.public_bytes(Encoding.PEM).decode()


async def create_certificate(
    api: Api, name: str = "Phone", zone_id: str = "{zone}"
) -> tuple[dict[str, Any], Identity]:
    """Create a certificate through the API; return the API's result and the identity."""
    key, csr = new_csr(name)
    body = {"csr": csr_text(csr), "validity_days": 365}
    reply = await api.request("POST", f"/zones/{zone_id}/client_certificates", body)
    assert reply.status == 201
    certificate = x509.load_pem_x509_certificate(reply.result["certificate"].encode())
    return reply.result, Identity(certificate, key)


def signed_by(
    authority: Authority,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> Identity:
    """Sign a certificate with an authority directly, without the API."""
    key, csr = new_csr()
    day = timedelta(days=1)
    certificate = authority.sign_client(
        csr, valid_from or now() - day, valid_until or now() + day
    )
    return Identity(certificate, key)


class _EdgeResolver(AbstractResolver):
    """A resolver that returns the edge's address for every name."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def resolve(
        self, host: str, port: int = 0, family: Any = 0
    ) -> list[ResolveResult]:
        """Return the edge's address."""
        return [
            ResolveResult(
                hostname=host,
                host=self._sandbox.edge_host,
                port=self._sandbox.edge_port,
                family=2,
                proto=0,
                flags=0,
            )
        ]

    async def close(self) -> None:
        """Do nothing; the interface requires this method."""


@dataclass(frozen=True)
class Visitor:
    """A client of the edge, with or without a certificate."""

    session: ClientSession
    sandbox: Sandbox

    def url(self, host: str, path: str = "/") -> str:
        """Return a URL at the edge."""
        return f"https://{host}:{self.sandbox.edge_port}{path}"

    async def get(self, host: str, path: str = "/", **options: Any) -> ClientResponse:
        """Send a GET request."""
        return await self.request("GET", host, path, **options)

    async def request(
        self, method: str, host: str, path: str = "/", **options: Any
    ) -> ClientResponse:
        """Send a request; the Host header is the hostname unless `headers` has another."""
        headers = {"Host": host, **options.pop("headers", {})}
        async with self.session.request(
            method, self.url(host, path), headers=headers, **options
        ) as response:
            await response.read()
            return response


@asynccontextmanager
async def visitor(
    sandbox: Sandbox,
    directory: Path,
    identity: Identity | None = None,
    tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> AsyncIterator[Visitor]:
    """Yield a client of the edge."""
    context = ssl.create_default_context(cafile=sandbox.edge_ca_file)
    context.maximum_version = tls
    if identity is not None:
        identity.load_into(context, directory)
    connector = TCPConnector(ssl=context, resolver=_EdgeResolver(sandbox))
    async with ClientSession(connector=connector) as session:
        yield Visitor(session, sandbox)


@asynccontextmanager
async def serving(
    handler: Callable[[web.BaseRequest], Awaitable[web.Response]],
) -> AsyncIterator[str]:
    """Run a web server on this machine, and yield its URL."""
    server = web.Server(handler, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def protect(sandbox: Sandbox, expression: str | None = None) -> Rule:
    """Associate the hostname, and block requests that match an expression."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.associations = [HOME]
    rule = Rule(
        "block",
        expression
        or f'starts_with(lower(http.host), "{HOME}") and (not {VERIFIED} or {REVOKED})',
        ref="protect",
    )
    zone.rules.append(rule)
    return rule


async def status(
    sandbox: Sandbox, directory: Path, identity: Identity | None = None, host: str = ""
) -> int:
    """Visit the protected hostname, and return the status."""
    async with visitor(sandbox, directory, identity) as guest:
        headers = {"Host": host} if host else {}
        return (await guest.get(HOME, headers=headers)).status
