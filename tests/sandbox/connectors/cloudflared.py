"""Runs the real cloudflared against the sandbox, each with a home of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import tempfile

import pytest

from sandbox import Sandbox
from sandbox.state import Tunnel

PROGRAM = os.environ.get("CLOUDFLARED") or shutil.which("cloudflared")
needs_cloudflared = pytest.mark.skipif(
    PROGRAM is None,
    reason="cloudflared is neither on PATH nor named by the variable CLOUDFLARED",
)


@dataclass(frozen=True)
class Running:
    """A cloudflared that runs."""

    process: asyncio.subprocess.Process
    log: Path

    async def ended(self) -> int:
        """Return the status with which the program ends."""
        return await asyncio.wait_for(self.process.wait(), 10)


@asynccontextmanager
async def cloudflared(
    sandbox: Sandbox, token: str, *options: str
) -> AsyncIterator[Running]:
    """Run cloudflared for a tunnel."""
    assert PROGRAM
    assert sandbox.connectors
    with tempfile.TemporaryDirectory(prefix="cloudflared-") as home:
        log = Path(home) / "log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                PROGRAM,
                *("tunnel", "--no-autoupdate", "--no-prechecks", "--protocol", "http2"),
                *("--edge", f"127.0.0.1:{sandbox.connectors.port}"),
                *("--cacert", sandbox.edge_ca_file, "--metrics", "127.0.0.1:0"),
                *("--grace-period", "2s", "--loglevel", "debug", *options, "run"),
                stdout=output,
                stderr=output,
                env={"HOME": home, "TUNNEL_TOKEN": token},
            )
        try:
            yield Running(process, log)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so, ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def until_connected(tunnel: Tunnel, connectors: int = 1) -> None:
    """Wait until connectors have registered and said which configuration they run."""
    await until(
        lambda: (
            len(tunnel.connectors) == connectors
            and all(each.applied_version is not None for each in tunnel.connectors)
        )
    )
