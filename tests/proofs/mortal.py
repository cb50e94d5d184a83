"""A home in a process of its own, so that it can be killed."""

import asyncio
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Literal

from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname

from .home import Home, Run, without_pauses

# Ready to fork, with everything imported and nothing begun.
_context = get_context("forkserver")
_context.set_forkserver_preload(["tests.proofs.warm"])

type Deed = Literal["sync", "take_down", "mint"]


@dataclass(frozen=True)
class Order:
    """What a home is to do."""

    deed: Deed
    hostnames: tuple[ProtectedHostname, ...] = ()

    async def carry_out(self, home: Home) -> Run:
        """Do it."""
        match self.deed:
            case "sync":
                return await home.sync()
            case "take_down":
                return await home.take_down(*home.settings)
            case "mint":
                return await home.mint()


class Mortal:
    """Carries an order out in another process."""

    def __init__(self, token: str, api_url: str, order: Order) -> None:
        """Prepare the process."""
        self._process = _context.Process(
            target=_live, args=(token, api_url, order), daemon=True
        )

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process.pid is not None
        return self._process.pid

    async def live(self) -> int:
        """Run until the end, and return the exit code: negative is a signal's number."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        self._process.start()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode


def _live(token: str, api_url: str, order: Order) -> None:
    with without_pauses():
        asyncio.run(order.carry_out(Home(token, api_url, *order.hostnames)))
