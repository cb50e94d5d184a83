"""Lead this process's calls to Cloudflare's API to a local one, and let it reach no other machine."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
import socket
from typing import Any
from unittest.mock import patch

import aiohttp
import httpx  # noqa: TID251  # what others use is to be redirected
import requests
from yarl import URL

_API_HOST = "api.cloudflare.com"
_THIS_MACHINE = {"127.0.0.1", "::1", "localhost", "", None}

type _Function = Callable[..., Any]


class _OtherMachineError(aiohttp.ClientConnectionError, OSError):
    """A connection to another machine was refused."""

    def __init__(self, host: object) -> None:
        super().__init__(f"{host} is not this machine")


@contextmanager
def redirected(api_url: str) -> Generator[None]:
    """Redirect what the usual clients ask of Cloudflare's API, and refuse every other machine."""
    here = URL(api_url).origin()

    def local(url: str | URL) -> URL:
        asked = URL(url)
        if asked.host == _API_HOST:
            return here.join(asked.relative())
        return asked

    with (
        patch.object(*_aiohttp(local)),
        patch.object(*_httpx(local, httpx.AsyncHTTPTransport, "handle_async_request")),
        patch.object(*_httpx(local, httpx.HTTPTransport, "handle_request")),
        patch.object(*_requests(local)),
        patch.object(*_refusing(socket, "getaddrinfo", lambda host, *_: host)),
        patch.object(*_refusing(socket.socket, "connect", _host_of_address)),
        patch.object(*_refusing(socket.socket, "connect_ex", _host_of_address)),
    ):
        yield


def _aiohttp(local: Callable[[URL], URL]) -> tuple[object, str, _Function]:
    real = aiohttp.ClientSession._build_url  # noqa: SLF001 -- every request goes through here

    def build_url(session: aiohttp.ClientSession, url: str | URL) -> URL:
        built = local(real(session, url))
        # Home Assistant's resolver asks name servers without Python's sockets.
        if built.host not in _THIS_MACHINE:
            raise _OtherMachineError(built.host)
        return built

    return aiohttp.ClientSession, "_build_url", build_url


def _httpx(
    local: Callable[[str], URL], transport: type, name: str
) -> tuple[object, str, _Function]:
    real = getattr(transport, name)

    def handle(self: object, request: httpx.Request) -> Any:
        request.url = httpx.URL(str(local(str(request.url))))
        return real(self, request)

    return transport, name, handle


def _requests(local: Callable[[str], URL]) -> tuple[object, str, _Function]:
    real = requests.adapters.HTTPAdapter.send

    def send(
        adapter: requests.adapters.HTTPAdapter,
        request: requests.PreparedRequest,
        **options: Any,
    ) -> requests.Response:
        request.url = str(local(str(request.url)))
        return real(adapter, request, **options)

    return requests.adapters.HTTPAdapter, "send", send


def _refusing(
    owner: object, name: str, host_of: Callable[..., object]
) -> tuple[object, str, _Function]:
    real = getattr(owner, name)

    def call(*arguments: Any, **options: Any) -> Any:
        if (host := host_of(*arguments)) not in _THIS_MACHINE:
            raise _OtherMachineError(host)
        return real(*arguments, **options)

    return owner, name, call


def _host_of_address(_: socket.socket, address: object) -> object:
    return address[0] if isinstance(address, tuple) else None
