"""The edge: it terminates TLS, applies rules and Access, and forwards to the origin."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
import json

from aiohttp import web

from . import firewall, header_rules, ingress, ip_access, origin_rules, pages, proxy
from .access.gate import Admitted, Asked, Gate
from .access.keys import TeamKeys
from .access.login import LoginPages
from .authority import Authority, ClientAuthorities
from .clock import CLOCK, now
from .exchange import Carrier, OriginError, Outgoing
from .expressions import Value
from .imitation import Imitation
from .protections import stopping_protection
from .request_fields import RequestFields, version
from .state import BlockedRequest, Rule, State, Tunnel, Zone
from .tls import Contexts, Handshake, ServerNames, TlsProtocol
from .workers import find_worker
from .zone_settings import setting

HOST = "127.0.0.1"


class Edge:
    """Serves every zone of the state on one port."""

    def __init__(
        self,
        state: State,
        clients: ClientAuthorities,
        authority: Authority,
        keys: TeamKeys,
        *,
        host_keeps_port: bool,
        connectors: Carrier | None = None,
    ) -> None:
        """Create an edge that does not listen yet."""
        self.port = 0
        self._state = state
        self._fields = RequestFields(state, clients, host_keeps_port=host_keeps_port)
        self._contexts = Contexts(
            authority, ServerNames(self._certificate_hosts, self._asks_for_certificate)
        )
        self._server: asyncio.Server | None = None
        self._http = web.Server(
            self._answer,
            access_log=None,
            auto_decompress=False,
            handler_cancellation=True,
        )
        self._connectors = connectors
        self._imitation = Imitation(state, keys)
        self._gate = Gate(state, keys)
        self._logins = LoginPages(state, keys)

    async def start(self, port: int) -> None:
        """Start listening; port 0 means any free port."""
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
        await self._http.shutdown(timeout=1)

    def _certificate_hosts(self, server_name: str) -> tuple[str, ...]:
        if self._state.account_of_team(server_name) is not None:
            return (server_name,)
        zone = self._state.zone_of(server_name)
        pack = zone.pack_for(server_name) if zone else None
        return tuple(pack.hosts) if pack else ()

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
        if team := self._state.account_of_team(hostname):
            return await self._logins.answer(request, team, ray)
        zone = self._state.zone_of(hostname)
        if zone is None:
            return _failed(request, ingress.NO_RECORD, ray)
        fields = self._fields.of(request, zone, hostname)
        if redirect := origin_rules.redirect(zone, fields):
            return pages.redirected(redirect.url, ray, redirect.status)
        if stopped := self._stopped(request, zone, fields, ray):
            return stopped
        path = str(fields["http.request.uri.path"])
        account = self._state.accounts[zone.account_id]
        admitted = await self._gate.judge(
            Asked(request, account, zone, hostname, path, ray)
        )
        if not isinstance(admitted, Admitted):
            return admitted
        if "Upgrade" in request.headers and setting(zone, "websockets") == "off":
            # GUESS: the answer to a refused upgrade.
            return pages.failed(request, 400, 400, "WebSockets are off", ray)
        target = origin_rules.target(zone, fields, request.host)
        if worker := find_worker(self._state, zone, hostname, path):
            if worker.answer is not None:
                return pages.answered(worker.answer, ray)
            if worker.fetches is not None:
                # A Worker's request to its own zone meets no rule and no login.
                target = origin_rules.Target(worker.fetches)
        elif page := zone.cached_pages.get(f"{hostname}{path}"):
            return pages.answered(page, ray, cache_status="HIT")
        match ingress.find_tunnel(self._state, zone, target.resolves or target.host):
            case ingress.Failure() as failure:
                return _failed(request, failure, ray)
            case Tunnel() as tunnel:
                added = self._forwarding_headers(request, ray) | admitted.headers
                outgoing = proxy.outgoing(request, target.host, added)
                headers = header_rules.rewritten(zone, fields, outgoing.headers)
                outgoing = replace(outgoing, headers=headers)
                return await self._serve(request, tunnel, outgoing, ray)

    def _stopped(
        self,
        request: web.BaseRequest,
        zone: Zone,
        fields: Mapping[str, Value],
        ray: str,
    ) -> web.Response | None:
        """Return the answer of the rule or protection that stops a request, if one does."""
        if access_rule := ip_access.deciding_rule(self._state, zone):
            if access_rule.mode == ip_access.ALLOWING:
                # Neither custom rules nor protections are asked, and no event tells of it.
                return None
            source = ip_access.SOURCES[access_rule.target]
            return self._stop(request, ray, source, access_rule.mode)
        verdict = firewall.judge(zone.rules, fields, zone.rulesets)
        if rule := verdict.stopped_by:
            return self._stop(request, ray, "firewallCustom", rule.action, rule)
        user_agent = str(fields["http.user_agent"])
        if protection := stopping_protection(zone, user_agent, verdict.skipped):
            return self._stop(request, ray, protection.source, protection.action)
        return None

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
                protocol=version(request),
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
        self,
        request: web.BaseRequest,
        tunnel: Tunnel,
        outgoing: Outgoing,
        ray: str,
    ) -> web.StreamResponse:
        try:
            exchange = await self._carrier(tunnel).open(tunnel, outgoing)
            return await proxy.pass_on(request, exchange, ray)
        except OriginError:
            return _failed(request, ingress.BAD_GATEWAY, ray)

    def _carrier(self, tunnel: Tunnel) -> Carrier:
        """Return the real connectors where one of them is there, and the imitation otherwise."""
        if self._connectors is not None and self._connectors.carries(tunnel):
            return self._connectors
        return self._imitation

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


def _failed(
    request: web.BaseRequest, failure: ingress.Failure, ray: str
) -> web.Response:
    return pages.failed(request, failure.status, failure.code, failure.title, ray)
