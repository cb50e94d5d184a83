"""One request on its way to an origin, by whichever connector it goes."""

from dataclasses import dataclass
from typing import Protocol

from .state import Tunnel

type Headers = list[tuple[bytes, bytes]]


class OriginError(Exception):
    """No origin answered, so that the edge shows a page of its own."""


class BrokenOffError(Exception):
    """The other side stopped in the middle of a body."""


@dataclass(frozen=True)
class Outgoing:
    """A visitor's request, as the edge hands it to a connector."""

    method: str
    host: str
    target: str
    """The path and query, as the visitor sent them."""
    headers: Headers
    """What the edge passes on: neither Host nor what belongs to one connection."""
    is_websocket: bool
    has_body: bool


@dataclass(frozen=True)
class Reply:
    """The head of an answer; after a switch of protocols its body goes both ways."""

    status: int
    headers: Headers
    has_switched: bool = False


class Exchange(Protocol):
    """A request that is under way."""

    async def reply(self) -> Reply:
        """Wait for the head of the answer; raise OriginError if there is none."""
        ...

    async def read(self) -> bytes:
        """Return the next part of the answer's body, nothing at its end."""
        ...

    async def send(self, data: bytes) -> None:
        """Send a part of the request's body, as soon as there is room for it."""
        ...

    async def end(self) -> None:
        """Tell that nothing more is sent."""
        ...

    def abandon(self) -> None:
        """Give the request up; without an effect once it is over."""
        ...


class Carrier(Protocol):
    """Real connectors, which carry requests through tunnels."""

    def carries(self, tunnel: Tunnel) -> bool:
        """Return whether a connector of the tunnel takes requests."""
        ...

    async def open(self, tunnel: Tunnel, request: Outgoing) -> Exchange:
        """Hand a request to a connector of the tunnel; raise OriginError if it is gone."""
        ...
