"""Tests of the visits to the edge: what they show, and when a repair reports that somebody gets in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.helpers.entity_component import async_update_entity
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, Rule
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    TUNNELS_EVERY,
    act,
    is_loaded,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.edge_conditions import Forgetting, challenge
from tests.faults import Faults

ENFORCED = "binary_sensor.home_mobile_example_com_enforced"
DRIFT = "binary_sensor.home_mobile_example_com_drift"
SWITCH = "switch.home_mobile_example_com_published"


@pytest.fixture
async def mute_edge(socket_enabled: None) -> AsyncIterator[str]:
    """Run an edge that accepts connections and never answers; return its address."""

    async def be_silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.wait_closed()

    server = await asyncio.start_server(be_silent, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    server.abort_clients()
    await server.wait_closed()


def block_rule(sandbox: Sandbox) -> Rule:
    """Return our rule that blocks."""
    return next(rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF)


async def test_enforced(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """Once the hostname is in sync, it has been visited on both ports, and blocked."""
    (subentry_id,) = loaded_entry.subentries
    assert state_of(hass, ENFORCED) == "on"
    assert reported(hass) == set()
    assert {(item.host, item.path) for item in sandbox.state.blocked} == {
        (HOSTNAME, "/"),
        (f"{HOSTNAME}:8443", "/"),
    }
    entity = entity_registry.async_get(ENFORCED)
    assert entity
    assert entity.unique_id == f"{subentry_id}_enforced"
    assert entity.entity_category == "diagnostic"
    assert entity.config_subentry_id == subentry_id
    device = device_registry.async_get(entity.device_id or "")
    assert device
    assert device.identifiers == {(DOMAIN, subentry_id)}


@pytest.mark.parametrize("is_behind", [True, False], ids=["Home Assistant", "nobody"])
async def test_let_past_although_the_rules_are_right(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
    is_behind: bool,
) -> None:
    """Only a visit shows it; a repair reports it, and closes once visitors are blocked again."""
    forgets.now = True
    sandbox.journal.clear()

    if not is_behind:
        sandbox.state.origins.clear()

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, ENFORCED) == "off"
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == {"not_enforced"}
    assert sandbox.journal.writes == []
    (issue,) = (
        issue
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN
    )
    assert issue.severity is ir.IssueSeverity.ERROR
    assert not issue.is_fixable
    assert issue.translation_placeholders == {"hostname": HOSTNAME}

    forgets.now = False
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "on"
    assert reported(hass) == set()


async def test_visit_without_a_verdict(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The sensor is unknown, and an open repair stays open."""
    forgets.now = True
    challenge(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "unknown"
    assert reported(hass) == set()

    zone_of(sandbox).settings.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "off"
    assert reported(hass) == {"not_enforced"}

    challenge(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "unknown"
    assert reported(hass) == {"not_enforced"}


async def test_edge_that_refuses_connections(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """Without an edge to visit, the sensor is unknown and everything else works."""
    monkeypatch.setenv("CLOUDFLARE_MTLS_EDGE", f"127.0.0.1:{unused_tcp_port}")

    await setup_integration(hass, entry)

    assert is_loaded(entry)
    assert state_of(hass, ENFORCED) == "unknown"
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


async def test_edge_that_does_not_answer(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    mute_edge: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither set-up nor unloading waits for a visit."""
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    monkeypatch.setenv("CLOUDFLARE_MTLS_EDGE", mute_edge)

    async with asyncio.timeout(5):
        await hass.config_entries.async_setup(loaded_entry.entry_id)
        await hass.async_block_till_done()
        assert is_loaded(loaded_entry)
        assert state_of(hass, DRIFT) == "off"
        assert state_of(hass, ENFORCED) == "unknown"

        assert await hass.config_entries.async_unload(loaded_entry.entry_id)
        await settle(hass)
    assert state_of(hass, ENFORCED) == "unavailable"


class TestAskFirst:
    """A hostname whose owner fixes it by hand."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return a hostname that is not kept in sync."""
        return {**settings, "keep_in_sync": False}

    async def test_without_a_record_there_is_nothing_to_visit(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        """Before the record exists, there is neither a visit nor a repair."""
        assert state_of(hass, ENFORCED) == "unknown"
        assert reported(hass) == {"drift"}
        assert sandbox.state.blocked == []

        await act(hass, loaded_entry, "sync")
        await settle(hass)
        assert state_of(hass, ENFORCED) == "on"
        assert reported(hass) == set()

    @pytest.mark.parametrize(
        "change",
        [
            lambda rule: setattr(rule, "enabled", False),
            # The other ports are forgotten.
            lambda rule: setattr(
                rule,
                "expression",
                rule.expression.replace(
                    f'starts_with(lower(http.host), "{HOSTNAME}")',
                    f'http.host eq "{HOSTNAME}"',
                ),
            ),
        ],
        ids=["disabled", "one port only"],
    )
    async def test_exposed_by_its_rules(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        change: Callable[[Rule], None],
    ) -> None:
        """An exposure that the rules explain has only the repair that can fix it."""
        await act(hass, loaded_entry, "sync")
        await settle(hass)
        before = block_rule(sandbox).expression, block_rule(sandbox).enabled
        change(block_rule(sandbox))
        assert (block_rule(sandbox).expression, block_rule(sandbox).enabled) != before

        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, ENFORCED) == "off"
        assert reported(hass) == {"exposed"}

        await act(hass, loaded_entry, "sync")
        await settle(hass)
        assert state_of(hass, ENFORCED) == "on"
        assert reported(hass) == set()

    async def test_rules_that_cannot_be_read(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Without the permission to read the rules, the hostname is still visited."""
        await act(hass, loaded_entry, "sync")
        token = sandbox.state.tokens[sandbox.token]
        token.permissions = ALL_PERMISSIONS - {"waf:edit"}
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, DRIFT) == "unavailable"
        assert state_of(hass, ENFORCED) == "on"

        block_rule(sandbox).enabled = False
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, ENFORCED) == "off"
        assert reported(hass) == {"permission_missing", "not_enforced_unread"}

    async def test_record_that_is_deleted(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        forgets: Forgetting,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Without a record it cannot be visited: the sensor is unknown, and the repair closes."""
        await act(hass, loaded_entry, "sync")
        await settle(hass)
        forgets.now = True
        await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
        assert reported(hass) == {"not_enforced"}
        records = zone_of(sandbox).dns_records
        for key in [key for key, item in records.items() if item.name == HOSTNAME]:
            del records[key]

        await wait_for_refresh(hass, freezer, EDGE_EVERY)

        assert state_of(hass, ENFORCED) == "unknown"
        assert reported(hass) == {"drift"}

    async def test_record_that_comes_back_unseen(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        loaded_entry: MockConfigEntry,
        forgets: Forgetting,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """While records cannot be read, one may be there: the hostname is visited."""
        await act(hass, loaded_entry, "sync")
        records = zone_of(sandbox).dns_records
        deleted = dict(records)
        records.clear()
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        faults.unavailable("GET", "/dns_records")
        records |= deleted
        forgets.now = True

        for _ in range(2):
            await wait_for_refresh(hass, freezer, EDGE_EVERY)

        assert state_of(hass, ENFORCED) == "off"
        assert reported(hass) == {"drift", "not_enforced_unread"}


async def test_rules_that_somebody_changed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
) -> None:
    """After fixing there is another visit, long before the next would be due."""
    await wait_for_refresh(hass, freezer, EDGE_EVERY - timedelta(minutes=5))
    forgets.now = True
    await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert state_of(hass, ENFORCED) == "off"
    forgets.now = False
    block_rule(sandbox).enabled = False

    await async_update_entity(hass, DRIFT)
    await settle(hass)

    assert block_rule(sandbox).enabled
    assert state_of(hass, ENFORCED) == "on"
    assert reported(hass) == set()


async def test_unpublished(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A hostname that is not published is not visited, and its repair closes."""
    forgets.now = True
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"not_enforced"}

    await hass.services.async_call(
        "switch", "turn_off", {"entity_id": SWITCH}, blocking=True
    )
    await settle(hass)
    assert state_of(hass, ENFORCED) == "unknown"
    assert reported(hass) == set()

    forgets.now = False
    sandbox.state.blocked.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert sandbox.state.blocked == []
    assert state_of(hass, ENFORCED) == "unknown"

    # The action still visits it, and no entity shows the result.
    met = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert met["enforced"] is True
    assert state_of(hass, ENFORCED) == "unknown"


async def test_four_visits_an_hour_and_no_call(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry: er.EntityRegistry,
) -> None:
    """Visits cost no API calls, and happen even if no entity shows them."""
    entity_registry.async_update_entity(
        ENFORCED, disabled_by=er.RegistryEntryDisabler.USER
    )
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    sandbox.state.blocked.clear()
    sandbox.journal.clear()

    for _ in range(60):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert 3 * 2 <= len(sandbox.state.blocked) <= 4 * 2
    visits = len(sandbox.state.blocked)
    calls = len(sandbox.journal.requests)
    met = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert met["enforced"] is True
    assert len(sandbox.state.blocked) == visits + 2
    # The action looks at the rules too, once.
    asked = sandbox.journal.requests[calls:]
    rules = "/phases/http_request_firewall_custom/entrypoint"
    assert len([entry for entry in asked if entry.path.endswith(rules)]) == 1
