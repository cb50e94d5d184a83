"""Fixtures of the tests of a long time."""

import pytest

from custom_components.cloudflare_mtls.const import DOMAIN


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Allow sockets, which Home Assistant's test plugin forbids."""


@pytest.fixture(autouse=True)
def _log_levels(caplog: pytest.LogCaptureFixture) -> None:
    """Capture warnings, and our messages that an outage is over."""
    caplog.set_level("WARNING")
    caplog.set_level("INFO", f"custom_components.{DOMAIN}")
