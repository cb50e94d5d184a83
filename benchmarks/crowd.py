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


# Of as many hostnames, one is limited to some devices where an account has devices.
_ONE_IS_LIMITED_OF = 5


@dataclass(frozen=True, kw_only=True)
class Size:
    """What an account has; its hostnames are spread over its zones, and devices over the limited ones."""

    tunnels: int
    certificates: int = 0
    hostnames: int
    zones: int = 1
    devices: int = 0

    def __str__(self) -> str:
        """Return the numbers with their names."""
        return (
            f"zones: {self.zones}, tunnels: {self.tunnels}, "
            f"certificates of nobody: {self.certificates:,}, devices: {self.devices}, "
            f"protected hostnames: {self.hostnames}"
        )


@dataclass(frozen=True, kw_only=True)
class Place:
    """A hostname to protect, and what leads to it."""

    hostname: str
    zone_id: str
    tunnel_id: str
    is_limited: bool


async def fill(cloudflare: Cloudflare, size: Size) -> list[Place]:
    """Fill an account up to a size, and return the hostnames to protect."""
    zones = {cloudflare.facts["zone_name"]: cloudflare.facts["zone_id"]}
    for number in range(1, size.zones):
        name = f"zone-{number}.example"
        zones[name] = await cloudflare.add_zone(name)
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
    names = list(zones)
    places = []
    for number in range(size.hostnames):
        in_zone, zone = divmod(number, len(names))
        places.append(
            Place(
                hostname=f"home-{number}-mobile.{names[zone]}",
                zone_id=zones[names[zone]],
                tunnel_id=tunnel_ids[number % len(tunnel_ids)],
                is_limited=bool(size.devices) and in_zone % _ONE_IS_LIMITED_OF == 1,
            )
        )
    return places


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
