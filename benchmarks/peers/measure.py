"""Measure an integration: each set-up in a new process, all at one local Cloudflare."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
import json
import os
from pathlib import Path
import shutil
import sys
import tempfile
from typing import Final

from custom_components.cloudflare_mtls.const import DOMAIN
from demo.cloudflare import Cloudflare
from demo.processes import REPOSITORY

from ..account import account
from ..crowd import Size, fill
from .candidates import JSON, Candidate, NotMeasured
from .job import Job, saved_entry

SIZE: Final = Size(tunnels=3, certificates=10, hostnames=1)
# Far more than it takes: what hangs is not waited for.
_MOST_SECONDS: Final = 900


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What an integration costs, and when it noticed that a tunnel failed.

    refused: the calls that the local Cloudflare refused, which may not know all of Cloudflare's.
    noticed: the longest wait in seconds, and the entity that showed it; None if none did.
    """

    import_seconds: float
    set_up_seconds: float
    memory: float
    calls: int
    writes: int
    refused: Sequence[str]
    noticed: tuple[float, str] | None


async def measured(candidate: Candidate) -> Figures:
    """Measure an integration, or raise NotMeasured."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        components = folder / "custom_components"
        # A copy, beside which Python may write what it compiles.
        shutil.copytree(candidate.folder, components / candidate.domain)
        async with Cloudflare.run(folder) as cloudflare:
            job = Job(
                components=str(components),
                domain=candidate.domain,
                facts=cloudflare.facts,
                entry=await _known_entry(candidate, cloudflare),
            )
            # The first process compiles, and a set-up in it fixes what is out of sync.
            first = await _done(job, folder)
            if job.entry is None:
                job = replace(job, entry=first)
            set_up = await _done(job, folder)
            day = await _done(replace(job, whole_day=True), folder)
    return Figures(
        import_seconds=_lowest(set_up, day, "import_seconds"),
        set_up_seconds=_lowest(set_up, day, "set_up_seconds"),
        memory=_lowest(set_up, day, "memory"),
        calls=day["calls"],
        writes=day["writes"],
        refused=day["refused"],
        noticed=day["noticed"],
    )


async def _known_entry(candidate: Candidate, cloudflare: Cloudflare) -> JSON | None:
    """Return the config entry; None if the dialog has to make it."""
    places = await fill(cloudflare, SIZE)
    if candidate.domain == DOMAIN:
        return saved_entry(account(cloudflare, places, keep_in_sync=True))
    return candidate.filled_entry(cloudflare.facts)


async def _done(job: Job, folder: Path) -> JSON:
    """Have a process do a job, and return its result."""
    job_file, result_file = folder / "job.json", folder / "result.json"
    job.write(job_file)
    result_file.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.peers.process", job_file, result_file),
        cwd=REPOSITORY,
        # Compiled is how Home Assistant imports them, too.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            status = await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NotMeasured(f"it takes more than {_MOST_SECONDS} s") from None
    if not result_file.exists():
        raise NotMeasured(f"its process ends with status {status}")
    result: JSON = json.loads(result_file.read_text("utf-8"))
    if "reason" in result:
        logged = f" (in the log: {result['logged']})" if result["logged"] else ""
        raise NotMeasured(result["reason"] + logged)
    return result


def _lowest(one: JSON, other: JSON, name: str) -> float:
    """Return the lower of two figures: other load can only add to them."""
    return min(float(one[name]), float(other[name]))
