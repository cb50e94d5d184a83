"""A tunnel that runs, by the imitation or by the real cloudflared."""

from ast import literal_eval
import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import re
from typing import Any

from aiohttp import ClientSession

from sandbox import Sandbox
from sandbox.api.tunnels import connector_token
from sandbox.clock import now
from sandbox.exchange import Carrier, Headers, OriginError, Outgoing
from sandbox.imitation import Imitation
from sandbox.imitation.validation import ConfigurationError, check
from sandbox.state import Setting, Tunnel
from tests.sandbox.helpers import HOME, Api, Reply

from .cloudflared import Running, cloudflared, until, until_connected
from .raw import Answer, visit

CONFIGURATION = "/accounts/{account}/cfd_tunnel/{tunnel}/configurations"
CATCH_ALL = {"service": "http_status:404"}


@dataclass(frozen=True)
class Connected:
    """A sandbox whose tunnel runs, and questions to it."""

    sandbox: Sandbox
    tunnel: Tunnel
    api: Api
    carrier: Carrier
    real: Running | None

    async def put(self, *rules: Mapping[str, Any], **more: Any) -> Reply:
        """Write a configuration through the API."""
        return await self.api.request(
            "PUT", CONFIGURATION, {"config": {"ingress": list(rules), **more}}
        )

    async def serve(self, *rules: Mapping[str, Any], **more: Any) -> None:
        """Write a configuration that has to be taken, and a last rule for it."""
        reply = await self.put(*rules, CATCH_ALL, **more)
        assert reply.status == 200, reply.body

    async def refusal(self, config: Mapping[str, Any]) -> str | None:
        """Return why cloudflared refuses a configuration, without asking the API."""
        if self.real is None:
            try:
                check(config)
            except ConfigurationError as error:
                return str(error)
            return None
        assert self.sandbox.connectors
        log_before = len(self.real.log.read_text())
        self.tunnel.config = dict(config)
        self.tunnel.version += 1
        self.sandbox.connectors.push()
        [connector] = self.tunnel.connectors
        await until(lambda: connector.offered_version == self.tunnel.version)
        if connector.applied_version == self.tunnel.version:
            return None
        log = self.real.log.read_text()[log_before:]
        said = re.search(r'Failed to .* error=("(?:[^"\\]|\\.)*"|\S+)', log)
        assert said, log
        return str(literal_eval(said[1])) if said[1].startswith('"') else said[1]

    async def status(
        self, host: str = HOME, path: str = "/", *, is_websocket: bool = False
    ) -> int:
        """Return the status of a request that the edge would hand to the tunnel; 502 without an answer."""
        headers: Headers = []
        request = Outgoing("GET", host, path, headers, is_websocket, has_body=False)
        try:
            async with asyncio.timeout(10):
                exchange = await self.carrier.open(self.tunnel, request)
                status = (await exchange.reply()).status
        except OriginError:
            return 502
        exchange.abandon()
        return status

    async def visit(self, request: str | bytes, host: str = HOME) -> Answer:
        """Send a request to the edge; it only has to name the method, path and other headers."""
        octets = request if isinstance(request, bytes) else request.encode()
        first, _, rest = octets.partition(b"\n")
        head, _, body = rest.partition(b"\n\n")
        lines = [first + b" HTTP/1.1", b"Host: " + host.encode(), *head.split(b"\n")]
        if not re.search(rb"(?i)^connection:", head, re.MULTILINE):
            lines.append(b"Connection: close")
        head = b"\r\n".join(line for line in lines if line)
        return await visit(self.sandbox, host, head + b"\r\n\r\n" + body)


@asynccontextmanager
async def connected(*, is_real: bool) -> AsyncIterator[Connected]:
    """Run a sandbox and its tunnel."""
    async with (
        Sandbox(tunnel_port=0 if is_real else None) as sandbox,
        ClientSession() as session,
    ):
        tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
        api = Api(sandbox, session, sandbox.token)
        # Requests here have only the headers that they are about: not even a user agent.
        sandbox.state.zones[sandbox.zone_id].settings["browser_check"] = Setting(
            "off", now()
        )
        if not is_real:
            yield Connected(
                sandbox, tunnel, api, Imitation(sandbox.state, sandbox.team_keys), None
            )
            return
        async with cloudflared(sandbox, connector_token(tunnel)) as running:
            await until_connected(tunnel)
            assert sandbox.connectors
            yield Connected(sandbox, tunnel, api, sandbox.connectors, running)
