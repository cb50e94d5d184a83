"""Tests of *Remove everything* that Home Assistant's stop, or another tab, interrupts: all goes, or no certificate."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
import threading
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import Zone
from tests.common import HOSTNAME, HOSTNAME_ID, act, settle, setup_integration, zone_of
from tests.dialogs import certificates, open_options
from tests.faults import Fault, Faults, refusal
from tests.restarts import restarted, same_account, started_again

from .test_remove_certificates import valid
from .test_remove_everything import (
    answer,
    assert_taken_down,
    home,
    protect_in_second_zone,
    settings,
)

__all__ = ["home", "settings"]


@pytest.fixture
async def second(hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry) -> Zone:
    """Return the zone of a second hostname."""
    zone: Zone = await protect_in_second_zone(hass, sandbox, home)
    return zone


def begin(hass: HomeAssistant, form: Any, *, revoke: bool) -> asyncio.Task[Any]:
    """Submit the preview, and do not wait for what follows: another tab may do the same."""
    return hass.async_create_task(
        hass.config_entries.options.async_configure(
            form["flow_id"], {"revoke_certificates": revoke}
        )
    )


class Held:
    """Removals in several domains, each of which holds the last answer but one."""

    def __init__(self, faults: Faults, zones: Iterable[Zone]) -> None:
        """Have each domain remove its record, and its answer wait."""
        self._faults = faults
        self._held: list[tuple[Fault, asyncio.Event]] = []
        for zone in zones:
            hold = asyncio.Event()
            fault = faults.add(
                "DELETE", f"/zones/{zone.id}/dns_records", hold=hold, after_write=True
            )
            self._held.append((fault, hold))

    async def until(self, count: int) -> None:
        """Let all answers but the last of so many arrive, and wait until that is under way."""
        for number in range(1, count + 1):
            while sum(fault.hits for fault, _ in self._held) < number:
                await asyncio.sleep(0)
            if number < count:
                self.go_on()

    def go_on(self) -> None:
        """Let the answers arrive that are under way."""
        for fault, hold in self._held:
            if fault.hits:
                hold.set()

    def lose(self) -> None:
        """End it as in a Home Assistant that is gone: nothing of it reaches Cloudflare any more."""
        for fault, hold in self._held:
            fault.body, fault.status = refusal(1400, "Gone"), 400
            hold.set()
        self._faults.refuse("*", "", 400, 1400, "Gone")


@pytest.fixture
async def held(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, second: Zone
) -> AsyncIterator[Held]:
    """Return what holds a removal in each of both domains."""
    held = Held(faults, [zone_of(sandbox), second])
    yield held
    held.lose()
    await settle(hass)


def assert_all_gone(sandbox: Sandbox, account: MockConfigEntry, second: Zone) -> None:
    """Assert that no hostname is left, here nor there, and no certificate gets in."""
    assert not account.get_subentries_of_type("protected_hostname")
    assert_taken_down(sandbox)
    assert (second.rules, list(second.dns_records.values())) == ([], [])
    assert valid(sandbox) == set()
    assert certificates(sandbox)["foreign"] == "active"


@pytest.mark.parametrize("count", [1, 2], ids=["first domain", "second domain"])
@pytest.mark.parametrize("stored", [False, True], ids=["not stored", "stored"])
async def test_home_assistant_stops_in_a_domain(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    second: Zone,
    held: Held,
    *,
    count: int,
    stored: bool,
) -> None:
    """After the start all hostnames go, also where nothing was written yet, and so do the certificates.

    Home Assistant stores its accounts a second later, so that it may know the hostnames of before.
    """
    form = await open_options(hass, home, "remove")
    account = same_account(home)
    begin(hass, form, revoke=True)
    await held.until(count)
    if stored:
        account = same_account(home)
    async with started_again(hass) as again:
        faults.clear()
        await setup_integration(again, account)
        assert_all_gone(sandbox, account, second)


async def assert_all_goes_at_the_next_start(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    second: Zone,
) -> None:
    """Stop Home Assistant, and see that it ends what was ordered once it has started."""
    account = same_account(home)
    async with started_again(hass) as again:
        faults.clear()
        await setup_integration(again, account)
        assert_all_gone(sandbox, account, second)


@pytest.mark.parametrize("revoke", [False, True], ids=["hostnames only", "everything"])
async def test_another_tab(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    second: Zone,
    held: Held,
    *,
    revoke: bool,
) -> None:
    """What was ordered in the first one holds, whatever becomes of the second one."""
    first = await open_options(hass, home, "remove")
    other = await open_options(hass, home, "remove")
    begin(hass, first, revoke=True)
    await held.until(1)
    begin(hass, other, revoke=revoke)
    await hass.async_add_executor_job(threading.Event().wait, 0.3)
    await assert_all_goes_at_the_next_start(hass, sandbox, faults, home, second)


async def test_both_tabs_come_to_their_end(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    second: Zone,
    held: Held,
) -> None:
    """The second one finds nothing left to take down, and leaves the certificates to the first one."""
    first = await open_options(hass, home, "remove")
    other = await open_options(hass, home, "remove")
    removing = begin(hass, first, revoke=True)
    await held.until(1)
    removing_too = begin(hass, other, revoke=False)
    await held.until(2)
    held.go_on()

    assert (await removing)["reason"] == "removed_and_revoked"
    assert (await removing_too)["reason"] == "removed"
    await settle(hass)
    assert_all_gone(sandbox, home, second)


async def _remove_one(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Remove one hostname by an action, whatever becomes of that."""
    with suppress(HomeAssistantError):
        await act(hass, entry, "sync", hostname=HOSTNAME, remove=True)


async def test_hostname_that_is_removed_by_an_action_meanwhile(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    second: Zone,
    held: Held,
) -> None:
    """An automation removes one hostname: it takes back nothing of what the dialog ordered."""
    form = await open_options(hass, home, "remove")
    begin(hass, form, revoke=True)
    await held.until(1)
    hass.async_create_task(_remove_one(hass, home))
    await hass.async_add_executor_job(threading.Event().wait, 0.3)
    await assert_all_goes_at_the_next_start(hass, sandbox, faults, home, second)


async def test_one_hostname_after_the_other(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    home: MockConfigEntry,
    second: Zone,
) -> None:
    """Home Assistant stops before it has stored that the first one is gone, and removes it again."""
    account = same_account(home)
    await act(hass, home, "sync", hostname=HOSTNAME, remove=True)
    await act(hass, home, "sync", hostname="ha.example.org", remove=True)
    async with started_again(hass) as again:
        await setup_integration(again, account)
        assert not account.get_subentries_of_type("protected_hostname")
        assert_taken_down(sandbox)
        assert second.rules == []


@pytest.mark.parametrize("is_left", [False, True])
async def test_certificates_are_ordered_and_nothing_else(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    home: MockConfigEntry,
    *,
    is_left: bool,
) -> None:
    """Home Assistant stopped before it stored the rest of the order: a hostname that stays keeps its certificates."""
    (current,) = valid(sandbox)
    if not is_left:
        hass.config_entries.async_remove_subentry(home, HOSTNAME_ID)
        await settle(hass)
    account = same_account(home)
    stored = hass_storage[f"{DOMAIN}.{home.entry_id}.certificates"]["data"]
    async with restarted(hass) as again:
        stored["ordered_with_removal"] = [current]
        await setup_integration(again, account)
        await settle(again)
        assert valid(sandbox) == ({current} if is_left else set())
        stored = hass_storage[f"{DOMAIN}.{home.entry_id}.certificates"]["data"]
        assert stored["ordered_with_removal"] == []


@pytest.mark.parametrize("by_action", [False, True], ids=["dialog", "action"])
async def test_cloudflare_asks_for_a_pause_between_two_domains(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    second: Zone,
    *,
    by_action: bool,
) -> None:
    """What is down by then is gone here too; the rest stays, and says why."""
    form = await open_options(hass, home, "remove")
    later = max(sandbox.zone_id, second.id)
    faults.limit(30, "GET", f"/zones/{later}/rulesets")

    if by_action:
        outcome = await act(hass, home, "sync", remove=True)
        assert [item["code"] for item in outcome["problems"]] == ["rate_limited"]
    else:
        form = await answer(hass, form, revoke=True)
        assert form["errors"] == {"base": "rate_limited"}

    (left,) = home.get_subentries_of_type("protected_hostname")
    assert left.data["zone_id"] == later
    assert len(valid(sandbox)) == 1


async def test_cloudflare_asks_for_a_pause_at_once(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    second: Zone,
) -> None:
    """Nothing is done, and nothing is done at the next start."""
    form = await open_options(hass, home, "remove")
    faults.limit(30, "GET", "/rulesets")
    form = await answer(hass, form, revoke=True)
    assert form["errors"] == {"base": "rate_limited"}
    faults.clear()
    account = same_account(home)
    async with restarted(hass) as again:
        await setup_integration(again, account)
        assert len(account.get_subentries_of_type("protected_hostname")) == 2
        assert len(valid(sandbox)) == 1
