"""Tests of the coordinator of Access: what it reads, how often, and which drift it fixes."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.cloudflare_mtls.coordinator.access import AccessCoordinator
from custom_components.cloudflare_mtls.engine.access.drift import Drift
from custom_components.cloudflare_mtls.engine.access.login_visit import AskedBy
from custom_components.cloudflare_mtls.engine.access.problems import LoginProblemCode
from sandbox import Sandbox
from tests.common import (
    SECOND_LOOK,
    is_loaded,
    placeholders,
    settle,
    setup_integration,
    wait_for_refresh,
)
from tests.engine.access.helpers import HOME, OWNER, STRANGER, settings as chosen
from tests.faults import Faults
from tests.logins import (
    access_of,
    application_at,
    calls,
    login,
    only_another_login,
    told,
    writes,
)

pytestmark = pytest.mark.usefixtures("without_login")

EVERY = timedelta(minutes=15)
READ_EVERY = timedelta(hours=2)

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])


def coordinator(entry: MockConfigEntry) -> AccessCoordinator:
    """Return the coordinator of an account that is loaded."""
    found: AccessCoordinator = entry.runtime_data.access
    return found


def drifts(entry: MockConfigEntry) -> list[Drift]:
    """Return what differs at the login hostname."""
    plan = coordinator(entry).data.logins[HOME].plan
    assert plan
    return [each.drift for each in plan.differences]


async def test_without_a_login_hostname_nothing_is_asked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Only the checks list applications, as they do in every account."""
    await setup_integration(hass, entry)
    for _ in range(10):
        await wait_for_refresh(hass, freezer, EVERY)

    assert {each.path.rpartition("/")[2] for each in calls(sandbox)} <= {"apps"}
    assert coordinator(entry).data.logins == {}


