"""Tests of the actions: what they do, return and refuse."""

from collections.abc import Callable
import copy
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.util import dt as dt_util
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, CertificateStatus, DnsRecord, Rule

from .common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    HOSTNAME,
    SKIP_REF,
    act,
    add_certificate,
    companion,
    device_id_of,
    is_loaded,
    settle,
    setup_integration,
    state_of,
    zone_of,
)
from .faults import Faults

STATUS = "sensor.pixel_8_certificate_status"

with_device = pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])


def foreign(sandbox: Sandbox) -> dict[str, Any]:
    """Return a copy of everything at Cloudflare that somebody else made, in its order."""
    zone, tunnel = zone_of(sandbox), sandbox.state.tunnels[sandbox.tunnel_id]
    config = copy.deepcopy(tunnel.config)
    assert config
    config["ingress"] = [
        rule for rule in config["ingress"] if rule.get("hostname") != HOSTNAME
    ]
    return {
        "rules": [
            copy.deepcopy(rule)
            for rule in zone.rules
            if rule.ref not in (BLOCK_REF, SKIP_REF)
        ],
        "records": [
            copy.deepcopy(record)
            for record in zone.dns_records.values()
            if record.name != HOSTNAME
        ],
        "associations": [name for name in zone.associations or [] if name != HOSTNAME],
        "config": config,
        "certificates": copy.copy(zone.certificates),
    }


