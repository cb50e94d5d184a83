"""Requests as a visitor sends them, and what the rules may see of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import product

from . import paths
from .handshakes import NOTHING_PRESENTED, Handshake
from .values import Content


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a visitor sends: host is the Host header, path and query are as written."""

    host: str
    path: str = "/"
    query: str = ""
    method: str = "GET"
    version: str = "HTTP/2"
    headers: tuple[tuple[str, str], ...] = ()
    handshake: Handshake = NOTHING_PRESENTED
    encrypted: bool = True
    port: int = 443
    address: str = "198.51.100.7"
    country: str = "ZZ"
    network: int = 64500


@dataclass(frozen=True)
class Reading:
    """One way to read a request: the host and the path that the rules see."""

    host: str
    path: str


def host_readings(host: str) -> tuple[str, ...]:
    """Return what http.host may contain: no reference says whether port, dot and case are kept."""
    name, colon, port = host.partition(":")
    return tuple(
        dict.fromkeys(
            text.lower() if lowered else text
            for text, lowered in product(
                (name + colon + port, name, name.rstrip(".") + colon + port, name.rstrip(".")),
                (False, True),
            )
        )
    )  # fmt: skip


def request_readings(request: Request) -> Iterator[Reading]:
    """Yield every way to read a request."""
    for host, path in product(
        host_readings(request.host), paths.readings(request.path)
    ):
        yield Reading(host, path)


def fields_of(request: Request) -> Iterator[Mapping[str, Content]]:
    """Yield the fields of a request, in every way to read it."""
    sent = _fields_as_sent(request)
    for reading in request_readings(request):
        yield {**sent, **_fields_as_read(request, reading)}


def _fields_as_sent(request: Request) -> Mapping[str, Content]:
    headers = (("host", request.host), *request.headers)
    arguments = _arguments(request.query)
    country = request.country.encode()
    return {
        "http.request.uri.query": request.query.encode(),
        "raw.http.request.uri.path": request.path.encode(),
        "raw.http.request.uri": _uri(request, request.path).encode(),
        "raw.http.request.uri.query": request.query.encode(),
        "http.request.uri.args": _grouped(arguments),
        "http.request.uri.args.names": [name.encode() for name, _ in arguments],
        "http.request.uri.args.values": [value.encode() for _, value in arguments],
        "http.request.method": request.method.encode(),
        "http.request.version": request.version.encode(),
        "http.request.headers": _grouped(headers),
        "http.request.headers.names": [name.encode() for name, _ in headers],
        "http.request.headers.values": [value.encode() for _, value in headers],
        "http.request.cookies": _grouped(_cookies(headers)),
        "http.user_agent": _header(headers, "user-agent"),
        "http.referer": _header(headers, "referer"),
        "http.cookie": _header(headers, "cookie"),
        "http.x_forwarded_for": _header(headers, "x-forwarded-for"),
        "ip.src": ip_address(request.address),
        "ip.src.country": country,
        "ip.geoip.country": country,
        "ip.src.asnum": request.network,
        "ip.geoip.asnum": request.network,
        "ssl": request.encrypted,
        "cf.edge.client_tcp": request.version != "HTTP/3",
        "cf.edge.server_port": request.port,
        "cf.tls_version": b"TLSv1.3" if request.encrypted else b"none",
        **request.handshake.fields(),
    }


def _fields_as_read(request: Request, reading: Reading) -> Mapping[str, Content]:
    origin = f"{'https' if request.encrypted else 'http'}://{reading.host}"
    uri = _uri(request, reading.path)
    return {
        "http.host": reading.host.encode(),
        "http.request.uri.path": reading.path.encode(),
        "http.request.uri": uri.encode(),
        "http.request.full_uri": (origin + uri).encode(),
        "raw.http.request.full_uri": (origin + _uri(request, request.path)).encode(),
    }


def _uri(request: Request, path: str) -> str:
    return f"{path}?{request.query}" if request.query else path


type _Pairs = tuple[tuple[str, str], ...]


def _header(headers: _Pairs, wanted: str) -> bytes:
    return next((value.encode() for name, value in headers if name == wanted), b"")


def _arguments(query: str) -> _Pairs:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return tuple((name, value) for name, _, value in pairs)


def _cookies(headers: _Pairs) -> _Pairs:
    pairs = (
        part.strip().partition("=")
        for name, value in headers
        if name == "cookie"
        for part in value.split(";")
    )
    return tuple((name, value) for name, _, value in pairs)


def _grouped(pairs: _Pairs) -> Mapping[str, Content]:
    grouped: dict[str, list[Content]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value.encode())
    return grouped