@with_login
async def test_in_sync_means_no_write(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What is missing is set up; then a day passes with few reads and without a write."""
    assert application_at(sandbox)
    seen = coordinator(loaded_entry).data.logins[HOME]
    assert (seen.asked_by, seen.login_required, seen.differs) == (
        AskedBy.OURS,
        True,
        False,
    )
    sandbox.journal.clear()
    for _ in range(96):
        await wait_for_refresh(hass, freezer, EVERY)

    assert writes(sandbox) == []
    # Six lists, application and policy by id, every two hours; and four lists of the checks, with
    # one more because an application was written.
    lists_of_checks = 4 + 1
    # The log of logins and the seats have paces of their own.
    others = ("/access_requests", "/users")
    made = [each for each in calls(sandbox) if not each.path.endswith(others)]
    assert len(made) == 12 * 8 + lists_of_checks
    assert told(hass) == set()


@with_login
async def test_login_that_is_gone_is_noticed_by_the_visit(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is set up again long before Access would be read; automations learn of it."""
    fixed = async_capture_events(hass, "cloudflare_mtls_fixed")
    only_another_login(sandbox)
    await wait_for_refresh(hass, freezer, EVERY)

    assert application_at(sandbox)
    assert coordinator(loaded_entry).data.logins[HOME].login_required
    assert [event.data["hostname"] for event in fixed] == [HOME]


@pytest.mark.parametrize("devices", [[login(chosen(keep_in_sync=False))]])
async def test_nothing_is_fixed_that_a_person_keeps_for_themselves(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    assert application_at(sandbox) is None
    assert writes(sandbox) == []
    assert drifts(loaded_entry) == [Drift.APPLICATION_GONE]
    assert coordinator(loaded_entry).data.logins[HOME].login_required is False


@with_login
async def test_list_that_somebody_changed_stays(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Neither are the people taken over nor is the change undone: a person decides."""
    [policy] = access_of(sandbox).policies.values()
    theirs = [{"email": {"email": STRANGER}}]
    policy.include = theirs
    sandbox.journal.clear()
    for _ in range(9):
        await wait_for_refresh(hass, freezer, EVERY)

    assert policy.include == theirs
    assert writes(sandbox) == []
    [difference] = coordinator(loaded_entry).data.logins[HOME].plan.for_a_person  # type: ignore[union-attr]
    assert (difference.drift, difference.added, difference.missing) == (
        Drift.PEOPLE,
        (STRANGER,),
        (OWNER,),
    )


@with_login
@pytest.mark.parametrize("lacks", ["access_apps:edit", "access_organization:edit"])
async def test_missing_permission_costs_only_access(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    lacks: str,
) -> None:
    """It is told at the second look, and Cloudflare is not asked again and again."""
    sandbox.state.tokens[sandbox.token].permissions -= {lacks}
    await setup_integration(hass, entry)
    assert is_loaded(entry)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert "permission_missing" in told(hass)
    assert "Access" in placeholders(hass, "permission_missing")["permission"]
    sandbox.journal.clear()
    for _ in range(8):
        await wait_for_refresh(hass, freezer, EVERY)

    assert "permission_missing" in told(hass)
    assert entry.runtime_data.protection.last_update_success
    state = coordinator(entry).data
    assert state.problem
    assert state.problem.code is LoginProblemCode.PERMISSION_MISSING
    assert state.logins[HOME].differs is None
    assert 0 < len(calls(sandbox)) <= 2 * 10 + 1


@with_login
async def test_zero_trust_was_never_set_up(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    access_of(sandbox).team = None
    await setup_integration(hass, entry)

    state = coordinator(entry).data
    assert state.problem
    assert state.problem.code is LoginProblemCode.ZERO_TRUST_NOT_SET_UP
    assert is_loaded(entry)


@with_login
async def test_cloudflare_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Entities become unavailable, few calls are made, and nothing counts as gone."""
    await setup_integration(hass, entry)
    faults.unavailable("GET", "/access/organizations")
    sandbox.journal.clear()
    for _ in range(32):
        await wait_for_refresh(hass, freezer, EVERY)
    assert not coordinator(entry).last_update_success
    # After two hours, 15 minutes and an hour more, and then as rarely as without a failure.
    lists = [each for each in calls(sandbox) if each.path.endswith("/access/policies")]
    assert len(lists) <= 5
    assert writes(sandbox) == []

    faults.clear()
    for _ in range(9):
        await wait_for_refresh(hass, freezer, EVERY)
    assert coordinator(entry).data.logins[HOME].login_required


@with_login
async def test_removed_subentry_leaves_the_login_and_says_so(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    devices: list[ConfigSubentryDataWithId],
) -> None:
    """Until somebody deletes the application at Cloudflare."""
    sandbox.journal.clear()
    hass.config_entries.async_remove_subentry(
        loaded_entry, str(devices[0]["subentry_id"])
    )
    await settle(hass)
    assert application_at(sandbox)
    assert writes(sandbox) == []
    assert placeholders(hass, "login_left") == {"hostname": HOME}

    only_another_login(sandbox)
    await wait_for_refresh(hass, freezer, READ_EVERY)
    assert told(hass) == set()


@with_login
async def test_login_is_ended_once_cloudflare_does_it(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """What was chosen happens in the end, and only then the subentry goes."""
    await setup_integration(hass, entry)
    faults.unavailable("DELETE", "/access/apps")
    assert not await coordinator(entry).async_end(HOME)
    await settle(hass)
    assert application_at(sandbox)
    assert coordinator(entry).logins

    for _ in range(2):
        await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert "login_not_removed" in told(hass)
    faults.clear()
    for _ in range(5):
        await wait_for_refresh(hass, freezer, EVERY)
    assert application_at(sandbox) is None
    assert access_of(sandbox).policies == {}
    assert coordinator(entry).logins == {}
    assert told(hass) == set()
    assert hass_storage[f"cloudflare_mtls.{entry.entry_id}.logins"]["data"] == {}


@with_login
async def test_login_that_is_not_ended_while_access_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """That it could not be ended is known without a look."""
    await setup_integration(hass, entry)
    faults.unavailable("DELETE", "/access/apps")
    faults.unavailable("GET", "/access/policies")
    assert not await coordinator(entry).async_end(HOME)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EVERY)
    assert application_at(sandbox)
    assert "login_not_removed" in told(hass)


@with_login
async def test_login_that_is_being_ended_is_not_set_up_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Cloudflare has deleted the application, but not yet the policy: that is no drift."""
    await setup_integration(hass, entry)
    faults.unavailable("DELETE", "/access/policies")
    assert not await coordinator(entry).async_end(HOME)
    await settle(hass)
    assert application_at(sandbox) is None
    sandbox.journal.clear()
    for _ in range(9):
        await wait_for_refresh(hass, freezer, EVERY)

    assert calls(sandbox, "POST", "PUT") == []
    assert application_at(sandbox) is None
    assert told(hass) == {"login_not_removed"}


@with_login
async def test_login_that_was_ended_while_drift_was_found_is_not_set_up_again(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """What was read before the end says that the application is gone."""
    access = coordinator(loaded_entry)
    assert await access.async_end(HOME)
    await settle(hass)
    sandbox.journal.clear()

    assert await access.writer.keep(HOME) is None
    assert writes(sandbox) == []
    assert application_at(sandbox) is None
