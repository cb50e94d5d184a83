"""Client certificates of a zone, signed by the managed CA of its account."""

from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sandbox.client_auth import subject_key_identifier
from sandbox.clock import CLOCK, now
from sandbox.state import REVOKED, CertificateStatus, ClientCertificate, Zone

from ..envelope import Answer, ApiError, Problem, seconds
from .paging import Paging
from .routing import Call, Routes

routes = Routes()

_CERTIFICATES = "/zones/{zone_id}/client_certificates"
_CERTIFICATE = "/zones/{zone_id}/client_certificates/{certificate_id}"
_PAGING = Paging(default=20, minimum=5, maximum=50)
_QUOTA = 100
# GUESS: the longest validity is the longest one that the dashboard offers.
_MAX_VALIDITY_DAYS = 5475
_MIN_RSA_BITS = 2048
# GUESS: by how much a certificate is backdated.
_BACKDATED = timedelta(minutes=5)


@routes.get(_CERTIFICATES)
async def list_certificates(call: Call) -> Answer:
    """List the active certificates, or those of another status."""
    wanted = call.query.get("status", CertificateStatus.ACTIVE)
    certificates = [
        certificate
        for certificate in call.zone.certificates.values()
        if certificate.listed and wanted in ("all", certificate.status)
    ]
    # GUESS: the newest are listed first.
    return _PAGING.answer(
        call.query,
        reversed(certificates),
        lambda certificate: _with_authority(call, certificate),
    )


@routes.post(_CERTIFICATES)
async def create_certificate(call: Call) -> Answer:
    """Sign a new certificate, also if the same CSR was signed before."""
    csr = _csr(call.object().get("csr"))
    days = _validity_days(call.object().get("validity_days"))
    _require_free_slot(call.zone)
    authority = await call.authorities.get(call.zone.account_id)
    not_before = _rounded_to_minute(now()) - _BACKDATED
    signed = authority.sign_client(csr, not_before, not_before + timedelta(days=days))
    certificate = ClientCertificate(signed, csr, days, listed=False)
    call.zone.certificates[certificate.id] = certificate

    def list_it() -> None:
        certificate.listed = True

    CLOCK.schedule(call.state.delays.certificate_list, list_it)
    return Answer(_with_authority(call, certificate), status=201)


@routes.get(_CERTIFICATE)
async def get_certificate(call: Call) -> Answer:
    """Return one certificate, revoked or not."""
    return Answer(_with_authority(call, _certificate(call)))


@routes.delete(_CERTIFICATE)
async def revoke_certificate(call: Call) -> Answer:
    """Revoke a certificate."""
    certificate = _certificate(call)
    if certificate.status in REVOKED:
        # GUESS: the status, and part of the text.
        raise ApiError(400, Problem(1407, "Certificate is already deleted"))
    return _change(
        call,
        certificate,
        CertificateStatus.PENDING_REVOCATION,
        CertificateStatus.REVOKED,
    )


@routes.patch(_CERTIFICATE)
async def reactivate_certificate(call: Call) -> Answer:
    """Make a revoked certificate valid again."""
    certificate = _certificate(call)
    # GUESS: a revoked certificate can be reactivated; and how anything else is refused.
    if call.object().get("reactivate") is not True or certificate.status not in REVOKED:
        raise ApiError(400, Problem(None, "certificate cannot be reactivated"))
    _require_free_slot(call.zone)
    return _change(
        call,
        certificate,
        CertificateStatus.PENDING_REACTIVATION,
        CertificateStatus.ACTIVE,
    )


def certificate_json(record: ClientCertificate) -> dict[str, Any]:
    """Return a certificate as the API writes it, without its authority."""
    certificate = record.certificate
    return {
        "id": record.id,
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
        "csr": record.csr.public_bytes(Encoding.PEM).decode().replace("\n", "\r\n"),
        "ski": subject_key_identifier(certificate),
        "serial_number": str(certificate.serial_number),
        "signature": "SHA256WithRSA",
        "common_name": _subject_part(certificate, NameOID.COMMON_NAME),
        "organization": _subject_part(certificate, NameOID.ORGANIZATION_NAME),
        "organizational_unit": _subject_part(
            certificate, NameOID.ORGANIZATIONAL_UNIT_NAME
        ),
        "country": _subject_part(certificate, NameOID.COUNTRY_NAME),
        "state": _subject_part(certificate, NameOID.STATE_OR_PROVINCE_NAME),
        "location": _subject_part(certificate, NameOID.LOCALITY_NAME),
        "expires_on": seconds(certificate.not_valid_after_utc),
        "issued_on": seconds(certificate.not_valid_before_utc),
        "fingerprint_sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "validity_days": record.validity_days,
        "status": record.status,
    }


def _with_authority(call: Call, record: ClientCertificate) -> dict[str, Any]:
    authority = call.authorities.existing(call.zone.account_id)
    assert authority is not None, "a certificate without the authority that signed it"
    return certificate_json(record) | {
        "certificate_authority": {
            "id": authority.id,
            "name": f"Cloudflare Managed CA for account {call.zone.account_id}",
        }
    }


def _change(
    call: Call,
    certificate: ClientCertificate,
    pending: CertificateStatus,
    final: CertificateStatus,
) -> Answer:
    """Start a change of status; it completes when the delays are over."""
    certificate.status_at_edge = certificate.status_at_edge or certificate.status
    certificate.status = pending
    answer = Answer(_with_authority(call, certificate))

    def complete() -> None:
        if certificate.status is pending:
            certificate.status = final

    def update_edge() -> None:
        certificate.status_at_edge = None

    CLOCK.schedule(call.state.delays.revocation, complete)
    CLOCK.schedule(call.state.delays.enforcement, update_edge)
    return answer


def _certificate(call: Call) -> ClientCertificate:
    certificate = call.zone.certificates.get(call.ids["certificate_id"])
    if certificate is None:
        raise ApiError(404, Problem(1415, "Invalid Certificate ID in request"))
    return certificate


def _csr(pem: Any) -> x509.CertificateSigningRequest:
    # GUESS: how a bad CSR is refused; no code was recorded.
    try:
        csr = x509.load_pem_x509_csr(str(pem).encode())
    except ValueError:
        raise ApiError(400, Problem(None, "Invalid CSR")) from None
    match csr.public_key():
        case rsa.RSAPublicKey(key_size=bits) if bits >= _MIN_RSA_BITS:
            accepted = True
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1() | ec.SECP384R1()):
            accepted = True
        case _:
            accepted = False
    if not accepted or not csr.is_signature_valid:
        raise ApiError(400, Problem(None, "Invalid CSR"))
    return csr


def _validity_days(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= _MAX_VALIDITY_DAYS:
        # GUESS: the code and text.
        raise ApiError(400, Problem(None, "Invalid validity_days"))
    return value


def _require_free_slot(zone: Zone) -> None:
    active = [c for c in zone.certificates.values() if c.status not in REVOKED]
    if len(active) >= _QUOTA:
        # GUESS: the status and text.
        raise ApiError(400, Problem(1445, "Client certificate quota reached"))


def _rounded_to_minute(time: datetime) -> datetime:
    return (time + timedelta(seconds=30)).replace(second=0, microsecond=0)


def _subject_part(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    parts = certificate.subject.get_attributes_for_oid(oid)
    return str(parts[0].value) if parts else ""
