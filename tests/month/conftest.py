"""What the months share."""

import pytest

from custom_components.cloudflare_mtls.const import DOMAIN


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Allow sockets, which Home Assistant's test plugin forbids."""


@pytest.fixture(autouse=True)
def _levels(caplog: pytest.LogCaptureFixture) -> None:
    """Hear of warnings, and of who says that all is well again."""
    caplog.set_level("WARNING")
    caplog.set_level("INFO", f"custom_components.{DOMAIN}")
