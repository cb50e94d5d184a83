"""Tests of a login hostname that lets visits through without a login, whatever can be read of Access."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.probe import Probe, Verdict, Visit
from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessPolicy
from tests.common import (
    EDGE_EVERY,
    issues,
    placeholders,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
)
from tests.engine.access.helpers import HOME, OWNER, settings
from tests.faults import Faults
from tests.logins import (
    LOGIN_ID,
    access_of,
    application_at,
    calls,
    login,
    only_another_login,
    told,
    writes,
)
from tests.restarts import restarted, same_account
from tests.test_login_entities import DIFFERS, REQUIRED

pytestmark = pytest.mark.usefixtures("without_login")

ANOTHER_LOOK = timedelta(minutes=3)
READ_EVERY = timedelta(hours=2)
TOLD, UNREAD = "login_not_enforced", "login_not_enforced_unread"
LET_IN = Visit(verdict=Verdict.LET_IN, status=200)
NO_ANSWER = Visit(verdict=Verdict.UNREACHABLE)

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
adopted = pytest.mark.parametrize(
    "devices", [[login(settings(adopted=True))]], ids=["adopted"]
)
not_in_sync = pytest.mark.parametrize(
    "devices", [[login(settings(keep_in_sync=False))]], ids=["not kept in sync"]
)
type MakeUnread = Callable[[Sandbox, Faults], None]


def refuse(_: Sandbox, faults: Faults) -> None:
    """Take the permission away."""
    faults.refuse("*", "/access/", 403, 10000, "Authentication error")


def fail(_: Sandbox, faults: Faults) -> None:
    """Have Cloudflare not answer."""
    faults.unavailable("*", "/access/")


def revoke(sandbox: Sandbox, _: Faults) -> None:
    """Delete the token, so that nothing can be read any more."""
    del sandbox.state.tokens[sandbox.token]


class Edge:
    """An edge that can answer visits to the login hostname as no setting of Access says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Answer as Access says."""
        self.answer: Visit | None = None
        visit = Probe.anonymously

        async def anonymously(probe: Probe, hostname: str, path: str = "/") -> Visit:
            answer = self.answer if hostname == HOME else None
            return answer or await visit(probe, hostname, path)

        monkeypatch.setattr(Probe, "anonymously", anonymously)


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    """Return an edge that can answer otherwise."""
    return Edge(monkeypatch)


async def delete_unread(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    make_unread: MakeUnread = fail,
) -> dict[str, AccessApplication]:
    """Have somebody delete the applications while Access cannot be read; return them."""
    assert state_of(hass, REQUIRED) == "on"
    make_unread(sandbox, faults)
    for _ in range(9):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(hass).isdisjoint({TOLD, UNREAD})
    deleted = {**access_of(sandbox).applications}
    access_of(sandbox).applications.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, REQUIRED) == "off"
    assert UNREAD not in told(hass)
    await wait_for_refresh(hass, freezer, ANOTHER_LOOK)
    assert UNREAD in told(hass)
    return deleted


@with_login
@pytest.mark.parametrize("make_unread", [refuse, fail, revoke])
async def test_login_that_is_gone_while_access_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    make_unread: MakeUnread,
) -> None:
    """Somebody takes Access from the token of Home Assistant, and then deletes the application."""
    deleted = await delete_unread(hass, sandbox, faults, freezer, make_unread)
    assert placeholders(hass, UNREAD) == {"hostname": HOME}
    assert state_of(hass, DIFFERS) == "unavailable"
    sandbox.journal.clear()
    for _ in range(24):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, REQUIRED) == "off"
        assert UNREAD in told(hass)
    # Access is read no more often than while it can be read.
    lists = [each for each in calls(sandbox) if each.path.endswith("/access/policies")]
    assert len(lists) <= 24 * EDGE_EVERY / READ_EVERY

    access_of(sandbox).applications.update(deleted)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, REQUIRED) in ("unknown", "unavailable")
    assert UNREAD not in told(hass)


@with_login
async def test_login_that_is_gone_is_fixed_once_access_can_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await delete_unread(hass, sandbox, faults, freezer)
    faults.clear()
    for _ in range(9):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert application_at(sandbox)
    assert state_of(hass, REQUIRED) == "on"
    assert told(hass) == set()


@with_login
async def test_visit_that_meets_no_login_once(
    hass: HomeAssistant,
    faults: Faults,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    edge: Edge,
) -> None:
    """It is told to nobody."""
    fail(sandbox, faults)
    for _ in range(9):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    edge.answer = LET_IN
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, REQUIRED) == "off"
    edge.answer = None
    await wait_for_refresh(hass, freezer, ANOTHER_LOOK)
    assert state_of(hass, REQUIRED) == "unavailable"
    assert told(hass) == set()


@with_login
@pytest.mark.parametrize("is_restarted", [False, True], ids=["reload", "restart"])
async def test_gone_before_a_start(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    edge: Edge,
    *,
    is_restarted: bool,
) -> None:
    """It is told until a visit meets a login: one that is not answered shows nothing."""
    deleted = await delete_unread(hass, sandbox, faults, freezer)
    edge.answer = NO_ANSWER
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, REQUIRED) == "unavailable"
    assert UNREAD in told(hass)

    if is_restarted:
        account = same_account(loaded_entry)
        async with restarted(hass) as again:
            await setup_integration(again, account)
            assert told(again) == {UNREAD}
            edge.answer = None
            await wait_for_refresh(again, freezer, EDGE_EVERY)
            assert state_of(again, REQUIRED) == "off"
            access_of(sandbox).applications.update(deleted)
            await wait_for_refresh(again, freezer, EDGE_EVERY)
            assert told(again) == set()
    else:
        await hass.config_entries.async_reload(loaded_entry.entry_id)
        await settle(hass)
        assert told(hass) == {UNREAD}


@with_login
@pytest.mark.parametrize("how", ["ended", "removed"])
async def test_login_that_a_person_removes(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    how: str,
) -> None:
    """What a person ordered to be removed is not told of as gone."""
    await delete_unread(hass, sandbox, faults, freezer)
    if how == "ended":
        assert not await loaded_entry.runtime_data.access.async_end(HOME)
    else:
        hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    await settle(hass)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert UNREAD not in told(hass)


@with_login
async def test_edge_that_lets_visits_through_although_access_is_right(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    edge: Edge,
) -> None:
    """Nothing can be fixed, so a person is told."""
    sandbox.journal.clear()
    edge.answer = LET_IN
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, REQUIRED) == "off"
    assert told(hass) == set()
    await wait_for_refresh(hass, freezer, ANOTHER_LOOK)
    assert told(hass) == {TOLD}
    assert placeholders(hass, TOLD) == {"hostname": HOME}
    for _ in range(9):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(hass) == {TOLD}
    assert writes(sandbox) == []

    edge.answer = None
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, REQUIRED) == "on"
    assert told(hass) == set()


@with_login
async def test_edge_that_follows_a_fix_late(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    edge: Edge,
) -> None:
    """For two minutes after a write, visits prove nothing."""
    only_another_login(sandbox)
    edge.answer = LET_IN
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert application_at(sandbox)
    freezer.tick(timedelta(minutes=1))
    await loaded_entry.runtime_data.access.async_look_again()
    await settle(hass)
    assert told(hass) == set()
    edge.answer = None
    await wait_for_refresh(hass, freezer, ANOTHER_LOOK)
    assert state_of(hass, REQUIRED) == "on"
    assert told(hass) == set()


@not_in_sync
async def test_what_was_read_says_why(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One repair is enough: the one with a dialog that fixes it."""
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, REQUIRED) == "off"
    assert told(hass) == {"login_gone"}


@adopted
async def test_application_that_exempts_the_home(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It looks open from here, so it is told; a person who ignores that is asked once."""
    address = {"ip": {"ip": str(sandbox.state.visitor.ip)}}
    home = AccessPolicy("Home", "bypass", [address])
    owner = AccessPolicy("Owner", "allow", [{"email": {"email": OWNER}}])
    destination = [{"type": "public", "uri": HOME}]
    theirs = AccessApplication("Theirs", destination, [home, owner])
    access_of(sandbox).applications[theirs.id] = theirs
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, ANOTHER_LOOK)
    assert state_of(hass, REQUIRED) == "off"
    assert told(hass) == {TOLD}
    issue_id = issues(hass)[TOLD]
    ir.async_ignore_issue(hass, DOMAIN, issue_id, True)

    fail(sandbox, faults)
    for _ in range(9):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert issues(hass) == {UNREAD: issue_id}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.dismissed_version
