"""A Home Assistant with a sandbox as its Cloudflare, and a clock that tests move."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
import os
import socket
import tempfile
from typing import Any, Final, Self, override
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant import loader
from homeassistant.components.http.config import async_get_and_load_store
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_test_home_assistant,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.journal import Entry
from sandbox.state import Tunnel, Zone
from tests.common import (
    EDGE_EVERY,
    account,
    add_known_certificate,
    companion,
    hostname_settings,
    is_loaded,
    settle,
    setup_integration,
    zone_of,
)
from tests.edge_conditions import ask_browsers_to_log_in
from tests.in_process import answering_for

# The shortest interval between two refreshes.
TICK: Final = timedelta(minutes=1)

# A name instead of an address, so that each connection has to resolve it.
_API: Final = "api.cloudflare.test"
_LOCALHOST: Final = "127.0.0.1"


class HomeLoop(asyncio.SelectorEventLoop):
    """An event loop that resolves the API's name to the sandbox, until this is stopped."""

    resolves_names = True

    @override
    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        # The HTTP client resolves names as bytes.
        if host != _API.encode():
            return await super().getaddrinfo(host, port, **options)
        if not self.resolves_names:
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")
        address = (_LOCALHOST, port)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]


class Home:
    """An account with one protected hostname and one phone, set up in Home Assistant."""

    def __init__(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Wrap an account that is set up; `running` starts everything."""
        self.hass = hass
        self.sandbox = sandbox
        self.entry = entry
        self._freezer = freezer

    @classmethod
    @asynccontextmanager
    async def running(cls, freezer: FrozenDateTimeFactory) -> AsyncGenerator[Self]:
        """Run Home Assistant and the sandbox, and start in sync."""
        with tempfile.TemporaryDirectory(prefix="home-") as folder:
            async with async_test_home_assistant(config_dir=folder) as hass:
                async with Sandbox() as sandbox:
                    with (
                        answering_for(sandbox),
                        patch.dict(os.environ, _seams(sandbox)),
                    ):
                        yield await cls._set_up(hass, sandbox, freezer)
                        await _close(hass)
                await hass.async_stop(force=True)

    @classmethod
    async def _set_up(
        cls, hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
    ) -> Self:
        await _prepare(hass)
        ask_browsers_to_log_in(sandbox)
        entry = account(sandbox, hostname_settings(), [companion()])
        await add_known_certificate(
            hass, entry, sandbox, not_before=dt_util.utcnow(), days=40
        )
        await setup_integration(hass, entry)
        home = cls(hass, sandbox, entry, freezer)
        # The engine no longer takes its recent writes for what it reads.
        await home.tick(EDGE_EVERY)
        home.take_requests()
        return home

    @property
    def now(self) -> datetime:
        """Return the time."""
        return dt_util.utcnow()

    @property
    def is_loaded(self) -> bool:
        """Return whether the account is set up."""
        return is_loaded(self.entry)

    @property
    def loop(self) -> HomeLoop:
        """Return the event loop."""
        assert isinstance(self.hass.loop, HomeLoop)
        return self.hass.loop

    @property
    def zone(self) -> Zone:
        """Return the zone's state at Cloudflare."""
        return zone_of(self.sandbox)

    @property
    def tunnels(self) -> list[Tunnel]:
        """Return the tunnels that exist, the home's own first."""
        tunnels = self.sandbox.state.tunnels.values()
        return [tunnel for tunnel in tunnels if tunnel.deleted_at is None]

    async def tick(self, time: timedelta = TICK) -> None:
        """Let time pass in two steps, so that a refresh that is due twice runs twice."""
        for _ in range(2):
            self._freezer.tick(time / 2)
            async_fire_time_changed(self.hass)
            await settle(self.hass)

    async def reload(self) -> None:
        """Reload the account."""
        await self.hass.config_entries.async_reload(self.entry.entry_id)
        await settle(self.hass)

    def take_requests(self) -> list[Entry]:
        """Return the API requests since the last time, and remove what they left in the sandbox."""
        requests = list(self.sandbox.journal.requests)
        self.sandbox.journal.clear()
        # Visits without a certificate add blocked requests, edits of rules add versions.
        self.sandbox.state.blocked.clear()
        for ruleset in self.zone.rulesets.values():
            ruleset.earlier.clear()
        return requests


async def _close(hass: HomeAssistant) -> None:
    for entry in hass.config_entries.async_entries(DOMAIN):
        await hass.config_entries.async_unload(entry.entry_id)
    await settle(hass)


async def _prepare(hass: HomeAssistant) -> None:
    """Prepare Home Assistant as the fixtures of the other tests do."""
    frame.async_setup(hass)
    hass.data.pop(loader.DATA_CUSTOM_COMPONENTS)
    await hass.config.async_update(internal_url="http://192.168.1.10:8123")
    store = await async_get_and_load_store(hass)
    store.stable["use_x_forwarded_for"] = True
    store.stable["trusted_proxies"] = [_LOCALHOST]


def _seams(sandbox: Sandbox) -> Mapping[str, str]:
    return {
        "CLOUDFLARE_BASE_URL": sandbox.api_url.replace(_LOCALHOST, _API),
        "CLOUDFLARE_MTLS_EDGE": f"{sandbox.edge_host}:{sandbox.edge_port}",
        "CLOUDFLARE_MTLS_EDGE_CA": sandbox.edge_ca_file,
    }
