"""Certificates that somebody makes up, and other ways to silence the alarm, or to keep it for ever."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.app_requests import Client, fail_to_log_in, send_battery, set_up_with_phone
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    companion,
    hostname_settings,
    reported,
    settle,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults
from tests.identities import told_headers

KEY = "uncertified_request"
MINUTE = timedelta(minutes=1)
MADE_UP = "0a" * 32


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.fixture
async def client(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> Client:
    """Return what sends requests to Home Assistant, through the tunnel."""
    await set_up_with_phone(hass, sandbox, entry)
    freezer.tick(MINUTE)
    return await hass_client_no_auth()


def block_rule(sandbox: Sandbox) -> Any:
    """Return our block rule at Cloudflare."""
    return next(item for item in zone_of(sandbox).rules if item.ref == BLOCK_REF)


async def test_made_up_certificate_while_the_rule_is_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Somebody who signs a certificate themselves gets in, and is told as one without any."""
    block_rule(sandbox).enabled = False
    await fail_to_log_in(client, told_headers(sandbox, MADE_UP))
    await settle(hass)
    assert block_rule(sandbox).enabled
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert KEY in reported(hass)


async def test_made_up_certificate_while_the_rules_look_right(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Something else lets this visitor in, as an IP Access rule does: nothing but the alarm sees it."""
    await send_battery(client, told_headers(sandbox, MADE_UP))
    await settle(hass)
    assert KEY not in reported(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert KEY in reported(hass)


async def test_alarm_ends_while_the_hostname_is_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The repair says to turn Published off, and that it goes a day after the last request."""
    await send_battery(client, told_headers(sandbox, None))
    await settle(hass)
    assert reported(hass) == {KEY}
    await turn(hass, "switch.home_mobile_example_com_published", "off")
    await settle(hass)
    for _ in range(3):
        freezer.tick(timedelta(days=1))
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert KEY not in reported(hass)


async def test_look_that_an_unknown_certificate_used_up(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    """An unknown certificate, as each new one is at its first visit, does not delay the closing of a rule."""
    await send_battery(client, told_headers(sandbox, MADE_UP))
    await settle(hass)
    block_rule(sandbox).enabled = False
    await fail_to_log_in(client, told_headers(sandbox, None))
    await settle(hass)
    assert reported(hass) == {KEY}
    assert block_rule(sandbox).enabled


@pytest.mark.parametrize(
    "settings",
    [{**hostname_settings(), "exempt_paths": ["/api/webhook/"]}],
    ids=["exempt webhooks"],
)
async def test_made_up_certificate_at_an_exempt_path(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, faults: Faults
) -> None:
    """Everybody may send it, with any certificate: it is no reason to ask Cloudflare."""
    faults.requests.clear()
    await send_battery(client, told_headers(sandbox, MADE_UP))
    await settle(hass)
    assert faults.requests == []
