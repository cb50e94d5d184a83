"""Tests of a removal that a reload or a stop interrupts: it happens, and only to what was removed."""

import asyncio
from contextlib import suppress
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import (
    HOSTNAME,
    act,
    choose,
    records_of,
    reported,
    settle,
    setup_integration,
    submit,
)
from tests.dialogs import add_hostname, zone_and_tunnel
from tests.faults import Fault, Faults
from tests.restarts import restarted, same_account, started_again


async def set_up_again(
    hass: HomeAssistant, sandbox: Sandbox, account: MockConfigEntry
) -> None:
    """Protect the hostname with the dialog, as a person does who changed their mind."""
    result = await submit(
        hass, await add_hostname(hass, account), zone_and_tunnel(sandbox)
    )
    result = await submit(hass, result, {**choose(), "hostname": HOSTNAME})
    result = await submit(hass, result)
    assert result["type"] == "create_entry"
    await settle(hass)


async def assert_there(
    hass: HomeAssistant, sandbox: Sandbox, account: MockConfigEntry
) -> None:
    """Assert that the hostname is there in a Home Assistant that was just started."""
    await setup_integration(hass, account)
    assert [item.title for item in account.subentries.values()] == [HOSTNAME]
    assert len(records_of(sandbox)) == 1
    assert reported(hass) == set()


class Removal:
    """A removal that Cloudflare has carried out, and whose answer is under way."""

    def __init__(self, hass: HomeAssistant, faults: Faults) -> None:
        """Have the answer wait."""
        self._hass, self._faults = hass, faults
        self._hold = asyncio.Event()
        self._fault: Fault = faults.add(
            "DELETE", "/dns_records", hold=self._hold, after_write=True
        )
        self._task: asyncio.Task[Any] | None = None

    async def begin(self, entry: MockConfigEntry, sandbox: Sandbox) -> None:
        """Remove all hostnames, up to the answer."""
        self._task = self._hass.async_create_task(
            act(self._hass, entry, "sync", remove=True)
        )
        await self._fault.until_hit()
        while records_of(sandbox):
            await asyncio.sleep(0)

    async def answer(self) -> None:
        """Let the answer arrive."""
        self._hold.set()
        assert self._task
        with suppress(Exception):
            await self._task
        await settle(self._hass)

    async def lose(self) -> None:
        """End it as in a Home Assistant that is gone: nothing of it reaches Cloudflare any more."""
        self._fault.body, self._fault.status = "", 500
        self._faults.unavailable("*", "")
        await self.answer()


@pytest.fixture
async def ready(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return an account with a protected hostname."""
    await setup_integration(hass, entry)
    return entry


async def test_set_up_again_after_a_stop(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
) -> None:
    """What a person ordered before the stop was about the hostname as it was then."""
    removal = Removal(hass, faults)
    await removal.begin(ready, sandbox)
    account = same_account(ready)
    async with started_again(hass) as again:
        faults.clear()
        await setup_integration(again, account)
        assert not account.subentries
        await set_up_again(again, sandbox, account)
        last = same_account(account)
        async with restarted(again) as third:
            await assert_there(third, sandbox, last)
    await removal.lose()


async def test_set_up_again_after_a_reload(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
) -> None:
    removal = Removal(hass, faults)
    await removal.begin(ready, sandbox)
    await hass.config_entries.async_reload(ready.entry_id)
    faults.clear()
    await removal.answer()
    assert not ready.subentries
    await set_up_again(hass, sandbox, ready)
    last = same_account(ready)
    async with restarted(hass) as again:
        await assert_there(again, sandbox, last)


async def test_refused_after_a_reload(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, ready: MockConfigEntry
) -> None:
    """A reload is no stop: the removal goes on, and what Cloudflare refuses to remove stays."""
    hold = asyncio.Event()
    fault = faults.refuse("DELETE", "/dns_records", 400, 1400, "no", hold=hold)
    task = hass.async_create_task(act(hass, ready, "sync", remove=True))
    await fault.until_hit()
    reload = hass.async_create_task(hass.config_entries.async_reload(ready.entry_id))
    await asyncio.sleep(0.2)
    hold.set()
    await reload
    outcome = await task
    await settle(hass)
    assert outcome["in_sync"] is False
    assert [item.title for item in ready.subentries.values()] == [HOSTNAME]


async def test_stop_before_home_assistant_stored_the_removal(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    ready: MockConfigEntry,
) -> None:
    """It stores its accounts a second later: the hostname would be built up again."""
    account = same_account(ready)
    await act(hass, ready, "sync", remove=True)
    assert not ready.subentries
    assert records_of(sandbox) == []
    async with started_again(hass) as again:
        await setup_integration(again, account)
        assert not account.subentries
        assert records_of(sandbox) == []
