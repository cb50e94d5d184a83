"""TLS for asyncio with pyOpenSSL, which accepts every client certificate.

Python's own `ssl` aborts the handshake when a client certificate does not verify. The
real edge completes it and lets the rules decide. This module therefore terminates TLS
with memory BIOs and passes the plain text to an ordinary asyncio protocol.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from OpenSSL import SSL

from .authority import Authority, new_server_key

HANDSHAKE_TIMEOUT = 10.0
_CHUNK = 64 * 1024
# Sent instead of the server's last handshake message, while alerts are still unencrypted.
_PROTOCOL_VERSION_ALERT = bytes.fromhex("15 0303 0002 02 46")


@dataclass(frozen=True)
class Handshake:
    """What the edge learns of a client during the TLS handshake."""

    server_name: str
    tls_version: str
    certificate: x509.Certificate | None


@dataclass(frozen=True)
class ServerNames:
    """What the edge does for the server name that a client asks for."""

    certificate_hosts: Callable[[str], tuple[str, ...]]
    """Return the names of the certificate that the edge sends; none if it has no such one."""
    asks_for_certificate: Callable[[str], bool]


class Contexts:
    """The TLS settings of each server certificate, created on first use."""

    def __init__(self, authority: Authority, names: ServerNames) -> None:
        """Create only the context for clients that have not sent a server name yet."""
        self._authority = authority
        self._names = names
        self._by_hosts: dict[tuple[str, ...], SSL.Context] = {}
        self._default = self._create(("sandbox.invalid",))
        self._default.set_tlsext_servername_callback(self._choose)

    def connection(self) -> SSL.Connection:
        """Create the server's side of a TLS connection."""
        connection = SSL.Connection(self._default, None)
        connection.set_accept_state()
        return connection

    def _choose(self, connection: SSL.Connection) -> None:
        server_name = (connection.get_servername() or b"").decode("ascii", "replace")
        server_name = server_name.lower()
        if not server_name:
            return
        hosts = self._names.certificate_hosts(server_name)
        if hosts not in self._by_hosts:
            self._by_hosts[hosts] = self._create(hosts)
        connection.set_context(self._by_hosts[hosts])
        if self._names.asks_for_certificate(server_name):
            connection.set_verify(SSL.VERIFY_PEER, lambda *_: True)

    def _create(self, hosts: tuple[str, ...]) -> SSL.Context:
        """Return TLS settings; without a certificate, every handshake fails."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        if hosts:
            key = new_server_key()
            context.use_certificate(
                self._authority.sign_server(hosts, key.public_key())
            )
            context.use_privatekey(key)
        # In a resumed session the client would not send its certificate.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
        context.set_alpn_select_callback(_choose_protocol)
        return context


def _choose_protocol(_: SSL.Connection, offered: list[bytes]) -> Any:
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


class TlsTransport(asyncio.Transport):
    """The plain-text side of a TLS connection, for an ordinary asyncio protocol."""

    def __init__(
        self,
        lower: asyncio.Transport,
        connection: SSL.Connection,
        protocol: asyncio.Protocol,
        handshake: Handshake,
    ) -> None:
        """Connect a TCP transport with the protocol that gets its plain text."""
        super().__init__({"handshake": handshake, "sslcontext": True})
        self._lower = lower
        self._connection = connection
        self.protocol = protocol
        self._reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return information about this connection or the TCP connection below."""
        below = self._lower.get_extra_info(name, default)
        return super().get_extra_info(name, below)

    def pause_reading(self) -> None:
        """Stop passing received data to the protocol."""
        self._reading = False
        self._lower.pause_reading()

    def resume_reading(self) -> None:
        """Pass received data to the protocol again, waiting data first."""
        if self._reading:
            return
        self._reading = True
        self._lower.resume_reading()
        # Not from here: the protocol does not expect data before this call returns.
        asyncio.get_running_loop().call_soon(self.deliver)

    def deliver(self) -> None:
        """Decrypt received data and pass it to the protocol."""
        while self._reading and not self._lower.is_closing():
            try:
                data = self._connection.recv(_CHUNK)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self._received_end()
                break
            except SSL.Error:
                self.abort()
                break
            self.protocol.data_received(data)
        self.flush()

    def flush(self) -> None:
        """Send the encrypted bytes that are waiting."""
        flush(self._connection, self._lower)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt data and send it."""
        if data and not self.is_closing():
            self._connection.sendall(bytes(data))
            self.flush()

    def writelines(self, list_of_data: Any) -> None:
        """Encrypt several pieces of data and send them at once."""
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        """Return whether the connection is being closed."""
        return self._lower.is_closing()

    def close(self) -> None:
        """Send TLS's close_notify and close the connection once everything is sent."""
        if not self.is_closing():
            shut_down(self._connection)
            self.flush()
            self._lower.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self._lower.abort()

    def _received_end(self) -> None:
        if not self.protocol.eof_received():
            self.close()


