"""Measure one integration in a process of its own: python -m benchmarks.peers.process JOB RESULT."""

import asyncio
import gc
import json
import logging
from pathlib import Path
import resource
import sys
import time
from typing import Final

from aiohttp import ClientSession, TCPConnector
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration
from homeassistant.util.package import is_installed
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components
from demo.cloudflare import Cloudflare

from ..home import home, settle
from ..simulated_time import SimulatedTime
from .candidates import JSON, NotMeasured
from .day import Day
from .dialog import answered
from .job import Job, saved_entry
from .redirect import redirected

# The second number: how many pages of memory this process has.
_STATM: Final = Path("/proc/self/statm")


class _Errors(logging.Handler):
    """Keeps the last error that was logged: a config entry does not always say why its set-up failed."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it on one line."""
        cause = record.exc_info[1] if record.exc_info else None
        text = record.getMessage() + (f": {cause!r}" if cause else "")
        self.last = " ".join(text.split())


async def run(job: Job) -> JSON:
    """Do a job, and return its result."""
    simulated = SimulatedTime()
    with redirected(job.facts["api_url"]), simulated.running():
        # A connection that is kept open would have a timer every few seconds.
        async with ClientSession(connector=TCPConnector(force_close=True)) as session:
            cloudflare = Cloudflare(job.facts, session)
            async with home(cloudflare) as hass:
                start, memory = time.process_time(), _memory()
                await _import(hass, job.domain)
                import_seconds = time.process_time() - start
                if job.entry is None:
                    return saved_entry(await answered(hass, job.domain, job.facts))
                figures = {
                    "import_seconds": import_seconds,
                    "set_up_seconds": await _set_up(hass, job.domain, job.entry),
                    "memory": _memory() - memory,
                }
                if job.whole_day:
                    day = Day(hass, cloudflare, simulated, job.domain)
                    figures |= await day.measure()
                return figures


async def _import(hass: HomeAssistant, domain: str) -> None:
    """Import an integration with its platforms, as Home Assistant does."""
    integration = await async_get_integration(hass, domain)
    for requirement in integration.requirements:
        if not is_installed(requirement):
            raise NotMeasured(f"it needs {requirement}, which is not installed")
    await integration.async_get_component()


async def _set_up(hass: HomeAssistant, domain: str, saved: JSON) -> float:
    """Return the seconds until the entities of a config entry are there."""
    entry = MockConfigEntry(domain=domain, **saved)
    entry.add_to_hass(hass)
    start = time.perf_counter()
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    seconds = time.perf_counter() - start
    if entry.state is not ConfigEntryState.LOADED:
        raise NotMeasured(f"its set-up fails: {entry.reason or entry.state.value}")
    await settle(hass)
    return seconds


def _memory() -> float:
    """Return the MiB that this process has; the most that it ever had, if the machine does not say."""
    gc.collect()
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Do the job in a file, and write the result into another one."""
    job_file, result_file = map(Path, sys.argv[1:])
    job, errors = Job.read(job_file), _Errors(logging.ERROR)
    logging.getLogger().addHandler(errors)
    custom_components.__path__ = [job.components]
    try:
        result = asyncio.run(run(job))
    except NotMeasured as reason:
        result = {"reason": str(reason), "logged": errors.last}
    except Exception as error:  # noqa: BLE001 -- others' code may raise anything
        result = {"reason": repr(error), "logged": errors.last}
    result_file.write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()
