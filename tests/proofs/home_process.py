"""A home in a process of its own, so that it can be killed."""

import asyncio
from multiprocessing import get_context

from .home import Home, without_pauses
from .job import Job

# The fork server imports everything once, so that a new process starts in milliseconds.
_context = get_context("forkserver")
_context.set_forkserver_preload(["tests.proofs.preload"])


class HomeProcess:
    """A process in which a home does one job."""

    def __init__(self, token: str, api_url: str, job: Job) -> None:
        """Prepare the process; `run` starts it."""
        self._process = _context.Process(
            target=_run_job, args=(token, api_url, job), daemon=True
        )

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process.pid is not None
        return self._process.pid

    async def run(self) -> int:
        """Run the process and return its exit code; a negative one is a signal's number."""
        loop, exited = asyncio.get_running_loop(), asyncio.Event()
        self._process.start()
        loop.add_reader(self._process.sentinel, exited.set)
        try:
            await exited.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode


def _run_job(token: str, api_url: str, job: Job) -> None:
    with without_pauses():
        asyncio.run(job.run(Home(token, api_url, *job.hostnames)))
