"""Fixtures of the tests of the dialogs."""

import pytest

from custom_components.cloudflare_mtls.flows import account_tunnels


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for a connector without waiting."""
    monkeypatch.setattr(account_tunnels, "_POLL_SECONDS", 0.01)
