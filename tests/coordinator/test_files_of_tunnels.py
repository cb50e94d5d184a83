"""Tests of what is remembered of tunnels whose rules are in a file: who they may still lead home."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.coordinator.removals import Removals
from sandbox import Sandbox
from sandbox.seed import SERVICE
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    reported,
    settle,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults


def removals_of(entry: MockConfigEntry) -> Removals:
    """Return what knows the files."""
    removals: Removals = entry.runtime_data.protection.removals
    return removals


def files_of(entry: MockConfigEntry) -> dict[str, set[str]]:
    """Return the tunnels whose files may name each hostname."""
    return {name: set(ids) for name, ids in removals_of(entry).files.items()}


async def test_only_what_cloudflare_does_not_manage_is_remembered(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Somebody who migrates the tunnel ends the file; nothing more is read for that."""
    assert files_of(loaded_entry) == {}
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.config_src = "local"
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert files_of(loaded_entry) == {HOSTNAME: {sandbox.tunnel_id}}
    assert reported(hass) == set()
    # What the present tunnel's file says is right.
    removals = removals_of(loaded_entry)
    assert removals.find_in_file(HOSTNAME, sandbox.tunnel_id) is None
    assert removals.find_in_file(HOSTNAME, "other") is None
    assert removals.find_in_file("nas.example.com", "other") is None
    tunnel.config_src = "cloudflare"
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert files_of(loaded_entry) == {}


async def test_tunnel_that_could_not_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It counts as a local one until Cloudflare says that it is none."""
    faults.unavailable("GET", "/configurations")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert files_of(loaded_entry) == {HOSTNAME: {sandbox.tunnel_id}}
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert files_of(loaded_entry) == {}


@pytest.mark.parametrize("released", [False, True])
async def test_local_tunnel_that_is_gone_once_the_hostname_is_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    released: bool,
) -> None:
    """An app that still has the entry makes another tunnel: only a person knows."""
    sandbox.state.tunnels[sandbox.tunnel_id].config_src = "local"
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    del sandbox.state.tunnels[sandbox.tunnel_id]
    removals = removals_of(loaded_entry)
    named = removals.find_in_file(HOSTNAME, sandbox.tunnel_id)
    assert named
    assert (named.hostname, named.service) == (HOSTNAME, SERVICE)
    if released:
        await removals.async_release(HOSTNAME, sandbox.tunnel_id)
        assert removals.find_in_file(HOSTNAME, sandbox.tunnel_id) is None
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == (set() if released else {"removal_in_file"})
    rules = [rule for rule in zone_of(sandbox).rules if HOSTNAME in rule.expression]
    assert bool(rules) is not released
