"""An installed app: its options, its state and its log."""

import asyncio
from collections.abc import Mapping
import copy
from dataclasses import dataclass, field
from enum import StrEnum
import secrets
from typing import Any

from .envelope import SupervisorError
from .schema import InvalidOptionsError, Schema, Validator, merged

NEWEST = "7.0.14"


class AppState(StrEnum):
    """The state of an app's container."""

    STARTED = "started"
    STOPPED = "stopped"
    ERROR = "error"


@dataclass(frozen=True)
class Manifest:
    """What the repository of an app says of it."""

    name: str
    url: str
    schema: Schema = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options that an app has where its user sets none."""
    description: str = ""
    version: str = NEWEST


@dataclass
class StartFaults:
    """What goes wrong when an app starts and stops."""

    start_seconds: float = 0
    """How long it prepares; it counts as started meanwhile, and has no connector."""
    stop_seconds: float = 0
    """How long it takes to stop, and a restart is not answered."""
    deaths: int = 0
    """How many of the next starts end with the app ending by itself."""
    dies_after: float = 0
    """After how many seconds it does."""
    old_options: int = 0
    """How many of the next starts read the options of the start before."""


class StartFailedError(Exception):
    """The app ends while it starts; the message is the last line of its log."""


class App:
    """An app, which does nothing itself; subclasses say what happens when it starts."""

    def __init__(
        self, slug: str, manifest: Manifest, options: Mapping[str, Any] | None = None
    ) -> None:
        """Install an app with the options of its user, and do not start it."""
        self.slug = slug
        self.manifest = manifest
        self.version = manifest.version
        self.user_options: dict[str, Any] = dict(options or {})
        self.state = AppState.STOPPED
        self.detached = False
        """Whether the repository of the app was removed from the store."""
        self.log: list[str] = []
        self.faults = StartFaults()
        self._ran_with: dict[str, Any] | None = None
        self._running: asyncio.Task[None] | None = None
        self._prepared = asyncio.Event()
        # The Supervisor gives every app an address in 172.30.33.0/24, which only the machines
        # that it runs on have. On Linux all of 127.0.0.0/8 is this machine, so that every app of
        # every sandbox can have an address, and keep the port that it really uses.
        self.ip_address = (
            f"127.30.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
        )
        self.hostname = self.ip_address
        """The real one is the slug with hyphens, a name that only the Supervisor's DNS knows."""

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of the user over the defaults."""
        return copy.deepcopy(merged(self.manifest.options, self.user_options))

    def validator(self, known_secrets: Mapping[str, str]) -> Validator:
        """Return what validates options of this app."""
        name = f"{self.manifest.name} ({self.slug})"
        return Validator(self.manifest.schema, name, known_secrets)

    def validated(
        self, options: Any, known_secrets: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return options as they are stored; raise SupervisorError for bad ones."""
        try:
            return self.validator(known_secrets).validate(options)
        except InvalidOptionsError as error:
            fields = {"app": self.slug, "validation_error": str(error)}
            raise SupervisorError(
                f"App {self.slug} has invalid options: {error}",
                error_key="app_configuration_invalid_error",
                extra_fields=fields,
            ) from None

    async def start(self, known_secrets: Mapping[str, str]) -> None:
        """Start the app, unless it runs; raise SupervisorError where its options are bad."""
        if self.state is AppState.STARTED:
            return
        options = self.validated(self.options, known_secrets)
        if self.faults.old_options and self._ran_with is not None:
            self.faults.old_options -= 1
            options = self._ran_with
        self._ran_with = options
        # Without a health check a container counts as started as soon as it runs.
        self.state = AppState.STARTED
        self._prepared.clear()
        self._running = running = asyncio.create_task(self._run(options))
        if not self.faults.start_seconds:
            await self._prepared.wait()
            if running.done():
                running.result()

    async def stop(self) -> None:
        """Stop the app."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])
            self._running = None
        await self.end()
        if self.state is AppState.STARTED:
            await asyncio.sleep(self.faults.stop_seconds)
        self.state = AppState.STOPPED

    async def _run(self, options: Mapping[str, Any]) -> None:
        try:
            await asyncio.sleep(self.faults.start_seconds)
            await self.run(options)
            await self._die()
        except StartFailedError as error:
            self.log.append(str(error))
            await self.end()
            self.state = AppState.ERROR
        finally:
            self._prepared.set()

    async def _die(self) -> None:
        """Raise StartFailedError where a fault ends the app."""
        if not self.faults.deaths:
            return
        self.faults.deaths -= 1
        if self.faults.dies_after:
            self._prepared.set()
            await asyncio.sleep(self.faults.dies_after)
        raise StartFailedError("Killed")

    async def run(self, options: Mapping[str, Any]) -> None:
        """Do what the app does when it starts; raise StartFailedError."""

    async def end(self) -> None:
        """Undo what running meant, if the app runs."""
