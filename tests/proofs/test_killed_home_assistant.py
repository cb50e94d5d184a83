"""A real Home Assistant that is killed at a write of its first sync, and started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
import signal
from typing import Final

from homeassistant.config_entries import ConfigSubentryDataWithId
import pytest

from custom_components.cloudflare_mtls.engine.sync.settings import HostnameSettings
from custom_components.cloudflare_mtls.subentries import hostname_data
from sandbox.faults import FaultKind
from sandbox.seed import ZONE_ID
from tests.engine.builders import protected

from .call_faults import Kill
from .home_assistant_process import HomeAssistantProcess
from .hostnames import HOME
from .resettable_sandbox import ResettableSandbox
from .scenarios import add_foreign_things
from .write_monitor import WriteMonitor
from .zone_contents import contents_of, devices_get_in, duplicates

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]

_WRITES: Final = 5
_HOSTNAME: Final = protected(HOME, "/api/webhook/")
# The statuses of a request that no rule blocked: the origin's, and those of the edge for an
# origin that does not answer.
_NOT_BLOCKED: Final = {200, 502, 523}


@asynccontextmanager
async def _monitored_sandbox() -> AsyncIterator[ResettableSandbox]:
    """Run a sandbox, check every write, and send requests to its edge all the time."""
    async with ResettableSandbox.running() as sandbox:
        await sandbox.start_visitors()
        sandbox.restore()
        await add_foreign_things(sandbox)
        monitor = WriteMonitor(sandbox)
        monitor.protected[HOME] = _HOSTNAME.exempt_paths
        monitor.accept_state()
        statuses: set[int] = set()
        requests = asyncio.create_task(_send_requests(sandbox, statuses))
        try:
            yield sandbox
        finally:
            requests.cancel()
        assert statuses
        assert statuses.isdisjoint(_NOT_BLOCKED)
        assert 403 in statuses
        assert not monitor.violations
        assert not duplicates(sandbox, {HOME})


async def _send_requests(sandbox: ResettableSandbox, statuses: set[int]) -> None:
    for revoked in cycle((False, True)):
        statuses.add(await sandbox.status_at_edge(HOME, "/", revoked=revoked))
        await asyncio.sleep(0.1)


async def _run_until_killed(
    sandbox: ResettableSandbox, home: HomeAssistantProcess, kind: FaultKind, nth: int
) -> None:
    """Start Home Assistant and kill it at its n-th write."""
    kill = Kill(kind, first=nth, seconds=0.01, pid=lambda: home.pid)
    sandbox.faults.add(kill)
    await home.start()
    assert await home.wait() == -signal.SIGKILL, home.log
    sandbox.faults.clear()


async def _run_until_in_sync(
    sandbox: ResettableSandbox, home: HomeAssistantProcess
) -> None:
    """Start Home Assistant and wait until it has synced by itself."""
    await home.start()
    try:
        # Two rules, an association, an ingress rule and a record.
        await home.until(lambda: len(contents_of(sandbox, HOME)) >= _WRITES)
    finally:
        await home.stop()
    assert devices_get_in(sandbox, _HOSTNAME)


def _home(sandbox: ResettableSandbox, folder: Path) -> HomeAssistantProcess:
    settings = HostnameSettings(zone_id=ZONE_ID, protected=_HOSTNAME, keep_in_sync=True)
    subentry = ConfigSubentryDataWithId(
        subentry_id="01JHOSTNAME000000000000001",
        subentry_type="protected_hostname",
        title=HOME,
        unique_id=HOME,
        data=hostname_data(settings),
    )
    return HomeAssistantProcess(folder / "home", sandbox, subentry)


@pytest.mark.parametrize("nth", range(1, _WRITES + 1))
@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
def test_killed_at_a_write(
    runner: asyncio.Runner, tmp_path: Path, kind: FaultKind, nth: int
) -> None:
    """After the restart, nothing that took effect is written a second time."""

    async def play() -> None:
        async with _monitored_sandbox() as sandbox:
            home = _home(sandbox, tmp_path)
            await _run_until_killed(sandbox, home, kind, nth)
            await _run_until_in_sync(sandbox, home)
            writes = [entry for entry in sandbox.journal.writes if entry.took_effect]
            assert len(writes) == _WRITES

    runner.run(play())


def test_killed_at_every_write(runner: asyncio.Runner, tmp_path: Path) -> None:
    """Each start gets one write further, and none is repeated."""

    async def play() -> None:
        async with _monitored_sandbox() as sandbox:
            home = _home(sandbox, tmp_path)
            for _ in range(_WRITES):
                await _run_until_killed(sandbox, home, FaultKind.RESET_AFTER, 1)
            await _run_until_in_sync(sandbox, home)
            assert len(sandbox.journal.writes) == _WRITES

    runner.run(play())
