"""Private keys of companion devices, and the requests that Cloudflare signs (slow: call in the executor)."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from .names import common_name

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
# For people who read the list of certificates; the subject's unit is the device's id. Anybody
# who has a certificate signed can write the same: nothing may be trusted because of it.
ORGANIZATION: Final = "Home Assistant"


class KeyType(StrEnum):
    """The kind of key that a device gets."""

    RSA_2048 = "rsa_2048"
    EC_P256 = "ec_p256"


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

    @property
    def key_id(self) -> str:
        """Return the digest of the public key, by which the certificate is known beforehand."""
        return key_id_of(self.public_key)

    def __repr__(self) -> str:
        """Keep the key out of logs and tracebacks."""
        return "SigningRequest()"


def key_id_of(public_key: bytes) -> str:
    """Return the SHA-256 of a public key in DER, in hex."""
    return sha256(public_key).hexdigest()


def make_signing_request(
    name: str, device_id: str, key_type: KeyType
) -> SigningRequest:
    """Return a new key and a request whose subject names the device, as far as the name fits.

    Raises ValueError if nothing of the name can be seen.

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
            x509.NameAttribute(NameOID.COMMON_NAME, common_name(name)),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, device_id),
        ]
    )
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return SigningRequest(
        key=key,
        csr=csr.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(),
    )
