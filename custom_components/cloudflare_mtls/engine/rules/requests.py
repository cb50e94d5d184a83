"""Classes of requests that an expression is evaluated for (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass

from .host_forms import HostForms, Truth


@dataclass(frozen=True)
class NoneOf:
    """All texts but these."""

    texts: frozenset[str]

    def equals(self, texts: Iterable[str]) -> Truth:
        """Tell whether some, though never all, of them are one of these texts."""
        return False if self.texts.issuperset(texts) else None


@dataclass(frozen=True, kw_only=True)
class Requests:
    """All requests with this Host header and certificate, outside the exempt paths."""

    host: str | HostForms
    verified: bool
    revoked: bool
    fingerprint: str | NoneOf | None = None
    exempt_paths: tuple[str, ...] = ()
