"""Tests of the triggers, as automations use them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, EventOrigin, HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.cloudflare_mtls.const import EVENT_CERTIFICATE
from custom_components.cloudflare_mtls.trigger import TRIGGERS
from sandbox import Sandbox
from tests.coordinator.test_checks import CHECKS_EVERY, allow

from .automations import add_automation, listed
from .common import (
    BLOCK_REF,
    COMPANION_ID,
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    TUNNELS_EVERY,
    add_certificate,
    add_known_certificate,
    companion,
    device_id_of,
    settle,
    state_of,
    wait_for_refresh,
    zone_of,
)
from .engine.access.helpers import HOME, OWNER
from .logins import log_in, login, only_another_login
from .test_login_entities import LOG_EVERY

CONNECTED = "binary_sensor.home_connected"
# What triggered, without states, which no template can return whole.
DESCRIBED = """
{{ dict(trigger.items() | rejectattr('0', 'in', ['from_state', 'to_state', 'for'])) }}
"""


@pytest.fixture
def devices() -> list[Any]:
    """Return one companion device."""
    return [companion()]


@pytest.fixture
def runs(hass: HomeAssistant) -> list[ServiceCall]:
    """Return what the automations did."""
    return async_mock_service(hass, "test", "ran")


async def automate(
    hass: HomeAssistant, trigger: str, **more: Mapping[str, object]
) -> None:
    """Create an automation that says what triggered it."""
    config = {
        "alias": "Test",
        "triggers": {"trigger": f"cloudflare_mtls.{trigger}", **more},
        "actions": {"action": "test.ran", "data": {"trigger": DESCRIBED}},
    }
    await add_automation(hass, config)


def is_on(hass: HomeAssistant) -> bool:
    """Return whether Home Assistant accepts the automation."""
    state = hass.states.get("automation.test")
    return state is not None and state.state == "on"


def triggered(runs: list[ServiceCall]) -> list[Any]:
    """Return what triggered the automations since the last call."""
    found = [call.data["trigger"] for call in runs]
    runs.clear()
    return found


async def test_home_assistant_lists_all(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """A person finds them under *Add trigger*."""
    assert await listed(hass, hass_ws_client, "trigger") == TRIGGERS.keys()


@pytest.mark.parametrize("chosen", [True, False], ids=["chosen", "any"])
async def test_certificate_expires(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
    *,
    chosen: bool,
) -> None:
    certificate = await add_known_certificate(hass, loaded_entry, sandbox)
    device_id = device_id_of(hass, loaded_entry, COMPANION_ID)
    options = {"device_id": [device_id]} if chosen else {}
    await automate(hass, "certificate_expires_soon", options=options)
    freezer.move_to(certificate.not_valid_after_utc - timedelta(days=29))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    (trigger,) = triggered(runs)
    assert trigger["platform"] == "cloudflare_mtls.certificate_expires_soon"
    assert trigger["device_id"] == device_id
    assert trigger["name"] == "Pixel 8"

    freezer.move_to(certificate.not_valid_after_utc)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert triggered(runs) == []


async def test_certificate_has_expired(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
) -> None:
    certificate = await add_known_certificate(hass, loaded_entry, sandbox)
    await automate(hass, "certificate_expired")
    freezer.move_to(certificate.not_valid_after_utc - timedelta(days=29))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert triggered(runs) == []
    freezer.move_to(certificate.not_valid_after_utc)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert len(triggered(runs)) == 1


async def test_another_device_than_the_chosen_one(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
) -> None:
    certificate = await add_known_certificate(hass, loaded_entry, sandbox)
    device_id = device_id_of(hass, loaded_entry, HOSTNAME_ID)
    await automate(hass, "certificate_expires_soon", options={"device_id": [device_id]})
    freezer.move_to(certificate.not_valid_after_utc - timedelta(days=29))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert is_on(hass)
    assert triggered(runs) == []


async def test_device_of_another_integration(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Home Assistant does not take such an automation for a working one."""
    await automate(hass, "certificate_expires_soon", options={"device_id": ["another"]})
    assert not is_on(hass)


async def test_unknown_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
) -> None:
    """It belongs to no device."""
    await automate(hass, "unknown_certificate_found")
    await add_certificate(sandbox, name="Stranger")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    (trigger,) = triggered(runs)
    assert trigger["device_id"] is None


