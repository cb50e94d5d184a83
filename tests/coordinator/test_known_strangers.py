"""Tests of strangers who logged in, and who stay told whatever becomes of the log and the application."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import EDGE_EVERY, setup_integration, wait_for_refresh
from tests.coordinator.test_login_sessions import with_login
from tests.engine.access.helpers import STRANGER, settings
from tests.faults import Faults
from tests.logins import access_of, application_at, log_in, login, told
from tests.restarts import restarted, same_account
from tests.test_login_entities import LOG_EVERY

pytestmark = pytest.mark.usefixtures("without_login")


@with_login
@pytest.mark.parametrize("why", ["500", "403"])
async def test_stranger_told_after_a_restart_without_the_log(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
    why: str,
) -> None:
    """Whom the log told of is stored; that it cannot be read now does not undo it."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        if why == "403":
            faults.refuse("GET", "access_requests", 403, 10000, "Authentication error")
        else:
            faults.unavailable("GET", "access_requests")
        await setup_integration(again, account)
        for _ in range(20):
            await wait_for_refresh(again, freezer, LOG_EVERY)
        assert "login_stranger" in told(again)


@with_login
async def test_login_without_an_address(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody's session can be ended by it."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, "")
    for _ in range(3):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == set()


NAS_LOGIN = login(settings(hostname="nas.example.com"), "01JLOGIN000000000000000002")


@pytest.mark.parametrize(
    "devices", [[login()], [login(), NAS_LOGIN]], ids=["one", "two"]
)
async def test_stranger_is_told_after_the_application_was_deleted(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Somebody deletes the application; Home Assistant creates it again."""
    access_of(sandbox).applications.pop("nas", None)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)
    application = application_at(sandbox)
    assert application
    del access_of(sandbox).applications[application.id]
    for _ in range(4):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert application_at(sandbox), "it was created again"
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)
