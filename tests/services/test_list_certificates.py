"""Tests of the action that lists certificates: all of them, from every zone with a protected hostname."""

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    CERTIFICATE_ID,
    HOSTNAME,
    act,
    add_certificate,
    add_known_certificate,
    device_id_of,
    with_device,
)


@with_device
async def test_list(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Revoked certificates, and those made elsewhere, are listed too."""
    own = await add_known_certificate(
        hass, loaded_entry, sandbox, status=CertificateStatus.REVOKED
    )
    other = await add_certificate(
        sandbox, name="Terraform", organization="Somebody", certificate_id="foreign"
    )

    response = await act(hass, loaded_entry, "list_certificates")

    def described(certificate: x509.Certificate, **rest: Any) -> dict[str, Any]:
        return {
            "serial_number": f"{certificate.serial_number:X}",
            "fingerprint_sha256": certificate.fingerprint(hashes.SHA256()).hex(),
            "issued_on": certificate.not_valid_before_utc.isoformat(),
            "expires_on": certificate.not_valid_after_utc.isoformat(),
            **rest,
        }

    assert sorted(response["certificates"], key=lambda item: item["name"]) == [
        described(
            own,
            device_id=device_id_of(hass, loaded_entry),
            certificate_id=CERTIFICATE_ID,
            name="Pixel 8",
            trusted=True,
            last_seen=None,
            hostnames=[],
            status="revoked",
        ),
        described(
            other,
            device_id=None,
            certificate_id="foreign",
            name="Terraform",
            trusted=False,
            last_seen=None,
            hostnames=[HOSTNAME],
            status="active",
        ),
    ]


async def test_list_of_two_zones(
    hass: HomeAssistant, two_zones: MockConfigEntry
) -> None:
    """The certificates of every zone with a protected hostname are listed."""
    for hostname in (HOSTNAME, "ha.example.org"):
        await act(hass, two_zones, "mint_certificate", name=hostname, hostname=hostname)

    response = await act(hass, two_zones, "list_certificates")

    names = {item["name"] for item in response["certificates"]}
    assert names == {HOSTNAME, "ha.example.org"}
