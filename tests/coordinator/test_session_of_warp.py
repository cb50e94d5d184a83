"""Tests of an application at which somebody has a session of WARP count as a login."""

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.flows.test_login_drift import look
from tests.logins import application_at, told

from .test_login_sessions import with_login

pytestmark = pytest.mark.usefixtures("without_login")


@with_login
async def test_session_of_warp_counts_as_a_login(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """By which login method somebody enrolled there, nobody chose here: it is fixed, or told."""
    await look(hass, loaded_entry)
    application = application_at(sandbox)
    assert application
    application.options["allow_authenticate_via_warp"] = True
    for _ in range(3):
        await look(hass, loaded_entry)
    application = application_at(sandbox)
    assert application
    is_fixed = not application.options.get("allow_authenticate_via_warp")
    assert is_fixed or told(hass)
