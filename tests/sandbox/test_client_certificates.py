"""Client certificates and hostname associations."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
import pytest

from sandbox import Sandbox
from sandbox.clock import now

from .helpers import NAS, Api, create_certificate, csr_text, new_csr

CERTIFICATES = "/zones/{zone}/client_certificates"
ASSOCIATIONS = "/zones/{zone}/certificate_authorities/hostname_associations"


async def test_new_certificate(sandbox: Sandbox, api: Api) -> None:
    """A new certificate is signed by the account's authority, and has all of its fields."""
    created, identity = await create_certificate(api, "Pixel 9")
    authority = await sandbox.authorities.get(sandbox.account_id)
    identity.certificate.verify_directly_issued_by(authority.certificate)
    assert isinstance(authority.key, rsa.RSAPrivateKey)
    assert identity.certificate.public_key() == identity.key.public_key()

    assert created["certificate_authority"] == {
        "id": authority.id,
        "name": f"Cloudflare Managed CA for account {sandbox.account_id}",
    }
    assert (created["common_name"], created["organization"]) == (
        "Pixel 9",
        "Home Assistant",
    )
    assert (created["organizational_unit"], created["country"]) == ("01J0DEVICE", "")
    assert created["serial_number"] == str(identity.certificate.serial_number)
    fingerprint = identity.certificate.fingerprint(hashes.SHA256()).hex()
    assert created["fingerprint_sha256"] == fingerprint
    assert (created["status"], created["validity_days"]) == ("active", 365)
    assert created["csr"].startswith("-----BEGIN CERTIFICATE REQUEST-----\r\n")
    issued, expires = (
        datetime.strptime(created[key], "%Y-%m-%dT%H:%M:00Z").replace(tzinfo=UTC)
        for key in ("issued_on", "expires_on")
    )
    assert timedelta() < now() - issued < timedelta(minutes=10)
    assert expires - issued == timedelta(days=365)


async def test_same_request_twice(api: Api) -> None:
    """Signing the same CSR twice creates two certificates."""
    _, csr = new_csr()
    body = {"csr": csr_text(csr), "validity_days": 30}
    first, second = [await api.request("POST", CERTIFICATES, body) for _ in range(2)]
    assert first.result["id"] != second.result["id"]
    assert first.result["serial_number"] != second.result["serial_number"]


async def test_revoked_and_restored(api: Api) -> None:
    """A revoked certificate is missing in the default list, and can be reactivated."""
    created, _ = await create_certificate(api)
    path = f"{CERTIFICATES}/{created['id']}"

    revoked = await api.request("DELETE", path)
    assert (revoked.status, revoked.result["status"]) == (200, "pending_revocation")
    assert (await api.get(path)).result["status"] == "revoked"
    assert (await api.get(CERTIFICATES)).result == []
    [listed] = (await api.get(CERTIFICATES, status="all")).result
    assert listed == (await api.get(path)).result
    assert len((await api.get(CERTIFICATES, status="revoked")).result) == 1
    assert (await api.request("DELETE", path)).code == 1407

    restored = await api.request("PATCH", path, {"reactivate": True})
    assert restored.result["status"] == "pending_reactivation"
    assert len((await api.get(CERTIFICATES)).result) == 1
    assert (await api.request("PATCH", path, {"reactivate": True})).status == 400


async def test_unknown_certificate(api: Api) -> None:
    """Every method refuses an unknown id."""
    for method in ("GET", "DELETE", "PATCH"):
        reply = await api.request(method, f"{CERTIFICATES}/nothing", {})
        assert (reply.status, reply.code) == (404, 1415)


async def test_quota(api: Api) -> None:
    """A zone can have a hundred active certificates; revoking one frees a slot."""
    _, csr = new_csr()
    body = {"csr": csr_text(csr), "validity_days": 30}
    replies = [await api.request("POST", CERTIFICATES, body) for _ in range(101)]
    assert [reply.status for reply in replies[:100]] == [201] * 100
    assert replies[100].code == 1445

    page = await api.get(CERTIFICATES, per_page=50, page=2)
    assert (len(page.result), page.body["result_info"]["total_pages"]) == (50, 2)
    assert (await api.get(CERTIFICATES, per_page=50, page=3)).result == []
    path = f"{CERTIFICATES}/{replies[0].result['id']}"
    await api.request("DELETE", path)
    assert (await api.request("POST", CERTIFICATES, body)).status == 201
    assert (await api.request("PATCH", path, {"reactivate": True})).code == 1445


@pytest.mark.parametrize(
    "change",
    [
        {"csr": "nonsense"},
        {"csr": None},
        {"validity_days": 0},
        {"validity_days": "365"},
        {"validity_days": True},
        {"validity_days": 5476},
    ],
)
async def test_bad_requests(api: Api, change: dict[str, Any]) -> None:
    """A broken CSR and a wrong validity are refused."""
    _, csr = new_csr()
    body = {"csr": csr_text(csr), "validity_days": 365} | change
    assert (await api.request("POST", CERTIFICATES, body)).status == 400


async def test_weak_key(api: Api) -> None:
    """A CSR with a short RSA key is refused."""
    key = rsa.generate_private_key(65537, 1024)
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    body = {"csr": csr_text(csr.sign(key, hashes.SHA256())), "validity_days": 365}
    assert (await api.request("POST", CERTIFICATES, body)).status == 400


async def test_associations(sandbox: Sandbox, api: Api) -> None:
    """A write replaces all associations; they are null until the first write."""
    assert (await api.get(ASSOCIATIONS)).result == {"hostnames": [NAS]}
    wanted = {"hostnames": [NAS, "home-mobile.example.com"]}
    assert (await api.request("PUT", ASSOCIATIONS, wanted)).result == wanted
    assert (await api.get(ASSOCIATIONS)).result == wanted
    empty: dict[str, list[str]] = {"hostnames": []}
    assert (await api.request("PUT", ASSOCIATIONS, empty)).result == empty
    for wrong in (["example.net"], ["*.example.com"], [1], None):
        reply = await api.request("PUT", ASSOCIATIONS, {"hostnames": wrong})
        assert reply.status == 400

    fresh = sandbox.state.add_zone("example.net")
    path = ASSOCIATIONS.replace("{zone}", fresh.id)
    assert (await api.get(path)).result == {"hostnames": None}
