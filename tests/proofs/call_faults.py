"""Faults that hit exactly one call of a run, and record that they did."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import os
import signal
from typing import override

from aiohttp import web

from sandbox.faults import Fault

from .endpoint import Endpoint
from .time_skipping import TimeSkippingLoop

# Longer than any client waits for an answer.
_LONGER_THAN_ANY_TIMEOUT = 60.0


@dataclass
class CallFault(Fault):
    """A fault of the n-th call of an endpoint; without an endpoint, of the n-th write."""

    endpoint: Endpoint | None = None
    happened: bool = False

    @override
    def takes(self, method: str, path: str) -> bool:
        if self.endpoint is None:
            return method != "GET" and super().takes(method, path)
        return Endpoint.of(method, path) == self.endpoint and super().takes(
            method, path
        )

    @override
    def spoil(self, answer: web.Response | None) -> web.Response | None:
        self.happened = True
        try:
            return super().spoil(answer)
        except KeyError, IndexError, TypeError:
            # The answer does not have the key that was to be removed.
            return answer


@dataclass
class Kill(CallFault):
    """Kills a process instead of answering it, before or after its call took effect."""

    pid: Callable[[], int] | None = None

    @override
    def spoil(self, answer: web.Response | None) -> web.Response | None:
        assert self.pid is not None, "no process to kill"
        self.happened = True
        os.kill(self.pid(), signal.SIGKILL)
        return None


@dataclass
class NoAnswer(CallFault):
    """Leaves a call without an answer, and skips the time that its client waits."""

    @override
    def spoil(self, answer: web.Response | None) -> web.Response | None:
        sent = super().spoil(answer)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, TimeSkippingLoop)
        # Only this call times out, not those that are under way beside it.
        loop.skip_after_others(_LONGER_THAN_ANY_TIMEOUT)
        return sent


@dataclass
class EditBefore(CallFault):
    """Edits the sandbox's state just before a call, which is then answered as usual."""

    edit: Callable[[], object] = object

    @override
    def takes(self, method: str, path: str) -> bool:
        if super().takes(method, path):
            self.happened = True
            self.edit()
        return False


@dataclass
class ZoneGone(EditBefore):
    """Purges a zone just before a call that is not about this zone."""

    zone_id: str = ""

    @override
    def takes(self, method: str, path: str) -> bool:
        return not path.startswith(f"/zones/{self.zone_id}") and super().takes(
            method, path
        )
