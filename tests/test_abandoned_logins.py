"""Tests of accounts that are removed or disabled: no trial stays behind in silence."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.coordinator.access import TrialEnd
from custom_components.cloudflare_mtls.engine.api.errors import PlanChanged
from sandbox import Sandbox
from tests.common import placeholders, settle, setup_integration, wait_for_refresh
from tests.engine.access.helpers import HOME, STRANGER
from tests.faults import Faults
from tests.flows.test_login_drift import look, policy_of
from tests.logins import (
    MINUTES,
    access_of,
    application_at,
    begin,
    login,
    planned,
    told,
    writes,
)
from tests.restarts import restarted, same_account

pytestmark = pytest.mark.usefixtures("without_login")

DISABLED = ConfigEntryDisabler.USER
STORED = "cloudflare_mtls.{}.logins"

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])


@pytest.fixture
async def on_trial(
    hass: HomeAssistant, faults: Faults, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account with a trial, whose Cloudflare can fail."""
    await setup_integration(hass, entry)
    assert (await begin(entry)).is_done
    await settle(hass)
    return entry


async def disable(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Disable an account, as a person does."""
    await hass.config_entries.async_set_disabled_by(entry.entry_id, DISABLED)
    await settle(hass)


async def enable(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Enable an account again."""
    await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    await settle(hass)


async def remove(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Remove an account, as a person does."""
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass)


def assert_nothing_of_ours(sandbox: Sandbox) -> None:
    """Assert that nothing of the trial is at Cloudflare, and that the others' application is."""
    assert set(access_of(sandbox).applications) == {"nas"}
    assert access_of(sandbox).policies == {}


def is_persistent(hass: HomeAssistant, key: str) -> bool:
    """Return whether the repair with this text is still there after a restart."""
    [issue] = [
        each
        for each in ir.async_get(hass).issues.values()
        if each.translation_key == key
    ]
    return issue.is_persistent


async def test_trial_of_a_disabled_account_is_undone_at_once(
    hass: HomeAssistant, sandbox: Sandbox, on_trial: MockConfigEntry
) -> None:
    """And told once the account is enabled: nothing was proven."""
    await disable(hass, on_trial)
    assert_nothing_of_ours(sandbox)
    assert "login_trial_left" not in told(hass)

    await enable(hass, on_trial)
    assert placeholders(hass, "login_undone") == {"hostname": HOME}
    assert_nothing_of_ours(sandbox)


async def test_trial_of_a_disabled_account_that_cloudflare_does_not_remove(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, on_trial: MockConfigEntry
) -> None:
    """A repair tells of it, also after a restart, until the account is enabled."""
    faults.unavailable("DELETE", "/access/apps")
    await disable(hass, on_trial)
    assert application_at(sandbox)
    assert placeholders(hass, "login_trial_left") == {
        "account": on_trial.title,
        "hostname": HOME,
    }
    assert is_persistent(hass, "login_trial_left")

    faults.clear()
    await enable(hass, on_trial)
    assert_nothing_of_ours(sandbox)
    assert told(hass) == {"login_undone"}


async def test_trial_of_an_account_that_is_not_loaded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    on_trial: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """Cloudflare was out of reach as Home Assistant started, and the account is disabled then."""
    async with restarted(hass) as again:
        faults.unavailable("GET", "/cfd_tunnel")
        entry = same_account(on_trial)
        entry.add_to_hass(again)
        await again.config_entries.async_setup(entry.entry_id)
        await settle(again)
        assert entry.state is ConfigEntryState.SETUP_RETRY

        await disable(again, entry)
        assert_nothing_of_ours(sandbox)


async def test_trial_of_a_removed_account_is_undone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    on_trial: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    await remove(hass, on_trial)

    assert_nothing_of_ours(sandbox)
    assert told(hass) == set()
    assert STORED.format(on_trial.entry_id) not in hass_storage


@pytest.mark.parametrize("broken", ["DELETE /access/apps", "GET /access/apps"])
async def test_trial_of_a_removed_account_that_cloudflare_does_not_remove(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    on_trial: MockConfigEntry,
    broken: str,
) -> None:
    """A repair that stays says what is left, and how to end it."""
    faults.unavailable(*broken.split())
    await remove(hass, on_trial)

    assert application_at(sandbox)
    assert told(hass) == {"login_trial_left"}
    assert is_persistent(hass, "login_trial_left")


@with_login
async def test_removed_account_opens_nothing_and_says_so(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A login that was proven stays, as does one whose subentry was removed."""
    sandbox.journal.clear()
    await remove(hass, loaded_entry)

    assert application_at(sandbox)
    assert writes(sandbox) == []
    assert placeholders(hass, "logins_stay") == {
        "account": loaded_entry.title,
        "hostnames": f"- `{HOME}`",
    }
    assert is_persistent(hass, "logins_stay")


@with_login
async def test_disabled_account_opens_nothing(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    sandbox.journal.clear()
    await disable(hass, loaded_entry)
    assert application_at(sandbox)
    assert writes(sandbox) == []
    assert told(hass) == set()

    await enable(hass, loaded_entry)
    assert told(hass) == set()
    assert writes(sandbox) == []


@with_login
@pytest.mark.parametrize("change", [disable, remove])
async def test_end_that_a_person_ordered_happens(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    change: Any,
) -> None:
    """Cloudflare refused it at first; then the account goes."""
    await setup_integration(hass, entry)
    faults.unavailable("DELETE", "/access/apps")
    assert not await entry.runtime_data.access.async_end(HOME)
    await settle(hass)
    faults.clear()

    await change(hass, entry)
    assert_nothing_of_ours(sandbox)
    assert told(hass) == set()
    if change is disable:
        assert not entry.get_subentries_of_type("login_hostname")


async def test_reload_does_not_end_a_trial(
    hass: HomeAssistant,
    sandbox: Sandbox,
    on_trial: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It lasts as long as was said, and can be passed after the reload."""
    await hass.config_entries.async_reload(on_trial.entry_id)
    await settle(hass)
    assert application_at(sandbox)
    await wait_for_refresh(hass, freezer, MINUTES / 2)
    assert application_at(sandbox)
    assert await on_trial.runtime_data.access.async_keep_login(HOME) is TrialEnd.KEPT


@pytest.mark.parametrize("change", [disable, remove])
async def test_set_up_that_has_begun_is_undone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    change: Any,
) -> None:
    """The account goes while Cloudflare is written to."""
    plan = await planned(loaded_entry)
    set_up = asyncio.ensure_future(begin(loaded_entry, plan))
    lock = loaded_entry.runtime_data.access.shared.writing
    while not lock.locked():
        await asyncio.sleep(0)
    await change(hass, loaded_entry)
    await asyncio.wait([set_up])
    await settle(hass)

    assert_nothing_of_ours(sandbox)


@pytest.mark.parametrize("change", [disable, remove])
async def test_set_up_that_waits_does_not_begin(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    change: Any,
) -> None:
    """Something else is written while the account goes."""
    plan = await planned(loaded_entry)
    sandbox.journal.clear()
    lock = loaded_entry.runtime_data.access.shared.writing
    await lock.acquire()
    set_up = asyncio.ensure_future(begin(loaded_entry, plan))
    going = asyncio.ensure_future(change(hass, loaded_entry))
    while loaded_entry.state is ConfigEntryState.LOADED:
        await asyncio.sleep(0)
    lock.release()
    await asyncio.wait([set_up, going])

    assert isinstance(set_up.exception(), PlanChanged)
    assert writes(sandbox) == []
    assert_nothing_of_ours(sandbox)


async def test_person_who_logs_in_while_the_account_is_disabled_keeps_nothing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    on_trial: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was proven is about to be removed."""
    access = on_trial.runtime_data.access

    async def find() -> frozenset[str]:
        await hass.config_entries.async_set_disabled_by(on_trial.entry_id, DISABLED)
        return frozenset()

    monkeypatch.setattr(access.writer, "find_login_pages", find)
    assert await access.async_keep_login(HOME) is TrialEnd.OVER
    await settle(hass)
    assert not on_trial.get_subentries_of_type("login_hostname")
    assert_nothing_of_ours(sandbox)


@with_login
@pytest.mark.parametrize("is_due", [True, False], ids=["due", "still let in"])
async def test_strangers_of_a_removed_account(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    *,
    is_due: bool,
) -> None:
    """Nobody ends their sessions any more, and a repair that stays says so."""
    await setup_integration(hass, entry)
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, entry)
    faults.unavailable("POST", "revoke_user")
    if is_due:
        del policy_of(sandbox).include[-1]
        await look(hass, entry)
        assert told(hass) == {"login_sessions_left"}
    await remove(hass, entry)

    assert told(hass) == {"logins_stay", "sessions_stay"}
    assert placeholders(hass, "sessions_stay") == {
        "account": entry.title,
        "hostnames": f"- `{HOME}`",
    }
    assert is_persistent(hass, "sessions_stay")
