"""Tests of a log of logins that cannot be read for longer than is read back."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import setup_integration, wait_for_refresh
from tests.engine.access.helpers import STRANGER
from tests.faults import Faults
from tests.logins import log_in, told
from tests.restarts import restarted, same_account
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import with_login

pytestmark = pytest.mark.usefixtures("without_login")


@with_login
@pytest.mark.parametrize("why", ["off", "unreadable"])
async def test_stranger_in_a_gap_of_two_days(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """They are told, or at least that somebody may have been missed."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    if why == "off":
        account = same_account(loaded_entry)
        async with restarted(hass) as again:
            log_in(sandbox, STRANGER)
            freezer.tick(timedelta(hours=30))
            await setup_integration(again, account)
            for _ in range(3):
                await wait_for_refresh(again, freezer, LOG_EVERY)
            assert told(again) != set()
        return
    faults.unavailable("GET", "access_requests")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    for _ in range(30):
        await wait_for_refresh(hass, freezer, timedelta(hours=1))
    during = set(told(hass))
    faults.clear()
    for _ in range(3):
        await wait_for_refresh(hass, freezer, timedelta(hours=1))
    assert during | set(told(hass)) != set()
