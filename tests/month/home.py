"""A home that lives through a month: Home Assistant, and the Cloudflare that it sees."""

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
    add_certificate,
    companion,
    hostname_settings,
    is_loaded,
    settle,
    setup_integration,
    zone_of,
)

# As often as anything is looked at.
TICK: Final = timedelta(minutes=1)

# A name, which has to be looked up whenever somebody connects.
_API: Final = "api.cloudflare.test"
_LOCALHOST: Final = "127.0.0.1"


class HomeLoop(asyncio.SelectorEventLoop):
    """Knows where Cloudflare's API is, unless told to know no names."""

    knows_names = True

    @override
    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        # As the HTTP client's library asks for it.
        if host != _API.encode():
            return await super().getaddrinfo(host, port, **options)
        if not self.knows_names:
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")
        address = (_LOCALHOST, port)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]


class Home:
    """One protected hostname, one phone that may come in, and time that passes."""

    def __init__(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Take what runs."""
        self.hass = hass
        self.sandbox = sandbox
        self.entry = entry
        self._freezer = freezer

    @classmethod
    @asynccontextmanager
    async def running(cls, freezer: FrozenDateTimeFactory) -> AsyncGenerator[Self]:
        """Run until left, and begin with everything as it must be."""
        with tempfile.TemporaryDirectory(prefix="home-") as folder:
            async with async_test_home_assistant(config_dir=folder) as hass:
                async with Sandbox() as sandbox:
                    with patch.dict(os.environ, _seams(sandbox)):
                        yield await cls._settled_in(hass, sandbox, freezer)
                        await _close(hass)
                await hass.async_stop(force=True)

    @classmethod
    async def _settled_in(
        cls, hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
    ) -> Self:
        await _furnish(hass)
        await add_certificate(sandbox, not_before=dt_util.utcnow(), days=40)
        entry = account(sandbox, hostname_settings(), [companion()])
        await setup_integration(hass, entry)
        home = cls(hass, sandbox, entry, freezer)
        # What was written a moment ago is no longer taken for what is read.
        await home.tick(EDGE_EVERY)
        home.heard()
        return home

    @property
    def now(self) -> datetime:
        """Return the time."""
        return dt_util.utcnow()

    @property
    def is_loaded(self) -> bool:
        """Tell whether the account is set up."""
        return is_loaded(self.entry)

    @property
    def loop(self) -> HomeLoop:
        """Return the loop that all of it runs on."""
        assert isinstance(self.hass.loop, HomeLoop)
        return self.hass.loop

    @property
    def zone(self) -> Zone:
        """Return the zone, to look into and to edit."""
        return zone_of(self.sandbox)

    @property
    def tunnels(self) -> list[Tunnel]:
        """Return the tunnels that are there, the home's own first."""
        tunnels = self.sandbox.state.tunnels.values()
        return [tunnel for tunnel in tunnels if tunnel.deleted_at is None]

    async def tick(self, time: timedelta = TICK) -> None:
        """Let time pass, with all that is due by then; who looks more often is seen to."""
        for _ in range(2):
            self._freezer.tick(time / 2)
            async_fire_time_changed(self.hass)
            await settle(self.hass)

    async def restart(self) -> None:
        """Set the account up anew."""
        await self.hass.config_entries.async_reload(self.entry.entry_id)
        await settle(self.hass)

    def heard(self) -> list[Entry]:
        """Return what Cloudflare was asked since the last time, and have it forgotten."""
        requests = list(self.sandbox.journal.requests)
        self.sandbox.journal.clear()
        # The visits without a certificate leave these behind, and every edit those.
        self.sandbox.state.blocked.clear()
        for ruleset in self.zone.rulesets.values():
            ruleset.earlier.clear()
        return requests


async def _close(hass: HomeAssistant) -> None:
    for entry in hass.config_entries.async_entries(DOMAIN):
        await hass.config_entries.async_unload(entry.entry_id)
    await settle(hass)


async def _furnish(hass: HomeAssistant) -> None:
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
