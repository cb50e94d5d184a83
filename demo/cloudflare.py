"""The local Cloudflare, as a process of its own, and the view of somebody in its dashboard."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from pathlib import Path
import sys
from typing import Any, Self

from aiohttp import ClientSession

from .processes import Program
from .report import expect

JSON = dict[str, Any]


class Cloudflare:
    """Asks the sandbox what it knows, and changes it."""

    def __init__(self, facts: JSON, session: ClientSession) -> None:
        """Take what the sandbox tells of itself."""
        self.facts = facts
        self._session = session

    @classmethod
    @asynccontextmanager
    async def run(cls, folder: Path) -> AsyncGenerator[Self]:
        """Run the sandbox."""
        ready_file = folder / "sandbox.json"

        async def read_facts() -> JSON | None:
            facts: JSON | None = None
            if ready_file.exists():
                facts = json.loads(ready_file.read_text())
            return facts

        program = Program(
            "the sandbox",
            *(sys.executable, "-m", "sandbox", "--ready-file", str(ready_file)),
            output=folder / "sandbox.log",
        )
        async with program, ClientSession() as session:
            await program.start()
            yield cls(await program.until_ready(read_facts, seconds=60), session)

    @property
    def environment(self) -> dict[str, str]:
        """Return what makes Home Assistant take it for the real one."""
        return {
            "CLOUDFLARE_BASE_URL": self.facts["api_url"],
            "CLOUDFLARE_MTLS_EDGE": f"{self.facts['edge_host']}:{self.facts['edge_port']}",
            "CLOUDFLARE_MTLS_EDGE_CA": self.facts["edge_ca_file"],
        }

    async def lead_to(self, url: str) -> None:
        """Let the tunnel find Home Assistant."""
        await self._control("POST", "origin", {"url": url})

    async def verify_token(self) -> JSON:
        """Ask the API about the token, as anybody can."""
        answer: JSON = await self._request(
            "GET",
            f"{self.facts['api_url']}/user/tokens/verify",
            headers={"Authorization": f"Bearer {self.facts['token']}"},
        )
        return answer

    async def new_token(self, *permissions: str) -> str:
        """Make an API token that carries these permissions."""
        answer = await self._control("POST", "tokens", {"permissions": permissions})
        token: str = answer["token"]
        return token

    async def writes(self) -> int:
        """Return how many requests have written, or tried to."""
        count: int = (await self._control("GET", "journal"))["writes"]
        return count

    async def zone(self) -> JSON:
        """Return all that belongs to the zone."""
        zones: JSON = (await self._control("GET", "state"))["zones"]
        zone: JSON = zones[self.facts["zone_name"]]
        return zone

    async def tunnel_configuration(self) -> JSON:
        """Return the configuration of the tunnel."""
        tunnels: JSON = (await self._control("GET", "state"))["tunnels"]
        config: JSON = tunnels[self.facts["tunnel_id"]]["config"]
        return config

    async def rules(self) -> list[JSON]:
        """Return the zone's custom rules."""
        rulesets = (await self.zone())["rulesets"]
        return [rule for ruleset in rulesets for rule in ruleset.get("rules", ())]

    async def edit_rule(self, rule_id: str, **changes: str) -> None:
        """Change a rule behind Home Assistant's back."""
        await self._control("POST", f"rules/{rule_id}", changes)

    async def _control(self, method: str, path: str, body: JSON | None = None) -> JSON:
        base = self.facts["api_url"].removesuffix("/client/v4")
        answer: JSON = await self._request(method, f"{base}/sandbox/{path}", json=body)
        return answer

    async def _request(self, method: str, url: str, **options: Any) -> Any:
        async with self._session.request(method, url, **options) as response:
            text = await response.text()
            expect(response.ok, f"{method} {url}: {response.status} {text}")
            return json.loads(text)