async def test_mint_certificate(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The response says which certificate was created, and where its bundle can be fetched."""
    response = await act(hass, loaded_entry, "mint_certificate", name=" Pixel 8 ")
    await settle(hass)

    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    certificate_id = response["certificate_id"]
    issued = zone_of(sandbox).certificates[certificate_id]
    signed = issued.certificate
    assert response == {
        "device_id": device_id_of(hass, loaded_entry, subentry.subentry_id),
        "certificate_id": certificate_id,
        "serial_number": f"{signed.serial_number:X}",
        "fingerprint_sha256": signed.fingerprint(hashes.SHA256()).hex(),
        "issued_on": signed.not_valid_before_utc.isoformat(),
        "expires_on": signed.not_valid_after_utc.isoformat(),
        "handover_url": response["handover_url"],
        "handover_code": response["handover_code"],
        "handover_expires_at": response["handover_expires_at"],
    }
    assert issued.validity_days == 365
    assert {attribute.oid: attribute.value for attribute in signed.subject} == {
        NameOID.COMMON_NAME: "Pixel 8",
        NameOID.ORGANIZATION_NAME: "Home Assistant",
        NameOID.ORGANIZATIONAL_UNIT_NAME: subentry.unique_id,
    }
    base, _, token = response["handover_url"].partition("#")
    assert base == "http://192.168.1.10:8123/api/cloudflare_mtls/handover"
    assert len(token) == 43
    until = datetime.fromisoformat(response["handover_expires_at"])
    assert until - dt_util.utcnow() == timedelta(minutes=10)

    assert subentry.title == "Pixel 8"
    assert dict(subentry.data) == {
        "name": "Pixel 8",
        "system": "android",
        "zone_id": sandbox.zone_id,
        "notify_device_id": None,
    }
    expiry = state_of(hass, "sensor.pixel_8_certificate_expiry")
    assert expiry == response["expires_on"]


@pytest.mark.parametrize(
    "system", ["android", "ios", "wear_os", "macos", "windows", "linux"]
)
async def test_create_for_every_system(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, system: str
) -> None:
    """The system is stored with the device."""
    await act(hass, loaded_entry, "mint_certificate", name="Pixel 8", system=system)
    await settle(hass)

    (device,) = loaded_entry.get_subentries_of_type("companion_device")
    assert device.data["system"] == system


async def test_create_for_nobody_to_notify(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A device without the companion app is refused before anything is created."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(
            hass,
            loaded_entry,
            "mint_certificate",
            name="Pixel 8",
            notify_device_id="nobody",
        )

    assert raised.value.translation_key == "device_not_found"
    assert zone_of(sandbox).certificates == {}


@pytest.mark.parametrize(
    ("key_type", "kind"),
    [("rsa_2048", rsa.RSAPublicKey), ("ec_p256", ec.EllipticCurvePublicKey)],
)
@pytest.mark.parametrize("bundle", ["compatible", "modern"])
async def test_create_every_kind_of_key_and_bundle(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    key_type: str,
    bundle: str,
    kind: type,
) -> None:
    """Key and validity are those of the call."""
    response = await act(
        hass,
        loaded_entry,
        "mint_certificate",
        name="Pixel 8",
        key_type=key_type,
        bundle=bundle,
        validity_days=30,
    )

    issued = zone_of(sandbox).certificates[response["certificate_id"]]
    assert isinstance(issued.certificate.public_key(), kind)
    assert issued.validity_days == 30


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": "Pixel 8", "key_type": "rsa_1024"},
        {"name": "Pixel 8", "bundle": "zip"},
        {"name": "Pixel 8", "system": "plan_9"},
        {"name": "Pixel 8", "validity_days": 0},
        {"name": "Pixel 8", "validity_days": -1},
        {"name": "Pixel 8", "surprise": True},
    ],
)
async def test_create_what_cannot_be(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    fields: dict[str, Any],
) -> None:
    """Impossible choices are refused before anything is created."""
    with pytest.raises(probatio.Invalid):
        await act(hass, loaded_entry, "mint_certificate", **fields)

    assert zone_of(sandbox).certificates == {}


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "\n"])
async def test_create_without_a_name(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, name: str
) -> None:
    """A name that no certificate can carry is refused with a sentence."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, loaded_entry, "mint_certificate", name=name)

    assert raised.value.translation_key == "name_malformed"
    assert zone_of(sandbox).certificates == {}


@pytest.mark.parametrize("days", [5476, 10**9])
async def test_create_for_longer_than_cloudflare_signs(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, days: int
) -> None:
    """Cloudflare signs for 15 years at most; longer is refused, here or there."""
    with pytest.raises((probatio.Invalid, HomeAssistantError)):
        await act(
            hass, loaded_entry, "mint_certificate", name="Pixel 8", validity_days=days
        )

    assert zone_of(sandbox).certificates == {}


async def test_longest_name(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The limit is 64 bytes, which are fewer letters in some scripts."""
    with pytest.raises(ServiceValidationError):
        await act(hass, loaded_entry, "mint_certificate", name="ü" * 33)
    response = await act(hass, loaded_entry, "mint_certificate", name="ü" * 32)

    issued = zone_of(sandbox).certificates[response["certificate_id"]]
    (name,) = issued.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "ü" * 32


@pytest.fixture
async def two_zones(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account that protects hostnames in two zones."""
    second = sandbox.state.add_zone("example.org")
    await setup_integration(hass, entry)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_add_subentry(
        entry,
        type(subentry)(
            subentry_type="protected_hostname",
            title="ha.example.org",
            unique_id="ha.example.org",
            data={**subentry.data, "hostname": "ha.example.org", "zone_id": second.id},  # type: ignore[arg-type]
        ),
    )
    await settle(hass)
    return entry


@pytest.mark.parametrize("zone", [{}, {"zone": "example.net"}, {"zone": "org"}])
async def test_zone_that_is_not_clear(
    hass: HomeAssistant,
    sandbox: Sandbox,
    two_zones: MockConfigEntry,
    zone: dict[str, str],
) -> None:
    """With hostnames in two zones, the call has to name one of them."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, two_zones, "mint_certificate", name="Pixel 8", **zone)

    assert raised.value.translation_key == "zone_not_clear"
    assert zone_of(sandbox).certificates == {}


@pytest.mark.parametrize("zone", ["example.org", "example.com"])
async def test_zone_that_is_named(
    hass: HomeAssistant, sandbox: Sandbox, two_zones: MockConfigEntry, zone: str
) -> None:
    """Zones have the names that Cloudflare's dashboard shows."""
    response = await act(hass, two_zones, "mint_certificate", name="Pixel 8", zone=zone)

    (named,) = (item for item in sandbox.state.zones.values() if item.name == zone)
    assert set(named.certificates) == {response["certificate_id"]}


async def test_create_one_after_another(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The account is loaded again when the action returns, so a script can go on."""
    for name in ("Pixel 8", "Tablet"):
        await act(hass, loaded_entry, "mint_certificate", name=name)
        assert is_loaded(loaded_entry)

    assert len(zone_of(sandbox).certificates) == 2
    assert len(loaded_entry.get_subentries_of_type("companion_device")) == 2


async def test_list_of_two_zones(
    hass: HomeAssistant, two_zones: MockConfigEntry
) -> None:
    """The certificates of every zone with a protected hostname are listed."""
    for zone in ("example.com", "example.org"):
        await act(hass, two_zones, "mint_certificate", name=zone, zone=zone)

    response = await act(hass, two_zones, "list_certificates")

    names = {item["name"] for item in response["certificates"]}
    assert names == {"example.com", "example.org"}


FAILURES: list[Any] = [
    pytest.param(
        lambda faults, path: faults.limit(42, path=path),
        "rate_limited",
        {"seconds": "42"},
        id="rate limited",
    ),
    pytest.param(
        lambda faults, path: faults.refuse("*", path, 400, 1, "Not today"),
        "rejected",
        {"message": "Not today"},
        id="refused",
    ),
    pytest.param(
        lambda faults, path: faults.refuse("*", path, 400, 1445, "100 are enough"),
        "quota_exceeded",
        {"message": "100 are enough"},
        id="quota",
    ),
    pytest.param(
        lambda faults, path: faults.refuse("*", path, 409, 1, "In the way"),
        "conflict",
        {"message": "In the way"},
        id="conflict",
    ),
]


@with_device
@pytest.mark.parametrize(("spoil", "key", "placeholders"), FAILURES)
@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("mint_certificate", {"name": "Tablet"}),
        ("renew_certificate", {"certificate_id": CERTIFICATE_ID}),
        ("revoke_certificate", {"certificate_id": CERTIFICATE_ID}),
        ("restore_certificate", {"certificate_id": CERTIFICATE_ID}),
        ("list_certificates", {}),
    ],
)
async def test_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    action: str,
    fields: dict[str, str],
    spoil: Callable[[Faults, str], object],
    key: str,
    placeholders: dict[str, str],
) -> None:
    """The error says what happened, and nothing has changed."""
    await add_certificate(sandbox)
    await setup_integration(hass, entry)
    spoil(faults, "/client_certificates")

    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, entry, action, **fields)

    assert raised.value.translation_domain == DOMAIN
    assert raised.value.translation_key == key
    assert raised.value.translation_placeholders == placeholders
    assert set(zone_of(sandbox).certificates) == {CERTIFICATE_ID}
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "active"
    assert len(entry.subentries) == 2


@with_device
@pytest.mark.parametrize(
    ("action", "fields", "status"),
    [
        ("mint_certificate", {"name": "Tablet"}, "active"),
        ("renew_certificate", {"certificate_id": CERTIFICATE_ID}, "active"),
        ("revoke_certificate", {"certificate_id": CERTIFICATE_ID}, "active"),
        ("restore_certificate", {"certificate_id": CERTIFICATE_ID}, "revoked"),
    ],
)
async def test_permission_missing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    action: str,
    fields: dict[str, str],
    status: str,
) -> None:
    """The error names the permission as Cloudflare's dashboard does."""
    await add_certificate(sandbox, status=CertificateStatus(status))
    await setup_integration(hass, entry)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = (ALL_PERMISSIONS - {"ssl:edit"}) | {"ssl:read"}

    with pytest.raises(
        HomeAssistantError, match="Zone / SSL and Certificates / Edit"
    ) as raised:
        await act(hass, entry, action, **fields)

    assert raised.value.translation_key == "permission_missing"
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == status
    assert len(zone_of(sandbox).certificates) == 1
    assert len(entry.subentries) == 2


async def test_create_whose_answer_is_lost(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The certificate was signed, so it is found; no second one is created."""
    faults.unavailable("POST", "/client_certificates", after_write=True, times=1)

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert set(zone_of(sandbox).certificates) == {response["certificate_id"]}


@with_device
async def test_revoke(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Revoking a certificate twice does no harm."""
    await add_certificate(sandbox)
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
    await add_certificate(sandbox, status=CertificateStatus.REVOKED)
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
    await add_certificate(sandbox)
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
        {"validity_days": 0},
        {"key_type": "rsa_1024"},
        {"bundle": "zip"},
        {"name": "Another"},
    ],
)
async def test_renew_what_cannot_be(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    fields: dict[str, Any],
) -> None:
    """Impossible choices are refused before anything is signed."""
    await add_certificate(sandbox)
    await setup_integration(hass, entry)

    with pytest.raises(probatio.Invalid):
        await act(
            hass, entry, "renew_certificate", certificate_id=CERTIFICATE_ID, **fields
        )

    assert set(zone_of(sandbox).certificates) == {CERTIFICATE_ID}


@with_device
async def test_renew_for_nobody_to_notify(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """A device without the companion app is refused before anything is signed."""
    await add_certificate(sandbox)
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
async def test_revoke_what_was_created_since_the_last_refresh(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A certificate that another Home Assistant created a minute ago is found as well."""
    await add_certificate(sandbox)

    response = await act(
        hass, loaded_entry, "revoke_certificate", certificate_id=CERTIFICATE_ID
    )

    assert response["status"] == "pending_revocation"


@with_device
async def test_revoke_while_refreshing_fails(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """The response never calls a revoked certificate active."""
    await add_certificate(sandbox)
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
@pytest.mark.parametrize("certificate_id", ["nobody", "", "../zones", CERTIFICATE_ID])
@pytest.mark.parametrize(
    "subject",
    [
        pytest.param({"organization": "Somebody else"}, id="made elsewhere"),
        pytest.param({"device_id": "01JDEVICE00000000000000009"}, id="another device"),
    ],
)
async def test_what_is_no_companion_devices(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    action: str,
    certificate_id: str,
    subject: dict[str, Any],
) -> None:
    """Only certificates of companion devices can be changed."""
    await add_certificate(sandbox, **subject)
    await setup_integration(hass, entry)
    sandbox.journal.clear()

    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, entry, action, certificate_id=certificate_id)

    assert raised.value.translation_key == "certificate_not_found"
    assert raised.value.translation_placeholders == {"certificate_id": certificate_id}
    assert sandbox.journal.writes == []
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "active"


@pytest.mark.parametrize("devices", [[companion(device_id=CERTIFICATE_ID)]])
async def test_revoke_what_was_taken_over(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """A certificate that was made elsewhere and taken over can be changed."""
    await add_certificate(sandbox, organization="Somebody else")
    await setup_integration(hass, entry)

    await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)

    revoked = zone_of(sandbox).certificates[CERTIFICATE_ID]
    assert revoked.status is CertificateStatus.REVOKED


@with_device
async def test_list(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Revoked certificates, and those made elsewhere, are listed too."""
    own = await add_certificate(sandbox, status=CertificateStatus.REVOKED)
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
            managed=True,
            status="revoked",
        ),
        described(
            other,
            device_id=None,
            certificate_id="foreign",
            name="Terraform",
            managed=False,
            status="active",
        ),
    ]


@pytest.mark.parametrize("fields", [{}, {"dry_run": True}, {"hostname": HOSTNAME}])
async def test_sync_in_sync(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    fields: dict[str, Any],
) -> None:
    """Nothing is written for a hostname that is in sync."""
    await act(hass, loaded_entry, "sync")
    sandbox.journal.clear()

    response = await act(hass, loaded_entry, "sync", **fields)

    assert response == {"in_sync": True, "exposed": False, "steps": [], "problems": []}
    assert sandbox.journal.writes == []


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a hostname that only the action brings in sync."""
    return {**settings, "keep_in_sync": False}


async def test_sync_from_nothing(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A dry run lists the steps that the action then takes, in that order."""
    before = foreign(sandbox)

    planned = await act(hass, loaded_entry, "sync", dry_run=True)

    assert planned["in_sync"] is False
    assert planned["exposed"] is False
    assert planned["problems"] == []
    assert [
        (step["kind"], step["action"], step["target"], step["applied"])
        for step in planned["steps"]
    ] == [
        ("block_rule", "create", BLOCK_REF, False),
        ("association", "create", HOSTNAME, False),
        ("skip_rule", "create", SKIP_REF, False),
        ("ingress", "create", HOSTNAME, False),
        ("dns_record", "create", HOSTNAME, False),
    ]
    assert {*planned["steps"][0]} == {"kind", "action", "target", "detail", "applied"}
    assert sandbox.journal.writes == []

    done = await act(hass, loaded_entry, "sync")

    assert done == {
        "in_sync": True,
        "exposed": False,
        "steps": [{**step, "applied": True} for step in planned["steps"]],
        "problems": [],
    }
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"
    assert foreign(sandbox) == before


async def test_sync_fixes_one_drift(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Only what has drifted is written."""
    await act(hass, loaded_entry, "sync")
    zone_of(sandbox).associations = ["nas.example.com"]
    sandbox.journal.clear()

    response = await act(hass, loaded_entry, "sync", hostname=HOSTNAME)

    assert response["steps"] == [
        {
            "kind": "association",
            "action": "create",
            "target": HOSTNAME,
            "detail": "",
            "applied": True,
        }
    ]
    assert len(sandbox.journal.writes) == 1
    assert zone_of(sandbox).associations == ["nas.example.com", HOSTNAME]


async def test_sync_says_what_is_exposed(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The response says whether somebody gets in without a certificate."""
    await act(hass, loaded_entry, "sync")
    for rule in zone_of(sandbox).rules:
        rule.enabled = rule.ref != BLOCK_REF

    response = await act(hass, loaded_entry, "sync", dry_run=True)
    assert response["exposed"] is True
    assert response["in_sync"] is False

    response = await act(hass, loaded_entry, "sync")
    assert response["exposed"] is False
    assert response["in_sync"] is True


async def test_sync_that_cannot_go_on(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The response says why a step failed; the next call does the rest."""
    faults.refuse("PUT", "/configurations", 400, 1234, "Not today")

    response = await act(hass, loaded_entry, "sync")

    assert response["in_sync"] is False
    assert response["problems"] == [
        {
            "code": "rejected",
            "message": (
                "Cloudflare refused the request: Not today. Nothing further was changed."
            ),
        }
    ]
    assert [step["applied"] for step in response["steps"]] == [
        True,
        True,
        True,
        False,
        False,
    ]

    faults.clear()
    response = await act(hass, loaded_entry, "sync")
    assert response["in_sync"] is True
    assert len(response["steps"]) == 2


@pytest.mark.parametrize("remove", [False, True])
async def test_sync_that_cannot_go_on_without_a_response(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    remove: bool,
) -> None:
    """Without a response to read it in, the reason is raised."""
    if remove:
        await act(hass, loaded_entry, "sync")
    faults.refuse("PUT", "/configurations", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today") as raised:
        await hass.services.async_call(
            DOMAIN,
            "sync",
            {"config_entry_id": loaded_entry.entry_id, "remove": remove},
            blocking=True,
        )

    assert raised.value.translation_key == "rejected"
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "on"


async def test_sync_with_something_in_the_way(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The response says what a person has to do, with names."""
    zone_of(sandbox).add_dns_record(DnsRecord("A", HOSTNAME, "198.51.100.9"))

    response = await act(hass, loaded_entry, "sync")

    assert response["problems"] == [
        {
            "code": "record_in_the_way",
            "message": (
                "A DNS record for home-mobile.example.com that was not made by Home "
                "Assistant leads to 198.51.100.9. It was left as it is. Remove it at "
                "Cloudflare, or choose another hostname."
            ),
        }
    ]
    assert response["in_sync"] is False


async def test_placeholders_from_cloudflare_are_not_formatted(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A rule's name may contain braces."""
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    entrypoint.rules += [
        Rule("block", 'http.host eq "x"', "{target} {0} {message.__class__}")
        for _ in range(4)
    ]

    response = await act(hass, loaded_entry, "sync", dry_run=True)

    assert "{0} {message.__class__}" in response["problems"][0]["message"]


async def test_sync_of_an_unknown_hostname(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A hostname that is not protected is left alone."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, loaded_entry, "sync", hostname="nas.example.com", remove=True)

    assert raised.value.translation_key == "hostname_not_found"
    assert raised.value.translation_placeholders == {"hostname": "nas.example.com"}
    assert sandbox.journal.writes == []


@pytest.mark.parametrize(("spoil", "key", "placeholders"), FAILURES)
async def test_sync_that_cannot_see(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    spoil: Callable[[Faults, str], object],
    key: str,
    placeholders: dict[str, str],
) -> None:
    """Nothing is written where the observation failed."""
    spoil(faults, "/dns_records")

    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, loaded_entry, "sync")

    assert raised.value.translation_key == key
    assert raised.value.translation_placeholders == placeholders
    assert sandbox.journal.writes == []


async def test_remove(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The hostname is gone from Cloudflare and from Home Assistant; everything else stays."""
    before = foreign(sandbox)
    await act(hass, loaded_entry, "sync")
    sandbox.journal.clear()

    planned = await act(
        hass, loaded_entry, "sync", hostname=HOSTNAME, remove=True, dry_run=True
    )
    assert sandbox.journal.writes == []
    assert len(loaded_entry.subentries) == 1
    response = await act(hass, loaded_entry, "sync", hostname=HOSTNAME, remove=True)
    await settle(hass)

    assert response["steps"] == [{**step, "applied": True} for step in planned["steps"]]
    assert [(step["kind"], step["action"]) for step in response["steps"]] == [
        ("dns_record", "delete"),
        ("ingress", "delete"),
        ("skip_rule", "delete"),
        ("association", "delete"),
        ("block_rule", "delete"),
    ]
    assert response["problems"] == []
    assert loaded_entry.subentries == {}
    assert hass.states.get("binary_sensor.home_mobile_example_com_drift") is None
    assert foreign(sandbox) == before
    zone = zone_of(sandbox)
    assert HOSTNAME not in (zone.associations or [])
    assert {rule.ref for rule in zone.rules}.isdisjoint({BLOCK_REF, SKIP_REF})
    assert HOSTNAME not in {record.name for record in zone.dns_records.values()}


async def test_remove_that_fails_half_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The hostname stays in Home Assistant until the next call has taken it down."""
    await act(hass, loaded_entry, "sync")
    faults.unavailable("PUT", "/hostname_associations")

    response = await act(hass, loaded_entry, "sync", remove=True)
    await settle(hass)
    assert [problem["code"] for problem in response["problems"]] == ["unavailable"]
    assert [step["applied"] for step in response["steps"]] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert len(loaded_entry.subentries) == 1

    faults.clear()
    response = await act(hass, loaded_entry, "sync", remove=True)
    await settle(hass)
    assert response["problems"] == []
    assert loaded_entry.subentries == {}


async def test_remove_one_of_two(
    hass: HomeAssistant, sandbox: Sandbox, two_zones: MockConfigEntry
) -> None:
    """The other hostname stays protected."""
    await act(hass, two_zones, "sync")

    await act(hass, two_zones, "sync", hostname="ha.example.org", remove=True)
    await settle(hass)

    assert [item.title for item in two_zones.subentries.values()] == [HOSTNAME]
    response = await act(hass, two_zones, "sync", dry_run=True)
    assert response["in_sync"] is True
    assert {BLOCK_REF, SKIP_REF} <= {rule.ref for rule in zone_of(sandbox).rules}


async def test_actions_without_a_response(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """An automation may ignore the response."""
    for action, fields in (
        ("mint_certificate", {"name": "Pixel 8"}),
        ("sync", {}),
    ):
        await hass.services.async_call(
            DOMAIN,
            action,
            {"config_entry_id": loaded_entry.entry_id, **fields},
            blocking=True,
        )

    assert len(zone_of(sandbox).certificates) == 1


ACTIONS: list[tuple[str, dict[str, str]]] = [
    ("mint_certificate", {"name": "Pixel 8"}),
    ("renew_certificate", {"certificate_id": CERTIFICATE_ID}),
    ("revoke_certificate", {"certificate_id": CERTIFICATE_ID}),
    ("restore_certificate", {"certificate_id": CERTIFICATE_ID}),
    ("list_certificates", {}),
    ("sync", {}),
    ("verify", {"hostname": HOSTNAME}),
]


@pytest.mark.parametrize(("action", "fields"), ACTIONS)
async def test_only_for_administrators(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_read_only_user: MockUser,
    action: str,
    fields: dict[str, str],
) -> None:
    """A user who is no administrator is refused before Cloudflare is asked."""
    sandbox.journal.clear()

    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            action,
            {"config_entry_id": loaded_entry.entry_id, **fields},
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )

    assert sandbox.journal.requests == []


@pytest.mark.parametrize(("action", "fields"), ACTIONS)
async def test_account_that_is_not_loaded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    action: str,
    fields: dict[str, str],
) -> None:
    """The actions still exist, and say that the account is not loaded."""
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    sandbox.journal.clear()

    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, loaded_entry, action, **fields)

    assert raised.value.translation_key
    assert sandbox.journal.requests == []


async def test_account_that_is_unknown(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """The call is refused; no other account is used in its place."""
    with pytest.raises(ServiceValidationError):
        await hass.services.async_call(
            DOMAIN,
            "sync",
            {"config_entry_id": "01JNOBODY0000000000000000"},
            blocking=True,
            return_response=True,
        )


class TestHostnameThatWasThereBefore:
    """A protected hostname whose DNS record and ingress rule somebody else made."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings with the hostname that the browser uses."""
        return {**settings, "hostname": "home.example.com"}

    async def test_remove(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        """Record and ingress rule stay when the protection is taken down."""
        before = foreign(sandbox)
        response = await act(hass, loaded_entry, "sync")
        assert response["in_sync"] is True
        assert foreign(sandbox)["config"] == before["config"]

        await act(hass, loaded_entry, "sync", remove=True)
        await settle(hass)

        assert foreign(sandbox)["records"] == before["records"]
        assert foreign(sandbox)["config"] == before["config"]
