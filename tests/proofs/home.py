"""A Home Assistant as its Cloudflare sees it: the only place here that knows the engine."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from custom_components.cloudflare_mtls.engine.api import pause, recent_writes as recent
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import EngineError, RateLimited
from custom_components.cloudflare_mtls.engine.api.models import ClientCertificate
from custom_components.cloudflare_mtls.engine.certificates import signing
from custom_components.cloudflare_mtls.engine.certificates.credentials import (
    KeyType,
    make_signing_request,
)
from custom_components.cloudflare_mtls.engine.sync.plan import Plan
from custom_components.cloudflare_mtls.engine.sync.reconciler import Extent, Reconciler
from custom_components.cloudflare_mtls.engine.sync.settings import (
    HostnameSettings,
    ProtectedHostname,
)
from sandbox.clock import CLOCK
from sandbox.seed import ACCOUNT_ID, ZONE_ID


@dataclass(frozen=True)
class Run:
    """How a run ended, and what it left to do, if that could be seen."""

    error: EngineError | None = None
    left: Plan | None = None

    @property
    def ended(self) -> str:
        """Say it in a word."""
        return type(self.error).__name__ if self.error else "finished"

    @property
    def pause(self) -> timedelta:
        """Return how long Cloudflare wants to be left alone before anything else is asked."""
        seconds = self.error.retry_after if isinstance(self.error, RateLimited) else 0
        return timedelta(seconds=seconds)

    @property
    def done(self) -> bool:
        """Tell whether it saw that nothing is left to do."""
        return self.error is None and (self.left is None or self.left.in_sync)


@dataclass(frozen=True)
class CreatedCertificate:
    """What was reported as a success, and the key that its device would have."""

    certificate: ClientCertificate
    public_key: bytes


class Home:
    """Its settings, and the engine that brings them about."""

    def __init__(
        self,
        token: str,
        api_url: str,
        *hostnames: ProtectedHostname,
        http_client: Any = None,
    ) -> None:
        """Start with these hostnames to protect; the HTTP client may be shared."""
        self.minted: list[CreatedCertificate] = []
        self.settings = {item.hostname: item for item in hostnames}
        self._client = CloudflareClient(
            token, account_id=ACCOUNT_ID, base_url=api_url, http_client=http_client
        )
        self._reconciler: Reconciler | None = None
        self._reconciled: dict[str, ProtectedHostname] = {}

    async def sync(self) -> Run:
        """Bring every hostname to what it must be."""
        return await self._run(set(self.settings), remove=False)

    async def take_down(self, *hostnames: str) -> Run:
        """Take hostnames down; their settings stay."""
        return await self._run(set(hostnames), remove=True)

    async def mint(self) -> Run:
        """Have a certificate signed for a new key."""
        request = make_signing_request("Phone", "01J0DEVICE", KeyType.EC_P256)
        try:
            certificate, _ = await signing.issue_certificate(
                self._client, ZONE_ID, request, 365, asyncio.to_thread
            )
        except EngineError as err:
            return Run(err)
        self.minted.append(CreatedCertificate(certificate, request.public_key))
        return Run()

    async def _run(self, hostnames: set[str], *, remove: bool) -> Run:
        extent = Extent(hostnames=hostnames, remove=remove)
        try:
            zones = await self._engine().sync(extent)
        except EngineError as err:
            return Run(err)
        for sync in zones.values():
            return Run(sync.error, sync.left)
        return Run()

    def _engine(self) -> Reconciler:
        """Return the reconciler, a new one where the settings changed: that is a reload."""
        if self._reconciler is None or self._reconciled != self.settings:
            self._reconciled = dict(self.settings)
            self._reconciler = Reconciler(
                client=self._client,
                account_id=ACCOUNT_ID,
                hostnames=tuple(
                    HostnameSettings(zone_id=ZONE_ID, protected=item, keep_in_sync=True)
                    for item in self.settings.values()
                ),
            )
        return self._reconciler


@contextmanager
def without_pauses() -> Iterator[None]:
    """Have homes pause by moving the sandbox's clock."""

    async def sleep(seconds: float) -> None:
        CLOCK.advance(timedelta(seconds=seconds))

    hasty = SimpleNamespace(sleep=sleep, gather=asyncio.gather)
    with patch.object(signing, "asyncio", hasty):
        yield


@contextmanager
def on_sandbox_time() -> Iterator[None]:
    """Have homes tell by the sandbox's clock how long ago they wrote, or were told to wait."""
    clock = SimpleNamespace(monotonic=lambda: CLOCK.now().timestamp())
    with patch.object(recent, "time", clock), patch.object(pause, "time", clock):
        yield
