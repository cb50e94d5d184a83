"""Asks cloudflared's metrics servers, which are at home and know no login."""

from asyncio import timeout
from contextlib import suppress
from http import HTTPStatus
import re
from typing import Final

from aiohttp import ClientConnectorError, ClientError, ClientSession
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from yarl import URL

from .engine.api.errors import Unavailable
from .engine.tunnels.reports import ConnectorReport, Readiness

_TIMEOUT_SECONDS: Final = 5.0
# A tunnel with 1,000 rules has 600 kB.
_MAX_BYTES: Final = 2 * 1024 * 1024
_CHUNK_BYTES: Final = 64 * 1024
# Of a name, or an address of either kind.
_HOST: Final = re.compile(r"[A-Za-z0-9.:_-]+")


def read_address(text: str) -> str | None:
    """Return the host and port that a person typed, also as the address of a page; None if it is none."""
    typed = text.strip()
    with suppress(ValueError):
        url = URL(typed if "://" in typed else f"http://{typed}")
        is_plain = (
            url.scheme == "http" and not url.raw_user and not url.raw_query_string
        )
        if is_plain and _HOST.fullmatch(url.raw_host or "") and url.explicit_port:
            return url.raw_authority
    return None


class ProcessEnded(Exception):
    """Nothing listens at the address of a connector any more."""


class MetricsServer:
    """The metrics server of one connector."""

    def __init__(self, session: ClientSession, address: str) -> None:
        """Take the host and port where it listens."""
        self._session = session
        self._url = URL(f"http://{address}")

    async def read_readiness(self) -> Readiness:
        """Return which connector answers; raise ProcessEnded or Unavailable."""
        # Not connected to the edge, it answers 503.
        return Readiness.parse(await self._get("ready", HTTPStatus.SERVICE_UNAVAILABLE))

    async def read_report(self, readiness: Readiness) -> ConnectorReport:
        """Return what a connector says of itself; raise ProcessEnded or Unavailable."""
        return ConnectorReport.parse(
            readiness,
            await self._get("diag/tunnel"),
            await self._get("config"),
            (await self._get("metrics")).decode(errors="replace"),
        )

    async def _get(self, path: str, *also: HTTPStatus) -> bytes:
        try:
            async with (
                timeout(_TIMEOUT_SECONDS),
                self._session.get(self._url / path, allow_redirects=False) as answer,
            ):
                if answer.status not in (HTTPStatus.OK, *also):
                    raise Unavailable(f"status {answer.status}")
                body = bytearray()
                async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                    body += chunk
                    if len(body) > _MAX_BYTES:
                        raise Unavailable("answer too large")
                return bytes(body)
        except ClientConnectorError as err:
            if isinstance(err.os_error, ConnectionRefusedError):
                raise ProcessEnded from None
            raise Unavailable("no connection") from None
        except ClientError, TimeoutError, ValueError:
            raise Unavailable("no answer") from None


@callback
def async_metrics_server(hass: HomeAssistant, address: str) -> MetricsServer:
    """Return the metrics server at an address."""
    return MetricsServer(async_get_clientsession(hass), address)
