"""Tests of certificates at the edge: who is asked for one, what rules see of it, and who gets in."""

from datetime import timedelta
from pathlib import Path
import ssl

from cryptography import x509
from cryptography.x509.oid import NameOID
import pytest

from sandbox import Sandbox
from sandbox.authority import Authority, new_server_key
from sandbox.state import CertificateStatus, now

from .helpers import (
    HOME,
    NAS,
    REVOKED,
    VERIFIED,
    Api,
    create_certificate,
    protect,
    signed_by,
    status,
    visitor,
)


@pytest.mark.usefixtures("origin")
@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_only_a_certificate_gets_in(
    sandbox: Sandbox, api: Api, tmp_path: Path, tls: ssl.TLSVersion
) -> None:
    """A visitor with a certificate gets in; one without gets the block page."""
    rule = protect(sandbox)
    _, identity = await create_certificate(api)

    async with visitor(sandbox, tmp_path, identity, tls) as guest:
        assert (await guest.get(HOME)).status == 200
    async with visitor(sandbox, tmp_path, tls=tls) as guest:
        response = await guest.get(HOME, "/secret?x=1", headers={"User-Agent": "App"})

    assert response.status == 403
    assert response.headers["Server"] == "cloudflare"
    assert response.headers["CF-RAY"].endswith("-FRA")
    assert "CF-Cache-Status" not in response.headers
    assert response.content_type == "text/html"
    assert "Attention Required! | Cloudflare" in await response.text()
    [blocked] = sandbox.state.blocked
    assert (blocked.rule_id, blocked.ref, blocked.host) == (rule.id, "protect", HOME)
    assert (blocked.path, blocked.user_agent) == ("/secret", "App")
    assert (blocked.country, blocked.action) == ("DE", "block")


@pytest.mark.usefixtures("origin")
async def test_revoked_stays_verified(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """Only a rule that checks cert_revoked stops a revoked certificate."""
    rule = protect(sandbox)
    created, identity = await create_certificate(api)
    path = f"/zones/{{zone}}/client_certificates/{created['id']}"
    await api.request("DELETE", path)

    assert await status(sandbox, tmp_path, identity) == 403
    rule.expression = f'http.host eq "{HOME}" and not {VERIFIED}'
    assert await status(sandbox, tmp_path, identity) == 200
    rule.expression = f'http.host eq "{HOME}" and {REVOKED}'
    assert await status(sandbox, tmp_path, identity) == 403
    await api.request("PATCH", path, {"reactivate": True})
    assert await status(sandbox, tmp_path, identity) == 200


@pytest.mark.usefixtures("origin")
async def test_certificates_of_another_zone_of_the_account(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """Certificates and revocations apply to all zones of the account."""
    protect(sandbox)
    other = sandbox.state.add_zone("example.net")
    _, identity = await create_certificate(api, zone_id=other.id)

    assert await status(sandbox, tmp_path, identity) == 200
    [record] = other.certificates.values()
    record.status = CertificateStatus.REVOKED
    assert await status(sandbox, tmp_path, identity) == 403


@pytest.mark.parametrize(
    "flaw", ["expired", "not yet valid", "foreign", "other account"]
)
async def test_unverified_certificates_complete_the_handshake(
    sandbox: Sandbox, tmp_path: Path, flaw: str
) -> None:
    """The rules decide on certificates that do not verify."""
    presented = "cf.tls_client_auth.cert_presented"
    protect(sandbox, f"{presented} and not {VERIFIED}")
    own = await sandbox.authorities.get(sandbox.account_id)
    day = timedelta(days=1)
    match flaw:
        case "expired":
            identity = signed_by(own, now() - 2 * day, now() - day)
        case "not yet valid":
            identity = signed_by(own, now() + day, now() + 2 * day)
        case "foreign":
            name = x509.NameAttribute(NameOID.COMMON_NAME, "Somebody's CA")
            identity = signed_by(Authority.create(x509.Name([name]), new_server_key()))
        case _:
            account = sandbox.state.add_account()
            identity = signed_by(await sandbox.authorities.get(account.id))

    assert await status(sandbox, tmp_path, identity) == 403
    assert len(sandbox.state.blocked) == 1


@pytest.mark.usefixtures("origin")
async def test_a_certificate_is_only_asked_for_where_associated(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """On other hostnames the edge does not ask, so a client sends no certificate."""
    protect(sandbox)
    _, identity = await create_certificate(api)
    sandbox.state.zones[sandbox.zone_id].associations = [NAS]

    assert await status(sandbox, tmp_path, identity) == 403


async def test_fields_of_a_certificate(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """The fields have the documented values."""
    created, identity = await create_certificate(api)
    authority = await sandbox.authorities.get(sandbox.account_id)
    serial = f"{int(created['serial_number']):X}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    issuer_ski = authority.certificate.extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier
    ).value.digest.hex()
    expected = {
        "cert_fingerprint_sha256": created["fingerprint_sha256"],
        "cert_serial": serial,
        "cert_ski": created["ski"].upper(),
        "cert_issuer_ski": issuer_ski.upper(),
        "cert_subject_dn": "OU=01J0DEVICE,O=Home Assistant,CN=Phone",
        "cert_subject_dn_legacy": "/CN=Phone/O=Home Assistant/OU=01J0DEVICE",
    }
    protect(
        sandbox,
        " and ".join(
            f'cf.tls_client_auth.{field} eq "{value}"'
            for field, value in expected.items()
        ),
    )

    assert await status(sandbox, tmp_path, identity) == 403
    assert await status(sandbox, tmp_path) == 502
