"""Tests of the binary sensors: connected or not, and whether there is drift."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
from syrupy.assertion import SnapshotAssertion

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, DnsRecord, Rule, Zone

from .common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    SKIP_REF,
    TUNNELS_EVERY,
    add_known_certificate,
    companion,
    described,
    setup_integration,
    state_of,
    wait_for_refresh,
)
from .faults import Faults

CONNECTED = "binary_sensor.home_connected"
DRIFT = "binary_sensor.home_mobile_example_com_drift"


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_binary_sensors(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
) -> None:
    """A home with one tunnel, one protected hostname and one phone has these binary sensors."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)

    entities = described(hass, entity_registry, entry)
    assert {
        entity_id: entity
        for entity_id, entity in entities.items()
        if entity_id.startswith("binary_sensor.")
    } == snapshot


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("healthy", "on"),
        ("degraded", "on"),
        ("down", "off"),
        ("inactive", "off"),
        ("sleepy", "unknown"),
        (None, "unknown"),
    ],
)
async def test_connected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    status: Any,
    state: str,
) -> None:
    """A tunnel is connected while requests get through it; an unknown status stays unknown."""
    sandbox.state.tunnels[sandbox.tunnel_id].status = status

    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert state_of(hass, CONNECTED) == state


async def test_unavailable_during_an_outage(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An outage is neither connected nor drift."""
    faults.unavailable("GET", "")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, CONNECTED) == "unavailable"
    assert state_of(hass, DRIFT) == "unavailable"


def rule_of(zone: Zone, ref: str) -> Rule:
    """Return one of our rules."""
    return next(rule for rule in zone.rules if rule.ref == ref)


def _edit_block_rule(sandbox: Sandbox) -> None:
    rule = rule_of(sandbox.state.zones[sandbox.zone_id], BLOCK_REF)
    rule.expression = f'http.host eq "{HOSTNAME}"'


def _disable_block_rule(sandbox: Sandbox) -> None:
    rule_of(sandbox.state.zones[sandbox.zone_id], BLOCK_REF).enabled = False


def _log_instead_of_block(sandbox: Sandbox) -> None:
    rule_of(
        sandbox.state.zones[sandbox.zone_id], BLOCK_REF
    ).action = "managed_challenge"


def _delete_block_rule(sandbox: Sandbox) -> None:
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.rules.remove(rule_of(zone, BLOCK_REF))


def _delete_skip_rule(sandbox: Sandbox) -> None:
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.rules.remove(rule_of(zone, SKIP_REF))


def _reverse_rules(sandbox: Sandbox) -> None:
    sandbox.state.zones[sandbox.zone_id].rules.reverse()


def _foreign_skip_rule_first(sandbox: Sandbox) -> None:
    sandbox.state.zones[sandbox.zone_id].rules.insert(
        0,
        Rule(
            "skip",
            'ip.src.country eq "DE"',
            "Foreign skip",
            action_parameters={"ruleset": "current"},
        ),
    )


def _dissociate(sandbox: Sandbox) -> None:
    associations = sandbox.state.zones[sandbox.zone_id].associations
    assert associations
    associations.remove(HOSTNAME)


def _stop_serving(sandbox: Sandbox) -> None:
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    ingress[:] = [rule for rule in ingress if rule.get("hostname") != HOSTNAME]


def _serve_elsewhere(sandbox: Sandbox) -> None:
    for rule in sandbox.state.tunnels[sandbox.tunnel_id].ingress:
        rule["service"] = {HOSTNAME: "http://evil:1"}.get(
            rule.get("hostname", ""), rule["service"]
        )


def _record(sandbox: Sandbox) -> DnsRecord:
    records = sandbox.state.zones[sandbox.zone_id].dns_records.values()
    return next(record for record in records if record.name == HOSTNAME)


def _delete_record(sandbox: Sandbox) -> None:
    del sandbox.state.zones[sandbox.zone_id].dns_records[_record(sandbox).id]


def _unproxy_record(sandbox: Sandbox) -> None:
    _record(sandbox).proxied = False


DRIFTS: list[Any] = [
    pytest.param(change, id=change.__name__.strip("_"))
    for change in (
        _edit_block_rule,
        _disable_block_rule,
        _log_instead_of_block,
        _delete_block_rule,
        _delete_skip_rule,
        _reverse_rules,
        _foreign_skip_rule_first,
        _dissociate,
        _stop_serving,
        _serve_elsewhere,
        _delete_record,
        _unproxy_record,
    )
]


@pytest.mark.parametrize("change", DRIFTS)
async def test_drift_is_shown_then_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    change: Callable[[Sandbox], None],
) -> None:
    """A change in the dashboard shows as drift, and is fixed a moment later."""
    assert state_of(hass, DRIFT) == "off"
    change(sandbox)
    sandbox.journal.clear()
    events = async_capture_events(hass, EVENT_STATE_CHANGED)

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    changes = [
        state.state
        for event in events
        if (state := event.data["new_state"]) and state.entity_id == DRIFT
    ]
    assert changes == ["on", "off"]
    assert state_of(hass, DRIFT) == "off"
    assert sandbox.journal.writes

    sandbox.journal.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert sandbox.journal.writes == []
    assert state_of(hass, DRIFT) == "off"


@pytest.mark.parametrize("change", DRIFTS)
async def test_drift_is_only_shown_where_it_is_not_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    change: Callable[[Sandbox], None],
) -> None:
    """If the hostname is not kept in sync, a repair reports the drift and nothing is written."""
    (subentry,) = loaded_entry.subentries.values()
    hass.config_entries.async_update_subentry(
        loaded_entry, subentry, data={**subentry.data, "keep_in_sync": False}
    )
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "off"
    change(sandbox)
    sandbox.journal.clear()

    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, DRIFT) == "on"

    assert sandbox.journal.writes == []


async def test_fixing_that_fails_is_tried_again_later(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """After a refusal the drift stays visible, and the next refresh tries once more."""
    _delete_record(sandbox)
    fault = faults.refuse("POST", "/dns_records", 400, 1234, "Not today")

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "on"
    assert fault.hits == 1

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "on"
    assert fault.hits == 2

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "off"


async def test_fixing_that_stops_half_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Some of the drift is fixed; the rest is fixed later, without too many attempts."""
    _dissociate(sandbox)
    _delete_record(sandbox)
    fault = faults.unavailable("POST", "/dns_records")

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, DRIFT) == "on"
    assert fault.hits == 1
    assert HOSTNAME in (sandbox.state.zones[sandbox.zone_id].associations or [])


