"""Tests of blocked requests: the sensor that counts them, and the action that lists them."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.probe import USER_AGENT
from sandbox import Sandbox
from sandbox.api.firewall_events import _Zone
from sandbox.seed import FOREIGN_RULE_ID
from sandbox.state import ALL_PERMISSIONS
from tests.common import (
    BLOCK_REF,
    HOSTNAME,
    SECOND_LOOK,
    act,
    blocked_request,
    enable_blocked_requests,
    is_loaded,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults

SENSOR = "sensor.home_mobile_example_com_blocked_requests"
EVERY = timedelta(minutes=15)


def block(
    sandbox: Sandbox, ago: timedelta = timedelta(hours=1), **changes: Any
) -> None:
    """Have a request blocked some time ago."""
    sandbox.state.blocked.append(blocked_request(ago, **changes))


def queries(sandbox: Sandbox) -> int:
    """Return how many queries were sent."""
    return sum(item.path == "/graphql" for item in sandbox.journal.requests)


@pytest.fixture
def enabled(
    entity_registry: er.EntityRegistry, entry: MockConfigEntry, hass: HomeAssistant
) -> MockConfigEntry:
    """Return the account, with its sensor enabled."""
    enable_blocked_requests(entity_registry, hass, entry)
    return entry


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set the account up."""
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)


