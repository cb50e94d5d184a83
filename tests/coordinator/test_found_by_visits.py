"""Tests of what visits found wrong: it counts until a visit shows the opposite, also across starts."""

import asyncio
from collections.abc import Iterator
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.engine.probe import Enforcement, Probe
from sandbox import Sandbox
from tests.common import (
    EDGE_EVERY,
    ENGLISH,
    HOSTNAME,
    act,
    hostname_settings,
    records_of,
    reported,
    settle,
    setup_integration,
    state_of,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import Client, fetch, link_of, run_test, token_of_test
from tests.edge_conditions import Forgetting, challenge
from tests.restarts import restarted, same_account

from .test_edge_certificates import DEEP
from .test_settings_changed import add
from .test_visits import ENFORCED, SWITCH


class SlowVisits:
    """Visits without a certificate to an edge that can be slow to answer for a hostname."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Answer at once so far."""
        self._hostname: str | None = None
        self._began, self._go_on = asyncio.Event(), asyncio.Event()
        visit = Probe.without_certificate

        async def slowly(probe: Probe, hostname: str) -> Enforcement:
            if hostname == self._hostname:
                self._began.set()
                await self._go_on.wait()
            return await visit(probe, hostname)

        monkeypatch.setattr(Probe, "without_certificate", slowly)

    def begin(self, hostname: str) -> None:
        """Answer no visit to a hostname from now on."""
        self._hostname = hostname

    async def until_one_began(self) -> None:
        """Wait for a visit that is not answered."""
        async with asyncio.timeout(10):
            await self._began.wait()

    def end(self) -> None:
        """Answer all visits."""
        self._hostname = None
        self._go_on.set()


@pytest.fixture
def slow_visits(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowVisits]:
    """Return visits to an edge that can be slow."""
    visits = SlowVisits(monkeypatch)
    yield visits
    visits.end()


async def create(hass: HomeAssistant, entry: MockConfigEntry, browser: Client) -> str:
    """Have a device fetch a certificate; return the token of its test."""
    created = await act(
        hass, entry, "mint_certificate", name="Pixel 8", key_type="ec_p256"
    )
    return token_of_test(await fetch(browser, link_of(hass, created)))


async def find_open(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, forgets: Forgetting
) -> None:
    """Have a visit find that the edge lets visitors in, although the rules are right."""
    forgets.now = True
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "not_enforced" in reported(hass)


@pytest.mark.parametrize("is_restarted", [False, True], ids=["reload", "restart"])
async def test_open_before_a_start(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    *,
    is_restarted: bool,
) -> None:
    """It counts as open until a visit shows that it blocks: the repair stays, and nothing is proven."""
    browser = await hass_client_no_auth()
    token = await create(hass, loaded_entry, browser)
    await find_open(hass, freezer, forgets)
    challenge(sandbox)

    if is_restarted:
        account = same_account(loaded_entry)
        async with restarted(hass) as again:
            await setup_integration(again, account)
            assert state_of(again, ENFORCED) == "unknown"
            assert reported(again) == {"not_enforced"}
            zone_of(sandbox).settings.clear()
            forgets.now = False
            await wait_for_refresh(again, freezer, EDGE_EVERY)
            assert reported(again) == set()
    else:
        await hass.config_entries.async_reload(loaded_entry.entry_id)
        await settle(hass)
        assert state_of(hass, ENFORCED) == "unknown"
        assert reported(hass) == {"not_enforced"}
        freezer.tick(30)
        said = await run_test(browser, token)
        assert said == ENGLISH["common"]["proof_exposed"]


async def test_test_during_the_first_visit_after_a_start(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    slow_visits: SlowVisits,
) -> None:
    """A hostname that was found open counts as open until the visit is over, and after it."""
    browser = await hass_client_no_auth()
    token = await create(hass, loaded_entry, browser)
    await find_open(hass, freezer, forgets)
    challenge(sandbox)
    slow_visits.begin(HOSTNAME)
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await slow_visits.until_one_began()

    freezer.tick(30)
    assert await run_test(browser, token) == ENGLISH["common"]["proof_exposed"]
    slow_visits.end()
    await settle(hass)
    assert reported(hass) == {"not_enforced"}


async def test_creation_during_the_first_visit_after_a_start(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
    slow_visits: SlowVisits,
) -> None:
    """What is shown anew meanwhile closes no repair."""
    await find_open(hass, freezer, forgets)
    challenge(sandbox)
    slow_visits.begin(HOSTNAME)
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await slow_visits.until_one_began()

    await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    assert "not_enforced" in reported(hass)
    slow_visits.end()
    await settle(hass)
    assert "not_enforced" in reported(hass)


async def test_verified_during_the_first_visit_after_a_start(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
    slow_visits: SlowVisits,
) -> None:
    """That one hostname is seen to block visitors says nothing of another one."""
    add(hass, loaded_entry, {**hostname_settings(), "hostname": DEEP})
    await settle(hass)
    await find_open(hass, freezer, forgets)
    assert reported(hass) == {"not_enforced", "no_edge_certificate"}
    forgets.now = False
    slow_visits.begin(DEEP)
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await slow_visits.until_one_began()

    await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert reported(hass) == {"no_edge_certificate"}
    slow_visits.end()
    await settle(hass)
    assert reported(hass) == {"no_edge_certificate"}


@pytest.mark.parametrize("how", ["record", "switch"])
async def test_open_hostname_that_is_not_visited_for_a_while(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    how: str,
) -> None:
    """Nobody has seen it block visitors since it let them in."""
    browser = await hass_client_no_auth()
    token = await create(hass, loaded_entry, browser)
    await find_open(hass, freezer, forgets)
    challenge(sandbox)

    if how == "record":
        # Home Assistant writes it again.
        (record,) = records_of(sandbox)
        del zone_of(sandbox).dns_records[record.id]
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    else:
        await turn(hass, SWITCH, "off")
        assert reported(hass) == set()
        await turn(hass, SWITCH, "on")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert len(records_of(sandbox)) == 1

    freezer.tick(30)
    assert await run_test(browser, token) == ENGLISH["common"]["proof_exposed"]
    assert reported(hass) == {"not_enforced"}
