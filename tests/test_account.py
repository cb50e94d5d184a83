"""Tests of the pause that Cloudflare asks for: no part of the account sends requests before it is over."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
import re
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.account import async_create_client
from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import (
    CERTIFICATE_ID,
    HOSTNAME,
    TUNNELS_EVERY,
    act,
    add_known_certificate,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.faults import Faults

STATUS = "sensor.home_tunnel_status"
DRIFT = "binary_sensor.home_mobile_example_com_drift"

ACTIONS: dict[str, dict[str, Any]] = {
    "mint_certificate": {"name": "Tablet"},
    "renew_certificate": {"certificate_id": CERTIFICATE_ID},
    "revoke_certificate": {"certificate_id": CERTIFICATE_ID},
    "restore_certificate": {"certificate_id": CERTIFICATE_ID},
    "list_certificates": {},
    "sync": {},
    "get_blocked_requests": {"hostname": HOSTNAME},
}


async def press(hass: HomeAssistant, _: MockConfigEntry) -> None:
    """Press the hostname's button."""
    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": "button.home_mobile_example_com_sync"},
        blocking=True,
    )


async def add_hostname(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Open the dialog that adds a hostname, and return why it ends."""
    result: Any = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "protected_hostname"), context={"source": "user"}
    )
    assert result["reason"] == "rate_limited"
    raise HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=result["reason"],
        translation_placeholders=result["description_placeholders"],
    )


async def reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Reload the account."""
    await hass.config_entries.async_reload(entry.entry_id)


def action(name: str) -> Callable[[HomeAssistant, MockConfigEntry], Awaitable[Any]]:
    """Return a function that calls an action."""
    return lambda hass, entry: act(hass, entry, name, **ACTIONS[name])


BY_HAND: dict[str, Callable[[HomeAssistant, MockConfigEntry], Awaitable[Any]]] = {
    **{name: action(name) for name in ACTIONS},
    "button": press,
    "dialog": add_hostname,
}


@pytest.fixture
async def account(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> MockConfigEntry:
    """Return an account with a companion device; its requests are counted from here on."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    sandbox.journal.clear()
    faults.requests.clear()
    return entry


async def seconds_to_wait(act_by_hand: Awaitable[Any]) -> str:
    """Return the pause that an error of the action names."""
    with pytest.raises(HomeAssistantError) as caught:
        await act_by_hand
    told = caught.value.translation_placeholders
    assert told
    if caught.value.translation_key == "revocation_delayed":
        # The person reads that Home Assistant will revoke it later, and why not now.
        (seconds,) = re.findall(r"try again: (\d+)", told["reason"])
        return str(seconds)
    assert caught.value.translation_key == "rate_limited"
    return told["seconds"]


@with_device
@pytest.mark.parametrize("begin", BY_HAND)
async def test_pause_stops_every_request(
    hass: HomeAssistant,
    faults: Faults,
    account: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    begin: str,
) -> None:
    """After any 429, no request is sent until the pause is over; then everything continues."""
    fault = faults.limit(120, times=1)
    assert await seconds_to_wait(BY_HAND[begin](hass, account)) == "120"
    assert fault.hits == 1
    # Requests that were sent together with it were under way by then.
    await hass.async_add_executor_job(time.sleep, 0.2)
    faults.requests.clear()

    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert state_of(hass, STATUS) == "unavailable"
    for name, by_hand in BY_HAND.items():
        assert await seconds_to_wait(by_hand(hass, account)) == "60", name
    await wait_for_refresh(hass, freezer, timedelta(seconds=59))
    await reload(hass, account)
    assert faults.requests == []

    await wait_for_refresh(hass, freezer, timedelta(seconds=2))
    await hass.config_entries.async_reload(account.entry_id)
    await wait_for_refresh(hass, freezer, timedelta(seconds=1))
    assert faults.requests
    assert state_of(hass, STATUS) == "healthy"
    assert state_of(hass, DRIFT) == "off"


async def test_pause_that_a_coordinator_meets_holds_for_actions(
    hass: HomeAssistant,
    faults: Faults,
    account: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """After a 429 for the tunnels, an action sends no request for as long as the pause lasts."""
    faults.limit(120, path="/cfd_tunnel$", times=1)
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    faults.requests.clear()

    freezer.tick(119.5)
    assert await seconds_to_wait(act(hass, account, "list_certificates")) == "1"
    assert faults.requests == []

    freezer.tick(0.5)
    await act(hass, account, "list_certificates")
    assert faults.requests


async def test_pause_while_fixing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    account: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A rate-limited write is the last one; the remaining drift is fixed later.

    Only the checks may look meanwhile: their requests are under way when the answer comes.
    """
    zone = zone_of(sandbox)
    zone.rules[:] = [rule for rule in zone.rules if not rule.ref.startswith(DOMAIN)]
    fault = faults.limit(120, "POST", "/rules$", times=1)

    await wait_for_refresh(hass, freezer, timedelta(minutes=15))
    assert fault.hits == 1
    assert [method for method, _ in faults.requests if method != "GET"] == ["POST"]
    faults.requests.clear()
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert faults.requests == []

    for _ in range(2):
        await wait_for_refresh(hass, freezer, timedelta(minutes=15))
    assert state_of(hass, DRIFT) == "off"


async def test_another_account_is_not_paused(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, account: MockConfigEntry
) -> None:
    """A pause applies to one account only."""
    other = sandbox.state.add_account("Another account")
    faults.limit(120, times=1)
    await seconds_to_wait(act(hass, account, "list_certificates"))
    faults.requests.clear()

    token = sandbox.state.add_token()
    client = await async_create_client(hass, token, other.id)
    assert await client.tunnels.list(other.id) == ()
    assert len(faults.requests) == 1
    await seconds_to_wait(act(hass, account, "list_certificates"))
    assert len(faults.requests) == 1
