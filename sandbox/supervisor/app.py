"""An installed app: its options, its state and its log."""

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
        # Without a health check a container counts as started as soon as it runs.
        self.state = AppState.STARTED
        try:
            await self.run(options)
        except StartFailedError as error:
            await self.fail(str(error))

    async def stop(self) -> None:
        """Stop the app."""
        await self.end()
        self.state = AppState.STOPPED

    async def fail(self, reason: str) -> None:
        """End the app by itself, with an exit code that is not zero."""
        self.log.append(reason)
        await self.end()
        self.state = AppState.ERROR

    async def run(self, options: Mapping[str, Any]) -> None:
        """Do what the app does when it starts; raise StartFailedError."""

    async def end(self) -> None:
        """Undo what running meant, if the app runs."""
