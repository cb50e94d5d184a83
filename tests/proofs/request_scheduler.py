"""Decides which of several homes sends the next request; only one request runs at a time."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudflare import DefaultAsyncHttpxClient

from sandbox.api.request import PREFIX

from .endpoint import Endpoint
from .home import Run

# More turns of the loop than a home needs between an answer and its next request.
_TURNS = 50

# Takes the senders of the waiting requests, in order of arrival; returns the next one's index.
type Choose = Callable[[Sequence[str]], int]


@dataclass
class ScheduledRequest:
    """A request that waits for its turn, or was sent."""

    sender: str
    endpoint: Endpoint
    is_next: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class RequestScheduler:
    """Sends the requests of concurrent runs one after the other, in a chosen order."""

    def __init__(self, choose: Choose) -> None:
        """Start without requests."""
        self._choose = choose
        self._waiting: list[ScheduledRequest] = []
        self.sent: list[ScheduledRequest] = []

    async def send(
        self, request: ScheduledRequest, send: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Any:
        """Send a request when it is chosen, and return the answer."""
        self._waiting.append(request)
        await request.is_next.wait()
        try:
            return await send()
        finally:
            request.answered.set()

    async def run(self, *coroutines: Coroutine[Any, Any, Run]) -> list[Run]:
        """Start several runs together and return how they ended."""
        tasks = [asyncio.create_task(each) for each in coroutines]
        while await self._has_waiting(tasks):
            index = self._choose([request.sender for request in self._waiting])
            request = self._waiting.pop(index)
            self.sent.append(request)
            request.is_next.set()
            await request.answered.wait()
        return [task.result() for task in tasks]

    async def _has_waiting(self, tasks: Sequence[asyncio.Task[Run]]) -> bool:
        """Wait until all runs wait or have ended; return whether any waits."""
        while True:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if self._waiting or all(task.done() for task in tasks):
                return bool(self._waiting)


class ScheduledClient(DefaultAsyncHttpxClient):
    """An HTTP client that hands its requests to a scheduler while it has one."""

    def __init__(self, sender: str) -> None:
        """Create a client for the home with this name."""
        super().__init__()
        self.scheduler: RequestScheduler | None = None
        self._sender = sender

    async def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a request."""
        send = super().send
        if self.scheduler is None:
            return await send(request, *args, **kwargs)
        path = request.url.path.removeprefix(PREFIX)
        scheduled = ScheduledRequest(self._sender, Endpoint.of(request.method, path))
        return await self.scheduler.send(
            scheduled, lambda: send(request, *args, **kwargs)
        )
