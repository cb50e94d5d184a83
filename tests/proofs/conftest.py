"""Fixtures of all proofs."""

import asyncio
from collections.abc import Iterator
import logging

import pytest
from pytest_socket import socket_allow_hosts

from .home import on_sandbox_time
from .time_skipping import time_skipping_runner


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Allow local sockets, which Home Assistant's test plugin forbids."""
    socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_request_log(caplog: pytest.LogCaptureFixture) -> None:
    """Keep the log line of each request, of which there are thousands, out of the report."""
    caplog.set_level(logging.WARNING)


@pytest.fixture(autouse=True)
def _sandbox_time() -> Iterator[None]:
    """Let the engine read the time from the sandbox's clock."""
    with on_sandbox_time():
        yield


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return a runner whose loop can skip time."""
    with time_skipping_runner() as runner:
        yield runner
