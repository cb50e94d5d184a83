"""Fixtures for the tests with a real cloudflared."""

from collections.abc import AsyncIterator
import logging

import pytest

from sandbox import Sandbox
from sandbox.state import Tunnel

from .both import Connected, connected
from .cloudflared import needs_cloudflared


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


@pytest.fixture(
    params=["imitation", pytest.param("cloudflared", marks=needs_cloudflared)]
)
async def both(request: pytest.FixtureRequest) -> AsyncIterator[Connected]:
    """Run the tunnel by the one and by the other."""
    async with connected(is_real=request.param == "cloudflared") as running:
        yield running
