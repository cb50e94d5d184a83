"""Tests of the repairs that fix what a check found: they change only that, or say why they cannot."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS
from tests.common import (
    CHECKS_EVERY,
    issues,
    placeholders,
    settle,
    wait_for_refresh,
    zone_of,
)
from tests.coordinator.causes import (
    ZONE_WIDE,
    bot_fight_mode,
    change_setting,
    config_of,
    no_catch_all,
)
from tests.dialogs import Client, begin_repair, confirm_repair
from tests.faults import Faults


def world(sandbox: Sandbox) -> Any:
    """Return everything at Cloudflare that a repair could change."""
    zone = zone_of(sandbox)
    return deepcopy(
        (
            {name: changed.value for name, changed in zone.settings.items()},
            zone.bot_management,
            zone.rules,
            zone.associations,
            zone.dns_records,
            sandbox.state.tunnels[sandbox.tunnel_id].config,
            sandbox.state.accounts[sandbox.account_id].access,
        )
    )


FIXABLE = [
    pytest.param(
        change_setting("websockets", "off"),
        "check_websockets_off",
        ZONE_WIDE,
        change_setting("websockets", "on"),
        id="websockets",
    ),
    pytest.param(
        change_setting("0rtt", "on"),
        "check_zero_rtt_on",
        ZONE_WIDE,
        change_setting("0rtt", "off"),
        id="0-RTT",
    ),
    pytest.param(
        change_setting("min_tls_version", "1.3"),
        "check_tls_1_3_only",
        ZONE_WIDE,
        change_setting("min_tls_version", "1.2"),
        id="TLS 1.3",
    ),
    pytest.param(
        bot_fight_mode,
        "check_bot_fight_mode",
        ZONE_WIDE,
        lambda sandbox: zone_of(sandbox).bot_management.update(fight_mode=False),
        id="Bot Fight Mode",
    ),
    pytest.param(
        no_catch_all,
        "check_no_catch_all",
        {"target": "home", "value": "–", "detail": "–"},
        lambda sandbox: config_of(sandbox)["ingress"].append(
            {"service": "http_status:404"}
        ),
        id="last rule",
    ),
]


@pytest.mark.parametrize(("cause", "key", "told", "fixed"), FIXABLE)
async def test_fixable_problem(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    cause: Callable[[Sandbox], None],
    key: str,
    told: dict[str, str],
    fixed: Callable[[Sandbox], None],
) -> None:
    """The repair names the problem, changes only that once confirmed, and closes."""
    cause(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass).keys() == {key}
    assert placeholders(hass, key) == told
    assert sandbox.journal.writes == []
    before = world(sandbox)

    flow = await begin_repair(client, issues(hass)[key])
    assert flow["step_id"] == "confirm"
    assert flow["description_placeholders"] == {**told, "warning": ""}
    assert world(sandbox) == before

    done = await confirm_repair(client, flow)
    await settle(hass)

    assert done["type"] == "create_entry"
    assert len(sandbox.journal.writes) == 1
    after = world(sandbox)
    assert after != before
    assert issues(hass) == {}
    # Everything else is unchanged.
    cause(sandbox)
    assert world(sandbox) == before
    fixed(sandbox)
    assert world(sandbox) == after
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass) == {}


@pytest.mark.parametrize(("cause", "key", "told", "fixed"), FIXABLE)
async def test_read_only_token(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    cause: Callable[[Sandbox], None],
    key: str,
    told: dict[str, str],
    fixed: Callable[[Sandbox], None],
) -> None:
    """The dialog names the missing permission; nothing is changed, and the repair stays."""
    cause(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = frozenset(
        item.replace("edit", "read") for item in ALL_PERMISSIONS
    )
    before = world(sandbox)

    aborted = await confirm_repair(
        client, await begin_repair(client, issues(hass)[key])
    )

    assert aborted["type"] == "abort"
    assert aborted["reason"] == "permission_missing"
    assert aborted["description_placeholders"]["permission"].endswith("/ Edit")
    assert world(sandbox) == before
    assert issues(hass).keys() == {key}


@pytest.mark.parametrize("path", ["/settings/websockets$", "/bot_management$"])
@pytest.mark.parametrize("method", ["GET", "*"])
async def test_pause_that_cloudflare_asks_for(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    freezer: FrozenDateTimeFactory,
    method: str,
    path: str,
) -> None:
    """The dialog says how long to wait; the pause is kept, and nothing is changed."""
    change_setting("websockets", "off")(sandbox)
    bot_fight_mode(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    before = world(sandbox)
    key = "check_websockets_off" if "websockets" in path else "check_bot_fight_mode"
    flow = await begin_repair(client, issues(hass)[key])
    faults.limit(77, method, path)

    aborted = await confirm_repair(client, flow)

    assert aborted["reason"] == "rate_limited"
    assert aborted["description_placeholders"]["seconds"] == "77"
    assert world(sandbox) == before
    assert key in issues(hass)
    sandbox.journal.clear()
    await hass.config_entries.async_entries(DOMAIN)[
        0
    ].runtime_data.protection.async_refresh()
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("key", ["check_websockets_off", "check_no_catch_all"])
async def test_cloudflare_that_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    freezer: FrozenDateTimeFactory,
    key: str,
) -> None:
    """The dialog ends with an explanation, and can be opened again."""
    change_setting("websockets", "off")(sandbox)
    no_catch_all(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    flow = await begin_repair(client, issues(hass)[key])
    faults.unavailable("*", "/(settings|configurations)")

    aborted = await confirm_repair(client, flow)

    assert aborted["reason"] == "unavailable"
    assert sandbox.journal.writes == []
    faults.clear()
    done = await confirm_repair(client, await begin_repair(client, issues(hass)[key]))
    assert done["type"] == "create_entry"
    await settle(hass)
    assert key not in issues(hass)


async def test_cause_that_somebody_else_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A problem that is gone is not fixed again, before and after the dialog notices."""
    change_setting("websockets", "off")(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    issue_id = issues(hass)["check_websockets_off"]
    first, second = (
        await begin_repair(client, issue_id),
        await begin_repair(client, issue_id),
    )
    change_setting("websockets", "on")(sandbox)

    assert (await confirm_repair(client, first))["type"] == "create_entry"
    assert (await confirm_repair(client, second))["type"] == "create_entry"

    assert sandbox.journal.writes == []
    assert issues(hass) == {}


async def test_account_that_is_not_connected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A repair of an account that is not loaded says so."""
    change_setting("websockets", "off")(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    issue_id = issues(hass)["check_websockets_off"]
    await hass.config_entries.async_unload(loaded_entry.entry_id)

    assert (await begin_repair(client, issue_id))["reason"] == "entry_not_loaded"


async def test_repairs_go_with_their_account(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A removed account has no repairs."""
    change_setting("websockets", "off")(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass)
    await hass.config_entries.async_remove(loaded_entry.entry_id)
    assert issues(hass) == {}


async def test_tunnel_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was told of the tunnel stays told, also where its domain changes, until somebody looks."""
    no_catch_all(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert "check_no_catch_all" in issues(hass)

    faults.unavailable("GET", "/configurations")
    bot_fight_mode(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass).keys() == {"check_no_catch_all", "check_bot_fight_mode"}

    faults.clear()
    config_of(sandbox)["ingress"].append({"service": "http_status:404"})
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass).keys() == {"check_bot_fight_mode"}
