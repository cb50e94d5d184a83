"""Fixtures for the tests of the Supervisor."""

from collections.abc import AsyncIterator

from aiohttp import ClientSession
import pytest
import pytest_socket

from sandbox import Sandbox
from sandbox.supervisor import Cloudflared, Supervisor

from .helpers import OPTIONS, Client


@pytest.fixture
def _app_network(_sockets: None) -> None:
    """Allow connections to the addresses that apps have, too."""
    pytest_socket.socket_allow_hosts(["127.0.0.0/8"])


@pytest.fixture
async def supervisor(sandbox: Sandbox, _app_network: None) -> Supervisor:
    """Run the sandbox's Supervisor, without apps."""
    await sandbox.supervisor.start()
    return sandbox.supervisor


@pytest.fixture
async def app(sandbox: Sandbox, supervisor: Supervisor) -> Cloudflared:
    """Run the app Cloudflared, which has the seeded tunnel."""
    return await supervisor.install(
        Cloudflared.that_runs(sandbox.state, sandbox.tunnel_id, OPTIONS)
    )


@pytest.fixture
async def client(supervisor: Supervisor) -> AsyncIterator[Client]:
    """Return a client with Home Assistant's token."""
    async with ClientSession() as session:
        yield Client(session, f"http://{supervisor.host}", supervisor.token)
