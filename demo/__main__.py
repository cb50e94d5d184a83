"""Run the demo: python -m demo [--exit]."""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
import signal
import sys
import time
from typing import Final

from aiohttp import ClientError

from .home_assistant import User
from .promise import Promise
from .promises import APP, LOCAL, REMOTE, SERVICES
from .report import CheckFailed, Skipped, say
from .show import clear_traces, forget_removed_devices, print_show, speak
from .world import World

_REMOTE, _LOCAL, _APP, _SERVICES = "remote", "local", "app", "services"
_PROMISES: Final[Mapping[str, tuple[Promise, ...]]] = {
    _REMOTE: REMOTE,
    _LOCAL: LOCAL,
    _APP: APP,
    _SERVICES: SERVICES,
}

_DURATION: Final[Mapping[bool, str]] = {
    True: "about 4 minutes of checks, then what to look at and to try",
    False: "about 5 minutes for all worlds",
}


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
    parser.add_argument(
        "--world",
        choices=_PROMISES,
        help="how the tunnel is managed: at Cloudflare (remote), by a config.yml (local), or by the "
        "app Cloudflared (app); or what runs beside Home Assistant (services); by default remote, and "
        "with --exit all, one after the other",
    )
    parser.add_argument(
        "--language",
        help="which language Home Assistant speaks while the demo stays, such as de",
    )
    return parser.parse_args()


async def _demo(names: Sequence[str], *, stay: bool, language: str | None) -> bool:
    """Run every check of these worlds, and return whether all passed."""
    started = time.monotonic()
    say(f"# {_DURATION[stay]}, on a machine that is set up")
    _cancel_on_signals()
    passed: list[bool] = []
    for name in names:
        say(f"# the world {name}")
        passed += await _check_world(
            name, first=len(passed) + 1, stay=stay, language=language
        )
    if not stay:
        say(f"# took {time.monotonic() - started:.0f} s")
        _print_summary(passed)
    return all(passed)


async def _check_world(
    name: str, *, first: int, stay: bool, language: str | None
) -> list[bool]:
    """Run the checks of a world, numbered from the first; stay there if asked."""
    promises, owner = _PROMISES[name], User("demo")
    try:
        async with (
            World.run(
                owner, supervised=name == _APP, language=language or "en"
            ) as world,
            _furnished(world, name),
        ):
            passed = [
                await _passes(number, promise, world)
                for number, promise in enumerate(promises, first)
            ]
            if stay:
                _print_summary(passed)
                say("# clearing up after the checks; this takes up to a minute")
                await forget_removed_devices(world)
                if language:
                    await speak(world, language)
                await clear_traces(world)
                await print_show(world, owner)
                await _until_cancelled()
    except (CheckFailed, ClientError, OSError) as error:
        passed = [False] * len(promises)
        _print_failure(
            f"not ok {first} - the demo could not start or stop: ", str(error)
        )
    return passed


@asynccontextmanager
async def _furnished(world: World, name: str) -> AsyncGenerator[None]:
    """Add what makes a world the one of this name."""
    async with AsyncExitStack() as stack:
        if name == _LOCAL:
            await world.run_from_file()
        if name == _APP:
            await world.run_from_app()
        if name == _SERVICES:
            running = world.services.running(world.cloudflare)
            await stack.enter_async_context(running)
        yield


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
    arguments = _arguments()
    names = [arguments.world or _REMOTE]
    if arguments.exit and not arguments.world:
        names = list(_PROMISES)
    try:
        demo = _demo(names, stay=not arguments.exit, language=arguments.language)
        return 0 if asyncio.run(demo) else 1
    except asyncio.CancelledError:
        return 130


if __name__ == "__main__":
    sys.exit(main())
