"""Tests of somebody else who undoes a login again and again: a person is told, and it is fixed each time."""

from collections.abc import Callable
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox
from tests.common import EDGE_EVERY, placeholders, settle, wait_for_refresh
from tests.engine.access.helpers import HOME, settings
from tests.flows.test_login_drift import policy_of
from tests.logins import LOGIN_ID, application_at, login, only_another_login, told

pytestmark = pytest.mark.usefixtures("without_login")

READ_EVERY = timedelta(hours=2)
OPENED, UNDONE = "login_opened_again", "login_undone_again"

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])


def let_everybody_in(sandbox: Sandbox) -> None:
    """Have everybody log in, as somebody's infrastructure code does."""
    policy_of(sandbox).include = [{"everyone": {}}]


def delete(sandbox: Sandbox) -> None:
    """Delete the application, and keep that of another hostname."""
    only_another_login(sandbox)


def lengthen(sandbox: Sandbox) -> None:
    """Have logins last longer."""
    application = application_at(sandbox)
    assert application
    application.options["session_duration"] = "730h"


async def undo(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    change: Callable[[Sandbox], None],
) -> None:
    """Have somebody change something, and Home Assistant find and fix it."""
    change(sandbox)
    await wait_for_refresh(hass, freezer, READ_EVERY)


@with_login
@pytest.mark.parametrize(
    ("change", "key"),
    [(let_everybody_in, OPENED), (delete, OPENED), (lengthen, UNDONE)],
)
async def test_third_time_within_a_day_is_told(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    change: Callable[[Sandbox], None],
    key: str,
) -> None:
    """Since when, how often, and for how long it was open; fixing goes on, and automations are told."""
    events: list[Event] = async_capture_events(hass, "cloudflare_mtls_fixed")
    for times in range(1, 6):
        await undo(hass, sandbox, freezer, change)
        assert len(events) == times
        assert told(hass) == ({key} if times > 2 else set())
    said = placeholders(hass, key)
    assert (said["hostname"], said["times"]) == (HOME, "5")
    assert said["minutes"] == ("120" if key == OPENED else "1")

    freezer.tick(timedelta(hours=20))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(hass) == set()


@with_login
async def test_now_and_then_is_not_told(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Twice a day is what people do who try something."""
    for _ in range(5):
        await undo(hass, sandbox, freezer, let_everybody_in)
        freezer.tick(timedelta(hours=12))
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert told(hass) == set()


@with_login
@pytest.mark.parametrize("how", ["removed", "not kept in sync"])
async def test_login_that_is_no_longer_kept_in_sync(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    how: str,
) -> None:
    """Home Assistant fixes nothing there any more, so it does not say that it does."""
    for _ in range(3):
        await undo(hass, sandbox, freezer, let_everybody_in)
    assert told(hass) == {OPENED}
    if how == "removed":
        hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    else:
        chosen = login(settings(keep_in_sync=False))
        hass.config_entries.async_update_subentry(
            loaded_entry,
            loaded_entry.subentries[LOGIN_ID],
            data=chosen["data"],
        )
    await settle(hass)
    assert OPENED not in told(hass)
