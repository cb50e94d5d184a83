"""TLS under asyncio with pyOpenSSL, which lets every client certificate through.

Python's own `ssl` aborts the handshake when a client certificate does not verify. The
real edge completes it and leaves the verdict to the rules, so TLS is terminated here
with memory BIOs, and the plain text handed to an ordinary asyncio protocol.
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
# Sent in place of the server's last words, while the client still takes it as plain.
_PROTOCOL_VERSION_ALERT = bytes.fromhex("15 0303 0002 02 46")


@dataclass(frozen=True)
class Handshake:
    """What the edge learned while a connection was set up."""

    server_name: str
    tls_version: str
    certificate: x509.Certificate | None


@dataclass(frozen=True)
class ServerNames:
    """How to treat the name that a client asks for."""

    certificate_name: Callable[[str], str]
    """Names the zone whose server certificate is shown."""
    asks_for_certificate: Callable[[str], bool]


class Contexts:
    """The TLS settings of each zone, made when first asked for."""

    def __init__(self, authority: Authority, names: ServerNames) -> None:
        """Start without any."""
        self._authority = authority
        self._names = names
        self._by_zone: dict[str, SSL.Context] = {}
        self._default = self._create("sandbox.invalid")
        self._default.set_tlsext_servername_callback(self._choose)

    def connection(self) -> SSL.Connection:
        """Start the server's side of a TLS connection."""
        connection = SSL.Connection(self._default, None)
        connection.set_accept_state()
        return connection

    def _choose(self, connection: SSL.Connection) -> None:
        server_name = (connection.get_servername() or b"").decode("ascii", "replace")
        server_name = server_name.lower()
        zone_name = self._names.certificate_name(server_name)
        if zone_name not in self._by_zone:
            self._by_zone[zone_name] = self._create(zone_name)
        connection.set_context(self._by_zone[zone_name])
        if self._names.asks_for_certificate(server_name):
            connection.set_verify(SSL.VERIFY_PEER, lambda *_: True)

    def _create(self, zone_name: str) -> SSL.Context:
        key = new_server_key()
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.use_certificate(
            self._authority.sign_server(zone_name, key.public_key())
        )
        context.use_privatekey(key)
        # A resumed session would carry no client certificate.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
        context.set_alpn_select_callback(_choose_protocol)
        return context


def _choose_protocol(_: SSL.Connection, offered: list[bytes]) -> Any:
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS


class TlsTransport(asyncio.Transport):
    """The plain-text side of a TLS connection, for an ordinary protocol."""

    def __init__(
        self,
        lower: asyncio.Transport,
        connection: SSL.Connection,
        protocol: asyncio.Protocol,
        handshake: Handshake,
    ) -> None:
        """Stand between a TCP transport and a protocol."""
        super().__init__({"handshake": handshake, "sslcontext": True})
        self._lower = lower
        self._connection = connection
        self.protocol = protocol
        self._reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection."""
        below = self._lower.get_extra_info(name, default)
        return super().get_extra_info(name, below)

    def pause_reading(self) -> None:
        """Stop handing on received data."""
        self._reading = False
        self._lower.pause_reading()

    def resume_reading(self) -> None:
        """Hand on received data again, what waited first."""
        if self._reading:
            return
        self._reading = True
        self._lower.resume_reading()
        # The caller does not expect to be called back from within.
        asyncio.get_running_loop().call_soon(self.deliver)

    def deliver(self) -> None:
        """Decrypt what has arrived and hand it to the protocol."""
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
        """Send the encrypted bytes that wait."""
        flush(self._connection, self._lower)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        if data and not self.is_closing():
            self._connection.sendall(bytes(data))
            self.flush()

    def writelines(self, list_of_data: Any) -> None:
        """Encrypt and send several pieces in one go."""
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        """Tell whether the connection is being closed."""
        return self._lower.is_closing()

    def close(self) -> None:
        """Say good-bye and close once everything is sent."""
        if not self.is_closing():
            shut_down(self._connection)
            self.flush()
            self._lower.close()

    def abort(self) -> None:
        """Close at once."""
        self._lower.abort()

    def _received_end(self) -> None:
        if not self.protocol.eof_received():
            self.close()


class TlsProtocol(asyncio.Protocol):
    """Performs the handshake, then serves an inner protocol over it."""

    def __init__(
        self,
        connection: SSL.Connection,
        serve: Callable[[], asyncio.Protocol],
        accepts: Callable[[Handshake], bool],
    ) -> None:
        """Wait for a client."""
        self._accepts = accepts
        self._connection = connection
        self._serve = serve
        self._lower: asyncio.Transport | None = None
        self._upper: TlsTransport | None = None
        self._timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Await the client's hello, but not for ever."""
        assert isinstance(transport, asyncio.Transport)
        self._lower = transport
        self._timeout = asyncio.get_running_loop().call_later(
            HANDSHAKE_TIMEOUT, transport.abort
        )

    def data_received(self, data: bytes) -> None:
        """Go on with the handshake, or deliver."""
        self._connection.bio_write(data)
        if self._upper is None:
            self._continue_handshake()
        if self._upper is not None:
            self._upper.deliver()

    def eof_received(self) -> bool:
        """Close: without TLS's own good-bye nothing more can be trusted."""
        return False

    def pause_writing(self) -> None:
        """Pass the TCP connection's back pressure on."""
        if self._upper is not None:
            self._upper.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the TCP connection takes data again."""
        if self._upper is not None:
            self._upper.protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the inner protocol, if there is one yet."""
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
            # The alert that tells the client why is waiting.
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
    """Send the encrypted bytes that wait."""
    while not transport.is_closing():
        try:
            transport.write(connection.bio_read(_CHUNK))
        except SSL.WantReadError:
            break


def shut_down(connection: SSL.Connection) -> None:
    """Queue TLS's good-bye."""
    try:
        connection.shutdown()
    except SSL.Error:
        # A connection that broke before cannot say it.
        return


def _handshake(connection: SSL.Connection) -> Handshake:
    server_name = (connection.get_servername() or b"").decode("ascii", "replace")
    return Handshake(
        server_name=server_name.lower(),
        tls_version=connection.get_protocol_version_name(),
        certificate=connection.get_peer_certificate(as_cryptography=True),
    )
