"""Fixtures of the tests of the dialogs."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.cloudflare_mtls.flows import account_tunnels
from sandbox import Sandbox
from sandbox.supervisor import Supervisor
from tests.supervised import supervise


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for a connector without waiting."""
    monkeypatch.setattr(account_tunnels, "_POLL_SECONDS", 0.01)


@pytest.fixture
async def supervisor(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Supervisor:
    """Run a Supervisor."""
    return await supervise(hass, sandbox, monkeypatch)
