"""Tests of trust: certificates that were created here or confirmed count, whatever others say of themselves."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.certificates.creating import REVOKE, press
from tests.certificates.helpers import (
    DAY,
    EXPIRY,
    HANDOVER,
    PROBLEM,
    STATUS,
    look_often,
    told,
    trusted,
    unreadable,
)
from tests.certificates.test_pinning import DRIFT, choose_pinning, pinned
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    COMPANION_ID,
    DEVICE_ID,
    EDGE_EVERY,
    SKIP_REF,
    act,
    add_certificate,
    add_known_certificate,
    fingerprint_of,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.faults import Faults

STORE = "cloudflare_mtls.{}.certificates"
STRANGERS = "0bad0bad-7600-42e1-81c4-000000000001"
GONE = "01JGONE0000000000000000001"
AGO = "2026-11-01T12:00:00+00:00"
# The person who asks for a certificate chooses its subject.
SUBJECTS: list[Any] = [
    pytest.param({"device_id": GONE}, id="like one of ours"),
    pytest.param({"device_id": DEVICE_ID}, id="for one of our devices"),
    pytest.param({"organization": "Cloudflare, Inc."}, id="made in the dashboard"),
    pytest.param({"organization": "", "device_id": ""}, id="says nothing"),
]


def stored(entry: MockConfigEntry, **data: Any) -> dict[str, Any]:
    """Return what the account has stored of its certificates, in the current version."""
    nothing: dict[str, Any] = {
        "records": {},
        "told": {},
        "known": [],
        "confirmed": {},
        "unwanted": {},
    }
    return {
        "version": 2,
        "minor_version": 1,
        "key": STORE.format(entry.entry_id),
        "data": nothing | data,
    }


def record(fingerprint: str, device_id: str = DEVICE_ID) -> dict[str, str]:
    """Return a stored record of a certificate that the device fetched."""
    return {
        "fingerprint": fingerprint,
        "device_id": device_id,
        "created_on": AGO,
        "taken_on": AGO,
    }


@with_device
@pytest.mark.parametrize("subject", SUBJECTS)
async def test_strangers_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
    subject: dict[str, Any],
) -> None:
    """It is told once, whatever its subject says, and nothing is done in its name."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)

    await add_certificate(sandbox, certificate_id=STRANGERS, **subject)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {"unknown_certificates"}
    (event,) = events
    assert event.data["type"] == "unknown_certificate"
    assert event.data["certificate_id"] == STRANGERS
    assert event.data["device_id"] is None
    assert await trusted(hass, entry) == {CERTIFICATE_ID: True, STRANGERS: False}
    events.clear()
    await hass.config_entries.async_reload(entry.entry_id)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(events) == []
    assert reported(hass) == {"unknown_certificates"}


@with_device
@pytest.mark.parametrize("restarts", [False, True], ids=["", "restarted"])
async def test_strangers_certificate_that_comes_back(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
    restarts: bool,
) -> None:
    """Each time that it gets in again, automations are told, and each time once."""
    await add_certificate(sandbox, certificate_id=STRANGERS, organization="Somebody")
    await look_often(hass, freezer)
    assert told(events) == ["unknown_certificate"]
    for _ in range(2):
        await act(hass, ready, "revoke_certificate", certificate_id=STRANGERS)
        await look_often(hass, freezer)
        assert reported(hass) == set()
        if restarts:
            await hass.config_entries.async_reload(ready.entry_id)

        zone_of(sandbox).certificates[STRANGERS].status = CertificateStatus.ACTIVE
        await look_often(hass, freezer)

        assert told(events) == ["unknown_certificate"]
        assert reported(hass) == {"unknown_certificates"}


@with_device
async def test_strangers_certificate_whose_revocation_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """Nothing new happened to it while Home Assistant tries again, so no event says so."""
    await add_certificate(sandbox, certificate_id=STRANGERS, organization="Somebody")
    await look_often(hass, freezer)
    assert told(events) == ["unknown_certificate"]
    refusal = faults.unavailable("DELETE", "/client_certificates")
    with pytest.raises(HomeAssistantError):
        await act(hass, ready, "revoke_certificate", certificate_id=STRANGERS)
    await look_often(hass, freezer)
    refusal.times = 0
    await look_often(hass, freezer)

    assert zone_of(sandbox).certificates[STRANGERS].status == "revoked"
    assert told(events) == []
    assert reported(hass) == set()


