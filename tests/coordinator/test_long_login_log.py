"""Tests of a log of logins with more entries than are read: anybody with a mailbox can be refused as often as they like."""

import asyncio
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox
from sandbox.clock import now
from tests.common import placeholders, settle, state_of, wait_for_refresh
from tests.engine.access.helpers import OWNER, STRANGER
from tests.faults import Faults
from tests.logins import LOGIN_ID, calls, log_in, told
from tests.test_login_entities import LAST_LOGIN, LOG_EVERY, OF_LOG, REFUSED

from .test_login_sessions import PERSON, ended, with_login

pytestmark = pytest.mark.usefixtures("without_login")

ANYBODY = "anybody@mail.example"


def attempts(sandbox: Sandbox, count: int = 1000) -> None:
    """Have somebody be refused again and again; each attempt makes two rows."""
    for number in range(count):
        log_in(
            sandbox,
            ANYBODY,
            allowed=False,
            created_at=now() - timedelta(seconds=number % 500),
        )


def reads(sandbox: Sandbox) -> int:
    """Return how often a page of the log was read since the journal was cleared."""
    return len([each for each in calls(sandbox) if "access_requests" in each.path])


@with_login
@pytest.mark.parametrize("when", ["before", "after"])
async def test_stranger_among_many_attempts(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    when: str,
) -> None:
    """The stranger is told, and their session ends; so is that attempts may be missing, for a day."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    sandbox.journal.clear()
    if when == "before":
        log_in(sandbox, STRANGER, country="BR")
    attempts(sandbox)
    if when == "after":
        log_in(sandbox, STRANGER, country="BR")
    log_in(sandbox, OWNER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "unavailable" not in {state_of(hass, each) for each in OF_LOG}
    assert state_of(hass, LAST_LOGIN) != "unknown"
    assert int(state_of(hass, REFUSED)) >= 1
    assert told(hass) == {"login_stranger", "login_refused", "login_log_long"}
    assert placeholders(hass, "login_log_long") == {"account": "Home lab"}
    assert ended(sandbox) == [PERSON]
    assert reads(sandbox) <= 22

    for _ in range(4):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    sandbox.journal.clear()
    freezer.tick(timedelta(hours=22))
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert reads(sandbox) == 1
    assert "login_log_long" in told(hass)
    freezer.tick(timedelta(hours=3))
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_stranger"}


@with_login
async def test_attempts_that_do_not_end(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing is told twice, and each login of a stranger is."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    events = async_capture_events(hass, "cloudflare_mtls_login")
    for _ in range(4):
        attempts(sandbox)
        log_in(sandbox, STRANGER)
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    kinds = [event.data["type"] for event in events]
    assert kinds.count("allowed") == 4
    # They are seconds apart, so that they are one, as far as they follow each other.
    assert kinds.count("refused") <= 4


@with_login
async def test_cloudflare_does_not_name_those_who_were_let_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A failure of that list is no list without anybody: it is read again."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    attempts(sandbox)
    sandbox.journal.clear()
    hold = asyncio.Event()
    first = faults.add("GET", "access_requests", hold=hold, times=20)
    look = hass.async_create_task(wait_for_refresh(hass, freezer, LOG_EVERY))
    await first.until_hit()
    faults.unavailable("GET", "access_requests")
    hold.set()
    await look
    assert "login_stranger" not in told(hass)
    assert state_of(hass, REFUSED) == "unavailable"
    faults.clear()
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)
    assert ended(sandbox) == [PERSON]


@with_login
async def test_cloudflare_lists_nobody_apart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A person is told to look for themselves: a stranger may be missing."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    attempts(sandbox)
    hold = asyncio.Event()
    first = faults.add("GET", "access_requests", hold=hold, times=20)
    look = hass.async_create_task(wait_for_refresh(hass, freezer, LOG_EVERY))
    await first.until_hit()
    faults.refuse("GET", "access_requests", 400, 12130, "Unknown filter")
    hold.set()
    await look
    assert "login_log_cut" in told(hass)
    assert "login_log_long" not in told(hass)
    assert placeholders(hass, "login_log_cut") == {"account": "Home lab"}


@with_login
async def test_hostname_is_removed_while_the_log_is_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is told of it, and nothing fails."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    log_in(sandbox, ANYBODY, allowed=False)
    hold = asyncio.Event()
    reading = faults.add("GET", "access_requests", hold=hold, times=1)
    look = hass.async_create_task(wait_for_refresh(hass, freezer, LOG_EVERY))
    await reading.until_hit()
    hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    hold.set()
    await look
    await settle(hass)
    assert not told(hass) & {"login_stranger", "login_refused"}
    assert "KeyError" not in caplog.text
