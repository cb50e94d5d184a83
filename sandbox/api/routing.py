"""Calls, routes and the decorators that register endpoints."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.authority import ClientAuthorities
from sandbox.state import Account, State, Token, Zone

from ..envelope import Answer, ApiError, Problem

type Kind = type | list[type]
"""The type of a JSON value; a list holds the type of every item."""


@dataclass(frozen=True)
class Call:
    """An authenticated and permitted API request."""

    state: State
    authorities: ClientAuthorities
    token: Token
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: Any

    @property
    def account(self) -> Account:
        """Return the account that the path names."""
        return self.state.accounts[self.ids["account_id"]]

    @property
    def zone(self) -> Zone:
        """Return the zone that the path names."""
        return self.state.zones[self.ids["zone_id"]]

    def object(self, **kinds: Kind) -> dict[str, Any]:
        """Return the body; refuse it unless it is a JSON object with values of these kinds."""
        return check_kinds(self.body, **kinds)


def check_kinds(body: Any, **kinds: Kind) -> dict[str, Any]:
    """Return a JSON object; refuse it if a value is not null and of another kind."""
    # GUESS: the code and texts for a body that is no JSON object, or has other values.
    if not isinstance(body, dict):
        raise ApiError(400, Problem(6007, "Malformed JSON in request body"))
    for key, kind in kinds.items():
        if body.get(key) is not None and not is_kind(body[key], kind):
            raise ApiError(400, Problem(6007, f"Malformed value of {key}"))
    return body


def is_kind(value: Any, kind: Kind) -> bool:
    """Return whether a JSON value is of a kind."""
    if isinstance(kind, list):
        [item] = kind
        return isinstance(value, list) and all(is_kind(each, item) for each in value)
    return type(value) is kind


type Endpoint = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """An endpoint with its method and path."""

    method: str
    path: str
    endpoint: Endpoint


@dataclass
class Routes:
    """The endpoints of one resource."""

    all: list[Route] = field(default_factory=list)

    def get(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Register the endpoint below for GET."""
        return self._register("GET", path)

    def post(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Register the endpoint below for POST."""
        return self._register("POST", path)

    def put(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Register the endpoint below for PUT."""
        return self._register("PUT", path)

    def patch(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Register the endpoint below for PATCH."""
        return self._register("PATCH", path)

    def delete(self, path: str) -> Callable[[Endpoint], Endpoint]:
        """Register the endpoint below for DELETE."""
        return self._register("DELETE", path)

    def _register(self, method: str, path: str) -> Callable[[Endpoint], Endpoint]:
        def register(endpoint: Endpoint) -> Endpoint:
            self.all.append(Route(method, path, endpoint))
            return endpoint

        return register
