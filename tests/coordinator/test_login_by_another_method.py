"""Tests of logins under an address that was chosen, by a login method that was not."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import placeholders, wait_for_refresh
from tests.engine.access.helpers import HOME, OWNER, settings
from tests.flows.test_login_drift import look
from tests.logins import application_at, log_in, login, told
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import EVERYBODY, ended, with_login

pytestmark = pytest.mark.usefixtures("without_login")

any_method = pytest.mark.parametrize(
    "devices", [[login(settings(one_time_pin=False))]], ids=["any method"]
)


@with_login
async def test_method_is_allowed_between_two_looks(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A stranger's own provider says any address; nobody knows who else used it."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, OWNER, connection="oidc", country="BR")
    for _ in range(3):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
        await look(hass, loaded_entry)
    assert told(hass) == {"login_stranger"}
    shown = placeholders(hass, "login_stranger")
    assert (shown["email"], shown["hostname"]) == (OWNER, HOME)
    assert (shown["method"], shown["country"]) == ("oidc", "Brazil")
    assert ended(sandbox) == [EVERYBODY]


@with_login
async def test_method_that_is_still_allowed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Sessions end once it no longer is: before, that would be no use."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    application = application_at(sandbox)
    assert application
    chosen = application.options["allowed_idps"]
    application.options["allowed_idps"] = []
    log_in(sandbox, OWNER, connection="oidc")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_stranger", "login_list_changed"}
    assert ended(sandbox) == []
    application = application_at(sandbox)
    assert application
    application.options["allowed_idps"] = chosen
    await look(hass, loaded_entry)
    assert ended(sandbox) == [EVERYBODY]


@with_login
@pytest.mark.parametrize("method", ["onetimepin", "", "some new thing"])
async def test_method_that_was_chosen_or_is_not_known(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    method: str,
) -> None:
    """Nobody is logged out by a guess."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, OWNER, connection=method)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == set()
    assert ended(sandbox) == []


@any_method
async def test_every_method_was_chosen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, OWNER, connection="oidc")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == set()


@with_login
async def test_beside_a_login_from_the_same_address(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Somebody behind the same router says the owner's address, seconds after the owner logged in."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, OWNER)
    freezer.tick(20)
    log_in(sandbox, OWNER, connection="oidc")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_stranger"}
