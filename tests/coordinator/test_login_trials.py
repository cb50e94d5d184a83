"""Tests of trials: a new login is removed again unless somebody got in, whatever happens meanwhile."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.coordinator import login_writer
from custom_components.cloudflare_mtls.coordinator.access import (
    AccessCoordinator,
    TrialEnd,
)
from custom_components.cloudflare_mtls.engine.access.set_up import (
    LoginSetUp,
    set_up_login,
)
from custom_components.cloudflare_mtls.engine.api.errors import PlanChanged, Unavailable
from custom_components.cloudflare_mtls.engine.probe import Verdict, Visit
from custom_components.cloudflare_mtls.storage.logins import Stage
from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessPolicy
from tests.clocks import HomeClock
from tests.common import (
    HOSTNAME,
    SECOND_LOOK,
    placeholders,
    settle,
    setup_integration,
    wait_for_refresh,
    zone_of,
)
from tests.engine.access.helpers import HOME, OWNER, PARTNER, settings as chosen
from tests.faults import Faults
from tests.logins import (
    MINUTES,
    access_of,
    application_at,
    begin,
    planned,
    told,
    writes,
)
from tests.restarts import restarted, same_account

pytestmark = pytest.mark.usefixtures("without_login")


def coordinator(entry: MockConfigEntry) -> AccessCoordinator:
    """Return the coordinator of an account that is loaded."""
    found: AccessCoordinator = entry.runtime_data.access
    return found


def stage(entry: MockConfigEntry) -> Stage | None:
    """Return how far the login hostname is."""
    record = coordinator(entry).records.records.get(HOME)
    return record.stage if record else None


async def test_trial_that_nobody_passed_is_undone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """At the end of the trial, not at the next look; a repair says so until a person read it."""
    assert (await begin(loaded_entry)).is_done
    assert application_at(sandbox)
    await wait_for_refresh(hass, freezer, timedelta(minutes=14, seconds=30))
    assert application_at(sandbox)
    assert stage(loaded_entry) is Stage.TRIAL

    await wait_for_refresh(hass, freezer, timedelta(seconds=31))
    assert application_at(sandbox) is None
    assert access_of(sandbox).policies == {}
    assert placeholders(hass, "login_undone") == {"hostname": HOME}
    end = await coordinator(loaded_entry).async_keep_login(HOME)
    assert end is TrialEnd.OVER
    assert coordinator(loaded_entry).logins == {}


async def test_trial_ends_although_the_clock_is_set_back(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The clock was a day ahead; the trial lasts as long as if nobody had set it right, no less."""
    clock = HomeClock(sandbox, freezer, monkeypatch)
    assert (await begin(loaded_entry)).is_done
    clock.set(-timedelta(days=1))
    await coordinator(loaded_entry).async_refresh()
    await wait_for_refresh(hass, freezer, timedelta(minutes=14, seconds=30))
    assert stage(loaded_entry) is Stage.TRIAL
    assert application_at(sandbox)

    await wait_for_refresh(hass, freezer, timedelta(seconds=31))
    assert application_at(sandbox) is None
    assert "login_undone" in told(hass)


