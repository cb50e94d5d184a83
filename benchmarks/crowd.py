"""Fill a local Cloudflare with tunnels and certificates, through its API."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from homeassistant.util.ulid import ulid_now

from demo.cloudflare import Cloudflare

# A few less than may be active in a zone. The others are revoked; certificates cannot be deleted.
_ACTIVE_CERTIFICATES = 90
# Requests without a pause, well below the API's rate limit.
_REQUESTS_WITHOUT_PAUSE = 400


@dataclass(frozen=True)
class Size:
    """The number of tunnels, certificates and hostnames in an account."""

    tunnels: int
    certificates: int
    hostnames: int

    def __str__(self) -> str:
        """Return the numbers with their names."""
        return (
            f"tunnels: {self.tunnels}, certificates: {self.certificates:,}, "
            f"protected hostnames: {self.hostnames}"
        )


async def fill(cloudflare: Cloudflare, size: Size) -> dict[str, str]:
    """Fill an account up to a size, and return the hostnames to protect with their tunnels."""
    added = [
        await _add_tunnel(cloudflare, f"tunnel-{number}")
        for number in range(1, size.tunnels)
    ]
    tunnel_ids = [cloudflare.facts["tunnel_id"], *added]
    key = ec.generate_private_key(ec.SECP256R1())
    for number in range(size.certificates):
        if number % _REQUESTS_WITHOUT_PAUSE == 0:
            await pass_time(cloudflare)
        # Revoke all but the last ones, so that these fit into the quota.
        active = size.certificates - number <= _ACTIVE_CERTIFICATES
        await _add_certificate(cloudflare, key, f"Phone {number}", active=active)
    await pass_time(cloudflare)
    return {
        f"home-{number}-mobile.{cloudflare.facts['zone_name']}": tunnel_ids[
            number % len(tunnel_ids)
        ]
        for number in range(size.hostnames)
    }


async def pass_time(cloudflare: Cloudflare, seconds: float = 300) -> None:
    """Let time pass at Cloudflare; by default until the rate limit is reset."""
    await cloudflare.control("POST", "clock", {"advance": seconds})


async def _add_tunnel(cloudflare: Cloudflare, name: str) -> str:
    path = f"/accounts/{cloudflare.facts['account_id']}/cfd_tunnel"
    body = {"name": name, "config_src": "cloudflare"}
    tunnel_id: str = (await cloudflare.api("POST", path, body))["result"]["id"]
    config = {"ingress": [{"service": "http_status:404"}]}
    await cloudflare.api(
        "PUT", f"{path}/{tunnel_id}/configurations", {"config": config}
    )
    await cloudflare.control(
        "POST", f"tunnels/{tunnel_id}/connectors", {"connectors": 1}
    )
    return tunnel_id


async def _add_certificate(
    cloudflare: Cloudflare, key: ec.EllipticCurvePrivateKey, name: str, *, active: bool
) -> None:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Home Assistant"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, ulid_now()),
        ]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    pem = request.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    path = f"/zones/{cloudflare.facts['zone_id']}/client_certificates"
    body = {"csr": pem, "validity_days": 365}
    certificate = (await cloudflare.api("POST", path, body))["result"]
    if not active:
        await cloudflare.api("DELETE", f"{path}/{certificate['id']}")
