"""Fixtures for the tests with a real cloudflared."""

from collections.abc import AsyncIterator
import logging

import pytest

from sandbox import Sandbox
from sandbox.state import Tunnel


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Run a sandbox to which real connectors may connect."""
    async with Sandbox(tunnel_port=0) as running:
        yield running


@pytest.fixture
def tunnel(sandbox: Sandbox) -> Tunnel:
    """Return the tunnel of the home lab."""
    return sandbox.state.tunnels[sandbox.tunnel_id]


@pytest.fixture(autouse=True)
def _quiet_headers() -> None:
    """Keep every octet of every header out of the log, which would take most of the time."""
    logging.getLogger("hpack").setLevel(logging.INFO)
