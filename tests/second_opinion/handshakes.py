"""Every TLS handshake that a visitor can have with the edge, as rules see it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from custom_components.cloudflare_mtls.engine.rules.admissions import Admission

from .values import Content

# The fingerprints of the certificates of two devices, which rules may list.
DEVICES: Final = ("a" * 64, "b" * 64)
# The fingerprint of a certificate that no test lists.
UNLISTED: Final = "c" * 64

_PREFIX: Final = "cf.tls_client_auth."
_TEXTS: Final = (
    "cert_fingerprint_sha256", "cert_fingerprint_sha1", "cert_serial",
    "cert_issuer_serial", "cert_subject_dn", "cert_subject_dn_rfc2253",
    "cert_subject_dn_legacy", "cert_issuer_dn", "cert_issuer_dn_rfc2253",
    "cert_issuer_dn_legacy", "cert_ski", "cert_issuer_ski", "cert_not_before",
    "cert_not_after",
)  # fmt: skip


@dataclass(frozen=True)
class Handshake:
    """Whether a certificate was presented, what the edge thinks of it, and what it says.

    One that is presented and not verified has expired, is not yet valid, or was signed by a
    stranger's authority; whatever it says, a stranger may have written.
    """

    presented: bool = False
    verified: bool = False
    revoked: bool = False
    fingerprint: str = ""
    text: str = ""

    def is_good(self, admission: Admission) -> bool:
        """Return whether it entitles to pass."""
        return (
            self.verified
            and not self.revoked
            and (admission.pinned is None or self.fingerprint in admission.pinned)
        )

    def fields(self) -> Mapping[str, Content]:
        """Return what rules see of it."""
        text = self.text if self.presented else ""
        fields: dict[str, Content] = {
            **dict.fromkeys(_TEXTS, text.encode()),
            "cert_fingerprint_sha256": self.fingerprint.encode(),
            "cert_presented": self.presented,
            "cert_verified": self.verified,
            "cert_revoked": self.revoked,
        }
        return {_PREFIX + name: content for name, content in fields.items()}


NOTHING_PRESENTED: Final = Handshake()


def handshakes(admission: Admission, texts: Iterable[str] = ()) -> Iterator[Handshake]:
    """Yield all that do not entitle to pass; the texts are what certificates may say."""
    yield NOTHING_PRESENTED
    # A revoked certificate is a verified one as well.
    standings = ((False, False), (True, False), (True, True))
    fingerprints = (*DEVICES, UNLISTED)
    for (verified, revoked), fingerprint, text in product(
        standings, fingerprints, ("4D", *texts)
    ):
        handshake = Handshake(
            presented=True,
            verified=verified,
            revoked=revoked,
            fingerprint=fingerprint,
            text=text,
        )
        if not handshake.is_good(admission):
            yield handshake
