"""A real Home Assistant in a process of its own, with one protected hostname."""

import asyncio
from collections.abc import Mapping
import json
import os
from pathlib import Path
import sys

from homeassistant.config_entries import (
    STORAGE_VERSION,
    STORAGE_VERSION_MINOR,
    ConfigSubentryDataWithId,
)
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.sync.settings import (
    HostnameSettings,
    ProtectedHostname,
)
from custom_components.cloudflare_mtls.subentries import hostname_data
from demo.processes import HOST, REPOSITORY, free_port
from sandbox.seed import ACCOUNT_ID, ZONE_ID

# Home Assistant does not start without the frontend integration, whose package is large.
_FRONTEND: Mapping[str, object] = {
    "domain": "frontend",
    "name": "No frontend",
    "version": "1.0.0",
    "codeowners": [],
    "dependencies": [],
    "documentation": "https://example.com",
    "iot_class": "calculated",
    "requirements": [],
}
_NO_FRONTEND = '''"""No frontend."""


async def async_setup(hass, config):
    """Set up nothing."""
    return True
'''


class HomeAssistantProcess:
    """A configuration folder with an account and a hostname, and the process that uses it."""

    def __init__(
        self, folder: Path, api_url: str, token: str, hostname: ProtectedHostname
    ) -> None:
        """Write the folder; `start` starts the process."""
        self._folder = folder
        self._environment = {**os.environ, "CLOUDFLARE_BASE_URL": api_url}
        self._process: asyncio.subprocess.Process | None = None
        components = folder / "custom_components"
        components.mkdir(parents=True)
        (components / DOMAIN).symlink_to(REPOSITORY / "custom_components" / DOMAIN)
        (components / "frontend").mkdir()
        (components / "frontend" / "manifest.json").write_text(json.dumps(_FRONTEND))
        (components / "frontend" / "__init__.py").write_text(_NO_FRONTEND)
        (folder / "configuration.yaml").write_text(
            f"http:\n  server_host: {HOST}\n  server_port: {free_port()}\n"
        )
        (folder / ".storage").mkdir()
        (folder / ".storage" / "core.config_entries").write_text(
            json.dumps(_entries(token, hostname))
        )

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """Return the output of all its processes so far."""
        return (self._folder / "console.log").read_text()

    async def start(self) -> None:
        """Start a process; the same folder can be started again."""
        with (self._folder / "console.log").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "homeassistant", "--skip-pip", "--config", str(self._folder)),
                cwd=self._folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=asyncio.subprocess.STDOUT,
            )

    async def wait(self) -> int:
        """Wait for the exit and return its code; a negative one is a signal's number."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Stop the process; kill it after 30 seconds."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(30):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _entries(token: str, hostname: ProtectedHostname) -> dict[str, object]:
    settings = HostnameSettings(zone_id=ZONE_ID, protected=hostname, keep_in_sync=True)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Home lab",
        unique_id=ACCOUNT_ID,
        data={"api_token": token, "account_id": ACCOUNT_ID},
        subentries_data=[
            ConfigSubentryDataWithId(
                subentry_id="01JHOSTNAME000000000000001",
                subentry_type="protected_hostname",
                title=hostname.hostname,
                unique_id=hostname.hostname,
                data=hostname_data(settings),
            )
        ],
    )
    return {
        "version": STORAGE_VERSION,
        "minor_version": STORAGE_VERSION_MINOR,
        "key": "core.config_entries",
        "data": {"entries": [entry.as_dict()]},
    }
