"""A Home Assistant as Cloudflare sees it; the only module here that calls the engine."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from custom_components.cloudflare_mtls.engine.api import pause, recent_writes as recent
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import EngineError, RateLimited
from custom_components.cloudflare_mtls.engine.api.models import ClientCertificate
from custom_components.cloudflare_mtls.engine.certificates import signing
from custom_components.cloudflare_mtls.engine.certificates.keys import (
    KeyType,
    make_signing_request,
)
from custom_components.cloudflare_mtls.engine.sync.pins import Pins
from custom_components.cloudflare_mtls.engine.sync.plan import Plan
from custom_components.cloudflare_mtls.engine.sync.reconciler import Extent, Reconciler
from custom_components.cloudflare_mtls.engine.sync.settings import (
    HostnameSettings,
    ProtectedHostname,
)
from sandbox.clock import CLOCK
from sandbox.seed import ACCOUNT_ID, ZONE_ID
from tests.engine.builders import trust

from .hostnames import DEVICES

# Only limited hostnames look at them.
_PINS: Final = Pins(
    zone_ids=[ZONE_ID],
    trust=trust(
        confirmed={fingerprint: key for key, fingerprint in DEVICES.items()},
        device_ids=DEVICES.keys(),
    ),
    run_blocking=asyncio.to_thread,
    everywhere=False,
)


@dataclass(frozen=True)
class Run:
    """How a run ended, and the plan that remains, if the run could observe it."""

    error: EngineError | None = None
    remaining: Plan | None = None

    @property
    def outcome(self) -> str:
        """Return the name of the error, or "finished"."""
        return type(self.error).__name__ if self.error else "finished"

    @property
    def pause(self) -> timedelta:
        """Return how long Cloudflare asks to wait before the next request."""
        seconds = self.error.retry_after if isinstance(self.error, RateLimited) else 0
        return timedelta(seconds=seconds)

    @property
    def is_done(self) -> bool:
        """Return whether the run ended without an error and left nothing to do."""
        return self.error is None and (self.remaining is None or self.remaining.in_sync)


@dataclass(frozen=True)
class CreatedCertificate:
    """A certificate that the engine returned, and the public key of its device."""

    certificate: ClientCertificate
    public_key: bytes


class Home:
    """The settings of a Home Assistant, and the engine that applies them."""

    def __init__(
        self,
        token: str,
        api_url: str,
        *hostnames: ProtectedHostname,
        elsewhere: tuple[HostnameSettings, ...] = (),
        http_client: Any = None,
    ) -> None:
        """Start with these hostnames to protect; the HTTP client may be shared.

        Those elsewhere are in other zones: a run is for them too, and tells nothing of them.
        """
        self.created: list[CreatedCertificate] = []
        self._elsewhere = elsewhere
        self.settings = {item.hostname: item for item in hostnames}
        # Those that are to be taken down.
        self.removed: dict[str, ProtectedHostname] = {}
        self._client = CloudflareClient(
            token, account_id=ACCOUNT_ID, base_url=api_url, http_client=http_client
        )
        self._reconciler: Reconciler | None = None
        self._reconciled: tuple[dict[str, ProtectedHostname], ...] = ()

    async def sync(self) -> Run:
        """Sync every hostname of the settings."""
        return await self._run(set(self.settings), remove=False)

    async def fix(self) -> Run:
        """Do what is left to do as after each refresh: one hostname that is stuck stops no other."""
        hostnames = {*self.settings, *self.removed}
        return await self._run(hostnames, remove=False, goes_on=True)

    async def take_down(self, *hostnames: str) -> Run:
        """Take hostnames down; their settings stay."""
        return await self._run(set(hostnames), remove=True)

    async def open(self, *hostnames: str) -> Run:
        """Open hostnames to everybody that were there before; their settings stay."""
        return await self._run(set(hostnames), remove=True, opens=True)

    async def create_certificate(self) -> Run:
        """Create a certificate for a new key."""
        request = make_signing_request("Phone", "01J0DEVICE", KeyType.EC_P256)
        try:
            certificate, _ = await signing.issue_certificate(
                self._client, ZONE_ID, request, 365, asyncio.to_thread
            )
        except EngineError as err:
            return Run(err)
        self.created.append(CreatedCertificate(certificate, request.public_key))
        return Run()

    async def _run(
        self,
        hostnames: set[str],
        *,
        remove: bool,
        opens: bool = False,
        goes_on: bool = False,
    ) -> Run:
        elsewhere = {item.hostname for item in self._elsewhere}
        extent = Extent(
            hostnames=hostnames | elsewhere, remove=remove, opens=opens, goes_on=goes_on
        )
        try:
            outcome = await self._engine().sync(extent)
        except EngineError as err:
            return Run(err)
        if (sync := outcome.zones.get(ZONE_ID)) is None:
            return Run(outcome.unseen.get(ZONE_ID))
        return Run(sync.error) if sync.error else Run(remaining=sync.left)

    def _engine(self) -> Reconciler:
        """Return the reconciler; after a change of the settings a new one, as after a reload."""
        now = dict(self.settings), dict(self.removed)
        if self._reconciler is None or self._reconciled != now:
            self._reconciled = now
            self._reconciler = Reconciler(
                client=self._client,
                account_id=ACCOUNT_ID,
                hostnames=(*map(_kept, self.settings.values()), *self._elsewhere),
                removed=tuple(map(_kept, self.removed.values())),
                # Their records were ours, whatever somebody does to the comments.
                marked=frozenset(self.removed),
                pins=_PINS,
            )
        return self._reconciler


def _kept(item: ProtectedHostname) -> HostnameSettings:
    return HostnameSettings(zone_id=ZONE_ID, protected=item, keep_in_sync=True)


@contextmanager
def without_pauses() -> Iterator[None]:
    """Let the engine's pauses move the sandbox's clock instead of waiting."""

    async def sleep(seconds: float) -> None:
        CLOCK.advance(timedelta(seconds=seconds))

    patched = SimpleNamespace(sleep=sleep, gather=asyncio.gather)
    with patch.object(signing, "asyncio", patched):
        yield


@contextmanager
def on_sandbox_time() -> Iterator[None]:
    """Let the engine measure recent writes and pauses by the sandbox's clock."""
    clock = SimpleNamespace(monotonic=lambda: CLOCK.now().timestamp())
    with patch.object(recent, "time", clock), patch.object(pause, "time", clock):
        yield
