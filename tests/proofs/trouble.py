"""Faults that hit exactly one call of a run, and say so."""

from collections.abc import Callable
from dataclasses import dataclass
import os
import re
import signal
from typing import Self, override

from aiohttp import web

from sandbox.faults import Fault

_IDS = (
    (r"/accounts/[^/]+", "/accounts/{account}"),
    (r"/zones/[^/]+", "/zones/{zone}"),
    (r"/cfd_tunnel/[^/]+", "/cfd_tunnel/{tunnel}"),
    (r"/rulesets/(?!phases)[^/]+", "/rulesets/{ruleset}"),
    (r"/rules/[^/]+", "/rules/{rule}"),
    (r"/dns_records/[^/]+", "/dns_records/{record}"),
)


@dataclass(frozen=True)
class Endpoint:
    """What is called, whatever it is called for."""

    method: str
    path: str

    @classmethod
    def of(cls, method: str, path: str) -> Self:
        """Read it from a request, below /client/v4; its identifiers do not matter."""
        for pattern, name in _IDS:
            path = re.sub(pattern, name, path)
        return cls(method, path)


@dataclass
class At(Fault):
    """A fault that waits for the n-th call of an endpoint, or for the n-th write."""

    endpoint: Endpoint | None = None
    struck: bool = False

    @override
    def takes(self, method: str, path: str) -> bool:
        if self.endpoint is None:
            return method != "GET" and super().takes(method, path)
        return Endpoint.of(method, path) == self.endpoint and super().takes(
            method, path
        )

    @override
    def spoil(self, answer: web.Response | None) -> web.Response | None:
        self.struck = True
        try:
            return super().spoil(answer)
        except KeyError, IndexError, TypeError:
            # What is not there cannot be left out.
            return answer


@dataclass
class Kill(At):
    """Ends a process, before or after its call took effect, instead of an answer."""

    pid: Callable[[], int] | None = None

    @override
    def spoil(self, answer: web.Response | None) -> web.Response | None:
        assert self.pid is not None, "nobody is to die"
        self.struck = True
        os.kill(self.pid(), signal.SIGKILL)
        return None


@dataclass
class Meanwhile(At):
    """Has somebody else do something just before the call; nothing is spoiled."""

    act: Callable[[], object] = object

    @override
    def takes(self, method: str, path: str) -> bool:
        if super().takes(method, path):
            self.struck = True
            self.act()
        return False