@with_device
@pytest.mark.parametrize("subject", SUBJECTS)
async def test_strangers_certificate_where_certificates_are_pinned(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
    subject: dict[str, Any],
) -> None:
    """It is never written into the rules, neither by a refresh nor by a sync, and it is told."""
    good = await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await choose_pinning(hass, entry)

    await add_certificate(sandbox, certificate_id=STRANGERS, **subject)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await act(hass, entry, "sync")

    assert pinned(sandbox, BLOCK_REF) == {fingerprint_of(good)}
    assert pinned(sandbox, SKIP_REF) == {fingerprint_of(good)}
    assert told(events) == ["unknown_certificate"]
    assert reported(hass) == {"unknown_certificates_pinned"}
    assert state_of(hass, DRIFT) == "off"


@with_device
async def test_strangers_certificate_for_one_of_our_devices(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The device keeps its own certificate, its days left, and its older certificates."""
    own = await add_known_certificate(hass, entry, sandbox, days=60)
    await setup_integration(hass, entry)
    before = {entity: state_of(hass, entity) for entity in (STATUS, EXPIRY, HANDOVER)}

    await add_certificate(
        sandbox,
        certificate_id=STRANGERS,
        not_before=own.not_valid_before_utc + DAY,
        days=3650,
    )
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert {entity: state_of(hass, entity) for entity in before} == before
    statuses = {item.status for item in zone_of(sandbox).certificates.values()}
    assert statuses == {CertificateStatus.ACTIVE}

    # The button revokes what belongs to the device, and says that the other one is still valid.
    with pytest.raises(HomeAssistantError, match="unknown certificate"):
        await press(hass, REVOKE)
    await settle(hass)
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "revoked"
    assert zone_of(sandbox).certificates[STRANGERS].status == "active"
    assert state_of(hass, STATUS) in ("revoking", "revoked")
    assert reported(hass) == {"unknown_certificates"}


@with_device
async def test_strangers_certificate_for_a_removed_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The subject of a removed device helps no more than that of a present one."""
    hass.config_entries.async_remove_subentry(loaded_entry, COMPANION_ID)
    await settle(hass)
    await choose_pinning(hass, loaded_entry)

    await add_certificate(sandbox, certificate_id=STRANGERS)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert pinned(sandbox, BLOCK_REF) is None
    assert reported(hass) == {"unknown_certificates_pinned"}


@with_device
async def test_another_certificate_under_the_id_of_a_record(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """A record counts only for the certificate with its fingerprint."""
    await add_certificate(sandbox)
    hass_storage[STORE.format(entry.entry_id)] = stored(
        entry, records={CERTIFICATE_ID: record("0" * 64)}
    )

    await setup_integration(hass, entry)

    assert await trusted(hass, entry) == {CERTIFICATE_ID: False}
    assert reported(hass) == {"unknown_certificates"}


@with_device
async def test_lost_store(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    events: list[Event],
) -> None:
    """After a reinstallation the device is there, but which certificate is its own is unknown."""
    await add_certificate(sandbox)

    await setup_integration(hass, entry)

    assert state_of(hass, STATUS) == "unknown"
    assert state_of(hass, PROBLEM) == "unknown"
    assert state_of(hass, EXPIRY) == "unknown"
    assert told(events) == ["unknown_certificate"]
    assert reported(hass) == {"unknown_certificates"}


@with_device
async def test_revoke_button_after_a_lost_store(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """It does not pretend that the device is out, but says where its certificate can be revoked."""
    await add_certificate(sandbox)
    await setup_integration(hass, entry)

    with pytest.raises(HomeAssistantError) as raised:
        await hass.services.async_call(
            "button", "press", {"entity_id": "button.pixel_8_revoke"}, True
        )

    assert raised.value.translation_key == "revocation_unknown"
    assert raised.value.translation_placeholders == {"name": "Pixel 8"}
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "active"


@with_device
async def test_lost_store_where_certificates_are_pinned(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """The rules accept none of them until a person confirms some."""
    await add_certificate(sandbox)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, options={"pin_certificates": True})

    await setup_integration(hass, entry)

    assert pinned(sandbox, BLOCK_REF) is None
    assert reported(hass) == {"unknown_certificates_pinned"}


@with_device
async def test_restored_store_that_is_older_than_a_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """What was created since the backup is unknown; what is older is known."""
    old = await add_certificate(sandbox)
    await add_certificate(sandbox, certificate_id="newer", days=700)
    hass_storage[STORE.format(entry.entry_id)] = stored(
        entry, records={CERTIFICATE_ID: record(fingerprint_of(old))}
    )

    await setup_integration(hass, entry)

    assert await trusted(hass, entry) == {CERTIFICATE_ID: True, "newer": False}
    assert state_of(hass, EXPIRY) == old.not_valid_after_utc.isoformat()
    assert reported(hass) == {"unknown_certificates"}


async def test_restored_without_its_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
    events: list[Event],
) -> None:
    """A certificate that was created here, but whose device was never stored, is told."""
    own = await add_certificate(sandbox, device_id=GONE)
    hass_storage[STORE.format(entry.entry_id)] = stored(
        entry, records={CERTIFICATE_ID: record(fingerprint_of(own), GONE)}
    )

    await setup_integration(hass, entry)

    assert await trusted(hass, entry) == {CERTIFICATE_ID: False}
    assert told(events) == ["unknown_certificate"]
    assert reported(hass) == {"unknown_certificates"}


@with_device
async def test_store_of_the_first_version(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """It has no fingerprints, so nothing in it is trusted; what was told is not told again."""
    await add_certificate(sandbox, certificate_id="created")
    await add_certificate(sandbox, certificate_id="accepted", organization="Somebody")
    hass_storage[STORE.format(entry.entry_id)] = {
        "version": 1,
        "minor_version": 1,
        "key": STORE.format(entry.entry_id),
        "data": {
            "records": {"created": {"created_on": AGO, "taken_on": AGO}},
            "told": {"created": "active"},
            "known": ["accepted"],
            "accepted": ["accepted"],
        },
    }

    await setup_integration(hass, entry)

    assert await trusted(hass, entry) == {"created": False, "accepted": False}
    assert reported(hass) == {"unknown_certificates"}
    stored = hass_storage[STORE.format(entry.entry_id)]["data"]
    assert stored.pop("ends").keys() == {"accepted", "created"}
    strangers = {item["ids"][0] for item in stored.pop("strangers")}
    assert strangers == {"accepted", "created"}
    assert stored == {
        "records": {},
        "in_use": {},
        "places": {},
        "told": {"created": "active"},
        "known": ["accepted", "created"],
        "unknown": ["accepted", "created"],
        "confirmed": {},
        "confirmed_ids": {},
        "ordered_with_removal": [],
        "perhaps_restored": {},
        "revoked_here": {},
        "unwanted": {},
        "revoked": [],
    }


@with_device
@pytest.mark.parametrize("pins", [False, True])
async def test_certificate_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
    pins: bool,
) -> None:
    """It is told and listed with Cloudflare's id, and an administrator can revoke it."""
    await choose_pinning(hass, loaded_entry, pins)
    await add_certificate(sandbox, certificate_id=STRANGERS)
    unreadable(sandbox, STRANGERS)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    (event,) = events
    assert event.data["type"] == "unknown_certificate"
    assert event.data["certificate_id"] == STRANGERS
    key = "unknown_certificates_pinned" if pins else "unknown_certificates"
    assert reported(hass) == {key}
    assert pinned(sandbox, BLOCK_REF) is None
    response = await act(hass, loaded_entry, "list_certificates")
    assert response["certificates"] == [
        {"certificate_id": STRANGERS, "status": "active", "trusted": False}
    ]

    await act(hass, loaded_entry, "revoke_certificate", certificate_id=STRANGERS)
    await settle(hass)

    assert zone_of(sandbox).certificates[STRANGERS].status == "revoked"
    assert reported(hass) == set()


async def test_certificate_with_a_new_status(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Cloudflare may introduce a status that lets devices in: it is told, but never pinned."""
    await choose_pinning(hass, loaded_entry)
    await add_certificate(sandbox, status="suspended")  # type: ignore[arg-type]
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert pinned(sandbox, BLOCK_REF) is None
    assert reported(hass) == {"unknown_certificates_pinned"}