async def test_trial_that_is_over_by_the_clock_that_was_set_back(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who logs in too late has not passed it."""
    clock = HomeClock(sandbox, freezer, monkeypatch)
    assert (await begin(loaded_entry)).is_done
    clock.set(-timedelta(days=1))
    freezer.tick(timedelta(minutes=16))
    end = await coordinator(loaded_entry).async_keep_login(HOME)
    assert end is TrialEnd.OVER
    assert coordinator(loaded_entry).logins == {}


async def test_trial_ends_although_home_assistant_was_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """If Home Assistant starts after the end, the hostname is as it was before."""
    await begin(loaded_entry)
    async with restarted(hass) as again:
        freezer.tick(timedelta(hours=1))
        entry = same_account(loaded_entry)
        await setup_integration(again, entry)

        assert application_at(sandbox) is None
        assert "login_undone" in told(again)


async def test_trial_ends_although_home_assistant_was_killed_in_its_set_up(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end is stored before the first write; what was created since is known by its marks."""
    key = f"cloudflare_mtls.{loaded_entry.entry_id}.logins"
    stored: list[Any] = []

    async def set_up(*arguments: Any) -> LoginSetUp:
        stored.append(deepcopy(hass_storage[key]))
        return await set_up_login(*arguments)

    monkeypatch.setattr(login_writer, "set_up_login", set_up)
    await begin(loaded_entry)
    async with restarted(hass) as again:
        [hass_storage[key]] = stored
        freezer.tick(timedelta(hours=1))
        await setup_integration(again, same_account(loaded_entry))
        # Marks are looked for twice: a list may be empty, or lag.
        await wait_for_refresh(again, freezer, SECOND_LOOK)

        assert application_at(sandbox) is None
        assert access_of(sandbox).policies == {}
        assert told(again) == {"login_undone"}


@pytest.mark.parametrize("follows", [True, False])
async def test_person_is_asked_only_once_the_edge_asks_for_the_login(
    loaded_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    follows: bool,
) -> None:
    """The edge follows a while after the write; nobody waits for ever."""
    monkeypatch.setattr(login_writer, "_POLL_SECONDS", 0.0)
    access = coordinator(loaded_entry)
    visit, late = access.probe.anonymously, Visit(verdict=Verdict.LET_IN, status=200)
    visits: list[str] = []

    async def visit_later(hostname: str, path: str = "/") -> Visit:
        visits.append(hostname)
        is_early = visits.count(HOME) < 3 or not follows
        return late if is_early and hostname == HOME else await visit(hostname, path)

    monkeypatch.setattr(access.probe, "anonymously", visit_later)
    assert (await begin(loaded_entry)).is_done
    # Besides, nothing of the trial is visited.
    assert visits.count(HOME) == (3 if follows else 40)


async def test_trial_that_was_passed_lasts(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await begin(loaded_entry)
    assert await coordinator(loaded_entry).async_keep_login(HOME) is TrialEnd.KEPT
    await settle(hass)
    sandbox.journal.clear()
    for _ in range(4):
        await wait_for_refresh(hass, freezer, MINUTES)

    assert application_at(sandbox)
    assert writes(sandbox) == []
    assert stage(loaded_entry) is Stage.KEPT
    assert coordinator(loaded_entry).logins[HOME] == chosen(OWNER)
    assert told(hass) == set()


async def test_end_that_cloudflare_refuses_is_repeated(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await setup_integration(hass, entry)
    await begin(entry)
    faults.unavailable("DELETE", "/access/apps")
    await wait_for_refresh(hass, freezer, MINUTES)
    assert application_at(sandbox)
    await wait_for_refresh(hass, freezer, timedelta(seconds=30))
    assert "login_not_removed" in told(hass)

    faults.clear()
    for _ in range(5):
        await wait_for_refresh(hass, freezer, MINUTES)
    assert application_at(sandbox) is None
    assert told(hass) == {"login_undone"}


async def test_set_up_that_fails_leaves_nothing(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    await setup_integration(hass, entry)
    plan = await planned(entry)
    faults.unavailable("POST", "/access/apps$")
    written = await begin(entry, plan)

    assert isinstance(written.error, Unavailable)
    assert written.is_undone
    assert access_of(sandbox).policies == {}
    assert stage(entry) is None


async def test_set_up_that_fails_and_cannot_be_undone_is_removed_later(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await setup_integration(hass, entry)
    plan = await planned(entry)
    faults.unavailable("POST", "/access/apps$")
    faults.unavailable("DELETE", "/access/policies")
    written = await begin(entry, plan)
    assert (written.is_done, written.is_undone) == (False, False)
    assert access_of(sandbox).policies

    faults.clear()
    await wait_for_refresh(hass, freezer, MINUTES)
    await wait_for_refresh(hass, freezer, MINUTES)
    assert access_of(sandbox).policies == {}
    assert stage(entry) is None


async def test_what_a_person_did_not_see_is_not_set_up(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Somebody else puts an application in front of the hostname meanwhile."""
    plan = await planned(loaded_entry)
    policy = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
    foreign = AccessApplication("X", [{"type": "public", "uri": HOME}], [policy])
    access_of(sandbox).applications[foreign.id] = foreign
    sandbox.journal.clear()

    with pytest.raises(PlanChanged):
        await begin(loaded_entry, plan)
    assert writes(sandbox) == []
    assert stage(loaded_entry) is None


async def test_login_page_on_the_phones_hostname_undoes_the_set_up(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However it came there: nobody could log in with an app."""
    plan = await planned(loaded_entry)
    writer = coordinator(loaded_entry).writer
    pages = iter([frozenset(), frozenset({HOSTNAME})])

    async def find() -> frozenset[str]:
        return next(pages)

    monkeypatch.setattr(writer, "find_login_pages", find)
    written = await begin(loaded_entry, plan)

    assert written.login_pages == {HOSTNAME}
    assert written.is_undone
    assert application_at(sandbox) is None
    assert stage(loaded_entry) is None


async def test_login_page_that_appears_during_the_trial_ends_it(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Somebody has Access cover the phones' hostname meanwhile, before its rules are asked."""
    await begin(loaded_entry)
    zone_of(sandbox).rulesets.clear()
    friends = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
    wide = AccessApplication("X", [{"type": "public", "uri": HOSTNAME}], [friends])
    access_of(sandbox).applications[wide.id] = wide

    end = await coordinator(loaded_entry).async_keep_login(HOME)
    await settle(hass)
    assert end is TrialEnd.IN_THE_WAY
    assert application_at(sandbox) is None
    assert coordinator(loaded_entry).logins == {}


async def test_application_that_somebody_deletes_during_the_trial(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody can log in any more; the rest goes at the end, and a person is told."""
    await begin(loaded_entry)
    application = application_at(sandbox)
    assert application
    del access_of(sandbox).applications[application.id]
    await wait_for_refresh(hass, freezer, MINUTES)

    assert access_of(sandbox).policies == {}
    assert told(hass) == {"login_undone"}


async def test_application_that_somebody_edits_during_the_trial(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Without its name and its marks, it is still the one that was created here, and goes."""
    await begin(loaded_entry)
    application = application_at(sandbox)
    assert application
    application.name = "Mine"
    application.options["tags"] = []
    await wait_for_refresh(hass, freezer, MINUTES)

    assert application_at(sandbox) is None
    assert access_of(sandbox).policies == {}
    assert told(hass) == {"login_undone"}


async def test_list_that_somebody_changes_during_the_trial(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A login ends the trial all the same; who was added at Cloudflare is told and asked about."""
    await begin(loaded_entry)
    [policy] = access_of(sandbox).policies.values()
    policy.include.append({"email": {"email": PARTNER}})

    assert await coordinator(loaded_entry).async_keep_login(HOME) is TrialEnd.KEPT
    await settle(hass)
    assert told(hass) == {"login_list_changed"}
    assert coordinator(loaded_entry).logins[HOME] == chosen(OWNER)


async def test_hostname_that_asks_already_has_no_trial(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """To undo its set-up would open it."""
    await begin(loaded_entry)
    await coordinator(loaded_entry).async_keep_login(HOME)
    await settle(hass)
    [subentry_id] = [
        each.subentry_id
        for each in loaded_entry.subentries.values()
        if each.subentry_type == "login_hostname"
    ]
    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)
    assert stage(loaded_entry) is Stage.LEFT

    assert (await begin(loaded_entry)).is_done
    assert stage(loaded_entry) is Stage.LEFT
    await wait_for_refresh(hass, freezer, MINUTES)
    assert application_at(sandbox)