async def test_sensor_rests_unless_it_is_enabled(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Cloudflare is not asked while the sensor is disabled, which it is by default."""
    sandbox.state.tokens[sandbox.token].permissions -= {"analytics:read"}
    await setup_integration(hass, entry)
    for _ in range(4):
        await wait_for_refresh(hass, freezer, EVERY)

    sensor = entity_registry.async_get(SENSOR)
    assert sensor
    assert sensor.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    assert hass.states.get(SENSOR) is None
    assert queries(sandbox) == 0
    assert reported(hass) == set()


async def test_sensor_counts_a_day(
    hass: HomeAssistant,
    sandbox: Sandbox,
    enabled: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The sensor counts the last 24 hours, without the visits of Home Assistant itself."""
    for hours in (1, 2, 23, 25):
        block(sandbox, timedelta(hours=hours))
    block(sandbox, host="nas.example.com")
    block(sandbox, path="/", user_agent=USER_AGENT)
    await set_up(hass, enabled)

    state = hass.states.get(SENSOR)
    assert state
    assert state.state == "3"
    assert state.attributes["state_class"] == "measurement"
    assert queries(sandbox) == 2

    sandbox.journal.clear()
    for _ in range(8):
        await wait_for_refresh(hass, freezer, EVERY)
    assert queries(sandbox) == 8
    assert state_of(hass, SENSOR) == "2"


async def test_sensor_without_permission(
    hass: HomeAssistant,
    sandbox: Sandbox,
    enabled: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The sensor is unknown, and while it is enabled a repair names the permission."""
    token = sandbox.state.tokens[sandbox.token]
    block(sandbox)
    await set_up(hass, enabled)
    assert state_of(hass, SENSOR) == "1"

    token.permissions = ALL_PERMISSIONS - {"analytics:read"}
    await wait_for_refresh(hass, freezer, EVERY)
    assert state_of(hass, SENSOR) == "unknown"
    assert reported(hass) == set()
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert state_of(hass, SENSOR) == "unknown"
    assert is_loaded(enabled)
    assert hass.config_entries.flow.async_progress() == []
    (issue,) = (
        item for (domain, _), item in issue_registry.issues.items() if domain == DOMAIN
    )
    assert issue.translation_placeholders == {
        "account": "Home lab",
        "permission": "Zone / Analytics / Read",
    }

    entity_registry.async_update_entity(
        SENSOR, disabled_by=er.RegistryEntryDisabler.USER
    )
    await settle(hass)
    assert reported(hass) == set()
    sandbox.journal.clear()
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EVERY)
    assert queries(sandbox) == 0
    assert reported(hass) == set()

    entity_registry.async_update_entity(SENSOR, disabled_by=None)
    await wait_for_refresh(hass, freezer, timedelta(seconds=31))
    assert state_of(hass, SENSOR) == "unknown"
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert reported(hass) == {"permission_missing"}
    token.permissions = ALL_PERMISSIONS
    await wait_for_refresh(hass, freezer, EVERY)
    assert state_of(hass, SENSOR) == "1"
    assert reported(hass) == set()


async def test_sensor_while_cloudflare_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    enabled: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The sensor is unavailable, and no other entity is."""
    await set_up(hass, enabled)
    assert state_of(hass, SENSOR) == "0"
    faults.unavailable("POST", "/graphql")
    await wait_for_refresh(hass, freezer, EVERY)
    assert state_of(hass, SENSOR) == "unavailable"
    assert state_of(hass, "sensor.home_tunnel_status") == "healthy"
    faults.clear()
    await wait_for_refresh(hass, freezer, EVERY)
    assert state_of(hass, SENSOR) == "0"


async def test_sensor_of_a_plan_without_events(
    hass: HomeAssistant, enabled: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown count is not shown as zero."""
    begin = _Zone.__init__

    def changed(self: Any, *arguments: Any) -> None:
        begin(self, *arguments)
        self.settings = {"firewallEventsAdaptive": {**self._limits, "enabled": False}}

    monkeypatch.setattr(_Zone, "__init__", changed)
    await set_up(hass, enabled)
    assert state_of(hass, SENSOR) == "unavailable"
    with pytest.raises(HomeAssistantError, match="doesn't show") as caught:
        await act(hass, enabled, "get_blocked_requests", hostname=HOSTNAME)
    assert caught.value.translation_key == "blocked_requests_refused"


async def test_action(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The response has each request and the rule that blocked it, but no address."""
    (ours,) = (rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF)
    block(sandbox, timedelta(hours=3), rule_id=ours.id)
    block(sandbox, timedelta(hours=2), rule_id=FOREIGN_RULE_ID, path="/a?token=b")
    block(sandbox, timedelta(hours=1), source="botFight", country="")
    block(sandbox, timedelta(minutes=1), rule_id="gone", host="nas.example.com")

    response = await act(hass, loaded_entry, "get_blocked_requests", hostname=HOSTNAME)

    assert response.pop("since")
    assert [item.pop("time") for item in response["requests"]]
    request = {"method": "GET", "user_agent": "curl/8", "country": "DE"}
    assert response == {
        "total": 3,
        "sampled": True,
        "requests": [
            request
            | {
                "path": "/auth/authorize",
                "country": None,
                "rule": None,
                "service": "Bot Fight Mode",
            },
            request
            | {
                "path": "/a",
                "rule": "Block other countries",
                "service": "Custom rules",
            },
            request
            | {
                "path": "/auth/authorize",
                "rule": "Home Assistant: block devices without a certificate",
                "service": "Custom rules",
            },
        ],
    }
    assert "203.0.113.24" not in str(response)


async def test_action_for_some_hours(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The newest two hundred are listed, and all are counted."""
    for minutes in range(300):
        block(sandbox, timedelta(minutes=minutes + 1, seconds=-1), path=f"/{minutes}")

    response = await act(
        hass, loaded_entry, "get_blocked_requests", hostname=HOSTNAME, hours=4
    )

    assert response["total"] == 240
    assert [item["path"] for item in response["requests"]] == [
        f"/{minutes}" for minutes in range(200)
    ]


async def test_action_without_permission_for_rules(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Only the names of the rules are missing."""
    block(sandbox, rule_id=FOREIGN_RULE_ID)
    sandbox.state.tokens[sandbox.token].permissions -= {"waf:edit"}
    response = await act(hass, loaded_entry, "get_blocked_requests", hostname=HOSTNAME)
    assert [item["rule"] for item in response["requests"]] == [None]


async def test_action_without_permission(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The error names the missing permission."""
    sandbox.state.tokens[sandbox.token].permissions -= {"analytics:read"}
    with pytest.raises(HomeAssistantError, match="Zone / Analytics / Read"):
        await act(hass, loaded_entry, "get_blocked_requests", hostname=HOSTNAME)


async def test_action_is_limited(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, hass_read_only_user: MockUser
) -> None:
    """Only administrators may ask, only for protected hostnames, and for a month at most."""
    for hours in (0, 721):
        with pytest.raises(probatio.Invalid):
            await act(
                hass,
                loaded_entry,
                "get_blocked_requests",
                hostname=HOSTNAME,
                hours=hours,
            )
    with pytest.raises(ServiceValidationError):
        await act(
            hass, loaded_entry, "get_blocked_requests", hostname="nas.example.com"
        )
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "get_blocked_requests",
            {"config_entry_id": loaded_entry.entry_id, "hostname": HOSTNAME},
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )
