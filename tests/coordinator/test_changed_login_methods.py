"""Tests of a login method that somebody points at a provider of their own."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import IdentityProvider
from tests.common import issue_of, placeholders, setup_integration
from tests.engine.access.helpers import HOME, settings, without_pauses
from tests.faults import Faults
from tests.flows.test_login_drift import look
from tests.logins import access_of, login, only_another_login, told, writes
from tests.restarts import restarted, same_account

from .test_login_sessions import EVERYBODY, ended

CHANGED = "login_method_changed"
by_family = pytest.mark.parametrize(
    "devices", [[login(settings(login_methods=frozenset({"family"})))]], ids=["chosen"]
)
by_all = pytest.mark.parametrize(
    "devices", [[login(settings(one_time_pin=False))]], ids=["all"]
)


@pytest.fixture(autouse=True)
def provider(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> IdentityProvider:
    """Return a provider of the owner's, and have no other login at the hostname."""
    only_another_login(sandbox)
    without_pauses(monkeypatch)
    config = {"certs_url": "https://idp.example.com/keys", "client_id": "home"}
    family = IdentityProvider("oidc", "Family", config, id="family")
    access_of(sandbox).identity_providers.append(family)
    return family


@by_family
@pytest.mark.parametrize("is_restarted", [False, True], ids=["running", "restarted"])
async def test_provider_is_another_one(
    hass: HomeAssistant,
    sandbox: Sandbox,
    provider: IdentityProvider,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
    is_restarted: bool,
) -> None:
    """It is told until it is as it was, also where Access cannot be read meanwhile."""
    await setup_integration(hass, entry)
    assert told(hass) == set()
    sandbox.journal.clear()
    before = provider.config
    provider.config = {**before, "certs_url": "https://stranger.example/keys"}
    if is_restarted:
        async with restarted(hass) as again:
            await setup_integration(again, same_account(entry))
            assert told(again) == {CHANGED}
        return
    await look(hass, entry)
    await look(hass, entry)
    assert told(hass) == {CHANGED}
    assert placeholders(hass, CHANGED) == {"hostname": HOME, "name": "Family"}
    assert writes(sandbox) == []
    provider.config = before
    for _ in range(2):
        await look(hass, entry)
    assert told(hass) == set()
    # People who logged in by the other provider may still be logged in.
    assert ended(sandbox) == [EVERYBODY]


@by_family
async def test_told_while_access_cannot_be_read(
    hass: HomeAssistant,
    faults: Faults,
    provider: IdentityProvider,
    entry: MockConfigEntry,
) -> None:
    await setup_integration(hass, entry)
    provider.config = {"certs_url": "https://stranger.example/keys"}
    await look(hass, entry)
    faults.unavailable("*", "/access/")
    await look(hass, entry)
    assert CHANGED in told(hass)
    # Nor does a restart undo it.
    assert issue_of(hass, CHANGED).is_persistent


@by_all
async def test_new_provider_where_all_count(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    await setup_integration(hass, entry)
    assert told(hass) == set()
    new = IdentityProvider("oidc", "Strangers", {"client_id": "x"}, id="new")
    access_of(sandbox).identity_providers.append(new)
    await look(hass, entry)
    assert told(hass) == {CHANGED}
    access_of(sandbox).identity_providers.remove(new)
    await look(hass, entry)
    assert told(hass) == set()
    assert ended(sandbox) == [EVERYBODY]
