"""Tests of persistent repairs that a user ignores while Home Assistant starts: nobody watches."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import EDGE_EVERY, issues, setup_integration, wait_for_refresh
from tests.coordinator.test_login_sessions import with_login
from tests.engine.access.helpers import settings as chosen
from tests.flows.test_login_drift import look, policy_of
from tests.logins import LOGIN_ID, login
from tests.restarts import restarted, same_account

from .common import settle

pytestmark = pytest.mark.usefixtures("without_login")


@with_login
async def test_persistent_repair_ignored_while_home_assistant_starts(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Only what an administrator ignored in the dialog stays so."""
    await look(hass, loaded_entry)
    hass.config_entries.async_update_subentry(
        loaded_entry,
        loaded_entry.subentries[LOGIN_ID],
        data=login(chosen(keep_in_sync=False))["data"],
    )
    await settle(hass)
    policy_of(sandbox).include = [{"everyone": {}}]
    await look(hass, loaded_entry)
    issue_id = issues(hass)["login_opened"]
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        registry, stored = ir.async_get(again), ir.IssueRegistry(again)
        await stored.async_load()
        registry.issues = stored.issues
        issue = registry.async_get_issue(DOMAIN, issue_id)
        assert issue
        assert issue.active
        # What repairs/ignore_issue does for any user; our integration is not set up yet.
        ir.async_ignore_issue(again, DOMAIN, issue_id, True)
        await setup_integration(again, account)
        for _ in range(3):
            await wait_for_refresh(again, freezer, EDGE_EVERY)
        issue = registry.async_get_issue(DOMAIN, issue_id)
        assert issue
        assert issue.dismissed_version is None
