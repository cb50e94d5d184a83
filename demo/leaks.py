"""Search for secrets in places where they must not be: as text, hex or base64."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
import re

_PIECE = 24
_PIECES = 6


@dataclass(frozen=True)
class Secret:
    """A secret to search for, and the places where it may be."""

    name: str
    pieces: tuple[bytes, ...]
    allowed_in: frozenset[str] = frozenset()
    number: str = field(default="", repr=False)
    """A short number, which counts only where it stands alone."""

    @classmethod
    def of_number(cls, name: str, number: str, *allowed_in: str) -> Secret:
        """Create a secret number that is not searched inside times, digests and the like."""
        return cls(name, (), frozenset(allowed_in), number)

    @classmethod
    def of_text(cls, name: str, text: str, *allowed_in: str) -> Secret:
        """Create a secret text."""
        return cls(name, tuple(_forms(text.encode())), frozenset(allowed_in))

    @classmethod
    def of_bytes(cls, name: str, data: bytes) -> Secret:
        """Create secret binary data, searched by short pieces so that line breaks do not hide it."""
        start = max(0, (len(data) - _PIECE * _PIECES) // 2)
        ends = range(start + _PIECE, len(data) + 1, _PIECE)[:_PIECES]
        pieces = (data[end - _PIECE : end] for end in ends)
        return cls(name, tuple(form for piece in pieces for form in _forms(piece)))

    def is_in(self, content: bytes) -> bool:
        """Return whether the secret is in a content."""
        if self.number:
            alone = rf"(?<![\w+/=-])(?<!\d\.){self.number}(?![\w+/=-])"
            return re.search(alone.encode(), content) is not None
        return any(piece in content for piece in self.pieces)


def find(secrets: Iterable[Secret], places: Mapping[str, bytes]) -> list[str]:
    """Return which secrets are in which places where they must not be."""
    found = (
        f"{secret.name} in {place}"
        for secret in secrets
        for place, content in places.items()
        if place not in secret.allowed_in and secret.is_in(content)
    )
    return list(dict.fromkeys(found))


def _forms(data: bytes) -> Iterator[bytes]:
    """Yield data as it is, in hex, and in base64 at each of the three possible offsets."""
    yield data
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).rstrip(b"=")
        # Leave out the characters that also depend on neighbouring bytes.
        whole = encoded[4:-2] if before else encoded[:-2]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))
