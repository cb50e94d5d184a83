"""Sends requests through an HTTP client, and reads no more of an answer than has a use."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, override
import zlib

# The SDK takes no other class. Where Home Assistant replaces the module, it did so before.
import httpx  # noqa: TID251

from .errors import Unavailable

# The largest answer, a page of 1,000 certificates, has 4 MB; one of 100 tunnels has 0.3 MB.
MAX_BYTES: Final = 8 * 1024 * 1024
# An error has some kB at most. The SDK copies it several times.
MAX_ERROR_BYTES: Final = 64 * 1024

_WITH_GZIP_HEADER: Final = zlib.MAX_WBITS | 16


class BoundedClient(httpx.AsyncClient):
    """Reads whole answers in JSON, within limits; reads no other body and follows no redirect."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Take the client that sends the requests; it is never closed."""
        super().__init__(transport=httpx.AsyncBaseTransport())
        self._client = client

    @override
    async def send(self, request: httpx.Request, **_: Any) -> httpx.Response:
        """Send a request and return its answer; raise Unavailable for one that is too large."""
        answer = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            content = await _read(answer) if _is_json(answer) else b""
        finally:
            await answer.aclose()
        # No other header has a use, and with some codecs that a header can name, the SDK would
        # take hours to decode the body.
        pause = answer.headers.get("retry-after")
        return httpx.Response(
            answer.status_code,
            headers=None if pause is None else {"retry-after": pause},
            content=content,
            request=request,
        )


def _is_json(answer: httpx.Response) -> bool:
    content_type: str = answer.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower().endswith("json")


async def _read(answer: httpx.Response) -> bytes:
    """Return the body, decompressed; raise Unavailable where it is too large."""
    succeeded = answer.status_code < HTTPStatus.MULTIPLE_CHOICES
    limit = MAX_BYTES if succeeded else MAX_ERROR_BYTES
    decode = _decoder(answer.headers.get("content-encoding", "identity"))
    body = bytearray()
    async for chunk in answer.aiter_raw():
        # One byte over the limit shows that it is too large, without decompressing the rest.
        body += decode(chunk, limit + 1 - len(body))
        if len(body) > limit:
            raise Unavailable("answer too large")
    return bytes(body)


def _decoder(encoding: str) -> Callable[[bytes, int], bytes]:
    """Return what decodes a chunk to so many bytes at most; we ask for no other encoding."""
    match encoding.lower():
        case "identity":
            return lambda chunk, size: chunk[:size]
        case "gzip":
            return zlib.decompressobj(_WITH_GZIP_HEADER).decompress
        case _:
            raise Unavailable("answer in another encoding")
