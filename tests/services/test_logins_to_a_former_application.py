"""Tests of the logins that an action returns after the application that they were to was deleted and created again."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import wait_for_refresh
from tests.engine.access.helpers import STRANGER
from tests.flows.test_login_drift import look
from tests.logins import access_of, application_at, log_in, login, told
from tests.test_login_entities import LOG_EVERY

from .test_login_actions import call

pytestmark = [
    pytest.mark.usefixtures("without_login"),
    pytest.mark.parametrize("devices", [[login()]], ids=["with login"]),
]


async def test_stranger_whose_application_is_gone_is_returned(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The repair tells of them; who asks for all logins of the day gets them as well."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    application = application_at(sandbox)
    assert application
    del access_of(sandbox).applications[application.id]
    for _ in range(2):
        await look(hass, loaded_entry)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)

    response = await call(hass, loaded_entry, "get_access_logins")
    assert response["complete"]
    assert STRANGER in [each["email"] for each in response["logins"]]
