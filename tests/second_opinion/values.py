"""Values that an expression handles, and the functions that change them."""

from collections.abc import Callable, Mapping, Sequence
import re
from typing import Final

from .language import Address


class Missing:
    """What an index gives where there is nothing."""


MISSING: Final = Missing()

type Content = (
    bytes | int | bool | Address | Missing | Sequence[Content] | Mapping[str, Content]
)

_UPPER: Final = bytes(range(ord("A"), ord("Z") + 1))
_LOWER: Final = bytes(range(ord("a"), ord("z") + 1))
_TO_LOWER: Final = bytes.maketrans(_UPPER, _LOWER)
_TO_UPPER: Final = bytes.maketrans(_LOWER, _UPPER)
_PERCENT: Final = re.compile(rb"%([0-9A-Fa-f]{2})")


def url_decode(text: bytes) -> bytes:
    """Decode once what is percent-encoded; a plus is a space."""
    return percent_decode(text.replace(b"+", b" "))


def percent_decode(text: bytes) -> bytes:
    """Decode once what is percent-encoded; the rest stays, escapes that are none included."""
    return _PERCENT.sub(lambda match: bytes([int(match.group(1), 16)]), text)


def _substring(text: bytes, start: int, end: int | None = None) -> bytes:
    return text[start:end]


def _remove_bytes(text: bytes, unwanted: bytes) -> bytes:
    return text.translate(None, unwanted)


def _concat(*texts: bytes) -> bytes:
    return b"".join(texts)


APPLY: Final[Mapping[str, Callable[..., Content]]] = {
    "lower": lambda text: text.translate(_TO_LOWER),
    "upper": lambda text: text.translate(_TO_UPPER),
    "url_decode": url_decode,
    "concat": _concat,
    "substring": _substring,
    "remove_bytes": _remove_bytes,
    "len": len,
    "starts_with": bytes.startswith,
    "ends_with": bytes.endswith,
}
