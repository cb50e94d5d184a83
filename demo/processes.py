"""Programs that run in the background and are stopped with the demo."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
import os
from pathlib import Path
import socket
from typing import Self

from .report import CheckFailed, until

REPOSITORY = Path(__file__).parents[1]
HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port that is free."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
    return port


class Program:
    """A program that runs until it is stopped; its output goes to a file."""

    def __init__(
        self,
        name: str,
        *arguments: str,
        output: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare to run a program."""
        self.name = name
        self._arguments = arguments
        self._output = output
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Enter the block, at the end of which it is stopped."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        await self.stop()

    async def start(self) -> None:
        """Start it in its own session, so that Ctrl-C reaches only the demo, which stops it in order."""
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                cwd=REPOSITORY,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )

    async def until_ready[ResultT](
        self, ask: Callable[[], Awaitable[ResultT | None]], *, seconds: float
    ) -> ResultT:
        """Return the first result of `ask`; raise CheckFailed with the last output if it exits."""

        async def ask_if_running() -> ResultT | None:
            if self._process is None or self._process.returncode is not None:
                raise CheckFailed(f"{self.name} exited:\n{self._last_output()}")
            return await ask()

        return await until(f"{self.name} is ready", ask_if_running, seconds=seconds)

    async def stop(self) -> None:
        """Stop it; kill it if that takes too long."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(30):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def kill(self) -> None:
        """Kill only this process, as a power cut would."""
        process, self._process = self._process, None
        if process is None:
            raise CheckFailed(f"{self.name} is not running")
        process.kill()
        await process.wait()

    def _last_output(self) -> str:
        return "\n".join(self._output.read_text(errors="replace").splitlines()[-20:])
