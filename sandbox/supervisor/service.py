"""The Supervisor: an HTTP server of its own, beside the sandbox whose state it shares."""

from typing import Any

from aiohttp import web

from .api import supervisor_application
from .machine import Machine

_HOST = "127.0.0.1"


class Supervisor(Machine):
    """A Supervisor, which nobody reaches until it is started."""

    def __init__(self) -> None:
        """Prepare a Supervisor without apps."""
        super().__init__()
        self._port = 0
        self._runner: web.AppRunner | None = None

    @property
    def host(self) -> str:
        """Return the address for the environment variable SUPERVISOR."""
        return f"{_HOST}:{self._port}"

    def as_json(self) -> dict[str, Any]:
        """Return the address and the token that Home Assistant needs."""
        return {"supervisor": self.host, "supervisor_token": self.token}

    async def start(self) -> None:
        """Start to listen, at the same address each time."""
        if self._runner is not None:
            return
        # No access log, because it could contain the token.
        self._runner = web.AppRunner(
            supervisor_application(self), access_log=None, shutdown_timeout=0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, self._port).start()
        self._port = self._runner.addresses[0][1]

    async def go_away(self) -> None:
        """Refuse every connection; the apps go on."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def stop(self) -> None:
        """Stop, with every app."""
        await self.go_away()
        for app in self.apps.values():
            app.faults.stop_seconds = 0
            await app.stop()
