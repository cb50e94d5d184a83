"""What the proofs share."""

import asyncio
from collections.abc import Iterator
import logging

import pytest
from pytest_socket import socket_allow_hosts

from .hasty import hasty_runner
from .home import on_sandbox_time


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Allow sockets, which Home Assistant's test plugin forbids, this machine's own too."""
    socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep a line for each of ten thousand requests out of the report."""
    caplog.set_level(logging.WARNING)


@pytest.fixture(autouse=True)
def _time() -> Iterator[None]:
    """Let the time pass that the sandbox knows of."""
    with on_sandbox_time():
        yield


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return a loop of our own."""
    with hasty_runner() as runner:
        yield runner
