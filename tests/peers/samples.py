"""Bundles as companion devices get them, in every format and with every type of key."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from custom_components.cloudflare_mtls.engine.certificates.bundles import (
    Bundle,
    BundleFormat,
    make_bundle,
    make_password,
)
from custom_components.cloudflare_mtls.engine.certificates.keys import (
    KeyType,
    SigningRequest,
    make_signing_request,
)
from custom_components.cloudflare_mtls.engine.certificates.names import make_label
from sandbox.authority import Authority
from sandbox.clock import now

PASSWORD: Final = make_password()
_DEVICE_ID: Final = "01JDEVICE00000000000000001"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A bundle and its contents."""

    bundle: Bundle
    label: str
    certificate: bytes
    public_key: bytes


@cache
def make_sample(
    bundle_format: BundleFormat, key_type: KeyType, name: str = "Anna's phone v1.2"
) -> Sample:
    """Return a bundle for a phone whose name has an apostrophe, spaces and a dot, or another one."""
    request, certificate = _signed(name, key_type)
    label = make_label(name, certificate.not_valid_before_utc, _DEVICE_ID)
    bundle = make_bundle(
        request.key,
        certificate.public_bytes(Encoding.PEM).decode(),
        bundle_format,
        label=label,
        password=PASSWORD,
    )
    return Sample(
        bundle=bundle,
        label=label,
        certificate=certificate.public_bytes(Encoding.DER),
        public_key=request.public_key,
    )


def _signed(name: str, key_type: KeyType) -> tuple[SigningRequest, x509.Certificate]:
    """Sign a request as Cloudflare does, with an RSA key."""
    request = make_signing_request(name, _DEVICE_ID, key_type)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Managed CA")])
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = Authority.create(issuer, key).sign_client(
        x509.load_pem_x509_csr(request.csr.encode()), now(), now() + timedelta(days=365)
    )
    return request, certificate
