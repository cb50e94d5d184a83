"""A search for secrets where they must not be, in whatever form they got there."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
import re

_PIECE = 24
_PIECES = 6


@dataclass(frozen=True)
class Secret:
    """Something to look for, and where alone it belongs."""

    name: str
    pieces: tuple[bytes, ...]
    at_home_in: frozenset[str] = frozenset()
    number: str = field(default="", repr=False)
    """A number of few digits, which is a secret only where it stands alone."""

    @classmethod
    def of_number(cls, name: str, number: str, *at_home_in: str) -> Secret:
        """Look for a number, but not in the middle of times, digests and the like."""
        return cls(name, (), frozenset(at_home_in), number)

    @classmethod
    def of_text(cls, name: str, text: str, *at_home_in: str) -> Secret:
        """Look for a text."""
        return cls(name, tuple(_forms(text.encode())), frozenset(at_home_in))

    @classmethod
    def of_bytes(cls, name: str, data: bytes) -> Secret:
        """Look for pieces of the middle of binary data, which no line break can hide."""
        start = max(0, (len(data) - _PIECE * _PIECES) // 2)
        ends = range(start + _PIECE, len(data) + 1, _PIECE)[:_PIECES]
        pieces = (data[end - _PIECE : end] for end in ends)
        return cls(name, tuple(form for piece in pieces for form in _forms(piece)))

    def is_in(self, content: bytes) -> bool:
        """Tell whether a content holds it."""
        if self.number:
            alone = rf"(?<![\w+/=-])(?<!\d\.){self.number}(?![\w+/=-])"
            return re.search(alone.encode(), content) is not None
        return any(piece in content for piece in self.pieces)


def find(secrets: Iterable[Secret], places: Mapping[str, bytes]) -> list[str]:
    """Return what is where it must not be."""
    found = (
        f"{secret.name} in {place}"
        for secret in secrets
        for place, content in places.items()
        if place not in secret.at_home_in and secret.is_in(content)
    )
    return list(dict.fromkeys(found))


def _forms(data: bytes) -> Iterator[bytes]:
    """Yield data as it is, in hex, and in base64 wherever in a text it begins."""
    yield data
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).rstrip(b"=")
        # What its neighbours share with it is left out.
        whole = encoded[4:-2] if before else encoded[:-2]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))
