"""Sets of requests that an expression is evaluated for (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass

from .host_forms import HostForms
from .truth import Truth


@dataclass(frozen=True)
class AnyExcept:
    """Any text except these."""

    texts: frozenset[str]

    def equals(self, texts: Iterable[str]) -> Truth:
        """Return False where the text is none of the given ones, else None: it may be one."""
        return False if self.texts.issuperset(texts) else None


@dataclass(frozen=True, kw_only=True)
class RequestSet:
    """All requests with this Host header and certificate, outside the exempt paths.

    A fingerprint that is None may be any.
    """

    host: str | HostForms
    verified: bool
    revoked: bool
    fingerprint: str | AnyExcept | None = None
    exempt_paths: tuple[str, ...] = ()
