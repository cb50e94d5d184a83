"""The jobs that a run of a home can have."""

from dataclasses import dataclass
from typing import Literal

from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname

from .home import Home, Run

type JobKind = Literal["sync", "take_down", "open", "create_certificate"]


@dataclass(frozen=True)
class Job:
    """What a home does, with the hostnames that it protects."""

    kind: JobKind
    hostnames: tuple[ProtectedHostname, ...] = ()

    async def run(self, home: Home) -> Run:
        """Let a home do the job once."""
        match self.kind:
            case "sync":
                return await home.sync()
            case "take_down":
                return await home.take_down(*home.settings)
            case "open":
                return await home.open(*home.settings)
            case "create_certificate":
                return await home.create_certificate()
