"""Tests of the sensors: what they show, and that unknown values stay unknown."""

from datetime import UTC, datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from sandbox import Sandbox
from sandbox.state import (
    ALL_PERMISSIONS,
    CertificateStatus,
    Connection,
    Connector,
    TunnelStatus,
)

from .common import (
    CERTIFICATE_ID,
    DEVICE_ID,
    EDGE_EVERY,
    TUNNELS_EVERY,
    act,
    add_certificate,
    add_known_certificate,
    described,
    in_words,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
)
from .faults import Faults

EXPIRY = "sensor.pixel_8_certificate_expiry"
STATUS = "sensor.pixel_8_certificate_status"
NEXT = "sensor.home_lab_next_certificate_expiry"


@with_device
async def test_sensors(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
) -> None:
    """A home with one tunnel and one phone has these sensors."""
    certificate = await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)

    entities = described(hass, entity_registry, entry)
    sensors = {
        entity_id: entity
        for entity_id, entity in entities.items()
        if entity_id.startswith("sensor.")
    }
    moments = {
        dt_util.utcnow(): "now",
        certificate.not_valid_after_utc: "end of the certificate",
    }
    assert in_words(sensors, moments) == snapshot


@pytest.mark.parametrize("status", list(TunnelStatus))
async def test_status_of_a_tunnel(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    status: TunnelStatus,
) -> None:
    """The status is the one that Cloudflare reports."""
    sandbox.state.tunnels[sandbox.tunnel_id].status = status

    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert state_of(hass, "sensor.home_tunnel_status") == status


@pytest.mark.parametrize("status", [None, "", "sleepy"])
async def test_unknown_status(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    status: str | None,
) -> None:
    """A missing or new status is unknown, and never shown as a good one."""
    sandbox.state.tunnels[sandbox.tunnel_id].status = status  # type: ignore[assignment]

    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert state_of(hass, "sensor.home_tunnel_status") == "unknown"


async def test_tunnel_that_is_disconnected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Without connectors there is neither a version nor a start time."""
    sandbox.state.tunnels[sandbox.tunnel_id].disconnect()

    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert state_of(hass, "sensor.home_tunnel_status") == "down"
    assert state_of(hass, "sensor.home_connections") == "0"
    assert state_of(hass, "sensor.home_connectors") == "0"
    assert state_of(hass, "sensor.home_cloudflared_version") == "unknown"
    assert state_of(hass, "sensor.home_connected_since") == "unknown"


async def test_several_connectors(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Connections are added up, and the version is the oldest one that runs."""
    sandbox.state.tunnels[sandbox.tunnel_id].connectors = [
        Connector([Connection("fra06"), Connection("ams01")], version="2026.10.0"),
        Connector([Connection("fra08")], version="2026.9.1"),
    ]

    await wait_for_refresh(hass, freezer, timedelta(minutes=5))

    assert state_of(hass, "sensor.home_connections") == "3"
    assert state_of(hass, "sensor.home_connectors") == "2"
    assert state_of(hass, "sensor.home_cloudflared_version") == "2026.9.1"


