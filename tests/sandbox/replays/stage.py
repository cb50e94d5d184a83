"""The sandbox in the situation of a recording, and the register of all situations."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, Access, Tunnel, Zone
from tests.sandbox.helpers import Api, visitor
from tests.sandbox.recordings import Answered, Comparison


@dataclass(frozen=True)
class Stage:
    """A sandbox for the situation of a recording."""

    sandbox: Sandbox
    api: Api
    folder: Path

    @property
    def zone(self) -> Zone:
        """Return the seeded zone."""
        return self.sandbox.state.zones[self.sandbox.zone_id]

    @property
    def tunnel(self) -> Tunnel:
        """Return the seeded tunnel."""
        return self.sandbox.state.tunnels[self.sandbox.tunnel_id]

    @property
    def access(self) -> Access:
        """Return the Zero Trust of the seeded account."""
        return self.sandbox.state.accounts[self.sandbox.account_id].access

    def token_without(self, *permissions: str) -> str:
        """Return a token without the permissions of some resources, neither read nor edit."""
        return self.sandbox.state.add_token(
            permissions={
                each
                for each in ALL_PERMISSIONS
                if each.partition(":")[0] not in permissions
            }
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Answered:
        """Send a request to the API; {zone}, {account} and {tunnel} stand for the seeded ids."""
        path = path.format(
            zone=self.sandbox.zone_id,
            account=self.sandbox.account_id,
            tunnel=self.sandbox.tunnel_id,
        )
        if headers is None:
            headers = {"Authorization": f"Bearer {token or self.api.token}"}
        async with self.api.session.request(
            method,
            f"{self.sandbox.api_url}{path}",
            json=body,
            params=query,
            headers=headers,
        ) as response:
            return Answered(response.status, response.headers, await response.json())

    async def visit(
        self, method: str, host: str, path: str = "/", **headers: str
    ) -> Answered:
        """Send a request to the edge, without a certificate."""
        async with visitor(self.sandbox, self.folder) as somebody:
            response = await somebody.request(method, host, path, headers=headers)
            is_json = response.content_type == "application/json"
            body = await (response.json() if is_json else response.text())
            return Answered(response.status, response.headers, body)


type Situation = Callable[[Stage], Awaitable[Answered]]


@dataclass(frozen=True)
class Replay:
    """The situation that reproduces a recording, and the allowed differences."""

    situation: Situation
    comparison: Comparison = field(default_factory=Comparison)


REPLAYS: dict[str, Replay] = {}


def replay(number: str, **comparison: Any) -> Callable[[Situation], Situation]:
    """Register a function that reproduces the situation of a recording."""

    def register(situation: Situation) -> Situation:
        REPLAYS[number] = Replay(situation, Comparison(**comparison))
        return situation

    return register
