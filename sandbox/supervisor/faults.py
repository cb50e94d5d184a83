"""Faults on demand: which answers of the Supervisor go wrong, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiohttp import web

from sandbox.planned_faults import PlannedFault

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
class Fault(PlannedFault[FaultKind]):
    """A fault of the Supervisor; the path is such as /addons/*/restart."""

    text: str = "The Supervisor refuses this"
    """What a refusal says."""
    options: Mapping[str, Any] | None = None
    """What somebody else saves as the app's options, right after the call."""

    def __post_init__(self) -> None:
        """Accept the kind as a string too."""
        self.kind = FaultKind(self.kind)

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
