"""What a Supervisor looks after: apps, the store and secrets."""

from dataclasses import dataclass, field
import secrets

from sandbox.journal import Journal
from sandbox.planned_faults import PlannedFaults

from .app import App, Manifest
from .faults import Fault


def _new_token() -> str:
    return secrets.token_hex(56)


@dataclass
class Machine:
    """The state of a Supervisor; edit it directly, as its user would."""

    token: str = field(default_factory=_new_token, repr=False)
    """Home Assistant's token."""
    apps: dict[str, App] = field(default_factory=dict)
    """The installed apps, by slug."""
    store: dict[str, Manifest] = field(default_factory=dict)
    """The apps that are not installed, by slug."""
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    """What secrets.yaml holds for options that begin with !secret."""
    ready: bool = False
    """Whether it answers pings. Until it does, Home Assistant tries to set up its own integration
    again and again, and calls for apps work all the same."""
    faults: PlannedFaults[Fault] = field(default_factory=PlannedFaults)
    journal: Journal = field(default_factory=Journal)

    async def install[AppT: App](self, app: AppT, *, start: bool = True) -> AppT:
        """Install an app, and start it."""
        self.apps[app.slug] = app
        if start:
            await app.start(self.secrets)
        return app

    async def uninstall(self, slug: str) -> None:
        """Remove an app."""
        await self.apps.pop(slug).stop()
