"""Tests of the action `sync`: what it plans, writes and reports."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import DnsRecord, Rule
from tests.common import (
    BLOCK_REF,
    HEADER_REF,
    HOSTNAME,
    SKIP_REF,
    act,
    state_of,
    zone_of,
)
from tests.faults import Faults
from tests.services.foreign_things import foreign


@pytest.mark.parametrize("fields", [{}, {"dry_run": True}, {"hostname": HOSTNAME}])
async def test_sync_in_sync(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    fields: dict[str, Any],
) -> None:
    """Nothing is written for a hostname that is in sync."""
    await act(hass, loaded_entry, "sync")
    sandbox.journal.clear()

    response = await act(hass, loaded_entry, "sync", **fields)

    assert response == {"in_sync": True, "exposed": False, "steps": [], "problems": []}
    assert sandbox.journal.writes == []


async def test_sync_from_nothing(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A dry run lists the steps that the action then takes, in that order."""
    before = foreign(sandbox)

    planned = await act(hass, loaded_entry, "sync", dry_run=True)

    assert planned["in_sync"] is False
    assert planned["exposed"] is False
    assert planned["problems"] == []
    assert [
        (step["kind"], step["action"], step["target"], step["applied"])
        for step in planned["steps"]
    ] == [
        ("block_rule", "create", BLOCK_REF, False),
        ("association", "create", HOSTNAME, False),
        ("skip_rule", "create", SKIP_REF, False),
        ("ingress", "create", HOSTNAME, False),
        ("dns_record", "create", HOSTNAME, False),
        ("header_rule", "create", HEADER_REF, False),
    ]
    assert {*planned["steps"][0]} == {"kind", "action", "target", "detail", "applied"}
    assert sandbox.journal.writes == []

    done = await act(hass, loaded_entry, "sync")

    assert done == {
        "in_sync": True,
        "exposed": False,
        "steps": [{**step, "applied": True} for step in planned["steps"]],
        "problems": [],
    }
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"
    assert foreign(sandbox) == before


async def test_sync_fixes_only_drift(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Only what has drifted is written."""
    await act(hass, loaded_entry, "sync")
    zone_of(sandbox).associations = ["nas.example.com"]
    sandbox.journal.clear()

    response = await act(hass, loaded_entry, "sync", hostname=HOSTNAME)

    assert response["steps"] == [
        {
            "kind": "association",
            "action": "create",
            "target": HOSTNAME,
            "detail": "",
            "applied": True,
        }
    ]
    assert len(sandbox.journal.writes) == 1
    assert zone_of(sandbox).associations == ["nas.example.com", HOSTNAME]


async def test_sync_reports_exposures(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The response says whether somebody gets in without a certificate."""
    await act(hass, loaded_entry, "sync")
    for rule in zone_of(sandbox).rules:
        rule.enabled = rule.ref != BLOCK_REF

    response = await act(hass, loaded_entry, "sync", dry_run=True)
    assert response["exposed"] is True
    assert response["in_sync"] is False

    response = await act(hass, loaded_entry, "sync")
    assert response["exposed"] is False
    assert response["in_sync"] is True


async def test_sync_that_stops(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The response says why a step failed; the next call completes the sync."""
    faults.refuse("PUT", "/configurations", 400, 1234, "Not today")

    response = await act(hass, loaded_entry, "sync")

    assert response["in_sync"] is False
    assert response["problems"] == [
        {
            "code": "rejected",
            "message": (
                "Cloudflare refused the request: Not today. Nothing else was changed."
            ),
        }
    ]
    assert [step["applied"] for step in response["steps"]] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]

    faults.clear()
    response = await act(hass, loaded_entry, "sync")
    assert response["in_sync"] is True
    assert len(response["steps"]) == 3


@pytest.mark.parametrize("remove", [False, True])
async def test_sync_that_stops_without_a_response(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    remove: bool,
) -> None:
    """The action raises the reason as an error."""
    if remove:
        await act(hass, loaded_entry, "sync")
    faults.refuse("PUT", "/configurations", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today") as raised:
        await hass.services.async_call(
            DOMAIN,
            "sync",
            {"config_entry_id": loaded_entry.entry_id, "remove": remove},
            blocking=True,
        )

    assert raised.value.translation_key == "rejected"
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "on"


async def test_sync_with_a_problem(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The response says what a person has to do, with names."""
    zone_of(sandbox).add_dns_record(DnsRecord("A", HOSTNAME, "198.51.100.9"))

    response = await act(hass, loaded_entry, "sync")

    assert response["problems"] == [
        {
            "code": "record_in_the_way",
            "message": (
                "The DNS record of home-mobile.example.com points to 198.51.100.9, and "
                "Home Assistant did not create it. It was left as it is. Delete it at "
                "Cloudflare, or choose another hostname."
            ),
        }
    ]
    assert response["in_sync"] is False


async def test_placeholders_from_cloudflare_are_not_formatted(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A rule's name may contain braces."""
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    entrypoint.rules += [
        Rule("block", 'http.host eq "x"', "{target} {0} {message.__class__}")
        for _ in range(4)
    ]

    response = await act(hass, loaded_entry, "sync", dry_run=True)

    assert "{0} {message.__class__}" in response["problems"][0]["message"]


async def test_sync_of_an_unknown_hostname(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A hostname that is not protected is left alone."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, loaded_entry, "sync", hostname="nas.example.com", remove=True)

    assert raised.value.translation_key == "hostname_not_found"
    assert raised.value.translation_placeholders == {"hostname": "nas.example.com"}
    assert sandbox.journal.writes == []
