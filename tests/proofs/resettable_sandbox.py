"""A sandbox for many runs: its state can be saved and restored, its requests observed."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from pathlib import Path
import tempfile
from typing import Self

from aiohttp import ClientSession, web
from cloudflare import DefaultAsyncHttpxClient

from custom_components.cloudflare_mtls.engine.rules.marks import (
    BLOCK_REF,
    SKIP_REF,
    pair_of,
)
from custom_components.cloudflare_mtls.engine.sync.settings import (
    HostnameSettings,
    ProtectedHostname,
)
from sandbox import Sandbox
from sandbox.journal import Entry
from sandbox.state import Rule, State, Tunnel, Zone
from tests.in_process import answering_for
from tests.sandbox.helpers import Api, Visitor, create_certificate, visitor

from .home import Home

# Of the first pair.
OWN_REFS = (SKIP_REF, BLOCK_REF)
# More requests than any proof sends.
_BUDGET = 10**9


class _ObservedEntries(list[Entry]):
    """Entries of a journal; each one that is appended is passed on."""

    def __init__(self, notify: Callable[[Entry], None]) -> None:
        super().__init__()
        self._notify = notify

    def append(self, entry: Entry) -> None:
        super().append(entry)
        self._notify(entry)


class ResettableSandbox(Sandbox):
    """A sandbox with an origin; `running` starts one."""

    def __init__(self, origin: str) -> None:
        """Prepare the home lab, and save its state as the initial one."""
        super().__init__(origin=origin)
        self.http_client = DefaultAsyncHttpxClient()
        self.request_listeners: list[Callable[[Entry], None]] = []
        self._visitor_contexts = AsyncExitStack()
        self._visitors: dict[bool, Visitor] = {}
        self.state.budget.limit = _BUDGET
        self.journal.requests = _ObservedEntries(self._notify)
        self._initial_state = self.snapshot()

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Self]:
        """Run a sandbox, with a web server as its origin."""
        runner = web.ServerRunner(web.Server(_origin), shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with (
            cls(origin=f"http://127.0.0.1:{runner.addresses[0][1]}") as sandbox,
            sandbox.http_client,
            sandbox._visitor_contexts,
        ):
            with answering_for(sandbox):
                yield sandbox
        await runner.cleanup()

    @property
    def zone(self) -> Zone:
        """Return the zone's state."""
        return self.state.zones[self.zone_id]

    @property
    def tunnel(self) -> Tunnel:
        """Return the tunnel's state."""
        return self.state.tunnels[self.tunnel_id]

    @property
    def write_count(self) -> int:
        """Return how many writes were sent, refused ones included."""
        return len(self.journal.writes)

    def new_home(
        self,
        *hostnames: ProtectedHostname,
        elsewhere: tuple[HostnameSettings, ...] = (),
        http_client: DefaultAsyncHttpxClient | None = None,
    ) -> Home:
        """Return a home that was just started and protects these hostnames."""
        return Home(
            self.token,
            self.api_url,
            *hostnames,
            elsewhere=elsewhere,
            http_client=http_client or self.http_client,
        )

    def own_rules(self) -> list[Rule]:
        """Return our rules of all pairs, in their order."""
        return [rule for rule in self.zone.rules if pair_of(rule.ref)]

    def own_rule(self, ref: str) -> Rule | None:
        """Return one of our rules."""
        return next((rule for rule in self.zone.rules if rule.ref == ref), None)

    def snapshot(self) -> State:
        """Return a copy of the state; changes that are still scheduled are not part of it."""
        return deepcopy(self.state)

    def restore(self, state: State | None = None) -> None:
        """Return to a saved state, by default the initial one, and drop all else.

        All else is the clock's time, the faults, the journal and the listeners.
        """
        self.clock.reset()
        self.faults.clear()
        self.journal.clear()
        self.request_listeners.clear()
        self.replace_state(state or self._initial_state)

    def replace_state(self, state: State) -> None:
        """Replace the state by a copy of another, and nothing else."""
        vars(self.state).update(vars(deepcopy(state)))

    async def start_visitors(self) -> None:
        """Start two clients of the edge: one without a certificate, one with a revoked one.

        The initial state has the revoked certificate from then on.
        """
        async with ClientSession() as session:
            api = Api(self, session, self.token)
            result, identity = await create_certificate(api, "Lost phone")
            path = f"/zones/{{zone}}/client_certificates/{result['id']}"
            await api.request("DELETE", path)
        self._initial_state = self.snapshot()
        directory = tempfile.TemporaryDirectory(prefix="visitor-")
        folder = Path(self._visitor_contexts.enter_context(directory))
        for revoked in (False, True):
            context = visitor(self, folder, identity if revoked else None)
            self._visitors[revoked] = await self._visitor_contexts.enter_async_context(
                context
            )

    async def status_at_edge(self, hostname: str, path: str, *, revoked: bool) -> int:
        """Request a page from the running edge over a new TLS connection."""
        answer = await self._visitors[revoked].get(
            hostname, path, headers={"Connection": "close"}
        )
        return answer.status

    def _notify(self, entry: Entry) -> None:
        for listener in self.request_listeners:
            listener(entry)


async def _origin(_: web.BaseRequest) -> web.Response:
    return web.Response(text="home")
