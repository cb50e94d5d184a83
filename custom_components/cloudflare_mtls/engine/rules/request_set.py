"""Sets of requests that an expression is evaluated for (pure)."""

from dataclasses import dataclass

from .text_sets import TextSet


@dataclass(frozen=True, kw_only=True)
class RequestSet:
    """All requests with such a Host header, path and certificate.

    Everything else of a request is any: the visitor writes its headers, query, method and
    further certificate, and comes from any address.
    """

    host: TextSet
    path: TextSet
    presented: bool
    verified: bool
    revoked: bool
    fingerprint: TextSet
