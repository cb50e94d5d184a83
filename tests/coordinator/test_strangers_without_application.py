"""Tests of strangers whose login the log tells of after the application is gone, or while Access cannot be read."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessGroup, AccessPolicy
from tests.common import setup_integration, wait_for_refresh
from tests.engine.access.helpers import HOME, OWNER, PARTNER, STRANGER
from tests.faults import Faults
from tests.flows.test_login_drift import look
from tests.logins import access_of, application_at, calls, log_in, told
from tests.restarts import restarted, same_account
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import PERSON, ended, with_login
from .test_login_strangers import not_in_sync
from .test_sessions_of_strangers import with_group

pytestmark = pytest.mark.usefixtures("without_login")


@pytest.fixture(autouse=True)
def _group(sandbox: Sandbox) -> None:
    """Have a group of the owner's."""
    owner: dict[str, Any] = {"email": {"email": OWNER}}
    access_of(sandbox).groups["family"] = AccessGroup("Family", [owner], id="family")


def delete_application(sandbox: Sandbox) -> None:
    """Have somebody delete the application in front of the hostname."""
    application = application_at(sandbox)
    assert application
    del access_of(sandbox).applications[application.id]


@with_login
@pytest.mark.parametrize("is_seen", [True, False], ids=["seen", "not seen"])
async def test_application_is_deleted_before_the_log_is_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    is_seen: bool,
) -> None:
    """Whether or not Home Assistant has created another one by then."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    logins = async_capture_events(hass, "cloudflare_mtls_login")
    log_in(sandbox, STRANGER)
    delete_application(sandbox)
    if is_seen:
        await look(hass, loaded_entry)
        await look(hass, loaded_entry)
        assert application_at(sandbox), "it was created again"
    for _ in range(2):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)
    assert [event.data["hostname"] for event in logins] == [HOME]


@not_in_sync
async def test_application_that_nobody_creates_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Later ones are told as well."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    application = AccessApplication(
        "Theirs",
        [{"type": "public", "uri": HOME}],
        [AccessPolicy("They", "allow", [{"email": {"email": STRANGER}}])],
        id="theirs",
    )
    access_of(sandbox).applications["theirs"] = application
    log_in(sandbox, STRANGER)
    del access_of(sandbox).applications["theirs"]
    await look(hass, loaded_entry)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)


@with_login
async def test_application_of_the_strangers_own(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It stands in place of ours, and is still there when the log is read."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    delete_application(sandbox)
    access_of(sandbox).applications["theirs"] = AccessApplication(
        "Theirs",
        [{"type": "public", "uri": f"*.{HOME.partition('.')[2]}"}],
        [AccessPolicy("They", "allow", [{"email": {"email": STRANGER}}])],
        id="theirs",
    )
    await look(hass, loaded_entry)
    log_in(sandbox, STRANGER, app_uid="theirs")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)


@with_login
async def test_new_application_of_the_owners_at_a_path(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its people are no strangers; Access is read once to know that."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    logins = async_capture_events(hass, "cloudflare_mtls_login")
    access_of(sandbox).applications["wiki"] = AccessApplication(
        "Wiki",
        [{"type": "public", "uri": f"{HOME}/wiki"}],
        [AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])],
        id="wiki",
    )
    log_in(sandbox, PARTNER, app_uid="wiki", app_domain=f"{HOME}/wiki")
    sandbox.journal.clear()
    for _ in range(2):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" not in told(hass)
    assert logins == []
    assert ended(sandbox) == []
    assert len([each for each in calls(sandbox) if "organiz" in each.path]) == 1


@with_group
@pytest.mark.parametrize("is_restarted", [True, False], ids=["restarted", "running"])
async def test_stranger_in_a_group_while_access_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    is_restarted: bool,
) -> None:
    """They are told, and their session ends, once Access can be read again."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    logins = async_capture_events(hass, "cloudflare_mtls_login")
    faults.refuse("GET", "/access/groups", 403, 10000, "Authentication error")
    await look(hass, loaded_entry)
    log_in(sandbox, STRANGER)
    log_in(sandbox, OWNER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" not in told(hass)
    assert len(logins) == 2
    if is_restarted:
        async with restarted(hass) as again:
            faults.clear()
            await setup_integration(again, same_account(loaded_entry))
            for _ in range(2):
                await wait_for_refresh(again, freezer, LOG_EVERY)
            assert told(again) == {"login_stranger"}
    else:
        faults.clear()
        await look(hass, loaded_entry)
        for _ in range(2):
            await wait_for_refresh(hass, freezer, LOG_EVERY)
        assert told(hass) == {"login_stranger"}
        assert len(logins) == 2
    assert ended(sandbox) == [PERSON]


@with_group
async def test_somebody_joins_the_group_while_access_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """They are no stranger by what was read before; nobody logs them out."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    group = access_of(sandbox).groups["family"]
    group.include.append({"email": {"email": PARTNER}})
    faults.unavailable("GET", "/access/apps")
    await look(hass, loaded_entry)
    log_in(sandbox, PARTNER)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    faults.clear()
    await look(hass, loaded_entry)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == set()
    assert ended(sandbox) == []


@with_login
async def test_application_is_deleted_while_access_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody knows at which hostname that login was until Access is read."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER, app_uid="gone")
    faults.unavailable("GET", "/access/apps")
    await look(hass, loaded_entry)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" not in told(hass)
    faults.clear()
    await look(hass, loaded_entry)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)
