"""Keys, signing requests, certificates and bundles (pure, but slow: call in the executor)."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
import secrets
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from ..api.errors import Unavailable
from ..api.models import ClientCertificate

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

# Marks a certificate as created by a Home Assistant; the subject's unit is the device's id.
ORGANIZATION: Final = "Home Assistant"

# In bytes: X.509 allows no longer common name.
_MAX_NAME_LENGTH: Final = 64

# Letters and digits of which no two look alike: 5 bits each, so 24 of them are 120 bits.
_PASSWORD_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz123456789"
_PASSWORD_LENGTH: Final = 24


class KeyType(StrEnum):
    """The kind of key that a device gets."""

    RSA_2048 = "rsa_2048"
    EC_P256 = "ec_p256"


class BundleFormat(StrEnum):
    """How a bundle is encrypted.

    Android before 14, iOS before 18, macOS before 15 and Windows before 10 read compatible
    bundles only.
    """

    COMPATIBLE = "compatible"
    MODERN = "modern"


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """What a certificate says of itself; Cloudflare's fields repeat it in several formats."""

    name: str
    organization: str
    device_id: str
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
                device_id=_attribute(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME),
                serial_number=f"{certificate.serial_number:X}",
                fingerprint_sha256=certificate.fingerprint(hashes.SHA256()).hex(),
                issued_on=certificate.not_valid_before_utc,
                expires_on=certificate.not_valid_after_utc,
                public_key=public_key.public_bytes(
                    Encoding.DER, PublicFormat.SubjectPublicKeyInfo
                ),
                key_type=_key_type(public_key),
            )
        except (ValueError, UnsupportedAlgorithm) as err:
            raise Unavailable("malformed certificate") from err

    @property
    def managed(self) -> bool:
        """Return whether a Home Assistant created it."""
        return self.organization == ORGANIZATION and bool(self.device_id)


def read_certificates(
    certificates: Iterable[ClientCertificate],
) -> list[tuple[ClientCertificate, CertificateFacts]]:
    """Return each certificate with its facts; one that cannot be read is left out."""
    readable = []
    for certificate in certificates:
        with suppress(Unavailable):
            readable.append((certificate, CertificateFacts.read(certificate.pem)))
    return readable


@dataclass(frozen=True, kw_only=True)
class SigningRequest:
    """A private key, and the request for a certificate that Cloudflare signs."""

    key: PrivateKey
    csr: str

    @property
    def public_key(self) -> bytes:
        """Return the public key as DER, to recognise the certificate by."""
        return self.key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    def __repr__(self) -> str:
        """Keep the key out of logs and tracebacks."""
        return "SigningRequest()"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A PKCS#12 file."""

    format: BundleFormat
    filename: str
    data: bytes

    def __repr__(self) -> str:
        """Keep the file out of logs and tracebacks."""
        return f"Bundle({self.filename!r})"


def is_name(text: str) -> bool:
    """Return whether a certificate can have this text as its name."""
    return text.isprintable() and 0 < len(text.encode()) <= _MAX_NAME_LENGTH


def make_signing_request(
    name: str, device_id: str, key_type: KeyType
) -> SigningRequest:
    """Return a new key and a request whose subject names the device.

    Source: POST /zones/{zone_id}/client_certificates copies the subject into the certificate.
    """
    key: PrivateKey
    match key_type:
        case KeyType.RSA_2048:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case KeyType.EC_P256:
            key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, device_id),
        ]
    )
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return SigningRequest(
        key=key,
        csr=csr.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(),
    )


def make_password() -> str:
    """Return a new password of 120 bits that can be typed on any keyboard."""
    return "".join(secrets.choice(_PASSWORD_ALPHABET) for _ in range(_PASSWORD_LENGTH))


def make_bundle(
    key: PrivateKey,
    pem: str,
    bundle_format: BundleFormat,
    *,
    label: str,
    password: str,
) -> Bundle:
    """Return the PKCS#12 file of a key and its certificate, under a password.

    The label names the certificate in the device's own lists; Android cuts it at the last
    dot. The file has no chain: no client needs it, and Wear OS takes one entry only. Raises
    ValueError if key and certificate do not belong together.
    """
    certificate = x509.load_pem_x509_certificate(pem.encode())
    builder = PrivateFormat.PKCS12.encryption_builder()
    match bundle_format:
        case BundleFormat.COMPATIBLE:
            builder = (
                builder.kdf_rounds(2048)
                .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
                .hmac_hash(hashes.SHA1())
            )
        case BundleFormat.MODERN:
            builder = (
                builder.kdf_rounds(50_000)
                .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
                .hmac_hash(hashes.SHA256())
            )
    data = pkcs12.serialize_key_and_certificates(
        label.encode(), key, certificate, None, builder.build(password.encode())
    )
    filename = f"{label.replace(' ', '-')}-{bundle_format}.p12"
    return Bundle(format=bundle_format, filename=filename, data=data)


def make_label(name: str, issued_on: datetime) -> str:
    """Return a short ASCII name without dots, of the device and the month."""
    ascii_name = "".join(
        char for char in name if char.isascii() and (char.isalnum() or char in " -_")
    )
    return f"HA {ascii_name.strip() or 'device'} {issued_on:%Y-%m}"


def _key_type(public_key: object) -> KeyType:
    """Return the most similar kind of key; certificates from elsewhere may have others."""
    elliptic = isinstance(public_key, ec.EllipticCurvePublicKey)
    return KeyType.EC_P256 if elliptic else KeyType.RSA_2048


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    values = certificate.subject.get_attributes_for_oid(oid)
    value = values[0].value if values else ""
    return value if isinstance(value, str) else ""
