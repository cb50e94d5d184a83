"""Tests of *End sessions* while Access cannot be read, or the account is not loaded: an order for a lost laptop is not lost."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.access.sessions import Sessions
from sandbox import Sandbox
from tests.engine.access.helpers import HOME, OWNER, STRANGER

from .common import (
    EDGE_EVERY,
    SECOND_LOOK,
    issues,
    placeholders,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
)
from .coordinator.test_login_sessions import EVERYBODY, PERSON, ended
from .faults import Faults
from .flows.test_login_drift import allow, look, policy_of
from .logins import login, told
from .other_users import user_context
from .restarts import restarted, same_account
from .test_login_entities import DIFFERS, END_SESSIONS, press

pytestmark = [
    pytest.mark.usefixtures("without_login"),
    pytest.mark.parametrize("devices", [[login()]], ids=["with login"]),
]
WAITS = "sessions_wait"


async def go_away(
    hass: HomeAssistant, faults: Faults, entry: MockConfigEntry, way: str
) -> None:
    """Have an account that is not loaded."""
    match way:
        case "disabled":
            await hass.config_entries.async_set_disabled_by(
                entry.entry_id, ConfigEntryDisabler.USER
            )
        case "out of reach":
            faults.unavailable("*", "")
            await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert entry.state is not ConfigEntryState.LOADED


async def come_back(
    hass: HomeAssistant,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
) -> None:
    """Have the account loaded again."""
    faults.clear()
    if entry.disabled_by:
        await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    else:
        await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert entry.state is ConfigEntryState.LOADED
    await wait_for_refresh(hass, freezer, EDGE_EVERY)


@pytest.mark.parametrize("is_back", [True, False], ids=["is back", "is away"])
async def test_access_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    is_back: bool,
) -> None:
    """Nothing has to be read for it; an hour may pass before Access is read again."""
    faults.unavailable("GET", "/access/")
    for _ in range(2):
        await look(hass, loaded_entry)
    if is_back:
        faults.clear()
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DIFFERS) == "unavailable"
    sandbox.journal.clear()
    await press(hass, Context())
    assert ended(sandbox) == [EVERYBODY]
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert ended(sandbox) == [EVERYBODY]
    assert "login_sessions_left" not in told(hass)


async def test_cloudflare_does_nothing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """Who ordered it reads that, a repair says it, and it is done later, also after a restart."""
    faults.unavailable("*", "/access/")
    await look(hass, loaded_entry)
    with pytest.raises(HomeAssistantError):
        await press(hass, Context())
    assert told(hass) == {"login_sessions_left"}
    sandbox.journal.clear()
    async with restarted(hass) as again:
        await setup_integration(again, same_account(loaded_entry))
        assert "login_sessions_left" in told(again)
        faults.clear()
        for _ in range(6):
            await wait_for_refresh(again, freezer, EDGE_EVERY)
        assert ended(sandbox) == [EVERYBODY]
        assert told(again) == set()


@pytest.mark.parametrize("way", ["disabled", "out of reach"])
async def test_account_is_not_loaded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    way: str,
) -> None:
    """It is told at once, and done once the account is loaded."""
    await settle(hass)
    await go_away(hass, faults, loaded_entry, way)
    sandbox.journal.clear()
    await press(hass, Context())
    await settle(hass)
    assert f"Sessions at {HOME} end once Cloudflare can be asked" in caplog.text
    assert told(hass) == {WAITS}
    assert placeholders(hass, WAITS) == {
        "account": loaded_entry.title,
        "hostnames": f"- `{HOME}`",
    }
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[WAITS])
    assert issue
    assert issue.is_persistent
    assert ended(sandbox) == []

    await come_back(hass, faults, freezer, loaded_entry)
    assert ended(sandbox) == [EVERYBODY]
    assert told(hass) == set()


async def test_account_is_removed_before_it_is_loaded(
    hass: HomeAssistant, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """Nobody does it any more, and a repair says so."""
    await settle(hass)
    await go_away(hass, faults, loaded_entry, "disabled")
    await press(hass, Context())
    await hass.config_entries.async_remove(loaded_entry.entry_id)
    await settle(hass)
    assert told(hass) == {"logins_stay", "sessions_stay"}


async def test_other_users_order_nothing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_owner_user: Any,
) -> None:
    await settle(hass)
    await go_away(hass, faults, loaded_entry, "out of reach")
    sandbox.journal.clear()
    await press(hass, await user_context(hass, GROUP_ID_USER))
    await settle(hass)
    assert told(hass) == set()
    await come_back(hass, faults, freezer, loaded_entry)
    assert ended(sandbox) == []


@pytest.mark.parametrize("is_loaded", [True, False], ids=["loaded", "disabled"])
async def test_application_that_was_never_seen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
    *,
    is_loaded: bool,
) -> None:
    """What is stored was lost: the order is kept until Access was read."""
    await settle(hass)
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        del hass_storage[f"{DOMAIN}.{account.entry_id}.logins"]
        faults.unavailable("GET", "/access/")
        await setup_integration(again, account)
        assert state_of(again, END_SESSIONS) == "unavailable"
        if not is_loaded:
            await go_away(again, faults, account, "disabled")
        await press(again, Context())
        await settle(again)
        await again.config_entries.async_set_disabled_by(account.entry_id, None)
        await settle(again)
        sandbox.journal.clear()
        await wait_for_refresh(again, freezer, EDGE_EVERY)
        due = account.runtime_data.access.records.records[HOME].sessions
        assert due == Sessions(of_everybody=True)
        assert "login_sessions_left" in told(again)

        faults.clear()
        for _ in range(9):
            await wait_for_refresh(again, freezer, EDGE_EVERY)
        assert ended(sandbox) == [EVERYBODY]
        assert "login_sessions_left" not in told(again)


@pytest.mark.parametrize("is_back", [True, False], ids=["is back", "is away"])
@pytest.mark.parametrize("way", ["fails", "refused"])
async def test_pressed_before_any_application_was_seen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
    way: str,
    *,
    is_back: bool,
) -> None:
    """It is done or told at once, and not only once Access is read again."""
    await settle(hass)
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        del hass_storage[f"{DOMAIN}.{account.entry_id}.logins"]
        if way == "refused":
            faults.refuse("GET", "/access/apps", 403, 10000, "Authentication error")
        else:
            faults.unavailable("GET", "/access/")
        await setup_integration(again, account)
        assert state_of(again, END_SESSIONS) == "unavailable"
        if is_back:
            faults.clear()
        sandbox.journal.clear()
        await press(again, Context())
        await settle(again)
        assert ended(sandbox) == ([EVERYBODY] if is_back else [])
        assert ("login_sessions_left" in told(again)) is not is_back


@pytest.mark.parametrize("way", ["fails", "refused"])
async def test_sessions_that_are_due_while_access_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    way: str,
) -> None:
    """A stranger's session ends, whether Access can be read by then or not."""
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, loaded_entry)
    allow(sandbox, OWNER)
    faults.unavailable("POST", PERSON)
    await look(hass, loaded_entry)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert told(hass) == {"login_sessions_left"}

    faults.clear()
    if way == "refused":
        faults.refuse("GET", "/access/apps", 403, 10000, "Authentication error")
    else:
        faults.unavailable("GET", "/access/")
    sandbox.journal.clear()
    await look(hass, loaded_entry)
    for _ in range(5):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert ended(sandbox) == [PERSON]
    assert "login_sessions_left" not in told(hass)


async def test_pressed_while_a_fix_is_under_way(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """Who logs in between the press and the fix is out after it."""
    await settle(hass)
    policy_of(sandbox).include = [{"everyone": {}}]
    sandbox.journal.clear()
    hold = asyncio.Event()
    fix = faults.add("PUT", "/access/policies", hold=hold, times=1)
    await loaded_entry.runtime_data.access.async_look_again()
    await fix.until_hit()
    await press(hass, Context())
    assert ended(sandbox) == [EVERYBODY]
    hold.set()
    await settle(hass)
    assert policy_of(sandbox).include == [{"email": {"email": OWNER}}]
    assert ended(sandbox) == [EVERYBODY, EVERYBODY]
