"""What cloudflared makes of a request's line and headers before it asks the origin."""

from collections.abc import Mapping
import re
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from ..exchange import OriginError, Outgoing

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Go keeps a path as it was sent if it has only these characters, and otherwise escapes it again.
_KEPT_PATH = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/%\[\]]*")
_UNESCAPED = "-_.~$&+,/:;=@"
# Methods whose requests always have a body, be it an empty one of unknown length.
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# Go writes these before the others.
_FIRST = ("User-Agent", "Content-Length", "Transfer-Encoding")


def decoded_path(target: str) -> str:
    """Return the path in which rules look; raise OriginError for one that Go cannot read."""
    path = target.partition("?")[0]
    if _BAD_ESCAPE.search(path) or _CONTROL.search(target):
        raise OriginError
    return unquote_to_bytes(_octets(path)).decode("utf-8", "replace")


def request_head(
    request: Outgoing, settings: Mapping[str, Any], connector_id: str
) -> tuple[bytes, bool, bool]:
    """Return the head for the origin, whether its body is chunked, and whether gzip was added."""
    headers: dict[str, list[bytes]] = {}
    for name, value in request.headers:
        headers.setdefault(canonical(name), []).append(value)
    if headers.get("Expect") == [b"100-continue"]:
        del headers["Expect"]
    if "Cookie" in headers:
        headers["Cookie"] = [b"; ".join(headers["Cookie"])]
    if not headers.get("User-Agent", [b""])[0]:
        headers.pop("User-Agent", None)
    headers.setdefault("Cf-Warp-Tag-Id", []).append(connector_id.encode())
    host = request.host
    if new_host := settings.get("httphostheader"):
        headers["X-Forwarded-Host"] = [_octets(host)]
        host = new_host
    headers["Connection"] = [b"keep-alive"]
    is_chunked = _set_length(request, headers)
    if request.is_websocket:
        headers["Connection"] = [b"Upgrade"]
        headers["Upgrade"] = [b"websocket"]
        headers["Sec-Websocket-Version"] = [b"13"]
    adds_gzip = (
        "Accept-Encoding" not in headers
        and "Range" not in headers
        and request.method != "HEAD"
    )
    lines = [
        _octets(f"{request.method} {_sent_target(request.target)} HTTP/1.1"),
        b"Host: " + _octets(host),
    ]
    for key in (*_FIRST, *sorted(headers.keys() - set(_FIRST))):
        lines += [key.encode() + b": " + value for value in headers.get(key, [])]
    if adds_gzip:
        lines.append(b"Accept-Encoding: gzip")
    return b"\r\n".join([*lines, b"", b""]), is_chunked, adds_gzip


def canonical(name: bytes) -> str:
    """Return a header's name as Go spells it."""
    return "-".join(part.capitalize() for part in name.decode("latin-1").split("-"))


def _set_length(request: Outgoing, headers: dict[str, list[bytes]]) -> bool:
    """Say how long the body is, and return whether nobody knows."""
    if request.has_body and "Content-Length" in headers:
        return False
    headers.pop("Content-Length", None)
    if request.is_websocket or not (request.has_body or request.method in _WITH_BODY):
        return False
    headers["Transfer-Encoding"] = [b"chunked"]
    return True


def _sent_target(target: str) -> str:
    path, mark, query = target.partition("?")
    if not _KEPT_PATH.fullmatch(path):
        path = quote(unquote_to_bytes(_octets(path)), safe=_UNESCAPED)
    return f"{path}{mark}{query}"


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
