"""A visitor of the edge, with or without a certificate."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
import ssl
from types import MappingProxyType
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

from .cloudflare import JSON


@dataclass(frozen=True)
class Answer:
    """An answer of the edge."""

    status: int
    text: str

    @property
    def blocked(self) -> bool:
        """Return whether this is the edge's own page for blocked visitors."""
        return self.status == 403 and "you have been blocked" in self.text


@dataclass(frozen=True)
class Visitor:
    """A visitor that opens a connection per request; `key_file` holds key and certificate."""

    facts: JSON
    key_file: Path | None = None

    async def get(self, hostname: str, path: str, **options: Any) -> Answer:
        """Send a GET request."""
        return await self.request("GET", hostname, path, **options)

    async def request(
        self,
        method: str,
        hostname: str,
        path: str,
        *,
        host: str | None = None,
        body: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """Send a request on a connection to a hostname; the Host header may name another one."""
        async with (
            ClientSession() as session,
            session.request(
                method,
                f"{self._url}{path}",
                headers={"Host": host or hostname, **headers},
                data=body,
                server_hostname=hostname,
                ssl=self._context(),
                allow_redirects=False,
            ) as response,
        ):
            return Answer(response.status, await response.text())

    @asynccontextmanager
    async def websocket(
        self, hostname: str, path: str
    ) -> AsyncGenerator[ClientWebSocketResponse]:
        """Open a WebSocket connection."""
        async with (
            ClientSession() as session,
            session.ws_connect(
                f"{self._url}{path}",
                headers={"Host": hostname},
                server_hostname=hostname,
                ssl=self._context(),
            ) as connection,
        ):
            yield connection

    @asynccontextmanager
    async def visiting(self, hostname: str) -> AsyncGenerator[Counter[int]]:
        """Send requests all the time during the block, and count their statuses."""
        statuses: Counter[int] = Counter()

        async def visit_forever() -> None:
            while True:
                answer = await self.get(hostname, "/manifest.json")
                statuses[answer.status] += 1
                await asyncio.sleep(0.1)

        task = asyncio.create_task(visit_forever())
        try:
            yield statuses
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def _url(self) -> str:
        return f"https://{self.facts['edge_host']}:{self.facts['edge_port']}"

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.facts["edge_ca_file"])
        if self.key_file:
            context.load_cert_chain(self.key_file)
        return context
