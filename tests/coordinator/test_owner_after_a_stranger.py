"""Tests of a stranger under the owner's address, after whom the owner logs in, while Access cannot be read."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import IdentityProvider
from tests.common import setup_integration, wait_for_refresh
from tests.engine.access.helpers import OWNER, settings, without_pauses
from tests.faults import Faults
from tests.flows.test_login_drift import look
from tests.logins import access_of, log_in, login, only_another_login, told
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import EVERYBODY, ended

by_family = pytest.mark.parametrize(
    "devices", [[login(settings(login_methods=frozenset({"family"})))]], ids=["chosen"]
)


@pytest.fixture(autouse=True)
def _provider(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a provider of the owner's, and no other login at the hostname."""
    only_another_login(sandbox)
    without_pauses(monkeypatch)
    config = {"certs_url": "https://idp.example.com/keys", "client_id": "home"}
    family = IdentityProvider("oidc", "Family", config, id="family")
    access_of(sandbox).identity_providers.append(family)


@by_family
@pytest.mark.parametrize("owner_too", [False, True], ids=["alone", "owner too"])
async def test_owner_logs_in_after_the_stranger(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    owner_too: bool,
) -> None:
    """Both are judged once Access can be read again."""
    await setup_integration(hass, entry)
    await look(hass, entry)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    faults.unavailable("GET", "/access/identity_providers")
    await look(hass, entry)
    log_in(sandbox, OWNER, connection="saml", ip_address="198.51.100.9", country="BR")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    if owner_too:
        log_in(sandbox, OWNER, connection="oidc")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    faults.clear()
    await look(hass, entry)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_stranger"}
    assert ended(sandbox) == [EVERYBODY]
