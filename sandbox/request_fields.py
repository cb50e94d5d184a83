"""The fields of a request in the rules language, as the edge fills them."""

from collections.abc import Mapping
import re

from aiohttp import web
from yarl import URL

from . import client_auth
from .authority import ClientAuthorities
from .expressions import Value
from .state import State, Zone
from .tls import Handshake


class RequestFields:
    """Fills the fields of requests."""

    def __init__(
        self, state: State, clients: ClientAuthorities, *, host_keeps_port: bool
    ) -> None:
        """Take what is known of visitors and of their certificates."""
        self._state = state
        self._clients = clients
        self._host_keeps_port = host_keeps_port

    def of(
        self, request: web.BaseRequest, zone: Zone, hostname: str
    ) -> Mapping[str, Value]:
        """Return a request's fields in the rules language."""
        handshake = _handshake(request)
        raw_path, _, query = request.raw_path.partition("?")
        path = normalised_path(raw_path)
        uri, raw_uri = (
            f"{text}?{query}" if query else text for text in (path, raw_path)
        )
        # GUESS: the host keeps its case and trailing dot, as it was sent.
        host = request.host
        if not self._host_keeps_port:
            host = re.sub(r":\d*$", "", host)
        visitor = self._state.visitor
        return self._client_auth(handshake, zone, hostname) | {
            "cf.edge.client_tcp": True,
            "cf.tls_version": handshake.tls_version,
            "http.cookie": request.headers.get("Cookie", ""),
            "http.host": host,
            "http.referer": request.headers.get("Referer", ""),
            "http.request.full_uri": f"https://{host}{uri}",
            "http.request.method": request.method,
            "http.request.uri": uri,
            "http.request.uri.path": path,
            "http.request.uri.query": query,
            "http.request.version": version(request),
            "http.user_agent": request.headers.get("User-Agent", ""),
            "http.x_forwarded_for": request.headers.get("X-Forwarded-For", ""),
            "ip.geoip.asnum": visitor.asnum,
            "ip.geoip.country": visitor.country,
            "ip.src": visitor.ip,
            "ip.src.asnum": visitor.asnum,
            "ip.src.country": visitor.country,
            "raw.http.request.full_uri": f"https://{host}{raw_uri}",
            "raw.http.request.uri": raw_uri,
            "raw.http.request.uri.path": raw_path,
            "raw.http.request.uri.query": query,
            "ssl": True,
        }

    def _client_auth(
        self, handshake: Handshake, zone: Zone, hostname: str
    ) -> dict[str, Value]:
        # GUESS: on a connection opened for another hostname of the zone, the
        # requested hostname has to be associated too.
        if handshake.certificate is None or not zone.associates(hostname):
            return client_auth.without_certificate()
        return client_auth.with_certificate(
            handshake.certificate,
            self._clients.all_of(zone.account_id),
            revoked=self._state.is_revoked(zone.account_id, handshake.certificate),
        )


def normalised_path(path: str) -> str:
    """Normalise a path as Cloudflare does before it evaluates rules."""
    # GUESS: slashes are merged and backslashes become slashes, as Cloudflare describes
    # its normalisation; the origin still gets the path as it was sent.
    merged = re.sub(r"/{2,}", "/", path.replace("\\", "/"))
    if not merged.startswith("/"):
        return merged
    return URL(f"http://host{merged}").raw_path


def version(request: web.BaseRequest) -> str:
    """Return the version of HTTP that a request has."""
    return f"HTTP/{request.version.major}.{request.version.minor}"


def _handshake(request: web.BaseRequest) -> Handshake:
    handshake = request.get_extra_info("handshake")
    assert isinstance(handshake, Handshake)
    return handshake