class TlsProtocol(asyncio.Protocol):
    """Do the TLS handshake, then serve an inner protocol over the connection."""

    def __init__(
        self,
        connection: SSL.Connection,
        serve: Callable[[], asyncio.Protocol],
        accepts: Callable[[Handshake], bool],
    ) -> None:
        """Prepare for a client's connection."""
        self._accepts = accepts
        self._connection = connection
        self._serve = serve
        self._lower: asyncio.Transport | None = None
        self._upper: TlsTransport | None = None
        self._timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the client's hello, with a time limit."""
        assert isinstance(transport, asyncio.Transport)
        self._lower = transport
        self._timeout = asyncio.get_running_loop().call_later(
            HANDSHAKE_TIMEOUT, transport.abort
        )

    def data_received(self, data: bytes) -> None:
        """Continue the handshake, or pass the data to the inner protocol."""
        self._connection.bio_write(data)
        if self._upper is None:
            self._continue_handshake()
        if self._upper is not None:
            self._upper.deliver()

    def eof_received(self) -> bool:
        """Close the connection: it ended without close_notify, so data may be missing."""
        return False

    def pause_writing(self) -> None:
        """Tell the inner protocol to pause, because the TCP buffer is full."""
        if self._upper is not None:
            self._upper.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Tell the inner protocol to continue, because the TCP buffer has space again."""
        if self._upper is not None:
            self._upper.protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the inner protocol that the connection is lost, if the handshake was done."""
        if self._timeout is not None:
            self._timeout.cancel()
        if self._upper is not None:
            self._upper.protocol.connection_lost(exc)

    def _continue_handshake(self) -> None:
        assert self._lower is not None
        assert self._timeout is not None
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            flush(self._connection, self._lower)
            return
        except SSL.Error:
            # Send the waiting alert, which tells the client why.
            flush(self._connection, self._lower)
            self._lower.close()
            return
        self._timeout.cancel()
        handshake = _handshake(self._connection)
        if not self._accepts(handshake):
            self._lower.write(_PROTOCOL_VERSION_ALERT)
            self._lower.close()
            return
        flush(self._connection, self._lower)
        protocol = self._serve()
        self._upper = TlsTransport(self._lower, self._connection, protocol, handshake)
        protocol.connection_made(self._upper)


def flush(connection: SSL.Connection, transport: asyncio.Transport) -> None:
    """Send the encrypted bytes that are waiting."""
    while not transport.is_closing():
        try:
            transport.write(connection.bio_read(_CHUNK))
        except SSL.WantReadError:
            break


def shut_down(connection: SSL.Connection) -> None:
    """Queue TLS's close_notify alert."""
    try:
        connection.shutdown()
    except SSL.Error:
        # A broken connection cannot send it.
        return


def _handshake(connection: SSL.Connection) -> Handshake:
    server_name = (connection.get_servername() or b"").decode("ascii", "replace")
    return Handshake(
        server_name=server_name.lower(),
        tls_version=connection.get_protocol_version_name(),
        certificate=connection.get_peer_certificate(as_cryptography=True),
    )
