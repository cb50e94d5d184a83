"""A real Home Assistant in a process of its own, with an account, and a person who does one thing."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
import json
import os
from pathlib import Path
import sys
from typing import Final

from homeassistant.config_entries import (
    STORAGE_VERSION,
    STORAGE_VERSION_MINOR,
    ConfigSubentryDataWithId,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from demo.processes import HOST, REPOSITORY, free_port
from sandbox.seed import ACCOUNT_ID

from .resettable_sandbox import ResettableSandbox

ENTRY_ID: Final = "01JACC0UNT0000000000000001"

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

# A start takes some ten seconds, and several times that on a busy machine.
_LONGEST_WAIT: Final = 180
_LONGEST_STOP: Final = 30

# Does what is asked of it once the account is loaded, and writes down how that ended.
_SOMEBODY: Mapping[str, object] = {
    **_FRONTEND,
    "domain": "somebody",
    "name": "Somebody",
}
_WHAT_SOMEBODY_DOES = '''"""A person who does one thing."""

import asyncio
import json
from pathlib import Path

from homeassistant.config_entries import ConfigEntryState


async def async_setup(hass, config):
    """Do it as soon as Home Assistant runs."""
    what = json.loads(config["somebody"])

    async def act():
        entry = hass.config_entries.async_get_entry(what["account"])
        while entry.state is not ConfigEntryState.LOADED:
            await asyncio.sleep(0.1)
        if "action" in what:
            await hass.services.async_call(
                *what["action"], what["data"], blocking=True, return_response=True
            )
            return
        flows = hass.config_entries.subentries
        flow = await flows.async_init(tuple(what["open"]), context=what["context"])
        for answer in what["answers"]:
            flow = await flows.async_configure(flow["flow_id"], answer)

    async def started(event):
        try:
            await act()
        except Exception as err:
            how = repr(err)
        else:
            how = "done"
        await hass.async_add_executor_job(Path(hass.config.path("done")).write_text, how)

    hass.bus.async_listen_once("homeassistant_started", started)
    return True
'''


class HomeAssistantProcess:
    """A configuration folder with an account, and the process that uses it."""

    def __init__(
        self,
        folder: Path,
        sandbox: ResettableSandbox,
        *subentries: ConfigSubentryDataWithId,
    ) -> None:
        """Write the folder; `start` starts the process."""
        self._folder = folder
        self._environment = {
            **os.environ,
            "CLOUDFLARE_BASE_URL": sandbox.api_url,
            "CLOUDFLARE_MTLS_EDGE": f"{HOST}:{sandbox.edge_port}",
            "CLOUDFLARE_MTLS_EDGE_CA": sandbox.edge_ca_file,
        }
        self._process: asyncio.subprocess.Process | None = None
        components = folder / "custom_components"
        components.mkdir(parents=True)
        (components / DOMAIN).symlink_to(REPOSITORY / "custom_components" / DOMAIN)
        _write_component(components, _FRONTEND, _NO_FRONTEND)
        _write_component(components, _SOMEBODY, _WHAT_SOMEBODY_DOES)
        self.have_done(None)
        (folder / ".storage").mkdir()
        (folder / ".storage" / "core.config_entries").write_text(
            json.dumps(_entries(sandbox.token, subentries))
        )

    def have_done(self, what: Mapping[str, object] | None) -> None:
        """Have somebody do this at the next starts, or nothing."""
        lines = f"http:\n  server_host: {HOST}\n  server_port: {free_port()}\n"
        if what is not None:
            # A string of JSON in a string of YAML.
            somebody = json.dumps({"account": ENTRY_ID, **what})
            lines += f"somebody: {json.dumps(somebody)}\n"
        (self._folder / "configuration.yaml").write_text(lines)
        (self._folder / "done").unlink(missing_ok=True)

    @property
    def has_done(self) -> bool:
        """Return whether somebody has done what was asked; fail if that failed."""
        done = self._folder / "done"
        if not done.exists() or not (how := done.read_text()):
            return False
        assert how == "done", f"{how}\n{self.log}"
        return True

    def stored(self, key: str) -> Path:
        """Return where Home Assistant stores the data of a key."""
        return self._folder / ".storage" / key

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
        try:
            async with asyncio.timeout(_LONGEST_WAIT):
                return await self._process.wait()
        except TimeoutError:
            pytest.fail(f"Home Assistant goes on\n{self.log}")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so; fail if the process ends before, or that takes too long."""
        assert self._process is not None
        try:
            async with asyncio.timeout(_LONGEST_WAIT):
                while not condition():
                    assert self._process.returncode is None, self.log
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pytest.fail(f"it did not come to that\n{self.log}")

    async def stop(self) -> None:
        """Stop the process; kill one that takes too long."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_LONGEST_STOP):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _write_component(
    components: Path, manifest: Mapping[str, object], code: str
) -> None:
    folder = components / str(manifest["domain"])
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "__init__.py").write_text(code)


def _entries(
    token: str, subentries: Sequence[ConfigSubentryDataWithId]
) -> dict[str, object]:
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Home lab",
        unique_id=ACCOUNT_ID,
        entry_id=ENTRY_ID,
        data={"api_token": token, "account_id": ACCOUNT_ID},
        subentries_data=subentries,
    )
    return {
        "version": STORAGE_VERSION,
        "minor_version": STORAGE_VERSION_MINOR,
        "key": "core.config_entries",
        "data": {"entries": [entry.as_dict()]},
    }
