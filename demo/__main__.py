"""Run the demo: python -m demo [--exit]."""

import argparse
import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
import signal
import sys
import tempfile
import time
from urllib.parse import urlsplit

from aiohttp import ClientError

from .cloudflare import Cloudflare
from .home_assistant import HomeAssistant, User
from .promise import Promise
from .promises import PROMISES
from .report import CheckFailed, Skipped, say
from .world import World


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Home Assistant with the integration and a local Cloudflare.",
    )
    parser.add_argument(
        "--exit",
        action="store_true",
        help="exit after the checks, with status 0 only if all of them passed",
    )
    return parser.parse_args()


async def _demo(*, stay: bool) -> bool:
    """Run every check, and return whether all passed."""
    started = time.monotonic()
    _cancel_on_signals()
    owner = User("demo")
    try:
        async with _world(owner) as world:
            passed = [
                await _passes(number, promise, world)
                for number, promise in enumerate(PROMISES, 1)
            ]
            say(f"# took {time.monotonic() - started:.0f} s")
            if stay:
                _print_summary(passed)
                _print_access(world, owner)
                await _until_cancelled()
    except (CheckFailed, ClientError, OSError) as error:
        passed = [False] * len(PROMISES)
        _print_failure("not ok 1 - the demo could not start or stop: ", str(error))
    if not stay:
        _print_summary(passed)
    return all(passed)


@asynccontextmanager
async def _world(owner: User) -> AsyncGenerator[World]:
    """Run the sandbox and Home Assistant in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        folder = Path(name)
        say("# starting the sandbox")
        async with Cloudflare.run(folder) as cloudflare:
            say("# starting Home Assistant; the first start installs its requirements")
            async with HomeAssistant(folder, cloudflare.environment) as home:
                world = await World.start(folder, cloudflare, home, owner)
                try:
                    yield world
                finally:
                    await world.stop()


async def _passes(number: int, promise: Promise, world: World) -> bool:
    world.notes.clear()
    skipped = ""
    try:
        await promise.check(world)
    except Skipped as error:
        skipped = f" # skipped: {error}"
    except Exception as error:  # noqa: BLE001 -- any error means that the check failed
        why = str(error) if isinstance(error, CheckFailed) else repr(error)
        _print_failure(f"not ok {number} - {promise.sentence}: ", why)
        return False
    say(f"ok {number} - {promise.sentence}{skipped}")
    for note in world.notes:
        say(f"#   {note}")
    return True


def _print_failure(what: str, why: str) -> None:
    first, *others = why.splitlines() or [""]
    say(f"{what}{first}")
    for line in others:
        say(f"#   {line}")


def _print_summary(passed: list[bool]) -> None:
    if all(passed):
        say(f"demo passed: {len(passed)} checks")
    else:
        say(f"demo failed: {passed.count(False)} of {len(passed)} checks")


def _print_access(world: World, owner: User) -> None:
    facts = world.cloudflare.facts
    say("")
    say(f"Home Assistant: {world.home.url}")
    local, here = urlsplit(world.home.local_url), urlsplit(world.home.url)
    say(
        f"Links for phones name {local.hostname}; open them with {here.hostname} instead."
    )
    say(f"User: {owner.name}    Password: {owner.password}")
    if world.phones:
        where = f"{world.hostname}:{facts['edge_port']}"
        say("As a phone with a certificate:")
        say(
            f"  curl --resolve {where}:{facts['edge_host']} --cacert {facts['edge_ca_file']} "
            f"--cert {world.phones[-1].key_file} https://{where}/manifest.json"
        )
    say("Press Ctrl-C to stop.")


def _cancel_on_signals() -> None:
    task = asyncio.current_task()

    def cancel() -> None:
        # Cancel only once: a second signal must not interrupt the clean-up.
        if task and not task.cancelling():
            task.cancel()

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, cancel)


async def _until_cancelled() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    say("# stopping")


def main() -> int:
    """Run the demo and return its exit status."""
    try:
        return 0 if asyncio.run(_demo(stay=not _arguments().exit)) else 1
    except asyncio.CancelledError:
        return 130


if __name__ == "__main__":
    sys.exit(main())
