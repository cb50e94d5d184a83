"""Tests of strangers whose application was moved elsewhere before the log of logins is read."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessPolicy
from tests.common import wait_for_refresh
from tests.engine.access.helpers import HOME, STRANGER
from tests.logins import access_of, log_in, told
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import with_login

pytestmark = pytest.mark.usefixtures("without_login")


@with_login
async def test_application_that_is_moved_before_the_log_is_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The log says at which hostname they were, wherever that application is by then."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    logins = async_capture_events(hass, "cloudflare_mtls_login")
    theirs = AccessApplication(
        "Theirs",
        [{"type": "public", "uri": f"{HOME}/*"}],
        [AccessPolicy("They", "allow", [{"email": {"email": STRANGER}}])],
        id="theirs",
    )
    access_of(sandbox).applications["theirs"] = theirs
    log_in(sandbox, STRANGER, app_uid="theirs", app_domain=HOME)
    theirs.destinations = [{"type": "public", "uri": "other.example.com"}]
    for _ in range(3):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)
    assert [event.data["hostname"] for event in logins] == [HOME]
