"""Faults on demand: which answers of the Supervisor go wrong, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web

from .envelope import SupervisorError, error_response


class FaultKind(StrEnum):
    """A way for a call of the Supervisor to go wrong."""

    UNAUTHORIZED = "401"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    REFUSED = "refused"
    LOST = "lost"
    SLOW = "slow"
    RESET_AFTER = "reset_after"
    EDITED_AFTER = "edited_after"

    @property
    def runs_endpoint(self) -> bool:
        """Return whether the endpoint still runs, so that a write takes effect."""
        return self in {
            FaultKind.SLOW,
            FaultKind.RESET_AFTER,
            FaultKind.EDITED_AFTER,
        }


@dataclass
class Fault:
    """A fault, and the calls that it applies to."""

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    """A file name pattern, such as /addons/*/restart."""
    first: int = 1
    """The number of the first matching call that goes wrong."""
    times: int | None = 1
    """How many matching calls go wrong from there on; None means all."""
    seconds: float = 0
    """How long the answer is delayed; used by every kind of fault."""
    text: str = "The Supervisor refuses this"
    """What a refusal says."""
    options: Mapping[str, Any] | None = None
    """What somebody else saves as the app's options, right after the call."""
    calls: int = 0

    def __post_init__(self) -> None:
        """Accept the kind as a string too."""
        self.kind = FaultKind(self.kind)

    def takes(self, method: str, path: str) -> bool:
        """Count a matching call and return whether it goes wrong."""
        if self.method not in ("*", method) or not fnmatchcase(path, self.path):
            return False
        self.calls += 1
        return self.calls >= self.first and (
            self.times is None or self.calls < self.first + self.times
        )

    def answer(self) -> web.Response:
        """Return the answer in place of the endpoint's."""
        match self.kind:
            case FaultKind.UNAUTHORIZED:
                return web.Response(status=401, text="401: Unauthorized")
            case FaultKind.SERVER_ERROR:
                return web.Response(status=500, text="500 Internal Server Error")
            case FaultKind.UNAVAILABLE:
                return web.Response(status=503, text="503: Service Unavailable")
            case FaultKind.REFUSED:
                return error_response(SupervisorError(self.text))
            case _:
                return web.json_response({"result": "ok", "data": {}})


class Faults:
    """The faults that are set up."""

    def __init__(self) -> None:
        """Start without faults."""
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Add a fault; if several match a call, the one added first applies."""
        self.waiting.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """Count a call for every fault and return the first that applies to it."""
        matching = [fault for fault in self.waiting if fault.takes(method, path)]
        return matching[0] if matching else None
