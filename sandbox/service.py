"""The whole sandbox: state, API and edge, started and stopped together."""

from pathlib import Path
import shlex
import tempfile
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from . import seed
from .access.control import access_control
from .access.keys import TeamKeys
from .api import Api
from .api.request import PREFIX
from .api.tunnels import connector_token
from .authority import ClientAuthorities, edge_authority
from .clock import CLOCK
from .control import control_application
from .edge import HOST, Edge
from .faults import Faults
from .journal import Journal
from .metrics import MetricsServers
from .supervisor import Supervisor
from .supervisor.control import supervisor_control

if TYPE_CHECKING:
    from .connectors import Connectors


class Sandbox:
    """A local Cloudflare that lives as long as its `async with` block."""

    edge_host = HOST
    account_id = seed.ACCOUNT_ID
    zone_id = seed.ZONE_ID
    zone_name = seed.ZONE_NAME
    tunnel_id = seed.TUNNEL_ID

    def __init__(
        self,
        *,
        api_port: int = 0,
        edge_port: int = 0,
        origin: str | None = None,
        host_keeps_port: bool = True,
        tunnel_port: int | None = None,
    ) -> None:
        """Prepare a home lab; port 0 means any free port.

        With a port for tunnels, real connectors may connect, and no imitated one runs.
        """
        self.clock = CLOCK
        self.clock.reset()
        self.state = seed.home_lab()
        self.journal = Journal()
        self.faults = Faults(self.state)
        self.authorities = ClientAuthorities()
        self.team_keys = TeamKeys()
        self.token = self.state.add_token()
        self.supervisor = Supervisor()
        self.metrics = MetricsServers()
        if origin is not None:
            self.state.origins[seed.SERVICE] = origin
        self._ports = api_port, edge_port
        self._api_port = 0
        self._edge_authority = edge_authority()
        self._tunnel_port = tunnel_port
        self.connectors: Connectors | None = None
        if tunnel_port is not None:
            self.connectors = self._real_connectors()
        self.api = Api(
            self.state,
            self.authorities,
            self.journal,
            self.faults,
            self.connectors.push if self.connectors is not None else lambda: None,
        )
        self._edge = Edge(
            self.state,
            self.authorities,
            self._edge_authority,
            self.team_keys,
            host_keeps_port=host_keeps_port,
            connectors=self.connectors,
        )
        self._runner: web.AppRunner | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def _real_connectors(self) -> Connectors:
        # It needs packages that nothing else of the sandbox does.
        from .connectors import Connectors  # noqa: PLC0415

        for tunnel in self.state.tunnels.values():
            tunnel.disconnect()
        return Connectors(self.state, self._edge_authority)

    @property
    def url(self) -> str:
        """Return the base address; the control routes are below its path /sandbox."""
        return f"http://{HOST}:{self._api_port}"

    @property
    def api_url(self) -> str:
        """Return the address to use in place of Cloudflare's API address."""
        return f"{self.url}{PREFIX}"

    @property
    def edge_port(self) -> int:
        """Return the port of the TLS edge."""
        return self._edge.port

    @property
    def edge_ca_file(self) -> str:
        """Return the path of the PEM file with the CA of the edge's certificates."""
        assert self._directory is not None
        return str(Path(self._directory.name) / "edge-ca.pem")

    def as_json(self) -> dict[str, Any]:
        """Return the addresses, identifiers and token that a client needs."""
        ready = {
            "api_url": self.api_url,
            "edge_host": self.edge_host,
            "edge_port": self.edge_port,
            "edge_ca_file": self.edge_ca_file,
            "token": self.token,
            "account_id": self.account_id,
            "zone_id": self.zone_id,
            "zone_name": self.zone_name,
            "tunnel_id": self.tunnel_id,
            "auth_domain": self.state.accounts[self.account_id].access.auth_domain,
        }
        if self.connectors is None:
            return ready
        tunnel = self.state.tunnels[self.tunnel_id]
        return ready | {
            "tunnel_port": self.connectors.port,
            "tunnel_token": connector_token(tunnel),
            "tunnel_command": self._command(),
        }

    def _command(self) -> str:
        """Return the command that runs the tunnel; four addresses make four connections."""
        assert self.connectors is not None
        address = f"{HOST}:{self.connectors.port}"
        return shlex.join(
            [
                *("cloudflared", "tunnel", "--no-autoupdate", "--no-prechecks"),
                *("--protocol", "http2", *(["--edge", address] * 4)),
                *("--cacert", self.edge_ca_file, "run"),
            ]
        )

    async def __aenter__(self) -> Self:
        """Start the API and the edge in the running loop."""
        self._directory = tempfile.TemporaryDirectory(prefix="sandbox-")
        pem = self._edge_authority.certificate.public_bytes(Encoding.PEM)
        Path(self.edge_ca_file).write_bytes(pem)
        api_port, edge_port = self._ports
        if self.connectors is not None:
            await self.connectors.start(self._tunnel_port or 0)
        application = web.Application()
        application.add_subapp(
            f"{PREFIX}/",
            self.api.application(),
        )
        application.add_subapp(
            "/sandbox/supervisor", supervisor_control(self.supervisor, self.state)
        )
        application.add_subapp(
            "/sandbox/access", access_control(self.state, self.team_keys)
        )
        application.add_subapp(
            "/sandbox",
            control_application(self.state, self.journal, self.faults, self.metrics),
        )
        # No access log, because it could contain a token.
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, api_port).start()
        self._api_port = self._runner.addresses[0][1]
        await self._edge.start(edge_port)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the API, the edge and what runs beside them, and delete the temporary files."""
        await self.supervisor.stop()
        await self.metrics.stop()
        await self._edge.stop()
        if self.connectors is not None:
            await self.connectors.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._directory is not None:
            self._directory.cleanup()
