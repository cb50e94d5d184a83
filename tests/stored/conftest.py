"""Fixtures of the tests of what is stored."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.engine.access.helpers import HOME, without_pauses
from tests.faults import Faults
from tests.logins import only_another_login

from .cloudflare import Trouble
from .world import World


@pytest.fixture
def trouble(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Trouble:
    """Return what goes wrong at Cloudflare; nothing so far."""
    return Trouble(faults, monkeypatch)


@pytest.fixture
async def world(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    trouble: Trouble,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """Return a home in which nothing is set up yet."""
    only_another_login(sandbox)
    without_pauses(monkeypatch)
    await hass.config.async_update(country="DE", external_url=f"https://{HOME}")
    for domain in (REPAIRS, "webhook", DOMAIN):
        assert await async_setup_component(hass, domain, {})
    return World(
        hass=hass,
        sandbox=sandbox,
        faults=faults,
        trouble=trouble,
        freezer=freezer,
        admin=await hass_client(),
        visitor=await hass_client_no_auth(),
    )
