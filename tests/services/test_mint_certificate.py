"""Tests of the action that creates a certificate: the name, system, key and zone that it accepts."""

from datetime import datetime, timedelta
import re
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import (
    HOSTNAME,
    act,
    device_id_of,
    is_loaded,
    settle,
    state_of,
    zone_of,
)
from tests.faults import Faults


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
        "handover_expires_at": response["handover_expires_at"],
    }
    assert issued.validity_days == 365
    assert {attribute.oid: attribute.value for attribute in signed.subject} == {
        NameOID.COMMON_NAME: "Pixel 8",
        NameOID.ORGANIZATION_NAME: "Home Assistant",
        NameOID.ORGANIZATIONAL_UNIT_NAME: subentry.unique_id,
    }
    base, _, question = response["handover_url"].partition("#")
    assert base == "http://192.168.1.10:8123/api/cloudflare_mtls/handover"
    assert re.fullmatch(r"code\.[\w-]{16}", question)
    until = datetime.fromisoformat(response["handover_expires_at"])
    assert until - dt_util.utcnow() == timedelta(minutes=10)

    assert subentry.title == "Pixel 8"
    assert dict(subentry.data) == {
        "name": "Pixel 8",
        "system": "android",
        "zone_id": sandbox.zone_id,
        "hostname": HOSTNAME,
        "notify_device_id": None,
    }
    expiry = state_of(hass, "sensor.pixel_8_certificate_expiry")
    assert expiry == response["expires_on"]


@pytest.mark.parametrize(
    "system", ["android", "ios", "wear_os", "macos", "windows", "linux", "chromeos"]
)
async def test_create_for_every_system(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, system: str
) -> None:
    """The system is stored with the device."""
    await act(hass, loaded_entry, "mint_certificate", name="Pixel 8", system=system)
    await settle(hass)

    (device,) = loaded_entry.get_subentries_of_type("companion_device")
    assert device.data["system"] == system


async def test_create_without_a_device_to_notify(
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
async def test_create_every_kind_of_key(
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
async def test_create_with_impossible_choices(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    fields: dict[str, Any],
) -> None:
    """Impossible choices are refused before anything is created."""
    with pytest.raises(probatio.Invalid):
        await act(hass, loaded_entry, "mint_certificate", **fields)

    assert zone_of(sandbox).certificates == {}


@pytest.mark.parametrize("name", ["", "  ", "x" * 251, "\n"])
async def test_create_without_a_name(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, name: str
) -> None:
    """A name that no certificate can have is refused with a sentence."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, loaded_entry, "mint_certificate", name=name)

    assert raised.value.translation_key == "name_malformed"
    assert zone_of(sandbox).certificates == {}


async def test_name_is_no_template(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """What looks like a template or a placeholder stays what somebody typed."""
    name = "{{ 7 * 7 }} {name} {0.__class__} ${nonce} %(name)s $name"
    await act(hass, loaded_entry, "mint_certificate", name=name)
    await settle(hass)
    names = {state.name for state in hass.states.async_all() if name in state.name}
    assert names
    assert not [state for state in hass.states.async_all() if "49" in state.name]


@pytest.mark.parametrize("days", [5476, 10**9])
async def test_create_for_longer_than_cloudflare_signs(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, days: int
) -> None:
    """Cloudflare signs for 15 years at most; a longer validity is refused, here or there."""
    with pytest.raises((probatio.Invalid, HomeAssistantError)):
        await act(
            hass, loaded_entry, "mint_certificate", name="Pixel 8", validity_days=days
        )

    assert zone_of(sandbox).certificates == {}


async def test_longest_name(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A certificate carries 64 bytes of it, which are fewer letters in some scripts."""
    for letters in (32, 33):
        response = await act(hass, loaded_entry, "mint_certificate", name="ü" * letters)

        issued = zone_of(sandbox).certificates[response["certificate_id"]]
        (name,) = issued.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert name.value == "ü" * 32


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ({}, "hostname_not_clear"),
        ({"hostname": "example.org"}, "hostname_not_found"),
        ({"hostname": "not a name"}, "hostname_not_found"),
    ],
)
async def test_hostname_that_is_not_clear(
    hass: HomeAssistant,
    sandbox: Sandbox,
    two_zones: MockConfigEntry,
    named: dict[str, str],
    error: str,
) -> None:
    """With several hostnames, the call has to name one that is protected."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, two_zones, "mint_certificate", name="Pixel 8", **named)

    assert raised.value.translation_key == error
    assert [zone.certificates for zone in sandbox.state.zones.values()] == [{}, {}]


@pytest.mark.parametrize(
    ("hostname", "zone"),
    [("HA.example.org.", "example.org"), (HOSTNAME, "example.com")],
)
async def test_hostname_that_is_named(
    hass: HomeAssistant,
    sandbox: Sandbox,
    two_zones: MockConfigEntry,
    hostname: str,
    zone: str,
) -> None:
    """The certificate comes from the domain of the hostname, however that is written."""
    response = await act(
        hass, two_zones, "mint_certificate", name="Pixel 8", hostname=hostname
    )

    (named,) = (item for item in sandbox.state.zones.values() if item.name == zone)
    assert set(named.certificates) == {response["certificate_id"]}


async def test_create_one_after_another(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The account is loaded again when the action returns, so a script can continue."""
    for name in ("Pixel 8", "Tablet"):
        await act(hass, loaded_entry, "mint_certificate", name=name)
        assert is_loaded(loaded_entry)

    assert len(zone_of(sandbox).certificates) == 2
    assert len(loaded_entry.get_subentries_of_type("companion_device")) == 2


async def test_create_whose_answer_is_lost(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The signed certificate is found, and no second one is created."""
    faults.unavailable("POST", "/client_certificates", after_write=True, times=1)

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert set(zone_of(sandbox).certificates) == {response["certificate_id"]}
