"""Tests of the system health: its figures, and whether Cloudflare can be reached."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import TunnelStatus

from .common import ENGLISH, TUNNELS_EVERY, companion, wait_for_refresh
from .faults import Faults


async def info_of(hass: HomeAssistant) -> dict[str, Any]:
    """Return the information that a person sees."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, DOMAIN)
    info["can_reach_server"] = await info["can_reach_server"]
    return info


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_everything_works(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Everything is counted, and each figure has a name."""
    info = await info_of(hass)
    assert info == {
        "can_reach_server": "ok",
        "accounts": "1/1",
        "healthy_tunnels": "1/1",
        "protected_hostnames": 1,
        "companion_devices": 1,
        "pause": 0,
    }
    assert info.keys() == ENGLISH["system_health"]["info"].keys()


async def test_tunnel_is_down(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A tunnel without a connector does not count as healthy."""
    sandbox.state.tunnels[sandbox.tunnel_id].status = TunnelStatus.DOWN
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert (await info_of(hass))["healthy_tunnels"] == "0/1"


async def test_tunnels_that_cannot_be_read(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was healthy before may not be so any more."""
    faults.unavailable("GET", "/cfd_tunnel")
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert (await info_of(hass))["healthy_tunnels"] == "0/1"


async def test_pause(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The page says how long no requests are sent."""
    faults.limit(240, times=1, path="/cfd_tunnel$")
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert 0 < (await info_of(hass))["pause"] <= 240


async def test_cloudflare_is_out_of_reach(
    hass: HomeAssistant, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the set-up it shows whether Cloudflare can be reached, and where to look."""
    entry.add_to_hass(hass)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", "http://127.0.0.1:1")
    assert not await hass.config_entries.async_setup(entry.entry_id)
    info = await info_of(hass)
    assert info["can_reach_server"] == {
        "type": "failed",
        "error": "unreachable",
        "more_info": "https://www.cloudflarestatus.com",
    }
    assert info["accounts"] == "0/1"
    assert info["healthy_tunnels"] == "0/0"
    assert info["protected_hostnames"] == 1
