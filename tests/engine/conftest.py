"""Fixtures of the engine's tests: the sandbox, and servers that misbehave on demand."""

from collections.abc import AsyncIterator

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from sandbox import Sandbox
from tests.engine.servers import FaultyProxy, ScriptedApi
from tests.in_process import answering_for


@pytest.fixture
async def sandbox(socket_enabled: None) -> AsyncIterator[Sandbox]:
    """Run a sandbox without Home Assistant."""
    async with Sandbox() as running:
        with answering_for(running):
            yield running


@pytest.fixture
def client(sandbox: Sandbox) -> CloudflareClient:
    """Return the engine's client of the sandbox."""
    return CloudflareClient(sandbox.token, base_url=sandbox.api_url)


@pytest.fixture
async def proxy(sandbox: Sandbox) -> AsyncIterator[FaultyProxy]:
    """Run a proxy in front of the sandbox that lets a write fail."""
    async with FaultyProxy(sandbox.api_url) as running:
        yield running


@pytest.fixture
def unsteady(sandbox: Sandbox, proxy: FaultyProxy) -> CloudflareClient:
    """Return the engine's client of the proxy."""
    return CloudflareClient(sandbox.token, base_url=proxy.url)


@pytest.fixture
async def api(socket_enabled: None) -> AsyncIterator[ScriptedApi]:
    """Run an API whose answers a test scripts."""
    async with ScriptedApi() as running:
        yield running