async def test_outage_while_drift_is_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """If the settings cannot be read any more, nothing is written."""
    _delete_record(sandbox)
    sandbox.journal.clear()
    faults.add("GET", "/dns_records", times=1)
    faults.limit(60, "GET", "/dns_records", times=1)

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert sandbox.journal.writes == []
    assert state_of(hass, DRIFT) == "unavailable"

    await wait_for_refresh(hass, freezer, timedelta(seconds=61))
    assert state_of(hass, DRIFT) == "off"


async def test_problem_that_only_a_person_can_solve_is_drift(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A foreign record in the place of ours is left alone, and reported."""
    _delete_record(sandbox)
    foreign = sandbox.state.zones[sandbox.zone_id].add_dns_record(
        DnsRecord("A", HOSTNAME, "198.51.100.9", proxied=True)
    )

    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, DRIFT) == "on"

    assert _record(sandbox) is foreign
    assert foreign.content == "198.51.100.9"


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
@pytest.mark.parametrize(
    ("status", "days", "state"),
    [
        ("active", 365, "off"),
        ("pending_reactivation", 365, "off"),
        ("active", 40, "on"),
        ("active", 10, "on"),
        ("pending_revocation", 365, "off"),
        ("revoked", 365, "off"),
        ("sleepy", 365, "unknown"),
    ],
)
async def test_certificate_problem(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    status: Any,
    days: int,
    state: str,
) -> None:
    """A device that loses access by itself, now or in less than a month, has a problem."""
    await add_known_certificate(hass, entry, sandbox, status=status, days=days)

    await setup_integration(hass, entry)

    assert state_of(hass, "binary_sensor.pixel_8_certificate_problem") == state


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_certificate_that_is_missing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A device without a certificate has a problem; without the permission it is unknown."""
    assert state_of(hass, "binary_sensor.pixel_8_certificate_problem") == "on"

    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"ssl:edit"}
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    state = state_of(hass, "binary_sensor.pixel_8_certificate_problem")
    assert state == "unavailable"
