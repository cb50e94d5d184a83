"""Tests of people who are taken out of a group at Cloudflare, and were logged in."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import AccessGroup, AccessPolicy
from tests.common import setup_integration, wait_for_refresh
from tests.engine.access.helpers import OWNER, PARTNER, STRANGER, without_pauses
from tests.flows.test_login_drift import look
from tests.logins import access_of, application_at, log_in, only_another_login, told
from tests.restarts import restarted, same_account
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import PERSON, ended, with_login
from .test_sessions_of_strangers import with_group


@pytest.fixture(autouse=True)
def family(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AccessGroup:
    """Return a group of the owner with somebody else in it, and no other login at the hostname."""
    only_another_login(sandbox)
    without_pauses(monkeypatch)
    both: list[dict[str, Any]] = [
        {"email": {"email": OWNER}},
        {"email": {"email": STRANGER}},
    ]
    group = AccessGroup("Family", both, id="family")
    access_of(sandbox).groups["family"] = group
    return group


@with_group
@pytest.mark.parametrize("is_restarted", [False, True], ids=["running", "restarted"])
async def test_taken_out_of_the_chosen_group(
    hass: HomeAssistant,
    sandbox: Sandbox,
    family: AccessGroup,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
    is_restarted: bool,
) -> None:
    """Their sessions end; as long as they were in it, they were no stranger."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    await look(hass, loaded_entry)
    assert told(hass) == set()
    assert ended(sandbox) == []

    del family.include[-1]
    if is_restarted:
        async with restarted(hass) as again:
            await setup_integration(again, same_account(loaded_entry))
    else:
        for _ in range(3):
            await look(hass, loaded_entry)
        assert told(hass) == set()
    assert ended(sandbox) == [PERSON]


@with_group
async def test_put_into_the_chosen_group(
    hass: HomeAssistant,
    sandbox: Sandbox,
    family: AccessGroup,
    loaded_entry: MockConfigEntry,
) -> None:
    """Nobody is logged out by that."""
    await look(hass, loaded_entry)
    family.include.append({"email_domain": {"domain": "example.org"}})
    await look(hass, loaded_entry)
    assert ended(sandbox) == []


@with_login
async def test_taken_out_of_a_group_of_another_policy(
    hass: HomeAssistant,
    sandbox: Sandbox,
    family: AccessGroup,
    loaded_entry: MockConfigEntry,
) -> None:
    """It is an owner's policy at our application, and names the group as before."""
    application = application_at(sandbox)
    assert application
    application.policies.append(
        AccessPolicy("Family", "allow", [{"group": {"id": "family"}}])
    )
    await look(hass, loaded_entry)
    assert ended(sandbox) == []
    del family.include[-1]
    for _ in range(2):
        await look(hass, loaded_entry)
    assert ended(sandbox) == [PERSON]


@with_group
async def test_put_into_a_group_that_the_chosen_one_excludes(
    hass: HomeAssistant,
    sandbox: Sandbox,
    family: AccessGroup,
    loaded_entry: MockConfigEntry,
) -> None:
    """Who can no longer log in for that is logged out, as one who is taken out."""
    left = AccessGroup("Moved out", [{"email": {"email": PARTNER}}], id="left")
    access_of(sandbox).groups["left"] = left
    family.exclude.append({"group": {"id": "left"}})
    await look(hass, loaded_entry)
    sandbox.journal.clear()
    left.include.append({"email": {"email": STRANGER}})
    for _ in range(2):
        await look(hass, loaded_entry)
    assert ended(sandbox) == [PERSON]
