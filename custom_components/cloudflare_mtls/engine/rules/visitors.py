"""Visitors who must not get in, by what a handshake can tell of their certificate (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from .text_sets import AnyExcept, Exactly, TextSet


class Visitor(StrEnum):
    """A visitor who must not get in, those with the least first.

    Cloudflare accepts no certificate of another authority, nor one that has expired or is not
    valid yet. A certificate that is not listed is an unknown one, or that of another device than
    those that a hostname is for.
    """

    NO_CERTIFICATE = "no_certificate"
    UNACCEPTED_CERTIFICATE = "unaccepted_certificate"
    REVOKED_CERTIFICATE = "revoked_certificate"
    UNPINNED_CERTIFICATE = "unpinned_certificate"


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """What rules learn of the certificate of a visitor."""

    visitor: Visitor
    presented: bool
    verified: bool
    revoked: bool
    fingerprint: TextSet


def handshakes(pinned: frozenset[str] | None) -> Iterator[Handshake]:
    """Yield every handshake without a good certificate, those with the least first.

    Without pins, every certificate of the account that is not revoked is a good one.

    Source: Cloudflare's field reference, cf.tls_client_auth.*: all fields are false or empty
    where no certificate is presented, and only a verified one can be revoked.
    """
    both = (False, True)
    for presented, verified, revoked in product(both, both, reversed(both)):
        fingerprint = TextSet()
        match presented, verified, revoked:
            case False, False, False:
                visitor = Visitor.NO_CERTIFICATE
                fingerprint = Exactly("")
            case True, False, False:
                # Cloudflare may know the fingerprint, of a pinned one that has expired too.
                visitor = Visitor.UNACCEPTED_CERTIFICATE
            case True, True, True:
                visitor = Visitor.REVOKED_CERTIFICATE
            case True, True, False if pinned is not None:
                visitor = Visitor.UNPINNED_CERTIFICATE
                fingerprint = AnyExcept(pinned)
            case _:
                continue
        yield Handshake(
            visitor=visitor,
            presented=presented,
            verified=verified,
            revoked=revoked,
            fingerprint=fingerprint,
        )
