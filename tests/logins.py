"""What tests of login hostnames share: an account that has one, and what stands at Cloudflare."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.coordinator.access import AccessCoordinator
from custom_components.cloudflare_mtls.coordinator.login_writer import (
    LoginWriter,
    LoginWritten,
)
from custom_components.cloudflare_mtls.engine.access.plan import LoginPlan, Occasion
from custom_components.cloudflare_mtls.engine.access.settings import LoginSettings
from custom_components.cloudflare_mtls.subentries import login_data
from sandbox import Sandbox
from sandbox.seed import ZONE_NAME
from sandbox.state import Access, AccessApplication, AccessPolicy, LoginRow
from tests.common import reported
from tests.engine.access.helpers import HOME, OWNER, PARTNER, settings

LOGIN_ID = "01JLOGIN000000000000000001"
MINUTES = timedelta(minutes=15)


def login(
    chosen: LoginSettings | None = None, subentry_id: str = LOGIN_ID
) -> ConfigSubentryDataWithId:
    """Return a login hostname, as its dialog stores it."""
    chosen = chosen or settings()
    return ConfigSubentryDataWithId(
        subentry_id=subentry_id,
        subentry_type="login_hostname",
        title=chosen.hostname,
        unique_id=chosen.hostname,
        data=login_data(chosen),
    )


def access_of(sandbox: Sandbox) -> Access:
    """Return the home lab's Zero Trust."""
    return sandbox.state.accounts[sandbox.account_id].access


def application_at(sandbox: Sandbox, address: str = HOME) -> AccessApplication | None:
    """Return the application that has an address."""
    applications = access_of(sandbox).applications.values()
    found = (
        each
        for each in applications
        if address in [item["uri"] for item in each.destinations]
    )
    return next(found, None)


def only_another_login(sandbox: Sandbox) -> None:
    """Have Access stand in front of another hostname alone, with a policy of others."""
    applications = access_of(sandbox).applications
    applications.clear()
    friends = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
    nas = [{"type": "public", "uri": f"nas.{ZONE_NAME}"}]
    applications["nas"] = AccessApplication("NAS", nas, [friends], id="nas")


def told(hass: HomeAssistant) -> set[str]:
    """Return the translation keys of our repairs, without that of a check of the same hostname."""
    return reported(hass) - {"check_open_hostname"}


def calls(sandbox: Sandbox, *methods: str) -> Sequence[Any]:
    """Return the calls of Access; of these methods, if some are given."""
    return [
        each
        for each in sandbox.journal.requests
        if "/access/" in each.path and (not methods or each.method in methods)
    ]


def writes(sandbox: Sandbox) -> Sequence[Any]:
    """Return the calls of Access that changed something."""
    return calls(sandbox, "POST", "PUT", "DELETE")


async def planned(entry: MockConfigEntry, **more: Any) -> LoginPlan:
    """Return what a person is shown before a login hostname is set up."""
    writer: LoginWriter = entry.runtime_data.access.writer
    chosen = settings(**more)
    return writer.plan(await writer.observe(chosen), chosen, Occasion.SET_UP)


async def begin(entry: MockConfigEntry, plan: LoginPlan | None = None) -> LoginWritten:
    """Set a login hostname up as a trial of fifteen minutes."""
    plan = plan or await planned(entry)
    access: AccessCoordinator = entry.runtime_data.access
    return await access.async_set_up(plan, dt_util.utcnow() + MINUTES)


def log_in(sandbox: Sandbox, email: str = OWNER, **more: Any) -> LoginRow:
    """Have somebody log in, as the log shows it: with one row for each thing that a page loads."""
    application = application_at(sandbox)
    assert application
    row: dict[str, Any] = {
        "allowed": True,
        "app_uid": application.id,
        "app_name": application.name,
        "app_domain": f"{HOME}/",
        "connection": "onetimepin",
        "user_email": email,
        "user_id": "",
        "country": "DE",
        "ip_address": "203.0.113.7",
        **more,
    }
    rows = [LoginRow(**row), LoginRow(**row)]
    access_of(sandbox).people.log += rows
    return rows[0]
