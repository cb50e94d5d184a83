"""Keys, certificates and bundles; tests/peers shows which other programs open them."""

import base64
from datetime import UTC, datetime, timedelta
import math

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID
import pytest

from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
from custom_components.cloudflare_mtls.engine.api.models import ClientCertificate
from custom_components.cloudflare_mtls.engine.certificates.bundles import (
    BundleFormat,
    make_bundle,
    make_password,
)
from custom_components.cloudflare_mtls.engine.certificates.facts import (
    CertificateFacts,
    read_certificates,
)
from custom_components.cloudflare_mtls.engine.certificates.keys import (
    KeyType,
    SigningRequest,
    make_signing_request,
)

PASSWORD = "abcdefgh23456789"
DEVICE_ID = "01JDEVICE00000000000000001"
ISSUED = datetime(2026, 11, 3, 12, tzinfo=UTC)


def sign(request: SigningRequest, serial: int = 0xABC123) -> str:
    """Sign a request as Cloudflare does: with an RSA key, copying the subject."""
    csr = x509.load_pem_x509_csr(request.csr.encode())
    authority = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Managed CA")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(issuer)
        .public_key(csr.public_key())
        .serial_number(serial)
        .not_valid_before(ISSUED)
        .not_valid_after(ISSUED + timedelta(days=365))
        .sign(authority, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


@pytest.fixture(scope="module", params=KeyType)
def request_(request: pytest.FixtureRequest) -> SigningRequest:
    """Return a signing request for each kind of key."""
    return make_signing_request("Anna's phone", DEVICE_ID, request.param)


@pytest.fixture(scope="module")
def pem(request_: SigningRequest) -> str:
    """Return the certificate that is signed for the request."""
    return sign(request_)


def test_request_names_the_device(request_: SigningRequest) -> None:
    csr = x509.load_pem_x509_csr(request_.csr.encode())
    assert csr.is_signature_valid
    assert csr.subject.rfc4514_string() == (
        f"OU={DEVICE_ID},O=Home Assistant,CN=Anna's phone"
    )


def test_kinds_of_keys() -> None:
    key = make_signing_request("a", "b", KeyType.RSA_2048).key
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
    key = make_signing_request("a", "b", KeyType.EC_P256).key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)


def test_no_two_keys_are_alike() -> None:
    one, other = (make_signing_request("a", "b", KeyType.EC_P256) for _ in range(2))
    assert one.public_key != other.public_key


@pytest.mark.parametrize("name", ["", "\u200b"])
def test_impossible_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="length"):
        make_signing_request(name, "b", KeyType.EC_P256)


def test_facts_of_a_certificate(request_: SigningRequest, pem: str) -> None:
    facts = CertificateFacts.read(pem)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert facts == CertificateFacts(
        name="Anna's phone",
        organization="Home Assistant",
        organizational_unit=DEVICE_ID,
        serial_number="ABC123",
        fingerprint_sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        issued_on=ISSUED,
        expires_on=ISSUED + timedelta(days=365),
        public_key=request_.public_key,
        key_type=key_type_of(request_),
    )


def key_type_of(request: SigningRequest) -> KeyType:
    """Return the kind of key that the request was made with."""
    rsa_key = isinstance(request.key, rsa.RSAPrivateKey)
    return KeyType.RSA_2048 if rsa_key else KeyType.EC_P256


def self_signed(*attributes: x509.NameAttribute[str]) -> str:
    """Return a certificate that was not created here."""
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name(attributes)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ISSUED)
        .not_valid_after(ISSUED + timedelta(days=1))
        .sign(key, None)
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def test_certificate_that_says_nothing() -> None:
    facts = CertificateFacts.read(self_signed())
    assert (facts.name, facts.organization, facts.organizational_unit) == ("", "", "")
    # Keys of this kind are not created here: the renewal uses one that works everywhere.
    assert facts.key_type is KeyType.RSA_2048


BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@pytest.mark.parametrize(
    "text",
    ["", "x", BEGIN, f"{BEGIN}\nMIIEkzCCA...\n{END}\n", f"{BEGIN}\nAAAA\n{END}", "\ud800"],
)  # fmt: skip
def test_malformed_certificate_is_unavailable(text: str) -> None:
    with pytest.raises(Unavailable):
        CertificateFacts.read(text)


