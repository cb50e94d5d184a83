"""Tests of the health of tunnels: what is broken, what is only new, and how many requests the refreshes cost."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import Connection, Connector, Tunnel, TunnelStatus
from tests.common import (
    EDGE_EVERY,
    ENGLISH,
    HOSTNAME,
    TUNNELS_EVERY,
    issues,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    written_out,
)
from tests.faults import Faults

LOCATIONS = "sensor.home_edge_locations"


@pytest.fixture
def tunnel(sandbox: Sandbox) -> Tunnel:
    """Return the tunnel that serves the protected hostname."""
    return sandbox.state.tunnels[sandbox.tunnel_id]


async def minutes(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, count: int
) -> None:
    """Let minutes pass, each with a refresh of the tunnels."""
    for _ in range(count):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)


def cut_off(tunnel: Tunnel) -> datetime:
    """Have the tunnel lose its last connection, two minutes before the next refresh."""
    tunnel.disconnect()
    tunnel.inactive_at = dt_util.utcnow() - timedelta(minutes=2)
    return tunnel.inactive_at


def at_home(moment: datetime) -> str:
    """Return a moment in the home's time zone."""
    local = moment.astimezone(ZoneInfo("US/Pacific"))
    return f"{written_out(local)}, {local:%H:%M}"


def tunnel_issue(hass: HomeAssistant) -> ir.IssueEntry:
    """Return the repair about the tunnel."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)["tunnel_down"])
    assert issue
    return issue


async def test_locations_that_are_shown_on_request(
    hass: HomeAssistant,
    tunnel: Tunnel,
    loaded_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The edge locations of a tunnel have a sensor that can be enabled."""
    entity = entity_registry.async_get(LOCATIONS)
    assert entity
    assert entity.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    assert entity.unique_id == f"{tunnel.id}_edge_locations"
    assert hass.states.get(LOCATIONS) is None
    entity_registry.async_update_entity(LOCATIONS, disabled_by=None)
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert state_of(hass, LOCATIONS) == "ams01, ams04, fra06, fra08"

    tunnel.connectors = [
        Connector([Connection("fra06"), Connection("ams01")]),
        Connector(
            [Connection("fra06"), Connection("muc01", is_pending_reconnect=True)]
        ),
    ]
    await wait_for_refresh(hass, freezer, timedelta(minutes=5))
    assert state_of(hass, LOCATIONS) == "ams01, fra06"

    tunnel.disconnect()
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert state_of(hass, LOCATIONS) == "unknown"


