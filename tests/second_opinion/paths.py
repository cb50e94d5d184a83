"""How a path can be read: as sent, normalised by Cloudflare, decoded by an origin."""

from collections.abc import Iterator
from functools import lru_cache
import re
from typing import Final

from .values import percent_decode

_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)
_RESERVED: Final = frozenset(b":/?#[]@!$&'()*+,;=%")
_ESCAPE: Final = re.compile(rb"%[0-9A-Fa-f]{2}")


def is_sendable(path: str) -> bool:
    """Return whether a connector passes a path on: not if an escape in it is none."""
    return "%" not in _ESCAPE.sub(b"", path.encode()).decode("latin-1")


@lru_cache(maxsize=5000)
def readings(path: str) -> tuple[str, ...]:
    """Return what the rules may see of a path that was sent: it depends on settings of the zone."""
    return tuple(dict.fromkeys((path, _rfc_3986(path), _cloudflare(path))))


@lru_cache(maxsize=5000)
def is_outside(path: str, exempt: tuple[str, ...]) -> bool:
    """Return whether somebody who resolves a path comes to one that is not exempt.

    A path that begins elsewhere and resolves to an exempt one counts as exempt: the rules see it
    resolved, and Home Assistant answers none that it gets unresolved.
    """
    return any(
        not any(
            read.startswith(each) if each.endswith("/") else read == each
            for each in exempt
        )
        for read in _resolved(path)
    )


def _resolved(path: str) -> Iterator[str]:
    """Yield what the edge and origins make of a path that they resolve in one way or another."""
    yield _cloudflare(path)
    decoded = percent_decode(path.encode()).decode("latin-1")
    for text in (decoded, decoded.replace("\\", "/")):
        yield _without_dots(_with_single_slashes(text))


def _rfc_3986(path: str) -> str:
    """Normalise escapes, then remove dot segments."""
    decoded = _ESCAPE.sub(_canonical, path.encode())
    encoded = "".join(
        chr(byte) if byte in _UNRESERVED or byte in _RESERVED else f"%{byte:02X}"
        for byte in decoded
    )
    return _without_dots(encoded)


def _canonical(escape: re.Match[bytes]) -> bytes:
    byte = percent_decode(escape.group())
    return byte if byte[0] in _UNRESERVED else escape.group().upper()


def _cloudflare(path: str) -> str:
    """Turn backslashes, merge slashes, and normalise the rest."""
    return _rfc_3986(_with_single_slashes(path.replace("\\", "/")))


def _with_single_slashes(path: str) -> str:
    return re.sub(r"/+", "/", path)


def _without_dots(path: str) -> str:
    """Remove dot segments, as RFC 3986 describes it in section 5.2.4."""
    kept: list[str] = []
    first, *segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/".join((first, *kept)) or "/"
