"""Makes PKCS#12 bundles and their passwords (pure, but slow: call in the executor)."""

from dataclasses import dataclass
from enum import StrEnum
import secrets
from typing import Final
import unicodedata

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from .keys import PrivateKey

# Letters and digits of which no two look alike: 5 bits each, so 24 of them are 120 bits.
_PASSWORD_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz123456789"
_PASSWORD_LENGTH: Final = 24


class BundleFormat(StrEnum):
    """How a bundle is encrypted.

    Android before 14, iOS before 18, macOS before 15 and Windows before 10 read compatible
    bundles only.
    """

    COMPATIBLE = "compatible"
    MODERN = "modern"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A PKCS#12 file."""

    format: BundleFormat
    filename: str
    data: bytes

    def __repr__(self) -> str:
        """Keep the file out of logs and tracebacks."""
        return f"Bundle({self.filename!r})"


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
    # Some file systems and tools take nothing but ASCII; accents are left out of the name.
    ascii_label = (
        unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    )
    filename = f"{'-'.join(ascii_label.split())}-{bundle_format}.p12"
    return Bundle(format=bundle_format, filename=filename, data=data)
