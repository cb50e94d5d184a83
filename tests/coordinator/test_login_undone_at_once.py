"""Tests of a tool that undoes each fix of a login at once: the hostname is open for ever."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant, callback
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import EDGE_EVERY, SECOND_LOOK, settle, wait_for_refresh
from tests.flows.test_login_drift import policy_of
from tests.logins import login, told

pytestmark = pytest.mark.usefixtures("without_login")


@pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
async def test_login_that_is_opened_again_right_after_each_fix(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Everybody can log in for two days: a person is told."""
    await settle(hass)
    fixed = []

    @callback
    def undo(event: Event) -> None:
        fixed.append(event)
        policy_of(sandbox).include = [{"everyone": {}}]

    hass.bus.async_listen("cloudflare_mtls_fixed", undo)
    policy_of(sandbox).include = [{"everyone": {}}]
    seen: list[set[str]] = []
    for _ in range(4 * 24):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        await wait_for_refresh(hass, freezer, SECOND_LOOK)
        seen.append(set(told(hass)))
    assert policy_of(sandbox).include == [{"everyone": {}}]
    assert len(fixed) > 2
    assert any(seen), f"fixed {len(fixed)} times, never told"
