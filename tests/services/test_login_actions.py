"""Tests of the actions on the device of a login hostname: who logged in, and ending sessions."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import HOSTNAME_ID, device_id_of, setup_integration
from tests.engine.access.helpers import OWNER, STRANGER
from tests.faults import Faults
from tests.logins import LOGIN_ID, application_at, log_in, login, writes
from tests.other_users import LOGIN_ACTIONS

pytestmark = [
    pytest.mark.usefixtures("without_login"),
    pytest.mark.parametrize("devices", [[login()]], ids=["with login"]),
]


async def call(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    action: str,
    subentry_id: str = LOGIN_ID,
    context: Context | None = None,
    **fields: Any,
) -> Any:
    """Call an action on the device of a subentry."""
    return await hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": device_id_of(hass, entry, subentry_id), **fields},
        blocking=True,
        return_response=action == "get_access_logins",
        context=context,
    )


async def test_logins(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Each once, the newest first, and none of another application."""
    log_in(sandbox)
    freezer.tick(timedelta(hours=2))
    log_in(sandbox, STRANGER, allowed=False, country="FR")
    log_in(sandbox, app_uid="nas", app_domain="nas.example.com")
    freezer.tick(timedelta(minutes=1))

    response = await call(hass, loaded_entry, "get_access_logins")

    assert response["total"] == 2
    times = [each.pop("time") for each in response["logins"]]
    assert times == sorted(times, reverse=True)
    rest = {"ip_address": "203.0.113.7", "method": "onetimepin"}
    assert response["logins"] == [
        {"result": "refused", "email": STRANGER, "country": "FR", **rest},
        {"result": "allowed", "email": OWNER, "country": "DE", **rest},
    ]
    [newest] = (await call(hass, loaded_entry, "get_access_logins", hours=1))["logins"]
    assert newest["email"] == STRANGER


async def test_sessions_of_the_hostname(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    application = application_at(sandbox)
    assert application
    sandbox.journal.clear()
    await call(hass, loaded_entry, "end_access_sessions")

    [write] = writes(sandbox)
    assert write.path.endswith(f"/apps/{application.id}/revoke_tokens")


async def test_sessions_of_a_person(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """At every application of the account, and of nobody else."""
    sandbox.journal.clear()
    await call(hass, loaded_entry, "end_access_sessions", email=f" {OWNER.upper()}")

    [write] = writes(sandbox)
    assert write.path.endswith("/organizations/revoke_user")
    assert write.body["email"] == OWNER


async def test_what_is_no_address(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    sandbox.journal.clear()
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, loaded_entry, "end_access_sessions", email="owner")
    assert raised.value.translation_key == "login_invalid_email"
    assert writes(sandbox) == []


@pytest.mark.parametrize("action", LOGIN_ACTIONS)
async def test_only_for_administrators(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_read_only_user: MockUser,
    action: str,
) -> None:
    """Other users learn no address, and end nothing."""
    sandbox.journal.clear()
    context = Context(user_id=hass_read_only_user.id)
    with pytest.raises(Unauthorized):
        await call(hass, loaded_entry, action, context=context)
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("action", LOGIN_ACTIONS)
async def test_device_that_is_none(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, action: str
) -> None:
    """A protected hostname has no login; and an account has to be loaded."""
    with pytest.raises(ServiceValidationError) as raised:
        await call(hass, loaded_entry, action, HOSTNAME_ID)
    assert raised.value.translation_key == "device_not_login_hostname"
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    with pytest.raises(ServiceValidationError):
        await call(hass, loaded_entry, action)


@pytest.mark.parametrize("action", LOGIN_ACTIONS)
async def test_application_that_was_never_seen(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, action: str
) -> None:
    """Nothing can be said or done without it."""
    sandbox.state.tokens[sandbox.token].permissions -= {"access_apps:edit"}
    await setup_integration(hass, entry)
    with pytest.raises(HomeAssistantError) as raised:
        await call(hass, entry, action)
    assert raised.value.translation_key == "login_application_unknown"


@pytest.mark.parametrize(
    ("action", "method", "path"),
    [
        ("end_access_sessions", "POST", "/revoke_tokens"),
        ("get_access_logins", "GET", "/access_requests"),
    ],
)
async def test_cloudflare_refuses(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    action: str,
    method: str,
    path: str,
) -> None:
    """In its words."""
    await setup_integration(hass, entry)
    faults.refuse(method, path, 400, 1234, "Not today")
    with pytest.raises(HomeAssistantError, match="Not today"):
        await call(hass, entry, action)