async def test_settings_are_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
) -> None:
    await automate(hass, "settings_fixed")
    for rule in zone_of(sandbox).rules:
        rule.enabled = rule.ref != BLOCK_REF
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    (trigger,) = triggered(runs)
    assert trigger["hostname"] == HOSTNAME


class TestLogins:
    """Triggers of a login hostname."""

    @pytest.fixture
    def devices(self) -> list[Any]:
        """Return a login hostname."""
        return [login()]

    @pytest.fixture(autouse=True)
    def _no_other_application(self, sandbox: Sandbox) -> None:
        only_another_login(sandbox)

    @pytest.mark.parametrize(
        ("trigger", "allowed"), [("login_allowed", True), ("login_refused", False)]
    )
    async def test_login(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        runs: list[ServiceCall],
        trigger: str,
        *,
        allowed: bool,
    ) -> None:
        """Traces hold what triggered, and not who it was."""
        await automate(hass, trigger)
        log_in(sandbox, allowed=not allowed)
        await wait_for_refresh(hass, freezer, LOG_EVERY)
        assert triggered(runs) == []
        log_in(sandbox, allowed=allowed)
        await wait_for_refresh(hass, freezer, LOG_EVERY)
        (found,) = triggered(runs)
        assert found["hostname"] == HOME
        assert OWNER not in str(found)


@pytest.mark.parametrize(
    ("trigger", "states"),
    [("tunnel_disconnected", ["off"]), ("tunnel_connected", ["on"])],
)
async def test_tunnel_disconnects_and_connects(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
    trigger: str,
    states: list[str],
) -> None:
    """Each of the two triggers once, on its own change."""
    device_id = device_id_of(hass, loaded_entry, sandbox.tunnel_id)
    await automate(hass, trigger, target={"device_id": device_id})
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    seen = []
    for change in (tunnel.disconnect, tunnel.connect):
        change()
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
        for found in triggered(runs):
            assert found["entity_id"] == CONNECTED
            seen.append(state_of(hass, CONNECTED))
    assert seen == states


async def test_visitors_get_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
) -> None:
    """Other binary sensors of the same device do not trigger it, nor do those of others."""
    device_id = device_id_of(hass, loaded_entry, HOSTNAME_ID)
    await automate(hass, "visitors_get_in", target={"device_id": device_id})
    hass.states.async_set("binary_sensor.home_mobile_example_com_drift", "on")
    hass.states.async_set("binary_sensor.home_mobile_example_com_drift", "off")
    await settle(hass)
    assert triggered(runs) == []

    allow(("country", "AT"))(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    (found,) = triggered(runs)
    assert found["entity_id"] == "binary_sensor.home_mobile_example_com_enforced"


async def test_visitors_get_in_since_nobody_looked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
) -> None:
    """The hostname was opened while the account was off, as during a power cut."""
    device_id = device_id_of(hass, loaded_entry, HOSTNAME_ID)
    await automate(hass, "visitors_get_in", target={"device_id": device_id})
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    allow(("country", "AT"))(sandbox)
    await hass.config_entries.async_setup(loaded_entry.entry_id)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    (found,) = triggered(runs)
    assert found["entity_id"] == "binary_sensor.home_mobile_example_com_enforced"


async def test_event_that_an_app_fires(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_read_only_user: MockUser,
    runs: list[ServiceCall],
) -> None:
    """Every user's app may do so, with anything in it."""
    await automate(hass, "unknown_certificate_found")
    forged = {"type": "unknown_certificate", "device_id": None, "name": "Call me"}
    context = Context(user_id=hass_read_only_user.id)
    hass.bus.async_fire(EVENT_CERTIFICATE, forged, EventOrigin.remote, context)
    await settle(hass)
    assert triggered(runs) == []


@pytest.mark.parametrize("key", [key for key in TRIGGERS if "tunnel" in key])
async def test_entity_of_another_integration(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    runs: list[ServiceCall],
    key: str,
) -> None:
    """It may have the same name and the same device class."""
    other = entity_registry.async_get_or_create(
        "binary_sensor", "other", "1", translation_key="connected"
    ).entity_id
    await automate(hass, key, target={"entity_id": other})
    for state in ("on", "off", "on"):
        hass.states.async_set(other, state, {"device_class": "connectivity"})
        await settle(hass)
    assert triggered(runs) == []
