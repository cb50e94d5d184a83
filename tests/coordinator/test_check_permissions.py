"""Tests of checks that the token may not make, or that Cloudflare does not answer."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, Plan
from tests.common import (
    CHECKS_EVERY,
    EDGE_EVERY,
    reported,
    setup_integration,
    wait_for_refresh,
    zone_of,
)
from tests.coordinator.causes import bot_fight_mode, change_setting, log_in
from tests.faults import Faults


@pytest.mark.parametrize(
    ("missing", "named", "left"),
    [
        (
            {"settings:edit"},
            ["Zone / Zone Settings / Read"],
            {"check_bot_fight_mode", "check_access_login"},
        ),
        (
            {"bots:edit"},
            ["Zone / Bot Management / Read"],
            {"check_websockets_off", "check_access_login"},
        ),
        (
            {"access_apps:edit"},
            # Cloudflare says that there are none.
            [],
            {
                "check_websockets_off",
                "check_bot_fight_mode",
                "check_open_hostname",
            },
        ),
        (
            {"firewall:edit"},
            ["Zone / Firewall Services / Read"],
            {"check_websockets_off", "check_bot_fight_mode", "check_access_login"},
        ),
        (
            {"workers:edit"},
            ["Zone / Workers Routes / Read"],
            {"check_websockets_off", "check_bot_fight_mode", "check_access_login"},
        ),
        (
            {
                "settings:edit",
                "bots:edit",
                "access_apps:edit",
                "firewall:edit",
                "workers:edit",
            },
            [
                "Zone / Bot Management / Read",
                "Zone / Firewall Services / Read",
                "Zone / Workers Routes / Read",
                "Zone / Zone Settings / Read",
            ],
            {"check_open_hostname"},
        ),
    ],
    ids=["settings", "bots", "Access", "IP Access rules", "Workers", "all"],
)
async def test_permissions_are_optional(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
    missing: set[str],
    named: list[str],
    left: set[str],
) -> None:
    """Without a permission one check is off, and only the diagnostics say so."""
    for cause in (change_setting("websockets", "off"), bot_fight_mode, log_in):
        cause(sandbox)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - missing

    await setup_integration(hass, entry)

    assert reported(hass) == left
    diagnostics = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert diagnostics["checks"] == {
        "found": sorted(item.removeprefix("check_") for item in left),
        "not_permitted": named,
    }
    token.permissions = ALL_PERMISSIONS
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == {
        "check_websockets_off",
        "check_bot_fight_mode",
        "check_access_login",
    }


async def test_refused_settings_are_read_once(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """After one refusal, the other settings are not read."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"settings:edit"}
    await setup_integration(hass, entry)
    asked = {
        item.path for item in sandbox.journal.requests if "/settings/" in item.path
    }
    assert len(asked) == 1


async def test_plan_without_a_setting(
    hass: HomeAssistant, faults: Faults, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """A setting that the zone does not have has no repair."""
    zone_of(sandbox).plan = Plan.PRO
    faults.refuse("GET", "/settings/0rtt", 400, 1003, "Undefined zone setting: 0rtt")
    change_setting("websockets", "off")(sandbox)
    await setup_integration(hass, entry)
    assert reported(hass) == {"check_websockets_off"}


async def test_repair_outlives_an_outage(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """While Cloudflare does not answer, the repair stays; the next attempt comes soon."""
    change_setting("websockets", "off")(sandbox)
    await setup_integration(hass, entry)
    assert reported(hass) == {"check_websockets_off"}
    faults.unavailable("GET", "/settings/")

    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == {"check_websockets_off"}

    faults.clear()
    change_setting("websockets", "on")(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY + timedelta(seconds=1))
    assert reported(hass) == set()
