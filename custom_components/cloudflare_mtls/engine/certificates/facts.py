"""What a certificate says: name, dates, key, fingerprint (pure, but slow: call in the executor)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from ..api.errors import Unavailable
from ..api.models import ClientCertificate
from .keys import KeyType, key_id_of

# What the parser raises, depending on where a certificate is malformed. Somebody else may have
# had it signed, so none of it may stop the certificates of others from being read.
_MALFORMED: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """What a certificate says of itself; Cloudflare's fields repeat it in several formats.

    Who asks for a certificate chooses the name, the organization and the unit.
    """

    name: str
    organization: str
    organizational_unit: str
    serial_number: str
    fingerprint_sha256: str
    issued_on: datetime
    expires_on: datetime
    public_key: bytes
    key_type: KeyType

    @classmethod
    @lru_cache(maxsize=4096)
    def read(cls, pem: str) -> Self:
        """Return the facts of a PEM certificate; raise Unavailable if it cannot be read."""
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            public_key = certificate.public_key()
            return cls(
                name=_attribute(certificate, NameOID.COMMON_NAME),
                organization=_attribute(certificate, NameOID.ORGANIZATION_NAME),
                organizational_unit=_attribute(
                    certificate, NameOID.ORGANIZATIONAL_UNIT_NAME
                ),
                serial_number=f"{certificate.serial_number:X}",
                fingerprint_sha256=certificate.fingerprint(hashes.SHA256()).hex(),
                issued_on=certificate.not_valid_before_utc,
                expires_on=certificate.not_valid_after_utc,
                public_key=public_key.public_bytes(
                    Encoding.DER, PublicFormat.SubjectPublicKeyInfo
                ),
                key_type=_key_type(public_key),
            )
        except _MALFORMED as err:
            raise Unavailable("malformed certificate") from err

    @cached_property
    def key_id(self) -> str:
        """Return the digest of the public key."""
        return key_id_of(self.public_key)


def read_certificates(
    certificates: Iterable[ClientCertificate],
) -> list[tuple[ClientCertificate, CertificateFacts | None]]:
    """Return each certificate with its facts; None for one that cannot be read."""
    return [(item, _read_if_possible(item.pem)) for item in certificates]


def _read_if_possible(pem: str) -> CertificateFacts | None:
    try:
        return CertificateFacts.read(pem)
    except Unavailable:
        return None


def _key_type(public_key: object) -> KeyType:
    """Return the most similar kind of key; certificates from elsewhere may have others."""
    elliptic = isinstance(public_key, ec.EllipticCurvePublicKey)
    return KeyType.EC_P256 if elliptic else KeyType.RSA_2048


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    values = certificate.subject.get_attributes_for_oid(oid)
    value = values[0].value if values else ""
    return value if isinstance(value, str) else ""
