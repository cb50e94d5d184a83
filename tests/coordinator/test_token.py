"""Tests of the API token's expiry: a person hears of it before nothing is watched any more."""

from datetime import datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import (
    SECOND_LOOK,
    is_loaded,
    placeholders,
    reported,
    setup_integration,
    state_of,
    wait_for_refresh,
    written_out,
)
from tests.faults import Faults

SENSOR = "sensor.home_lab_token_expiry"
DAY = timedelta(days=1)
KEYS = {"token_expiring", "token_urgent"}


def expire(sandbox: Sandbox, expires_on: datetime | None) -> None:
    """Let the account's token expire at a time, or never."""
    sandbox.state.tokens[sandbox.token].expires_on = expires_on


@pytest.mark.parametrize(
    ("days", "issue"),
    [
        (365, set()),
        (31, set()),
        (29, {"token_expiring"}),
        (8, {"token_expiring"}),
        (6, {"token_urgent"}),
        (0.125, {"token_urgent"}),
    ],
)
async def test_token_that_expires(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    days: float,
    issue: set[str],
) -> None:
    """The sensor has the date, the repair names the day and leads to the integration."""
    expires_on = (dt_util.utcnow() + days * DAY).replace(microsecond=0)
    expire(sandbox, expires_on)

    await setup_integration(hass, entry)

    assert state_of(hass, SENSOR) == expires_on.isoformat()
    assert reported(hass) & KEYS == issue
    for key in issue:
        day = written_out(dt_util.as_local(expires_on))
        assert placeholders(hass, key) == {"account": "Home lab", "date": day}


@pytest.mark.parametrize("expires_on", [None, "not a date", 7])
async def test_no_date(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    expires_on: Any,
) -> None:
    """A token that never expires has no sensor and no repair; a date that is none does no harm."""
    result = {"id": "token", "status": "active", "expires_on": expires_on}
    faults.add(
        "GET", "/tokens/verify", status=200, body={"success": True, "result": result}
    )

    await setup_integration(hass, entry)

    assert is_loaded(entry)
    assert hass.states.get(SENSOR) is None
    assert not reported(hass) & KEYS


async def test_early_repair_becomes_urgent(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The token is looked at every day; another token closes the repair."""
    expire(sandbox, dt_util.utcnow() + 7.5 * DAY)
    await setup_integration(hass, entry)
    assert reported(hass) & KEYS == {"token_expiring"}

    await wait_for_refresh(hass, freezer, timedelta(days=1, seconds=1))
    assert reported(hass) & KEYS == {"token_urgent"}

    token = sandbox.state.add_token()
    data = {**entry.data, "api_token": token}
    hass.config_entries.async_update_entry(entry, data=data)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not reported(hass) & KEYS


async def test_single_refusal(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A stray refusal asks for no new token, and is over at the next look."""
    expire(sandbox, dt_util.utcnow() + 365 * DAY)
    await setup_integration(hass, entry)
    faults.refuse("GET", "/tokens/verify", 403, 9109, "Unauthorized", times=1)

    await wait_for_refresh(hass, freezer, timedelta(days=1, seconds=1))
    assert not list(entry.async_get_active_flows(hass, {"reauth"}))
    assert state_of(hass, SENSOR) == "unavailable"

    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert state_of(hass, SENSOR) != "unavailable"


async def test_verification_that_fails(
    hass: HomeAssistant, faults: Faults, entry: MockConfigEntry
) -> None:
    """The account is set up all the same: everything else works without that date."""
    faults.unavailable("GET", "/tokens/verify")

    await setup_integration(hass, entry)

    assert is_loaded(entry)
    assert not reported(hass) & KEYS


async def test_reload_while_it_cannot_be_verified(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """Nobody has seen that it expires later: the repair stays."""
    expire(sandbox, dt_util.utcnow() + 29 * DAY)
    await setup_integration(hass, entry)
    assert reported(hass) & KEYS == {"token_expiring"}
    faults.unavailable("GET", "/tokens/verify")
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert reported(hass) & KEYS == {"token_expiring"}
