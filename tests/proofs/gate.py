"""Two homes at once, one request at a time: whose comes next is decided here."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudflare import DefaultAsyncHttpxClient

from sandbox.api import PREFIX

from .home import Run
from .trouble import Endpoint

# More turns of the loop than a home takes from one answer to its next request.
_TURNS = 50

# Whose requests wait, in the order in which they came, to the place of the next one.
type Choose = Callable[[Sequence[str]], int]


@dataclass
class Ticket:
    """A request that waits for its turn, or had it."""

    who: str
    endpoint: Endpoint
    called: asyncio.Event = field(default_factory=asyncio.Event)
    served: asyncio.Event = field(default_factory=asyncio.Event)


class Gate:
    """Lets requests through one by one, each until it is answered."""

    def __init__(self, choose: Choose) -> None:
        """Take who decides."""
        self._choose = choose
        self._waiting: list[Ticket] = []
        self.passed: list[Ticket] = []

    async def pass_through(
        self, ticket: Ticket, send: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Any:
        """Send a request when its turn has come."""
        self._waiting.append(ticket)
        await ticket.called.wait()
        try:
            return await send()
        finally:
            ticket.served.set()

    async def run(self, *deeds: Coroutine[Any, Any, Run]) -> list[Run]:
        """Return how the deeds ended, which began together."""
        tasks = [asyncio.create_task(deed) for deed in deeds]
        while await self._hold(tasks):
            place = self._choose([ticket.who for ticket in self._waiting])
            ticket = self._waiting.pop(place)
            self.passed.append(ticket)
            ticket.called.set()
            await ticket.served.wait()
        return [task.result() for task in tasks]

    async def _hold(self, tasks: Sequence[asyncio.Task[Run]]) -> bool:
        """Wait until all that comes has come; tell whether anybody waits, or all have ended."""
        while True:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if self._waiting or all(task.done() for task in tasks):
                return bool(self._waiting)


class GatedClient(DefaultAsyncHttpxClient):
    """An HTTP client whose every request goes through a gate, if there is one."""

    def __init__(self, who: str) -> None:
        """Send on behalf of a home."""
        super().__init__()
        self.gate: Gate | None = None
        self._who = who

    async def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a request."""
        send = super().send
        if self.gate is None:
            return await send(request, *args, **kwargs)
        path = request.url.path.removeprefix(PREFIX)
        ticket = Ticket(self._who, Endpoint.of(request.method, path))
        return await self.gate.pass_through(
            ticket, lambda: send(request, *args, **kwargs)
        )