def unknown_curve() -> str:
    """Return a certificate whose key is on an unsupported curve."""
    pem = sign(make_signing_request("a", "b", KeyType.EC_P256))
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    p256, other = (bytes.fromhex(f"06082a8648ce3d03010{n}") for n in (7, 6))
    assert der.count(p256) == 1
    from_der = x509.load_der_x509_certificate(der.replace(p256, other))
    return from_der.public_bytes(Encoding.PEM).decode()


def test_certificate_with_a_key_of_an_unknown_kind_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        CertificateFacts.read(unknown_curve())


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        pytest.param("a003020102", "a003020107", id="a version that does not exist"),
        pytest.param("0c0161", "030161", id="a name that is a string of bits"),
    ],
)
def test_malformed_part_is_unavailable(good: str, bad: str) -> None:
    """Whatever somebody else had signed, the parser's error is one that is expected."""
    pem = sign(make_signing_request("a", "b", KeyType.EC_P256))
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    assert bytes.fromhex(good) in der
    der = der.replace(bytes.fromhex(good), bytes.fromhex(bad))
    body = base64.encodebytes(der).decode()
    with pytest.raises(Unavailable):
        CertificateFacts.read(f"{BEGIN}\n{body}{END}\n")


def test_unreadable_certificates_say_nothing(pem: str) -> None:
    listed = [
        ClientCertificate(id=str(n), pem=text, status=None)
        for n, text in enumerate(["", pem, "x", pem])
    ]
    facts = CertificateFacts.read(pem)
    assert read_certificates(listed) == list(
        zip(listed, [None, facts, None, facts], strict=True)
    )


def test_bundle_holds_one_certificate_and_its_key(
    request_: SigningRequest, pem: str
) -> None:
    bundle = make_bundle(
        request_.key, pem, BundleFormat.MODERN, label="My phone", password=PASSWORD
    )
    assert bundle.filename == "My-phone-modern.p12"
    opened = pkcs12.load_pkcs12(bundle.data, PASSWORD.encode())
    assert opened.cert is not None
    assert opened.cert.friendly_name == b"My phone"
    assert opened.cert.certificate == x509.load_pem_x509_certificate(pem.encode())
    assert opened.additional_certs == []
    assert opened.key is not None
    assert opened.key.public_key() == request_.key.public_key()


@pytest.mark.parametrize(
    ("label", "filename"),
    [
        (
            "HA Téléphone dété 2026-11-28 0905",
            "HA-Telephone-dete-2026-11-28-0905-modern.p12",
        ),
        ("HA リビング 2026-11-28 0905", "HA-2026-11-28-0905-modern.p12"),
        ("HA שלי iPhone 2026-11-28 0905", "HA-iPhone-2026-11-28-0905-modern.p12"),
    ],
)
def test_label_in_another_script(
    request_: SigningRequest, pem: str, label: str, filename: str
) -> None:
    """People see the label as it is; the file's name is one that every system takes."""
    bundle = make_bundle(
        request_.key, pem, BundleFormat.MODERN, label=label, password=PASSWORD
    )
    assert bundle.filename == filename
    opened = pkcs12.load_pkcs12(bundle.data, PASSWORD.encode())
    assert opened.cert is not None
    assert opened.cert.friendly_name == label.encode()


def test_key_of_another_certificate_is_refused(pem: str) -> None:
    other = make_signing_request("a", "b", KeyType.EC_P256).key
    with pytest.raises(ValueError):
        make_bundle(other, pem, BundleFormat.MODERN, label="x", password=PASSWORD)


def test_passwords_can_be_typed_and_not_be_guessed() -> None:
    passwords = {make_password() for _ in range(30)}
    assert len(passwords) == 30
    used = set("".join(passwords))
    # No characters that look alike, and none that a shell or a form changes.
    assert used <= set("abcdefghijkmnopqrstuvwxyz23456789") | set("1") - set("0OIl")
    assert not used & set("0oil")
    assert all(len(item) * math.log2(len(used)) >= 110 for item in passwords)


def test_secrets_stay_out_of_logs(request_: SigningRequest, pem: str) -> None:
    bundle = make_bundle(
        request_.key, pem, BundleFormat.MODERN, label="x", password=PASSWORD
    )
    key = request_.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    ).decode()
    shown = f"{bundle!r} {bundle} {request_!r} {request_} {[bundle, request_]}"
    assert PASSWORD not in shown
    assert repr(bundle.data)[2:40] not in shown
    assert key.splitlines()[1] not in shown
    assert "PrivateKey" not in shown