async def test_expiry_comes_from_the_certificate(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The sensor shows the certificate's notAfter, not a calculated date."""
    created = await act(
        hass, loaded_entry, "mint_certificate", name="Pixel 8", validity_days=30
    )
    await settle(hass)

    signed = sandbox.state.zones[sandbox.zone_id].certificates[
        created["certificate_id"]
    ]
    expiry = datetime.fromisoformat(state_of(hass, EXPIRY))
    assert expiry == signed.certificate.not_valid_after_utc
    assert expiry == datetime.fromisoformat(created["expires_on"])


@with_device
async def test_certificates_come_and_go(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A new or revoked certificate shows without a reload."""
    assert state_of(hass, STATUS) == "missing"
    assert state_of(hass, EXPIRY) == "unknown"
    expiry = (
        await add_known_certificate(hass, loaded_entry, sandbox)
    ).not_valid_after_utc.isoformat()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, STATUS) == "active"
    assert state_of(hass, EXPIRY) == expiry

    certificate = sandbox.state.zones[sandbox.zone_id].certificates[CERTIFICATE_ID]
    for status, state in (
        ("sleepy", "unknown"),
        (CertificateStatus.PENDING_REVOCATION, "revoking"),
        (CertificateStatus.REVOKED, "revoked"),
    ):
        certificate.status = status  # type: ignore[assignment]
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, STATUS) == state
        assert state_of(hass, EXPIRY) == expiry

    # Somebody reactivates it elsewhere: a person is asked whether the device has it.
    certificate.status = CertificateStatus.PENDING_REACTIVATION
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, STATUS) == "unknown"
    assert "unknown_certificates" in reported(hass)


@with_device
@pytest.mark.parametrize(
    ("organization", "device_id"),
    [("Somebody", DEVICE_ID), ("Home Assistant", ""), ("Home Assistant", "another")],
)
async def test_certificate_of_somebody_else(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    organization: str,
    device_id: str,
) -> None:
    """A certificate that was created for another device is not shown."""
    await add_certificate(sandbox, organization=organization, device_id=device_id)

    await setup_integration(hass, entry)

    assert state_of(hass, STATUS) == "missing"
    assert state_of(hass, EXPIRY) == "unknown"


@with_device
async def test_certificate_that_has_expired(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """The date of its expiry is still shown."""
    await add_known_certificate(
        hass, entry, sandbox, not_before=datetime(2025, 1, 1, tzinfo=UTC), days=30
    )

    await setup_integration(hass, entry)

    assert state_of(hass, STATUS) == "expired"
    assert state_of(hass, EXPIRY) == "2025-01-31T00:00:00+00:00"


@with_device
async def test_certificate_that_is_about_to_expire(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The status changes with time alone, without a change at Cloudflare."""
    expiry = (await add_known_certificate(hass, entry, sandbox)).not_valid_after_utc
    freezer.move_to(expiry - timedelta(days=31))
    await setup_integration(hass, entry)
    assert state_of(hass, STATUS) == "active"

    freezer.move_to(expiry - timedelta(days=30, seconds=-1))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, STATUS) == "expiring"

    freezer.move_to(expiry + timedelta(seconds=1))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, STATUS) == "expired"


@with_device
async def test_two_certificates_of_one_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The newer one is shown while it is valid."""
    older = await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    assert state_of(hass, EXPIRY) == older.not_valid_after_utc.isoformat()

    newer = await add_known_certificate(
        hass,
        entry,
        sandbox,
        certificate_id="second",
        not_before=older.not_valid_before_utc + timedelta(days=1),
        days=700,
    )
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, EXPIRY) == newer.not_valid_after_utc.isoformat()
    assert state_of(hass, STATUS) == "active"

    zone = sandbox.state.zones[sandbox.zone_id]
    zone.certificates["second"].status = CertificateStatus.REVOKED
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, EXPIRY) == older.not_valid_after_utc.isoformat()
    assert state_of(hass, STATUS) == "active"


async def test_next_expiry_of_all_certificates(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Certificates made elsewhere count as well; expired and revoked ones do not."""
    assert state_of(hass, NEXT) == "unknown"
    expiries = {}
    for certificate_id, days, status in (
        ("expired", 10, CertificateStatus.ACTIVE),
        ("revoked", 30, CertificateStatus.REVOKED),
        ("revoking", 40, CertificateStatus.PENDING_REVOCATION),
        ("foreign", 50, CertificateStatus.ACTIVE),
        ("later", 365, CertificateStatus.ACTIVE),
    ):
        certificate = await add_certificate(
            sandbox,
            organization="Somebody",
            certificate_id=certificate_id,
            days=days,
            status=status,
        )
        expiries[certificate_id] = certificate.not_valid_after_utc.isoformat()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, NEXT) == expiries["foreign"]

    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"ssl:edit"}
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, NEXT) == "unavailable"


@with_device
async def test_unavailable_during_an_outage(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """No sensor shows its last value as if it were current."""
    await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "unavailable" not in {
        state.state for state in hass.states.async_all("sensor")
    }

    faults.unavailable("GET", "")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert {state.state for state in hass.states.async_all("sensor")} == {"unavailable"}

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "unavailable" not in {
        state.state for state in hass.states.async_all("sensor")
    }


async def test_next_expiry_changes_when_a_certificate_expires(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An expired certificate no longer counts, even if nothing else has changed."""
    first, second = [
        await add_certificate(
            sandbox, organization="Somebody", certificate_id=certificate_id, days=days
        )
        for days, certificate_id in ((21, "first"), (60, "second"))
    ]
    await setup_integration(hass, entry)
    assert state_of(hass, NEXT) == first.not_valid_after_utc.isoformat()

    await wait_for_refresh(hass, freezer, timedelta(days=1))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, NEXT) == second.not_valid_after_utc.isoformat()
