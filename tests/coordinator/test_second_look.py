"""Tests of single failures: after one, Home Assistant tries again before it reports anything."""

import asyncio
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from sandbox import Sandbox
from sandbox.state import Rule
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    SECOND_LOOK,
    records_of,
    reported,
    settle,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.coordinator.causes import change_setting
from tests.faults import Fault, Faults

STATUS = "sensor.home_tunnel_status"
CONNECTORS = "sensor.home_connectors"
DRIFT = "binary_sensor.home_mobile_example_com_drift"

once_or_more = pytest.mark.parametrize("failure", ["refusal", "failure"])


def add_fault(
    faults: Faults, failure: str, method: str, path: str, times: int | None
) -> Fault:
    """Refuse requests without a reason, or answer with an error page."""
    if failure == "refusal":
        return faults.refuse(method, path, 403, 10000, "Forbidden", times=times)
    return faults.unavailable(method, path, times=times)


def remove_record(sandbox: Sandbox) -> None:
    """Delete the hostname's record, as a person does in the dashboard."""
    (record,) = records_of(sandbox)
    del zone_of(sandbox).dns_records[record.id]


@once_or_more
@pytest.mark.parametrize(
    ("path", "entity_id", "state"),
    [
        pytest.param("/cfd_tunnel$", STATUS, "healthy", id="tunnels"),
        pytest.param("/connections$", CONNECTORS, "1", id="connections"),
        pytest.param("/dns_records$", DRIFT, "off", id="DNS"),
        pytest.param("/entrypoint$", DRIFT, "off", id="rules"),
        pytest.param("/hostname_associations$", DRIFT, "off", id="associations"),
        pytest.param(f"/zones/{Sandbox.zone_id}$", DRIFT, "off", id="zone"),
        pytest.param("/configurations$", DRIFT, "off", id="configuration"),
    ],
)
async def test_single_failure_opens_no_repair(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    failure: str,
    path: str,
    entity_id: str,
    state: str,
) -> None:
    """The entity is unavailable for half a minute, without a repair."""
    fault = add_fault(faults, failure, "GET", path, times=1)

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert fault.hits == 1
    assert state_of(hass, entity_id) == "unavailable"
    assert reported(hass) == set()

    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert state_of(hass, entity_id) == state
    assert reported(hass) == set()
    assert hass.config_entries.flow.async_progress() == []


@once_or_more
async def test_lasting_failure_keeps_the_usual_interval(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    failure: str,
) -> None:
    """After the second attempt, the usual interval applies."""
    fault = add_fault(faults, failure, "GET", "/dns_records$", times=None)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert fault.hits == 2

    for _ in range(14):
        await wait_for_refresh(hass, freezer, timedelta(minutes=1))
    assert fault.hits == 2
    assert state_of(hass, DRIFT) == "unavailable"
    assert reported(hass) == ({"permission_missing"} if failure == "refusal" else set())

    faults.clear()
    await wait_for_refresh(hass, freezer, timedelta(minutes=1))
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


@once_or_more
async def test_single_failure_of_a_change(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    failure: str,
) -> None:
    """Drift that could not be fixed is fixed half a minute later, without a repair."""
    remove_record(sandbox)
    fault = add_fault(faults, failure, "POST", "/dns_records$", times=1)

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert fault.hits == 1
    assert state_of(hass, DRIFT) == "on"
    assert reported(hass) == set()

    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert [item.name for item in records_of(sandbox)] == [HOSTNAME]
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


@once_or_more
async def test_single_failure_to_close(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    failure: str,
) -> None:
    """The repair that somebody gets in opens after the first failure."""
    block = next(rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF)
    block.enabled = False
    fault = add_fault(faults, failure, "PATCH", "/rules/", times=1)

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert fault.hits == 1
    assert reported(hass) == {"exposed"}

    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert all(rule.enabled for rule in zone_of(sandbox).rules)
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


@once_or_more
async def test_change_that_keeps_failing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    failure: str,
) -> None:
    """The repair opens with the second failure, and stays during further attempts."""
    remove_record(sandbox)
    add_fault(faults, failure, "POST", "/dns_records$", times=None)
    expected = {"drift"} | ({"permission_missing"} if failure == "refusal" else set())

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert reported(hass) == expected
    seen: list[Event] = []
    hass.bus.async_listen("repairs_issue_registry_updated", seen.append)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == expected
    # A repair that was ignored stays ignored.
    assert [event for event in seen if event.data["action"] != "update"] == []

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


async def test_what_fails_for_long_is_asked_every_two_hours(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is usually read every six hours: a failure must not cost more calls, and it ends by itself."""
    path = "/settings/websockets$"
    change_setting("websockets", "off")(sandbox)
    fault = faults.unavailable("GET", path)
    for _ in range(40):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    hits = fault.hits
    for _ in range(16):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert fault.hits - hits == 2

    faults.clear()
    for _ in range(8):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"check_websockets_off"}


async def test_what_somebody_changes_while_drift_is_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The refresh that ends the attempt finds it, and half a minute later it is fixed as well."""

    def block_rule() -> Rule:
        [rule] = [item for item in zone_of(sandbox).rules if item.ref == BLOCK_REF]
        return rule

    block_rule().enabled = False
    hold = asyncio.Event()
    fixing = faults.add("PATCH", "/rules/", hold=hold, after_write=True, times=1)
    freezer.tick(EDGE_EVERY)
    async_fire_time_changed(hass)
    await fixing.until_hit()
    (record,) = records_of(sandbox)
    record.comment = ""
    hold.set()
    await settle(hass)
    assert block_rule().enabled
    (record,) = records_of(sandbox)
    assert not record.comment
    assert state_of(hass, DRIFT) == "on"

    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    (record,) = records_of(sandbox)
    assert record.comment
    assert state_of(hass, DRIFT) == "off"
