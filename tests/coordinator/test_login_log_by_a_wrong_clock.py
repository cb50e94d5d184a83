"""Tests of the log of logins while the clock of the home is wrong."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.clocks import HomeClock
from tests.common import wait_for_refresh
from tests.engine.access.helpers import STRANGER
from tests.logins import log_in, told
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import with_login

pytestmark = pytest.mark.usefixtures("without_login")


@with_login
async def test_stranger_while_the_clock_is_ahead(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
) -> None:
    """They are told at once: the times of the log are Cloudflare's."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    home_clock.set(timedelta(hours=2))
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_stranger"}


@with_login
async def test_stranger_while_the_clock_is_behind(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
) -> None:
    """They are told once the clock is right."""
    freezer.tick(timedelta(hours=3))
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    home_clock.set(timedelta(hours=-2))
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    home_clock.set(timedelta(hours=2))
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_stranger"}
