"""Fixtures of the tests of certificates: a phone's browser, events, and creations held at a stage."""

from collections.abc import Iterator

from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.stages import Stages
from tests.certificates.test_pinning import choose_pinning
from tests.common import add_known_certificate, setup_integration
from tests.dialogs import Client
from tests.faults import Faults


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> Client:
    """Return the browser of a phone that is not logged in."""
    return await hass_client_no_auth()


@pytest.fixture
def events(hass: HomeAssistant) -> list[Event]:
    """Return the certificate events, as they are fired."""
    return async_capture_events(hass, "cloudflare_mtls_certificate")


@pytest.fixture
def stages(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stages]:
    """Return what holds a creation at a stage."""
    stages = Stages(faults, monkeypatch)
    yield stages
    stages.release()


@pytest.fixture
async def ready(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account whose device has one certificate."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    return entry


@pytest.fixture
async def home(hass: HomeAssistant, ready: MockConfigEntry) -> MockConfigEntry:
    """Return an account whose device uses a certificate; the rules accept only known ones."""
    await choose_pinning(hass, ready)
    return ready
