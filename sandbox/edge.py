"""The edge: it terminates TLS, applies rules and Access, and forwards to the origin."""

import asyncio
from collections.abc import Mapping
import json
import re

from aiohttp import ClientSession, web
from yarl import URL

from . import access, client_auth, firewall, ingress, pages, proxy
from .authority import Authority, ClientAuthorities
from .clock import CLOCK, now
from .expressions import Value
from .protections import stopping_protection
from .state import BlockedRequest, Rule, State, Zone
from .tls import Contexts, Handshake, ServerNames, TlsProtocol
from .zone_settings import setting

HOST = "127.0.0.1"


class Edge:
    """Serves every zone of the state on one port."""

    def __init__(
        self,
        state: State,
        clients: ClientAuthorities,
        authority: Authority,
        *,
        host_keeps_port: bool,
    ) -> None:
        """Create an edge that does not listen yet."""
        self.port = 0
        self._state = state
        self._clients = clients
        self._host_keeps_port = host_keeps_port
        self._contexts = Contexts(
            authority, ServerNames(self._certificate_name, self._asks_for_certificate)
        )
        self._server: asyncio.Server | None = None
        self._http = web.Server(
            self._answer,
            access_log=None,
            auto_decompress=False,
            handler_cancellation=True,
        )
        self._session: ClientSession | None = None

    async def start(self, port: int) -> None:
        """Start listening; port 0 means any free port."""
        self._session = proxy.new_session()
        self._server = await asyncio.get_running_loop().create_server(
            lambda: TlsProtocol(
                self._contexts.connection(), self._http, self._accepts_tls_version
            ),
            HOST,
            port,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
            self._server.abort_clients()
            await self._server.wait_closed()
        if self._session is not None:
            await self._session.close()
        await self._http.shutdown(timeout=1)

    def _certificate_name(self, server_name: str) -> str:
        zone = self._state.zone_of(server_name)
        return zone.name if zone else "sandbox.invalid"

    def _asks_for_certificate(self, server_name: str) -> bool:
        zone = self._state.zone_of(server_name)
        return zone is not None and zone.associates(server_name)

    def _accepts_tls_version(self, handshake: Handshake) -> bool:
        zone = self._state.zone_of(handshake.server_name)
        if zone is None:
            return True
        return handshake.tls_version >= f"TLSv{setting(zone, 'min_tls_version')}"

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        CLOCK.catch_up()
        ray = pages.new_ray()
        hostname = ingress.plain_host(request.host)
        zone = self._state.zone_of(hostname)
        if zone is None:
            return _failed(request, ingress.NO_RECORD, ray)
        fields = self._fields(request, zone, hostname)
        verdict = firewall.judge(zone.rules, fields)
        if rule := verdict.stopped_by:
            return self._stop(request, ray, "firewallCustom", rule.action, rule)
        user_agent = str(fields["http.user_agent"])
        if protection := stopping_protection(zone, user_agent, verdict.skipped):
            return self._stop(request, ray, protection.source, protection.action)
        path = str(fields["http.request.uri.path"])
        account = self._state.accounts[zone.account_id]
        if login := access.login_url(
            account.access, self._state.visitor, hostname, path
        ):
            return pages.redirected(login, ray)
        if "Upgrade" in request.headers and setting(zone, "websockets") == "off":
            # GUESS: the answer to a refused upgrade.
            return pages.failed(request, 400, 400, "WebSockets are off", ray)
        match ingress.route(self._state, zone, request.host, path):
            case ingress.Failure() as failure:
                return _failed(request, failure, ray)
            case ingress.Service() as service:
                return await self._serve(request, service, ray)

    def _stop(
        self,
        request: web.BaseRequest,
        ray: str,
        source: str,
        action: str,
        rule: Rule | None = None,
    ) -> web.Response:
        path, _, query = request.raw_path.partition("?")
        self._state.blocked.append(
            BlockedRequest(
                time=now(),
                rule_id=rule.id if rule else "",
                ref=rule.ref if rule else "",
                host=request.host,
                path=path,
                query=query,
                method=request.method,
                protocol=_version(request),
                user_agent=request.headers.get("User-Agent", ""),
                country=self._state.visitor.country,
                ip=str(self._state.visitor.ip),
                asnum=self._state.visitor.asnum,
                action=action,
                source=source,
                ray=ray.partition("-")[0],
            )
        )
        if source == "bic":
            return pages.failed(request, 403, 1010, "Access denied", ray)
        page = pages.blocked if action == "block" else pages.challenged
        return page(request.host, ray)

    async def _serve(
        self, request: web.BaseRequest, service: ingress.Service, ray: str
    ) -> web.StreamResponse:
        if service.name.startswith("http_status:"):
            return web.Response(
                status=int(service.name.removeprefix("http_status:")),
                headers={
                    "Server": "cloudflare",
                    "CF-RAY": ray,
                    "CF-Cache-Status": proxy.NOT_CACHED,
                },
            )
        origin = self._state.origins.get(service.name.rstrip("/"))
        if origin is None:
            return pages.failed(request, 502, 502, "Bad gateway", ray)
        assert self._session is not None
        added = self._forwarding_headers(request, ray)
        if host := service.origin_request.get("httpHostHeader"):
            added["Host"] = host
        try:
            return await proxy.forward(
                request, self._session, origin.rstrip("/"), added
            )
        except proxy.OriginError:
            return pages.failed(request, 502, 502, "Bad gateway", ray)

    def _forwarding_headers(self, request: web.BaseRequest, ray: str) -> dict[str, str]:
        visitor = str(self._state.visitor.ip)
        earlier = request.headers.get("X-Forwarded-For")
        return {
            "CDN-Loop": "cloudflare; loops=1",
            "CF-Connecting-IP": visitor,
            "CF-IPCountry": self._state.visitor.country,
            "CF-Ray": ray,
            "Cf-Visitor": json.dumps({"scheme": "https"}, separators=(",", ":")),
            "X-Forwarded-For": f"{earlier},{visitor}" if earlier else visitor,
            "X-Forwarded-Proto": "https",
        }

    def _fields(
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
            "http.request.version": _version(request),
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
            self._clients.existing(zone.account_id),
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


def _version(request: web.BaseRequest) -> str:
    return f"HTTP/{request.version.major}.{request.version.minor}"


def _handshake(request: web.BaseRequest) -> Handshake:
    handshake = request.get_extra_info("handshake")
    assert isinstance(handshake, Handshake)
    return handshake


def _failed(
    request: web.BaseRequest, failure: ingress.Failure, ray: str
) -> web.Response:
    return pages.failed(request, failure.status, failure.code, failure.title, ray)
