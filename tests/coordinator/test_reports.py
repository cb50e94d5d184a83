"""Tests of what connectors say of themselves: seen within seconds, told, and never trusted too far."""

from collections.abc import AsyncIterator
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import Tunnel
from tests.common import (
    BLOCK_REF,
    HOSTNAME,
    TUNNELS_EVERY,
    placeholders,
    reported,
    settle,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults
from tests.metrics_servers import RunningConnector, running_connector, watch
from tests.supervised import install_app, supervise

REPORTS_EVERY = timedelta(seconds=10)
CONNECTED = "binary_sensor.home_connected"
APP_CONNECTED = "binary_sensor.garage_connected"
CONNECTORS = "sensor.home_connectors"
VERSION = "sensor.home_cloudflared_version"
RULE = "sensor.home_mobile_example_com_ingress_rule"
OWN_RULE = {"hostname": HOSTNAME, "service": SERVICE}
NAS = {"hostname": "nas.example.com", "service": "http://192.168.1.20:5000"}
WILDCARD = {"hostname": "*.example.com", "service": "http://192.168.1.20:5000"}


@pytest.fixture
def tunnel(sandbox: Sandbox) -> Tunnel:
    """Return the tunnel of the protected hostname, without a connector."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.forget()
    return tunnel


@pytest.fixture
async def connector(tunnel: Tunnel) -> AsyncIterator[RunningConnector]:
    """Run a connector whose file serves the hostname."""
    async with running_connector(tunnel, OWN_RULE) as running:
        yield running


@pytest.fixture
async def watching(
    hass: HomeAssistant, connector: RunningConnector, loaded_entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account that asks the connector."""
    await watch(hass, loaded_entry, connector)
    assert reported(hass) == set()
    return loaded_entry


@pytest.fixture
async def rule_sensor(
    hass: HomeAssistant, watching: MockConfigEntry, entity_registry: er.EntityRegistry
) -> str:
    """Enable the sensor of the ingress rule."""
    entity_registry.async_update_entity(RULE, disabled_by=None)
    await hass.config_entries.async_reload(watching.entry_id)
    await settle(hass)
    return RULE


async def test_state_that_cloudflare_does_not_know_yet(
    hass: HomeAssistant,
    connector: RunningConnector,
    watching: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A connector that ends, and the next one with its version, are seen within ten seconds."""
    assert (state_of(hass, CONNECTED), state_of(hass, CONNECTORS)) == ("on", "1")
    await connector.stop(noticed=False)
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert (state_of(hass, CONNECTED), state_of(hass, CONNECTORS)) == ("off", "0")

    await connector.restart(OWN_RULE)
    connector.connector.version = "2026.11.1"
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert (state_of(hass, CONNECTED), state_of(hass, CONNECTORS)) == ("on", "1")
    assert state_of(hass, VERSION) == "2026.11.1"


async def test_connector_that_lost_the_edge(
    hass: HomeAssistant,
    tunnel: Tunnel,
    connector: RunningConnector,
    watching: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It runs and answers, but no request reaches it."""
    for connection in connector.connector.connections:
        connection.is_pending_reconnect = True
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert state_of(hass, CONNECTED) == "off"


async def test_another_connector_that_nobody_can_ask(
    hass: HomeAssistant,
    tunnel: Tunnel,
    connector: RunningConnector,
    watching: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A new one beside it keeps the tunnel connected when the known one ends."""
    tunnel.add_connector()
    await connector.stop()
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert (state_of(hass, CONNECTED), state_of(hass, CONNECTORS)) == ("on", "1")


async def test_connectors_that_cannot_be_listed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    tunnel: Tunnel,
    connector: RunningConnector,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """That one speaks does not tell how many there are; but the tunnel is connected."""
    sandbox.state.add_tunnel("attic").connect()
    faults.unavailable("GET", f"{tunnel.id}/connections")
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await watch(hass, loaded_entry, connector)
    assert state_of(hass, CONNECTORS) == "unavailable"
    assert state_of(hass, CONNECTED) == "on"


async def test_server_that_falls_silent(
    hass: HomeAssistant,
    connector: RunningConnector,
    watching: MockConfigEntry,
    rule_sensor: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing is known any more, except what Cloudflare says."""
    assert state_of(hass, rule_sensor) == "served"
    connector.fall_silent()
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert state_of(hass, rule_sensor) == "unknown"
    assert state_of(hass, CONNECTED) == "on"
    assert reported(hass) == set()


async def test_rule_that_is_missing(
    hass: HomeAssistant,
    connector: RunningConnector,
    watching: MockConfigEntry,
    rule_sensor: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is told within ten seconds after the restart, and so is its return."""
    await connector.restart(NAS)
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert state_of(hass, rule_sensor) == "missing"
    assert reported(hass) == {"rule_missing"}
    assert placeholders(hass, "rule_missing") == {
        "hostname": HOSTNAME,
        "tunnel": "home",
    }

    await connector.restart(NAS, OWN_RULE)
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert state_of(hass, rule_sensor) == "served"
    assert reported(hass) == set()


async def test_rule_below_another_one(
    hass: HomeAssistant,
    connector: RunningConnector,
    watching: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await connector.restart(WILDCARD, OWN_RULE)
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert reported(hass) == {"rule_shadowed"}
    assert placeholders(hass, "rule_shadowed") == {
        "hostname": HOSTNAME,
        "tunnel": "home",
        "other": "*.example.com",
    }


async def test_second_connector_with_another_file(
    hass: HomeAssistant,
    tunnel: Tunnel,
    connector: RunningConnector,
    watching: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Cloudflare sends requests to either, so one of the two is not enough."""
    async with running_connector(tunnel, NAS) as second:
        await watch(hass, watching, connector, second)
        assert reported(hass) == {"rule_missing_in_some"}
        assert placeholders(hass, "rule_missing_in_some") == {
            "hostname": HOSTNAME,
            "tunnel": "home",
            "missing": "1",
            "connectors": "2",
        }
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert reported(hass) == set()


async def test_tunnel_that_cloudflare_manages(
    hass: HomeAssistant,
    tunnel: Tunnel,
    connector: RunningConnector,
    watching: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its configuration is in Cloudflare, and what is missing there is drift."""
    await connector.restart(NAS)
    tunnel.config_src = "cloudflare"
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert "rule_missing" not in reported(hass)


async def test_no_address(
    hass: HomeAssistant,
    watching: MockConfigEntry,
    rule_sensor: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody is asked any more, and nothing is known."""
    await watch(hass, watching)
    assert state_of(hass, rule_sensor) == "unknown"


async def test_app_is_found_by_itself(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a Supervisor runs the connector, nobody has to enter an address."""
    supervisor = await supervise(hass, sandbox, monkeypatch)
    app = await install_app(sandbox, supervisor)
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert state_of(hass, APP_CONNECTED) == "on"

    await app.stop()
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    assert state_of(hass, APP_CONNECTED) == "off"

    await supervisor.go_away()
    await app.start({})
    await wait_for_refresh(hass, freezer, timedelta(minutes=15))
    assert state_of(hass, APP_CONNECTED) == "on"


async def test_exposed_without_a_rule(
    hass: HomeAssistant,
    sandbox: Sandbox,
    connector: RunningConnector,
    watching: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A connector may say that nothing leads home: the hostname counts as exposed all the same."""
    await connector.restart(NAS)
    await wait_for_refresh(hass, freezer, REPORTS_EVERY)
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    (subentry,) = watching.subentries.values()
    hass.config_entries.async_update_subentry(
        watching, subentry, data={**subentry.data, "keep_in_sync": False}
    )
    await settle(hass)
    entrypoint.rules = [rule for rule in entrypoint.rules if rule.ref != BLOCK_REF]
    await watching.runtime_data.protection.async_refresh()
    await settle(hass)
    assert "exposed" in reported(hass)
