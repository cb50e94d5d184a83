"""Upper and lower case as Cloudflare knows them: only ASCII letters have two cases (pure)."""

from string import ascii_lowercase, ascii_uppercase
from typing import Final

_LOWERED: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_RAISED: Final = str.maketrans(ascii_lowercase, ascii_uppercase)


def lower(text: str) -> str:
    """Return a text in lower case.

    Source: Cloudflare's function reference, lower().
    """
    return text.translate(_LOWERED)


def upper(text: str) -> str:
    """Return a text in upper case.

    Source: Cloudflare's function reference, upper().
    """
    return text.translate(_RAISED)