async def test_language_that_is_not_loaded_yet(
    hass: HomeAssistant,
    tunnel: Tunnel,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Home Assistant loads a language a moment after a person chose it: until then dates are English."""
    hass.config.language = "nl"
    down_at = cut_off(tunnel)

    await minutes(hass, freezer, 6)

    placeholders = tunnel_issue(hass).translation_placeholders
    assert placeholders
    assert placeholders["since"] == at_home(down_at)


@pytest.mark.parametrize("status", [TunnelStatus.DOWN, TunnelStatus.INACTIVE])
async def test_tunnel_that_a_hostname_needs(
    hass: HomeAssistant,
    tunnel: Tunnel,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    status: TunnelStatus,
) -> None:
    """After five minutes a repair names the hostnames, until the tunnel is back."""
    down_at = cut_off(tunnel)
    tunnel.status = status

    await minutes(hass, freezer, 5)
    assert state_of(hass, "binary_sensor.home_connected") == "off"
    assert reported(hass) == set()

    await minutes(hass, freezer, 1)
    assert reported(hass) == {"tunnel_down"}
    issue = tunnel_issue(hass)
    assert issue.translation_placeholders == {
        "tunnel": "home",
        "hostnames": f"- `{HOSTNAME}`",
        "since": at_home(down_at),
    }
    assert not issue.is_fixable
    ENGLISH["issues"]["tunnel_down"]["description"].format_map(
        issue.translation_placeholders
    )

    tunnel.connect()
    await minutes(hass, freezer, 1)
    assert state_of(hass, "binary_sensor.home_connected") == "on"
    assert reported(hass) == set()


async def test_short_interruptions_do_not_add_up(
    hass: HomeAssistant,
    tunnel: Tunnel,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The five minutes start again after each connection."""
    for _ in range(3):
        cut_off(tunnel)
        await minutes(hass, freezer, 4)
        tunnel.connect()
        await minutes(hass, freezer, 1)
        assert reported(hass) == set()


async def test_degraded_tunnel_has_no_repair(
    hass: HomeAssistant,
    tunnel: Tunnel,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A tunnel with one connection left still serves the hostname."""
    tunnel.connect(connections=1)

    await minutes(hass, freezer, 10)

    assert state_of(hass, "sensor.home_tunnel_status") == "degraded"
    assert reported(hass) == set()


async def test_tunnel_without_a_time_from_cloudflare(
    hass: HomeAssistant,
    tunnel: Tunnel,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The repair says when Home Assistant first saw the tunnel down."""
    tunnel.disconnect()
    tunnel.inactive_at = None
    first_look = dt_util.utcnow() + TUNNELS_EVERY

    await minutes(hass, freezer, 6)

    placeholders = tunnel_issue(hass).translation_placeholders
    assert placeholders
    assert placeholders["since"] == at_home(first_look)


async def test_tunnel_that_never_ran_has_no_repair(
    hass: HomeAssistant,
    tunnel: Tunnel,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A hostname may be protected before its tunnel has a connector."""
    tunnel.connectors = []
    tunnel.status = TunnelStatus.INACTIVE
    tunnel.active_at, tunnel.inactive_at = None, tunnel.created_at
    await setup_integration(hass, entry)

    await minutes(hass, freezer, 10)

    assert state_of(hass, "sensor.home_tunnel_status") == "inactive"
    assert state_of(hass, "binary_sensor.home_connected") == "off"
    assert reported(hass) == set()

    tunnel.connect()
    await minutes(hass, freezer, 1)
    cut_off(tunnel)
    await minutes(hass, freezer, 6)
    assert reported(hass) == {"tunnel_down"}


async def test_tunnel_without_a_protected_hostname_has_no_repair(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A tunnel that no protected hostname needs may be down for years."""
    attic = sandbox.state.add_tunnel("attic")
    attic.connect()
    await minutes(hass, freezer, 1)
    cut_off(attic)

    await minutes(hass, freezer, 10)

    assert state_of(hass, "sensor.attic_tunnel_status") == "down"
    assert reported(hass) == set()


async def test_tunnel_of_an_unpublished_hostname_has_no_repair(
    hass: HomeAssistant,
    tunnel: Tunnel,
    settings: dict[str, Any],
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A hostname that is not published does not need its tunnel."""
    entry.add_to_hass(hass)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**settings, "published": False}
    )
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    cut_off(tunnel)

    await minutes(hass, freezer, 10)

    assert reported(hass) == set()


async def test_repair_outlives_an_outage(
    hass: HomeAssistant,
    tunnel: Tunnel,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """While Cloudflare does not answer, the tunnel may still be down."""
    cut_off(tunnel)
    await minutes(hass, freezer, 6)
    assert reported(hass) == {"tunnel_down"}
    faults.unavailable("GET", "/cfd_tunnel$")
    tunnel.connect()

    await minutes(hass, freezer, 3)
    assert reported(hass) == {"tunnel_down"}

    faults.clear()
    await minutes(hass, freezer, 1)
    assert reported(hass) == set()


async def test_repair_goes_with_the_tunnel_and_the_account(
    hass: HomeAssistant,
    sandbox: Sandbox,
    tunnel: Tunnel,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A removed tunnel or account leaves no repair behind."""
    cut_off(tunnel)
    await minutes(hass, freezer, 6)
    assert "tunnel_down" in reported(hass)
    del sandbox.state.tunnels[tunnel.id]
    await minutes(hass, freezer, 1)
    assert "tunnel_down" not in reported(hass)

    sandbox.state.tunnels[tunnel.id] = tunnel
    await minutes(hass, freezer, 6)
    assert "tunnel_down" in reported(hass)
    await hass.config_entries.async_remove(loaded_entry.entry_id)
    await settle(hass)
    assert "tunnel_down" not in reported(hass)


async def test_tunnel_that_is_managed_locally(
    hass: HomeAssistant,
    sandbox: Sandbox,
    tunnel: Tunnel,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A locally managed tunnel is shown as such, and not as broken."""
    tunnel.config_src = "local"
    attic = sandbox.state.add_tunnel("attic")

    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, "sensor.home_tunnel_status") == "healthy"
    assert reported(hass) == set()
    models = {}
    for item in (tunnel, attic):
        device = device_registry.async_get_device_by_identifier(
            (DOMAIN, item.id), entry.entry_id
        )
        assert device
        models[item.name] = device.model
    assert models == {"home": "Locally managed tunnel", "attic": "Tunnel"}


async def test_connectors_that_cannot_be_read(
    hass: HomeAssistant,
    faults: Faults,
    tunnel: Tunnel,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The last known number is not shown as if it were current; it is not asked for each minute."""
    await setup_integration(hass, entry)
    fault = faults.unavailable("GET", "/connections$")
    tunnel.connectors = [*tunnel.connectors, Connector([Connection("fra06")])]
    await minutes(hass, freezer, 5)

    shown = set()
    for _ in range(10):
        await minutes(hass, freezer, 1)
        shown.add(state_of(hass, "sensor.home_connectors"))
    assert shown == {"unavailable"}
    assert fault.hits == 3

    faults.clear()
    await minutes(hass, freezer, 1)
    assert state_of(hass, "sensor.home_connectors") == "2"


async def test_tunnel_that_is_down_while_connectors_cannot_be_read(
    hass: HomeAssistant,
    faults: Faults,
    tunnel: Tunnel,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The list of the tunnels says so, whatever the list of their connectors answers."""
    faults.unavailable("GET", "/connections$")
    cut_off(tunnel)
    await minutes(hass, freezer, 7)
    assert state_of(hass, "sensor.home_tunnel_status") == "down"
    assert reported(hass) == {"tunnel_down"}


async def test_requests_of_an_hour(
    hass: HomeAssistant,
    sandbox: Sandbox,
    tunnel: Tunnel,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Sixty lists; connections every five minutes, every 15 of an unused tunnel, and after a change."""
    attic = sandbox.state.add_tunnel("attic")
    await setup_integration(hass, entry)
    sandbox.journal.clear()
    lists, connections = "/cfd_tunnel", "/connections"
    asked: list[list[str]] = []

    for minute in range(60):
        if minute == 33:
            tunnel.connect(connections=2)
        await minutes(hass, freezer, 1)
        asked.append([entry.path for entry in sandbox.journal.requests])
        sandbox.journal.clear()

    assert [sum(path.endswith(lists) for path in paths) for paths in asked] == [1] * 60
    looked = {
        minute: {path.split("/")[-2] for path in paths if path.endswith(connections)}
        for minute, paths in enumerate(asked)
    }
    used = [minute for minute, ids in looked.items() if tunnel.id in ids]
    unused = [minute for minute, ids in looked.items() if attic.id in ids]
    assert {later - sooner for sooner, later in pairwise(unused)} == {15}
    # From the change in minute 33 on, the next look is five minutes later again.
    before = [minute for minute in used if minute < 33]
    after = [minute for minute in used if minute >= 33]
    assert after[0] == 33
    assert {b - a for both in (before, after) for a, b in pairwise(both)} == {5}
    assert state_of(hass, "sensor.home_connections") == "2"
