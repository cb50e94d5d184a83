"""Tests of the actions that renew, revoke or restore the certificate of a companion device."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    CERTIFICATE_ID,
    act,
    add_certificate,
    add_known_certificate,
    companion,
    device_id_of,
    reported,
    settle,
    setup_integration,
    state_of,
    with_device,
    zone_of,
)
from tests.faults import Faults

STATUS = "sensor.pixel_8_certificate_status"


@with_device
async def test_revoke(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Revoking a certificate twice does no harm."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    assert state_of(hass, STATUS) == "active"

    for status in ("pending_revocation", "revoked"):
        response = await act(
            hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID
        )
        assert response == {"certificate_id": CERTIFICATE_ID, "status": status}
        assert state_of(hass, STATUS) in ("revoking", "revoked")

    revoked = zone_of(sandbox).certificates[CERTIFICATE_ID]
    assert revoked.status is CertificateStatus.REVOKED


@with_device
async def test_restore(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Restoring a certificate twice does no harm."""
    await add_known_certificate(hass, entry, sandbox, status=CertificateStatus.REVOKED)
    await setup_integration(hass, entry)
    assert state_of(hass, STATUS) == "revoked"

    response = await act(
        hass, entry, "restore_certificate", certificate_id=CERTIFICATE_ID
    )
    assert response == {
        "certificate_id": CERTIFICATE_ID,
        "status": "pending_reactivation",
    }
    assert state_of(hass, STATUS) == "active"
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "active"

    sandbox.journal.clear()
    response = await act(
        hass, entry, "restore_certificate", certificate_id=CERTIFICATE_ID
    )
    assert response["status"] in ("pending_reactivation", "active")
    assert sandbox.journal.writes == []


@with_device
async def test_renew(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """The older certificate stays valid."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)

    response = await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        validity_days=30,
        key_type="ec_p256",
    )
    await settle(hass)

    assert response["device_id"] == device_id_of(hass, entry)
    assert response["handover_url"]
    certificates = zone_of(sandbox).certificates
    assert set(certificates) == {CERTIFICATE_ID, response["certificate_id"]}
    renewed = certificates[response["certificate_id"]]
    assert renewed.validity_days == 30
    assert (
        renewed.certificate.subject == certificates[CERTIFICATE_ID].certificate.subject
    )
    assert {item.status for item in certificates.values()} == {CertificateStatus.ACTIVE}
    assert len(entry.subentries) == 2


@with_device
@pytest.mark.parametrize(
    "fields",
    [
        {"revoke_old_after": -1},
        {"revoke_old_after": 366},
        {"revoke_old_after": 10**30},
        {"validity_days": 0},
        {"key_type": "rsa_1024"},
        {"bundle": "zip"},
        {"name": "Another"},
    ],
)
async def test_renew_with_impossible_choices(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    fields: dict[str, Any],
) -> None:
    """Impossible choices are refused before anything is signed."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)

    with pytest.raises(probatio.Invalid):
        await act(
            hass, entry, "renew_certificate", certificate_id=CERTIFICATE_ID, **fields
        )

    assert set(zone_of(sandbox).certificates) == {CERTIFICATE_ID}


@with_device
async def test_renew_without_a_device_to_notify(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """A device without the companion app is refused before anything is signed."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)

    with pytest.raises(ServiceValidationError) as raised:
        await act(
            hass,
            entry,
            "renew_certificate",
            certificate_id=CERTIFICATE_ID,
            notify_device_id="nobody",
        )

    assert raised.value.translation_key == "device_not_found"
    assert set(zone_of(sandbox).certificates) == {CERTIFICATE_ID}


@with_device
async def test_revoke_a_certificate_created_since_the_last_refresh(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Another Home Assistant may have created the certificate a minute ago."""
    await add_known_certificate(hass, loaded_entry, sandbox)

    response = await act(
        hass, loaded_entry, "revoke_certificate", certificate_id=CERTIFICATE_ID
    )

    assert response["status"] == "pending_revocation"


@with_device
async def test_revoke_while_refreshing_fails(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """The response never shows a revoked certificate as active."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    faults.unavailable("GET", "/cfd_tunnel")
    faults.unavailable("GET", "/dns_records")

    response = await act(
        hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID
    )

    revoked = zone_of(sandbox).certificates[CERTIFICATE_ID]
    assert revoked.status is CertificateStatus.REVOKED
    assert response["status"] in ("pending_revocation", "revoked")


@with_device
@pytest.mark.parametrize(
    "action", ["renew_certificate", "revoke_certificate", "restore_certificate"]
)
@pytest.mark.parametrize("certificate_id", ["nobody", "", "../zones"])
async def test_certificate_that_is_not_there(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    action: str,
    certificate_id: str,
) -> None:
    """An id that Cloudflare does not list reaches no request."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    sandbox.journal.clear()

    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, entry, action, certificate_id=certificate_id)

    assert raised.value.translation_key == "certificate_not_found"
    assert raised.value.translation_placeholders == {
        "certificate_id": certificate_id or "–",
        "account": entry.title,
    }
    assert sandbox.journal.writes == []
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "active"


UNKNOWN: list[Any] = [
    pytest.param({"organization": "Somebody else"}, id="made elsewhere"),
    pytest.param({"device_id": "01JDEVICE00000000000000009"}, id="another device"),
    pytest.param({}, id="says it is for the device"),
]


@with_device
@pytest.mark.parametrize("subject", UNKNOWN)
@pytest.mark.parametrize("action", ["renew_certificate", "restore_certificate"])
async def test_unknown_certificate_is_neither_renewed_nor_restored(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    action: str,
    subject: dict[str, Any],
) -> None:
    """Nothing that lets somebody in happens because of what a certificate says of itself."""
    await add_certificate(sandbox, status=CertificateStatus.REVOKED, **subject)
    await setup_integration(hass, entry)
    sandbox.journal.clear()

    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, entry, action, certificate_id=CERTIFICATE_ID)

    assert raised.value.translation_key == "certificate_of_nobody"
    assert raised.value.translation_placeholders == {
        "certificate_id": CERTIFICATE_ID,
        "account": entry.title,
    }
    assert sandbox.journal.writes == []
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "revoked"


@with_device
@pytest.mark.parametrize("subject", UNKNOWN)
async def test_unknown_certificate_is_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    subject: dict[str, Any],
) -> None:
    """An administrator can throw a stranger out."""
    await add_certificate(sandbox, **subject)
    await setup_integration(hass, entry)
    assert "unknown_certificates" in reported(hass)

    await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)

    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "revoked"
    assert "unknown_certificates" not in reported(hass)


@pytest.mark.parametrize("devices", [[companion(device_id=CERTIFICATE_ID)]])
async def test_revoke_an_adopted_certificate(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """A certificate that was made elsewhere and adopted can be changed."""
    await add_known_certificate(
        hass,
        entry,
        sandbox,
        organization="Somebody else",
        device_id=CERTIFICATE_ID,
    )
    await setup_integration(hass, entry)

    await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)

    revoked = zone_of(sandbox).certificates[CERTIFICATE_ID]
    assert revoked.status is CertificateStatus.REVOKED
