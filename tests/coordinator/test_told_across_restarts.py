"""Tests of what stands in front of a path of a login hostname, after a restart without Access."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessPolicy
from tests.common import EDGE_EVERY, setup_integration, wait_for_refresh
from tests.engine.access.helpers import HOME
from tests.faults import Faults
from tests.flows.test_login_drift import look, policy_of
from tests.logins import access_of, told
from tests.restarts import restarted, same_account

from .test_login_sessions import with_login

pytestmark = pytest.mark.usefixtures("without_login")


@with_login
@pytest.mark.parametrize("how", ["path", "control"])
async def test_open_path_stays_told_after_a_restart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
    how: str,
) -> None:
    """Everybody reaches the path without a login; nothing shows that this is over."""
    await look(hass, loaded_entry)
    if how == "path":
        access_of(sandbox).applications["theirs"] = AccessApplication(
            "Theirs",
            [{"type": "public", "uri": f"{HOME}/api/*"}],
            [AccessPolicy("All", "bypass", [{"everyone": {}}])],
            id="theirs",
        )
    else:
        access_of(sandbox).groups.clear()
        policy_of(sandbox).include.append({"email": {"email": "x@example.org"}})
    await look(hass, loaded_entry)
    key = "login_foreign_path" if how == "path" else "login_list_changed"
    assert key in told(hass)
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        # A real start loads what is stored of repairs, too.
        registry = ir.async_get(again)
        stored = ir.IssueRegistry(again)
        await stored.async_load()
        registry.issues = stored.issues
        faults.unavailable("GET", "/access/")
        await setup_integration(again, account)
        for _ in range(4):
            await wait_for_refresh(again, freezer, EDGE_EVERY)
        assert key in told(again)
