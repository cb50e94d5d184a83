"""Tests of the action `sync` with `remove`: the hostname is removed, and everything foreign stays."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import BLOCK_REF, HOSTNAME, SKIP_REF, act, settle, zone_of
from tests.faults import Faults
from tests.services.foreign_things import foreign


async def test_remove(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The hostname is removed at Cloudflare and in Home Assistant; everything else stays."""
    before = foreign(sandbox)
    await act(hass, loaded_entry, "sync")
    sandbox.journal.clear()

    planned = await act(
        hass, loaded_entry, "sync", hostname=HOSTNAME, remove=True, dry_run=True
    )
    assert sandbox.journal.writes == []
    assert len(loaded_entry.subentries) == 1
    response = await act(hass, loaded_entry, "sync", hostname=HOSTNAME, remove=True)
    await settle(hass)

    assert response["steps"] == [{**step, "applied": True} for step in planned["steps"]]
    assert [(step["kind"], step["action"]) for step in response["steps"]] == [
        ("dns_record", "delete"),
        ("ingress", "delete"),
        ("skip_rule", "delete"),
        ("association", "delete"),
        ("block_rule", "delete"),
        ("header_rule", "delete"),
    ]
    assert response["problems"] == []
    assert loaded_entry.subentries == {}
    assert hass.states.get("binary_sensor.home_mobile_example_com_drift") is None
    assert foreign(sandbox) == before
    zone = zone_of(sandbox)
    assert HOSTNAME not in (zone.associations or [])
    assert {rule.ref for rule in zone.rules}.isdisjoint({BLOCK_REF, SKIP_REF})
    assert HOSTNAME not in {record.name for record in zone.dns_records.values()}


async def test_remove_that_fails_half_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The hostname stays in Home Assistant until the next call has taken it down."""
    await act(hass, loaded_entry, "sync")
    faults.unavailable("PUT", "/hostname_associations")

    response = await act(hass, loaded_entry, "sync", remove=True)
    await settle(hass)
    assert [problem["code"] for problem in response["problems"]] == ["unavailable"]
    assert [step["applied"] for step in response["steps"]] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert len(loaded_entry.subentries) == 1

    faults.clear()
    response = await act(hass, loaded_entry, "sync", remove=True)
    await settle(hass)
    assert response["problems"] == []
    assert loaded_entry.subentries == {}


async def test_script_stopped_while_it_removes(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """What was begun is done to its end: nothing builds the hostname up again."""
    await act(hass, loaded_entry, "sync")
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/dns_records", hold=hold, after_write=True, times=1)
    removing = hass.async_create_task(act(hass, loaded_entry, "sync", remove=True))
    await fault.until_hit()

    removing.cancel()
    hold.set()
    await settle(hass)

    assert loaded_entry.subentries == {}
    assert {rule.ref for rule in zone_of(sandbox).rules}.isdisjoint(
        {BLOCK_REF, SKIP_REF}
    )


async def test_remove_all_where_one_domain_is_out_of_reach(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    two_zones: MockConfigEntry,
) -> None:
    """What is down leaves Home Assistant, so nothing builds it up again; the rest stays."""
    await act(hass, two_zones, "sync")
    faults.unavailable("GET", f"/zones/{sandbox.zone_id}/dns_records")

    response = await act(hass, two_zones, "sync", remove=True)
    await settle(hass)

    assert response["in_sync"] is False
    assert [problem["code"] for problem in response["problems"]] == ["unavailable"]
    assert [item.title for item in two_zones.subentries.values()] == [HOSTNAME]
    names = {
        record.name
        for zone in sandbox.state.zones.values()
        for record in zone.dns_records.values()
    }
    assert HOSTNAME in names
    assert "ha.example.org" not in names


async def test_remove_one_of_two(
    hass: HomeAssistant, sandbox: Sandbox, two_zones: MockConfigEntry
) -> None:
    """The other hostname stays protected."""
    await act(hass, two_zones, "sync")

    await act(hass, two_zones, "sync", hostname="ha.example.org", remove=True)
    await settle(hass)

    assert [item.title for item in two_zones.subentries.values()] == [HOSTNAME]
    response = await act(hass, two_zones, "sync", dry_run=True)
    assert response["in_sync"] is True
    assert {BLOCK_REF, SKIP_REF} <= {rule.ref for rule in zone_of(sandbox).rules}


class TestHostnameThatWasThereBefore:
    """A protected hostname whose DNS record and ingress rule others made."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings with the hostname that the browser uses."""
        return {**settings, "hostname": "home.example.com"}

    async def test_remove(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        """Record and ingress rule stay when the protection is taken down."""
        before = foreign(sandbox)
        response = await act(hass, loaded_entry, "sync")
        assert response["in_sync"] is True
        assert foreign(sandbox)["config"] == before["config"]

        await act(hass, loaded_entry, "sync", remove=True)
        await settle(hass)

        assert foreign(sandbox)["records"] == before["records"]
        assert foreign(sandbox)["config"] == before["config"]
