"""The Supervisor: started and stopped by itself, beside the sandbox whose state it shares."""

from typing import Any, Self

from aiohttp import web

from .api import supervisor_application
from .machine import Machine

_HOST = "127.0.0.1"


class Supervisor(Machine):
    """A Supervisor that lives as long as its `async with` block."""

    def __init__(self, port: int = 0) -> None:
        """Prepare a Supervisor without apps; port 0 means any free port."""
        super().__init__()
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def host(self) -> str:
        """Return the address for the environment variable SUPERVISOR."""
        return f"{_HOST}:{self._port}"

    def as_json(self) -> dict[str, Any]:
        """Return the address and the token that Home Assistant needs."""
        return {"supervisor": self.host, "supervisor_token": self.token}

    async def go_away(self) -> None:
        """Refuse every connection; the apps go on."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def come_back(self) -> None:
        """Serve at the same address again."""
        # No access log, because it could contain the token.
        self._runner = web.AppRunner(
            supervisor_application(self), access_log=None, shutdown_timeout=0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, self._port).start()
        self._port = self._runner.addresses[0][1]

    async def __aenter__(self) -> Self:
        """Start in the running loop."""
        await self.come_back()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, with every app."""
        await self.go_away()
        for app in self.apps.values():
            await app.stop()
