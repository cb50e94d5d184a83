"""A sandbox for many runs: set back in an instant, and heard at every request."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from pathlib import Path
import tempfile
from typing import Self

from aiohttp import ClientSession, web
from cloudflare import DefaultAsyncHttpxClient

from custom_components.cloudflare_mtls.engine.rules.marks import BLOCK_REF, SKIP_REF
from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname
from sandbox import Sandbox
from sandbox.journal import Entry
from sandbox.seed import SERVICE
from sandbox.state import Rule, State, Tunnel, Zone
from tests.sandbox.helpers import Api, Visitor, create_certificate, visitor

from .home import Home

OWN_REFS = (SKIP_REF, BLOCK_REF)
# More than any proof asks for.
_BUDGET = 10**9


class _Heard(list[Entry]):
    """The entries of a journal, each of which is told as soon as it is noted."""

    def __init__(self, tell: Callable[[Entry], None]) -> None:
        super().__init__()
        self._tell = tell

    def append(self, entry: Entry) -> None:
        super().append(entry)
        self._tell(entry)


class Cloud:
    """A running sandbox with an origin behind it."""

    def __init__(
        self,
        sandbox: Sandbox,
        http_client: DefaultAsyncHttpxClient,
        visits: AsyncExitStack,
    ) -> None:
        """Listen to a sandbox; the stack holds its visitors."""
        self.sandbox = sandbox
        self.http_client = http_client
        self.listeners: list[Callable[[Entry], None]] = []
        self._visits = visits
        self._visitors: dict[bool, Visitor] = {}
        sandbox.state.budget.limit = _BUDGET
        sandbox.journal.requests = _Heard(self._tell)
        self._fresh = self.snapshot()

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Self]:
        """Run it."""
        runner = web.ServerRunner(web.Server(_welcome), shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sandbox = Sandbox(origin=f"http://127.0.0.1:{runner.addresses[0][1]}")
        async with (
            sandbox,
            DefaultAsyncHttpxClient() as client,
            AsyncExitStack() as stack,
        ):
            yield cls(sandbox, client, stack)
        await runner.cleanup()

    @property
    def zone(self) -> Zone:
        """Return the zone, to look into and to edit."""
        return self.sandbox.state.zones[self.sandbox.zone_id]

    @property
    def tunnel(self) -> Tunnel:
        """Return the tunnel, to look into and to edit."""
        return self.sandbox.state.tunnels[self.sandbox.tunnel_id]

    @property
    def writes(self) -> int:
        """Return how many requests have written, or tried to."""
        return len(self.sandbox.journal.writes)

    def home(
        self,
        *hostnames: ProtectedHostname,
        http_client: DefaultAsyncHttpxClient | None = None,
    ) -> Home:
        """Return a home that was just started."""
        return Home(
            self.sandbox.token,
            self.sandbox.api_url,
            *hostnames,
            http_client=http_client or self.http_client,
        )

    def own_rule(self, ref: str) -> Rule | None:
        """Return one of our rules."""
        return next((rule for rule in self.zone.rules if rule.ref == ref), None)

    def snapshot(self) -> State:
        """Return how everything stands; nothing may be pending."""
        return deepcopy(self.sandbox.state)

    def restore(self, state: State | None = None) -> None:
        """Return to how everything stood, at the beginning unless told, and to nobody listening."""
        self.sandbox.clock.reset()
        self.sandbox.faults.clear()
        self.sandbox.journal.clear()
        self.listeners.clear()
        self.become(state or self._fresh)

    def become(self, state: State) -> None:
        """Let everything stand so from now on, whatever else is going on."""
        vars(self.sandbox.state).update(vars(deepcopy(state)))

    async def let_visitors_come(self) -> None:
        """Have somebody without a certificate, and somebody with a revoked one."""
        async with ClientSession() as session:
            api = Api(self.sandbox, session, self.sandbox.token)
            result, identity = await create_certificate(api, "Lost phone")
            path = f"/zones/{{zone}}/client_certificates/{result['id']}"
            await api.request("DELETE", path)
        self._fresh = self.snapshot()
        directory = tempfile.TemporaryDirectory(prefix="visitor-")
        folder = Path(self._visits.enter_context(directory))
        for revoked in (False, True):
            visit = visitor(self.sandbox, folder, identity if revoked else None)
            self._visitors[revoked] = await self._visits.enter_async_context(visit)

    async def knock(self, hostname: str, path: str, *, revoked: bool) -> int:
        """Ask the running edge, by a TLS connection of its own."""
        answer = await self._visitors[revoked].get(
            hostname, path, headers={"Connection": "close"}
        )
        return answer.status

    def _tell(self, entry: Entry) -> None:
        for listener in self.listeners:
            listener(entry)


async def _welcome(_: web.BaseRequest) -> web.Response:
    return web.Response(text="home")


__all__ = ["OWN_REFS", "SERVICE", "Cloud"]
