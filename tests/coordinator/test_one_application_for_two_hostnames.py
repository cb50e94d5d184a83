"""Tests of an owner's application in front of two adopted login hostnames."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessPolicy
from tests.common import setup_integration, state_of, wait_for_refresh
from tests.engine.access.helpers import HOME, OWNER, settings, without_pauses
from tests.faults import Faults
from tests.flows.test_login_drift import look
from tests.logins import access_of, log_in, login
from tests.test_login_entities import LAST_LOGIN, LOG_EVERY

NAS = "nas.example.com"
BOTH = [
    login(settings(adopted=True)),
    login(settings(hostname=NAS, adopted=True), "01JLOGIN000000000000000002"),
]


def share_an_application(sandbox: Sandbox) -> None:
    """Have one application of the owner's stand in front of both hostnames."""
    access_of(sandbox).applications.clear()
    access_of(sandbox).applications["both"] = AccessApplication(
        "Both",
        [{"type": "public", "uri": HOME}, {"type": "public", "uri": NAS}],
        [AccessPolicy("Owner", "allow", [{"email": {"email": OWNER}}])],
        id="both",
    )


@pytest.mark.parametrize("devices", [BOTH], ids=["both"])
async def test_login_is_told_of_its_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log says where it was."""
    without_pauses(monkeypatch)
    share_an_application(sandbox)
    await setup_integration(hass, entry)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    logins = async_capture_events(hass, "cloudflare_mtls_login")
    log_in(sandbox, OWNER, app_domain=f"{HOME}/")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    freezer.tick(300)
    log_in(sandbox, OWNER, app_domain=f"{NAS}/")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert [event.data["hostname"] for event in logins] == [HOME, NAS]


@pytest.mark.parametrize("devices", [BOTH], ids=["both"])
async def test_while_access_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both sensors still show it, and nothing fails."""
    without_pauses(monkeypatch)
    share_an_application(sandbox)
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    faults.unavailable("GET", "/access/apps")
    await look(hass, entry)
    logins = async_capture_events(hass, "cloudflare_mtls_login")
    log_in(sandbox, OWNER, app_domain=f"{HOME}/")
    freezer.tick(300)
    log_in(sandbox, OWNER, app_domain=f"{NAS}/")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert [event.data["hostname"] for event in logins] == [HOME, NAS]
    assert state_of(hass, LAST_LOGIN) not in ("unknown", "unavailable")
