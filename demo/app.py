"""The app Cloudflared, which the Supervisor runs: what its user can see and do."""

from typing import Any

from .cloudflare import JSON, Cloudflare


class App:
    """The app that runs the tunnel."""

    def __init__(self, cloudflare: Cloudflare) -> None:
        """Take what controls the Supervisor."""
        self._cloudflare = cloudflare
        self._slug = ""

    async def install(self, tunnel_id: str, options: JSON, home: str) -> None:
        """Install the app for a tunnel, and start it; home is where it finds Home Assistant."""
        body = {"tunnel_id": tunnel_id, "options": options, "home_assistant": home}
        made = await self._cloudflare.control("POST", "supervisor/apps", body)
        self._slug = made["slug"]

    async def hosts(self) -> list[JSON]:
        """Return the hostnames in the options of the app, besides the first one."""
        hosts: list[JSON] = (await self._read())["options"]["additional_hosts"]
        return hosts

    async def connector_id(self) -> str | None:
        """Return the connector that the app runs, if it runs."""
        connector_id: str | None = (await self._read())["connector_id"]
        return connector_id

    async def change(self, **changes: Any) -> None:
        """Start or stop the app, or have it fail."""
        path = f"supervisor/apps/{self._slug}"
        await self._cloudflare.control("POST", path, changes)

    async def _read(self) -> JSON:
        [app] = await self._cloudflare.control("GET", "supervisor/apps")
        found: JSON = app
        return found
