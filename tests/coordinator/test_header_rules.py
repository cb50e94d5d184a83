"""The header rule of an account: written where the token may, told where there is no room, missed by nobody."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.rules.marks import HEADER_REF
from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from sandbox.state import ALL_PERMISSIONS, TRANSFORM_PHASE, Rule, Ruleset
from tests.common import (
    EDGE_EVERY,
    act,
    hostname_settings,
    placeholders,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)

DRIFT = "binary_sensor.home_mobile_example_com_drift"
HEADERS = {"headers": {"X-A": {"operation": "remove"}}}


def refs(sandbox: Sandbox) -> list[str]:
    """Return the refs of the zone's header rules."""
    return [rule.ref for rule in zone_of(sandbox).rules_of(TRANSFORM_PHASE)]


async def until_read_again(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let the refreshes pass until the header rules are read again."""
    for _ in range(5):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)


async def test_written_and_removed_with_the_hostname(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    assert refs(sandbox) == [HEADER_REF]
    [subentry_id] = loaded_entry.subentries
    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)
    assert refs(sandbox) == []


async def test_drift_is_fixed_within_the_hour(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    zone_of(sandbox).rules_of(TRANSFORM_PHASE).clear()
    await until_read_again(hass, freezer)
    assert refs(sandbox) == [HEADER_REF]
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


async def test_nothing_is_missed_without_the_permission(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody is told of it, until somebody grants it: then the rule is written."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"transform:edit"}
    await setup_integration(hass, entry)
    await until_read_again(hass, freezer)
    assert refs(sandbox) == []
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()
    response = await act(hass, entry, "sync")
    assert response["in_sync"]

    token.permissions = ALL_PERMISSIONS
    await until_read_again(hass, freezer)
    assert refs(sandbox) == [HEADER_REF]


async def test_full_list(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    issue_registry: ir.IssueRegistry,
) -> None:
    """A warning names what occupies it, and goes when there is room."""
    rules = [
        Rule("rewrite", "ssl", action_parameters=HEADERS, description=f"R{number}")
        for number in range(10)
    ]
    zone_of(sandbox).add_ruleset(Ruleset(TRANSFORM_PHASE, rules))
    await setup_integration(hass, entry)
    assert reported(hass) == {"no_free_header_rule"}
    assert placeholders(hass, "no_free_header_rule") == {
        "zone": "example.com",
        "rules": ", ".join(f"R{number}" for number in range(10)),
    }
    [issue] = [
        issue
        for (domain, _), issue in issue_registry.issues.items()
        if domain == DOMAIN
    ]
    assert issue.severity is ir.IssueSeverity.WARNING
    assert not issue.is_fixable
    assert state_of(hass, DRIFT) == "off"
    assert (await act(hass, entry, "sync"))["in_sync"]

    zone_of(sandbox).rules_of(TRANSFORM_PHASE).pop()
    await until_read_again(hass, freezer)
    assert reported(hass) == set()
    assert HEADER_REF in refs(sandbox)


async def test_endpoint_that_fails_costs_nothing_else(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is tried again every hour, and nobody is told."""
    path = f"*/phases/{TRANSFORM_PHASE}/*"
    sandbox.faults.add(Fault(FaultKind.SERVER_ERROR, "GET", path, times=None))
    await setup_integration(hass, entry)
    await until_read_again(hass, freezer)
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()
    assert refs(sandbox) == []
    sandbox.faults.clear()
    await until_read_again(hass, freezer)
    assert refs(sandbox) == [HEADER_REF]


@pytest.mark.parametrize(
    "settings", [{**hostname_settings(), "purpose": "other"}], ids=["other service"]
)
async def test_hostname_of_another_service(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is told to it."""
    assert refs(sandbox) == []
    assert reported(hass) == set()


@pytest.mark.parametrize(
    "settings", [{**hostname_settings(), "keep_in_sync": False}], ids=["not kept"]
)
async def test_hostname_that_is_not_kept_in_sync(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    settings: dict[str, Any],
) -> None:
    """Nothing is written before a person says so."""
    assert refs(sandbox) == []
    await act(hass, loaded_entry, "sync")
    await settle(hass)
    assert refs(sandbox) == [HEADER_REF]
