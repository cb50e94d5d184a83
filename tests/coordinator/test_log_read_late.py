"""Tests of a log of logins that can be read for the first time only after somebody has logged in."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox
from tests.common import setup_integration, wait_for_refresh
from tests.engine.access.helpers import OWNER, STRANGER
from tests.faults import Faults
from tests.logins import log_in, told
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import PERSON, ended, with_login

pytestmark = pytest.mark.usefixtures("without_login")


@with_login
async def test_stranger_before_the_first_look_at_the_log(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The owner adds the permission because of them; at other applications, nobody is a stranger."""
    faults.refuse("GET", "/access_requests", 403, 10000, "Authentication error")
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"permission_missing"}
    logins = async_capture_events(hass, "cloudflare_mtls_login")
    log_in(sandbox, STRANGER)
    log_in(sandbox, OWNER)
    log_in(sandbox, "friend@example.org", app_uid="deleted-before")
    freezer.tick(timedelta(hours=1))
    faults.clear()
    for _ in range(2):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_stranger"}
    assert ended(sandbox) == [PERSON]
    assert logins == []
