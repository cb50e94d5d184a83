"""Fixtures of the tests of the handover: a phone's browser, and what it has fetched."""

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

import custom_components.cloudflare_mtls as integration
from custom_components.cloudflare_mtls.pages.handovers import Delivery
from tests.deliveries import add_account
from tests.dialogs import Client


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    """Return the deliveries that the page reported as fetched."""
    deliveries: list[Delivery] = []

    async def record(_hass: HomeAssistant, delivery: Delivery) -> None:
        deliveries.append(delivery)

    monkeypatch.setattr(integration, "async_record_fetched", record)
    return deliveries


@pytest.fixture
async def client(
    hass: HomeAssistant,
    fetched: list[Delivery],
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> Client:
    """Return the browser of a phone that is not logged in."""
    add_account(hass)
    # Once a client is connected, no more views can be registered.
    assert await async_setup_component(hass, "diagnostics", {})
    return await hass_client_no_auth()
