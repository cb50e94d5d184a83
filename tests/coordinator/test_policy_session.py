"""Tests of a policy of ours that got a session of its own: at Cloudflare, it overrides the one that was chosen."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.subentries import login_data
from sandbox import Sandbox
from tests.common import state_of
from tests.engine.access.helpers import OWNER, settings
from tests.faults import Faults
from tests.flows.test_login_drift import look, policy_of
from tests.logins import LOGIN_ID, told, writes
from tests.test_login_entities import DIFFERS

from .test_login_sessions import with_login

pytestmark = pytest.mark.usefixtures("without_login")


@with_login
@pytest.mark.parametrize("session", ["8760h", "30m", "0s", "as long as they like"])
async def test_another_session(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    session: str,
) -> None:
    """It is taken back, and what else the policy says stays."""
    policy = policy_of(sandbox)
    policy.session_duration = session
    policy.options["purpose_justification_required"] = True
    await look(hass, loaded_entry)
    assert not policy.session_duration
    assert policy.options["purpose_justification_required"] is True
    assert policy.include == [{"email": {"email": OWNER}}]
    assert (state_of(hass, DIFFERS), told(hass)) == ("off", set())


@with_login
@pytest.mark.parametrize("session", [None, "", "168h", "167h60m"])
async def test_session_that_was_chosen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    session: Any,
) -> None:
    """A policy without one, or with the same, is not written."""
    policy_of(sandbox).session_duration = session
    sandbox.journal.clear()
    await look(hass, loaded_entry)
    assert writes(sandbox) == []
    assert state_of(hass, DIFFERS) == "off"


@with_login
async def test_session_that_is_not_fixed(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It is told where nothing is fixed unasked."""
    subentry = loaded_entry.subentries[LOGIN_ID]
    hass.config_entries.async_update_subentry(
        loaded_entry, subentry, data=login_data(settings(keep_in_sync=False))
    )
    policy_of(sandbox).session_duration = "8760h"
    await look(hass, loaded_entry)
    assert policy_of(sandbox).session_duration == "8760h"
    assert (state_of(hass, DIFFERS), told(hass)) == ("on", {"login_drift"})


@with_login
async def test_session_that_cloudflare_keeps(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """A write that does not arrive is told."""
    policy_of(sandbox).session_duration = "8760h"
    faults.refuse("PUT", "/access/policies", 400, 1234, "Not today")
    await look(hass, loaded_entry)
    assert (state_of(hass, DIFFERS), told(hass)) == ("on", {"login_drift"})
