"""Tests of a look at Access that is asked for while an earlier one is under way."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import settle, wait_for_refresh
from tests.engine.access.helpers import STRANGER
from tests.faults import Faults
from tests.flows.test_login_drift import policy_of
from tests.logins import log_in, told
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import PERSON, ended, with_login

pytestmark = pytest.mark.usefixtures("without_login")


async def a_while() -> None:
    """Let everything else go on; time stands still."""
    for _ in range(3000):
        await asyncio.sleep(0)


@with_login
async def test_look_that_is_asked_for_meanwhile(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """It reads what is there by then, and not what the earlier one was answered."""
    access = loaded_entry.runtime_data.access
    hold = asyncio.Event()
    slow = faults.add("GET", "/access/policies", after_write=True, hold=hold, times=1)
    earlier = asyncio.ensure_future(access.async_look_again())
    await slow.until_hit()
    await a_while()
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    later = asyncio.ensure_future(access.async_look_again())
    await a_while()
    hold.set()
    await asyncio.gather(earlier, later)
    await settle(hass)
    assert told(hass) == {"login_list_changed"}


@with_login
async def test_stranger_who_logged_in_while_access_is_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Their session ends as soon as the log tells of it, and not two hours later."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    access = loaded_entry.runtime_data.access
    log_in(sandbox, STRANGER)
    hold = asyncio.Event()
    slow = faults.add("GET", "/access/policies", after_write=True, hold=hold, times=1)
    earlier = asyncio.ensure_future(access.async_look_again())
    await slow.until_hit()
    await a_while()
    freezer.tick(60)
    log = asyncio.ensure_future(loaded_entry.runtime_data.login_log.async_refresh())
    await a_while()
    hold.set()
    await asyncio.gather(earlier, log)
    await settle(hass)
    assert "login_stranger" in told(hass)
    assert ended(sandbox) == [PERSON]
