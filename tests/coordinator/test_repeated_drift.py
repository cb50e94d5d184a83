"""Tests of somebody else who undoes the protection again and again: a person is told, and it is fixed each time."""

from collections.abc import Callable
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox
from sandbox.state import Rule
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    SKIP_REF,
    placeholders,
    records_of,
    reported,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults

DRIFT = "binary_sensor.home_mobile_example_com_drift"


def replace_rules(sandbox: Sandbox) -> None:
    """Write the whole list of rules, as infrastructure code does."""
    zone_of(sandbox).rules[:] = [
        Rule("block", 'not ip.src.country in {"DE" "AT"}', ref="block-other-countries")
    ]


def replace_associations(sandbox: Sandbox) -> None:
    """Write the whole list of associations."""
    zone_of(sandbox).associations = ["nas.example.com"]


def delete_record(sandbox: Sandbox) -> None:
    """Delete the record, as a DNS tool does that does not know it."""
    for record in records_of(sandbox):
        del zone_of(sandbox).dns_records[record.id]


def replace_ingress(sandbox: Sandbox) -> None:
    """Write the whole list of ingress rules."""
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    ingress[:] = [rule for rule in ingress if rule.get("hostname") != HOSTNAME]


@pytest.mark.parametrize(
    ("undo", "key"),
    [
        (replace_rules, "opened_again"),
        (replace_associations, "undone_again"),
        (delete_record, "undone_again"),
        (replace_ingress, "undone_again"),
    ],
)
async def test_third_time_within_a_day_is_told(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    undo: Callable[[Sandbox], None],
    key: str,
) -> None:
    """Since when, how often, and for how long it was open; fixing goes on, and automations are told."""
    # That everything was missing at first was drift, too.
    freezer.tick(timedelta(days=1))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    events: list[Event] = async_capture_events(hass, "cloudflare_mtls_fixed")
    for times in range(1, 9):
        undo(sandbox)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, DRIFT) == "off"
        assert len(events) == times
        assert reported(hass) == ({key} if times > 2 else set())
    told = placeholders(hass, key)
    assert told["hostname"] == HOSTNAME
    assert told["times"] == "8"
    assert told["minutes"] == ("15" if key == "opened_again" else "1")

    freezer.tick(timedelta(hours=12))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {key}
    freezer.tick(timedelta(hours=12))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()


async def test_now_and_then_is_not_told(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Twice a day is what people do who try something."""
    for _ in range(5):
        delete_record(sandbox)
        freezer.tick(timedelta(hours=12))
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == set()


async def test_change_that_cloudflare_refuses_is_told_in_its_words(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody changed anything: a repair about changes would send people elsewhere."""
    delete_record(sandbox)
    faults.refuse("POST", "/dns_records$", 400, 9999, "This zone is being migrated")
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"fix_refused"}
    assert placeholders(hass, "fix_refused")["message"] == "This zone is being migrated"
    assert state_of(hass, DRIFT) == "on"
    assert {BLOCK_REF, SKIP_REF} <= {rule.ref for rule in zone_of(sandbox).rules}

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()
    assert state_of(hass, DRIFT) == "off"
