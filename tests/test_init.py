"""Tests of setting up, running and recovering."""

import asyncio
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox

from .common import (
    COMPANION_ID,
    EDGE_EVERY,
    TUNNELS_EVERY,
    act,
    add_known_certificate,
    is_loaded,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from .faults import Faults

STATUS = "sensor.home_tunnel_status"
DRIFT = "binary_sensor.home_mobile_example_com_drift"


async def test_set_up_unload_and_reload(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """None of these changes anything at Cloudflare."""
    assert is_loaded(loaded_entry)
    assert state_of(hass, STATUS) == "healthy"
    sandbox.journal.clear()

    assert await hass.config_entries.async_unload(loaded_entry.entry_id)
    await settle(hass)
    assert loaded_entry.state is ConfigEntryState.NOT_LOADED
    assert state_of(hass, STATUS) == "unavailable"

    assert await hass.config_entries.async_setup(loaded_entry.entry_id)
    await settle(hass)
    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert is_loaded(loaded_entry)
    assert state_of(hass, STATUS) == "healthy"
    assert sandbox.journal.writes == []


async def test_unloaded_account_sends_no_requests(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    sandbox.journal.clear()

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert sandbox.journal.requests == []


async def test_in_sync_means_no_write(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Refreshes without drift write nothing."""
    sandbox.journal.clear()

    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert sandbox.journal.requests
    assert sandbox.journal.writes == []


async def test_requests_of_an_hour_without_change(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An hour costs sixty lists of tunnels, connections every five minutes, and four refreshes of the rules."""
    await setup_integration(hass, entry)
    sandbox.journal.clear()

    for _ in range(60):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    paths = [request.path.rsplit("/", 1)[-1] for request in sandbox.journal.requests]
    assert 58 <= paths.count("cfd_tunnel") <= 60
    assert 10 <= paths.count("connections") <= 12
    assert 3 <= paths.count("client_certificates") <= 4
    assert len(paths) <= 3000 / 24


@pytest.mark.parametrize("path", ["/cfd_tunnel$", "/(dns_records|client_certificates)"])
async def test_unavailable_at_first(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """An account whose Cloudflare does not answer is tried again until it does."""
    faults.unavailable("GET", path)
    await setup_integration(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert hass.config_entries.flow.async_progress() == []

    faults.clear()
    await wait_for_refresh(hass, freezer, timedelta(minutes=1))

    assert is_loaded(entry)
    assert state_of(hass, STATUS) == "healthy"


# What is asked at the same time is answered after the set-up has failed.
@pytest.mark.parametrize("expected_lingering_tasks", [True])
@pytest.mark.parametrize("status", ["disabled", "expired", "gone"])
async def test_invalid_token(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, status: str
) -> None:
    """Only a token that Cloudflare rejects as a whole starts a reauthentication."""
    old = sandbox.state.tokens.pop(sandbox.token)
    dead = sandbox.state.add_token(status="disabled" if status == "gone" else status)
    sandbox.state.tokens |= {
        "disabled": {sandbox.token: sandbox.state.tokens[dead]},
        "expired": {sandbox.token: sandbox.state.tokens[dead]},
        "gone": {"cfut_" + "n" * 40: old},
    }[status]

    await setup_integration(hass, entry)

    assert entry.state is ConfigEntryState.SETUP_ERROR
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["context"]["entry_id"] == entry.entry_id
    assert sandbox.journal.writes == []


async def test_token_that_becomes_invalid_later(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One flow is started, however often the token is rejected."""
    del sandbox.state.tokens[sandbox.token]

    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert state_of(hass, STATUS) == "unavailable"
    assert state_of(hass, DRIFT) == "unavailable"


async def test_pause_that_cloudflare_asks_for(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """No request is sent before the Retry-After is over; then everything recovers."""
    fault = faults.limit(240, times=1, path="/cfd_tunnel$")
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert fault.hits == 1
    assert state_of(hass, STATUS) == "unavailable"
    faults.requests.clear()

    for _ in range(3):
        await wait_for_refresh(hass, freezer, timedelta(seconds=79))
    assert faults.requests == []

    await wait_for_refresh(hass, freezer, timedelta(seconds=4))
    assert faults.requests
    assert state_of(hass, STATUS) == "healthy"


async def test_pause_that_cloudflare_asks_for_at_first(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The Retry-After is kept during set-up, too."""
    faults.limit(240)
    await setup_integration(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    faults.clear()
    faults.requests.clear()

    for _ in range(3):
        await wait_for_refresh(hass, freezer, timedelta(seconds=79))
    assert faults.requests == []

    # Home Assistant's own pause has grown meanwhile, differently in each version.
    for _ in range(4):
        await wait_for_refresh(hass, freezer, timedelta(seconds=90))
    assert is_loaded(entry)


async def test_one_line_when_down_and_one_when_back(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An outage is logged once, and its end once; the entry recovers without a reload."""
    caplog.clear()
    caplog.set_level("INFO")
    faults.unavailable("GET", "/cfd_tunnel")
    for _ in range(5):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert state_of(hass, STATUS) == "unavailable"
    assert state_of(hass, DRIFT) == "off"
    faults.clear()
    for _ in range(2):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert state_of(hass, STATUS) == "healthy"
    lines = [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name.startswith(f"custom_components.{DOMAIN}")
    ]
    assert [level for level, _ in lines] == ["ERROR", "INFO"]
    assert "did not give a usable answer" in lines[0][1]
    assert "recovered" in lines[1][1]


async def test_zone_that_cannot_be_read(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An entity whose data cannot be read is unavailable: the last value may be wrong."""
    faults.unavailable("GET", "/zones/")

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "unavailable"
    assert state_of(hass, STATUS) == "healthy"

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "off"


async def test_account_without_hostnames_asks_for_no_zone(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Only the tunnels are read."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Home lab",
        unique_id=sandbox.account_id,
        data={"api_token": sandbox.token, "account_id": sandbox.account_id},
    )

    await setup_integration(hass, entry)

    assert is_loaded(entry)
    assert state_of(hass, STATUS) == "healthy"
    assert not [
        request for request in sandbox.journal.requests if "/zones" in request.path
    ]
    assert await act(hass, entry, "list_certificates") == {
        "certificates": [],
        "unread_zones": [],
    }


async def test_account_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Everything at Cloudflare stays as it is, closed."""
    sandbox.journal.clear()

    await hass.config_entries.async_remove(loaded_entry.entry_id)
    freezer.tick(EDGE_EVERY)
    async_fire_time_changed(hass)
    await settle(hass)

    assert hass.states.async_all() == []
    assert sandbox.journal.requests == []


@with_device
async def test_removed_while_the_account_is_set_up(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """A change during the set-up is carried out right after it."""
    await add_known_certificate(hass, entry, sandbox)
    entry.add_to_hass(hass)
    hold = asyncio.Event()
    fault = faults.add("GET", "/dns_records", hold=hold, times=1)
    set_up = hass.async_create_task(hass.config_entries.async_setup(entry.entry_id))
    await fault.until_hit()

    hass.config_entries.async_remove_subentry(entry, COMPANION_ID)
    hold.set()
    assert await set_up
    await settle(hass)

    (certificate,) = zone_of(sandbox).certificates.values()
    assert certificate.status != "active"
    assert not device_registry.async_get_device_by_identifier(
        (DOMAIN, COMPANION_ID), entry.entry_id
    )
