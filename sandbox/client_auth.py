"""The cf.tls_client_auth.* fields that rules see of a connection."""

import base64
from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from .authority import Authority
from .clock import now
from .expressions import BOOLEAN_FIELDS, STRING_FIELDS, Value

PREFIX = "cf.tls_client_auth."


def without_certificate() -> dict[str, Value]:
    """Return the fields of a connection that does not use mTLS."""
    strings = {name: "" for name in STRING_FIELDS if name.startswith(PREFIX)}
    booleans = {name: False for name in BOOLEAN_FIELDS if name.startswith(PREFIX)}
    return {**strings, **booleans}


def with_certificate(
    certificate: x509.Certificate, authorities: Iterable[Authority], *, revoked: bool
) -> dict[str, Value]:
    """Return the fields of a connection whose client presented a certificate."""
    signers = (item for item in authorities if is_verified(certificate, item))
    authority = next(signers, None)
    verified = authority is not None
    subject, issuer = certificate.subject, certificate.issuer
    encoded = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    # GUESS: the fields are filled for an unverified certificate too.
    facts: dict[str, Value] = {
        "cert_presented": True,
        "cert_verified": verified,
        # cert_verified stays true for a revoked certificate.
        "cert_revoked": verified and revoked,
        "cert_issuer_dn": issuer.rfc4514_string(),
        "cert_issuer_dn_rfc2253": issuer.rfc4514_string(),
        "cert_issuer_dn_legacy": _legacy(issuer),
        "cert_subject_dn": subject.rfc4514_string(),
        "cert_subject_dn_rfc2253": subject.rfc4514_string(),
        "cert_subject_dn_legacy": _legacy(subject),
        "cert_serial": _hexadecimal(certificate.serial_number),
        "cert_issuer_serial": _hexadecimal(authority.certificate.serial_number)
        if authority
        else "",
        "cert_fingerprint_sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        # SHA-1 only identifies a certificate here; no security depends on it.
        "cert_fingerprint_sha1": certificate.fingerprint(hashes.SHA1()).hex(),
        "cert_not_before": _openssl_time(certificate.not_valid_before_utc),
        "cert_not_after": _openssl_time(certificate.not_valid_after_utc),
        "cert_ski": subject_key_identifier(certificate).upper(),
        "cert_issuer_ski": _issuer_key_identifier(certificate).upper(),
        "cert_rfc9440": f":{encoded}:",
    }
    return without_certificate() | {PREFIX + key: facts[key] for key in facts}


def is_verified(certificate: x509.Certificate, authority: Authority) -> bool:
    """Return whether an authority signed a certificate that is valid now."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except ValueError, TypeError, InvalidSignature:
        return False
    return certificate.not_valid_before_utc <= now() <= certificate.not_valid_after_utc


def subject_key_identifier(certificate: x509.Certificate) -> str:
    """Return a certificate's key identifier, in lower-case hex."""
    try:
        return certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        ).value.digest.hex()
    except x509.ExtensionNotFound:
        return ""


def _issuer_key_identifier(certificate: x509.Certificate) -> str:
    try:
        identifier = certificate.extensions.get_extension_for_class(
            x509.AuthorityKeyIdentifier
        ).value.key_identifier
    except x509.ExtensionNotFound:
        return ""
    return (identifier or b"").hex()


def _legacy(name: x509.Name) -> str:
    return "".join(f"/{part.rfc4514_attribute_name}={part.value!s}" for part in name)


def _hexadecimal(number: int) -> str:
    text = f"{number:X}"
    return text.zfill(len(text) + len(text) % 2)


def _openssl_time(time: datetime) -> str:
    return f"{time:%b} {time.day:2d} {time:%H:%M:%S %Y} GMT"
