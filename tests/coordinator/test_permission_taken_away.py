"""An IP Access rule is told, and then the token loses the permission to read such rules."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS
from tests.common import (
    CHECKS_EVERY,
    EDGE_EVERY,
    HOSTNAME,
    act,
    reported,
    state_of,
    wait_for_refresh,
)
from tests.coordinator.test_checks import allow

ENFORCED = "binary_sensor.home_mobile_example_com_enforced"
KEY = "check_ip_access_allow"


async def test_what_was_told_stays_told(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody has seen that the rule is gone: the repair stays, and *Blocks visitors …* does not turn on."""
    allow(("ip", "198.51.100.7"))(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == {KEY}
    assert state_of(hass, ENFORCED) == "off"
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"firewall:edit", "account_firewall:edit"}
    for interval in (EDGE_EVERY, EDGE_EVERY, CHECKS_EVERY, CHECKS_EVERY):
        await wait_for_refresh(hass, freezer, interval)
    assert (reported(hass), state_of(hass, ENFORCED)) == ({KEY}, "off")
    verified = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert verified["enforced"] is False

    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert (reported(hass), state_of(hass, ENFORCED)) == ({KEY}, "off")


async def test_rule_that_a_quick_look_found(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It was told after a quarter of an hour; then the token is replaced by one with less."""
    allow(("ip", "198.51.100.7"))(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert (reported(hass), state_of(hass, ENFORCED)) == ({KEY}, "off")
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"firewall:edit", "account_firewall:edit"}
    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert (reported(hass), state_of(hass, ENFORCED)) == ({KEY}, "off")
