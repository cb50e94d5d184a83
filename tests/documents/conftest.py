"""Fixtures of the tests that walk through the guides."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.cloudflare_mtls.engine.access import checked_writes
from custom_components.cloudflare_mtls.flows import account_tunnels
from sandbox import Sandbox
from sandbox.supervisor import Supervisor
from tests.supervised import supervise


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for a connector, and repeat a refused write, without waiting."""
    monkeypatch.setattr(account_tunnels, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(checked_writes, "REFUSAL_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(checked_writes, "POLICY_PAUSES", 3 * (0.0,))


@pytest.fixture
async def supervisor(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Supervisor:
    """Run a Supervisor."""
    return await supervise(hass, sandbox, monkeypatch)
