"""Tests of a certificate's life: from the dialog over a renewal to its expiry, and for a hundred devices."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.certificates.helpers import (
    DAY,
    EXPIRY,
    HANDOVER,
    NEXT,
    PROBLEM,
    STATUS,
    open_repairs,
    pass_time,
    through_dialog,
    told,
)
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    ENGLISH,
    act,
    add_known_certificate,
    companion,
    reported,
    settle,
    setup_integration,
    state_of,
    submit,
    wait_for_refresh,
    with_device,
    written_out,
    zone_of,
)
from tests.dialogs import (
    CHOSEN,
    Client,
    add,
    certificates,
    fetch,
    handovers_of,
    link_of,
    renew,
    run_test,
    token_of_test,
)

DONE = ENGLISH["common"]["proof_done"]
DONE_BESIDE_OLDER = ENGLISH["common"]["proof_renewed"]


async def test_whole_life(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """A certificate is created, renewed, tested, expires, and its device is removed."""
    token = await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (first,) = certificates(sandbox)
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    assert told(events) == ["created"]
    assert state_of(hass, STATUS) == "active"
    assert state_of(hass, HANDOVER) == "taken"
    assert state_of(hass, EXPIRY) == state_of(hass, NEXT)
    expires_on = dt_util.parse_datetime(state_of(hass, EXPIRY))
    assert expires_on
    ends_on = written_out(dt_util.as_local(expires_on))
    assert await run_test(client, token) == DONE
    assert state_of(hass, HANDOVER) == "proven"
    assert reported(hass) == set()

    # A month before it expires, the event is fired once.
    await pass_time(hass, freezer, expires_on - dt_util.utcnow() - 30 * DAY)
    assert told(events) == ["expiring"]
    assert state_of(hass, STATUS) == "expiring"
    assert state_of(hass, PROBLEM) == "on"
    assert open_repairs(hass) == {
        "certificate_expiring": {"name": "Pixel 8", "date": ends_on}
    }
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert told(events) == []
    await pass_time(hass, freezer, 23 * DAY)
    assert open_repairs(hass) == {
        "certificate_urgent": {"name": "Pixel 8", "date": ends_on}
    }

    # Once the new certificate is fetched, it counts; the old one stays valid.
    result = await renew(hass, loaded_entry, subentry.subentry_id)
    token = await through_dialog(
        hass, client, result, {"validity": "90", "key_type": "ec_p256"}
    )
    await settle(hass)
    assert told(events) == ["renewed"]
    _, second = certificates(sandbox)
    assert certificates(sandbox) == {first: "active", second: "active"}
    assert state_of(hass, STATUS) == "active"
    assert state_of(hass, HANDOVER) == "taken"
    assert reported(hass) == set()
    assert state_of(hass, NEXT) == expires_on.isoformat()

    # Seven days after the device has used the new one, the old one is revoked.
    assert await run_test(client, token) == DONE_BESIDE_OLDER
    assert state_of(hass, HANDOVER) == "proven"
    await pass_time(hass, freezer, 7 * DAY)
    # It had expired by then, and is revoked all the same.
    assert told(events) == ["old_revoked"]
    assert certificates(sandbox) == {first: "revoked", second: "active"}

    # Without a renewal the certificate expires.
    await pass_time(hass, freezer, 54 * DAY)
    assert told(events) == ["expiring"]
    await pass_time(hass, freezer, 30 * DAY)
    assert told(events) == ["expired"]
    assert state_of(hass, STATUS) == "expired"
    assert state_of(hass, NEXT) == "unknown"
    assert reported(hass) == {"certificate_expired"}

    # When the device is removed, its certificates are revoked.
    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    await settle(hass)
    assert certificates(sandbox) == {first: "revoked", second: "revoked"}
    assert hass.states.get(STATUS) is None
    assert reported(hass) == set()


async def test_never_fetched(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The renewal revokes the certificate whose bundle nobody fetched."""
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    await submit(hass, result)
    await settle(hass)
    (unused,) = certificates(sandbox)
    assert state_of(hass, HANDOVER) == "waiting"

    await pass_time(hass, freezer, timedelta(minutes=11))
    assert state_of(hass, HANDOVER) == "missed"
    assert reported(hass) == {"handover_missed"}

    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    result = await renew(hass, loaded_entry, subentry.subentry_id)
    await through_dialog(
        hass, client, result, {"validity": "365", "key_type": "ec_p256"}
    )
    await settle(hass)
    await pass_time(hass, freezer, timedelta(0))

    assert certificates(sandbox).pop(unused) == "revoked"
    assert sorted(certificates(sandbox).values()) == ["active", "revoked"]
    assert state_of(hass, HANDOVER) == "taken"
    assert reported(hass) == set()


async def test_renew_button(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It creates a certificate with the same choices; a repair says where to download it."""
    await through_dialog(
        hass, client, await add(hass, loaded_entry), {**CHOSEN, "validity": "90"}
    )
    await settle(hass)
    await pass_time(hass, freezer, DAY)

    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": "button.pixel_8_renew"},
        blocking=True,
    )
    await settle(hass)

    _, renewed = zone_of(sandbox).certificates.values()
    assert renewed.validity_days == 90
    assert reported(hass) == {"certificate_ready"}
    (handover,) = handovers_of(hass)
    await fetch(client, handover.url)
    await settle(hass)
    assert reported(hass) == set()
    assert state_of(hass, HANDOVER) == "taken"


MANY = 100


@pytest.mark.parametrize(
    "devices",
    [
        [
            companion(
                name=f"Phone {number}",
                device_id=f"01JDEVICE{number:017}",
                subentry_id=f"01JCOMPANION{number:014}",
            )
            for number in range(MANY)
        ]
    ],
)
async def test_hundred_devices(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """Each device has its own status, and one refresh reads all of them."""
    for number in range(MANY):
        await add_known_certificate(
            hass,
            entry,
            sandbox,
            name=f"Phone {number}",
            device_id=f"01JDEVICE{number:017}",
            certificate_id=f"certificate-{number}",
            not_before=dt_util.utcnow() - DAY + timedelta(hours=1),
            days=20 + number,
        )
    await setup_integration(hass, entry)

    def stands(status: str) -> int:
        """Return how many devices have a certificate with this status."""
        return [
            state_of(hass, f"sensor.phone_{number}_certificate_status")
            for number in range(MANY)
        ].count(status)

    assert (stands("expiring"), stands("active")) == (11, 89)
    assert told(events).count("expiring") == 11
    assert state_of(hass, NEXT) == state_of(hass, "sensor.phone_0_certificate_expiry")

    sandbox.journal.clear()
    await pass_time(hass, freezer, 50 * DAY)
    assert (stands("expired"), stands("expiring"), stands("active")) == (31, 30, 39)
    kinds = told(events)
    assert (kinds.count("expired"), kinds.count("expiring")) == (31, 30)
    assert sandbox.journal.writes == []


@with_device
async def test_order_to_revoke_after_the_new_certificate_has_expired(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An old one cannot be ordered to be revoked only after its successor has expired."""
    await add_known_certificate(hass, loaded_entry, sandbox, days=365)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    wanted: dict[str, Any] = {
        "certificate_id": CERTIFICATE_ID,
        "key_type": "ec_p256",
        "validity_days": 30,
    }
    with pytest.raises(HomeAssistantError) as refused:
        await act(
            hass, loaded_entry, "renew_certificate", **wanted, revoke_old_after=30
        )
    assert refused.value.translation_key == "revoke_old_too_late"
    assert refused.value.translation_placeholders == {"days": "30"}
    assert len(certificates(sandbox)) == 1

    renewed = await act(
        hass, loaded_entry, "renew_certificate", **wanted, revoke_old_after=29
    )
    await fetch(client, link_of(hass, renewed))
    await pass_time(hass, freezer, 45 * DAY)
    # It was ordered in time, so it is done also where nobody looked for weeks.
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"


@with_device
async def test_proof_right_before_the_new_certificate_expires(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Within the days of grace it expires: then the older one is kept, which still works."""
    await add_known_certificate(hass, loaded_entry, sandbox, days=365)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    renewed = await act(
        hass,
        loaded_entry,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
        validity_days=5,
    )
    token = token_of_test(await fetch(client, link_of(hass, renewed)))
    assert await run_test(client, token) == DONE_BESIDE_OLDER

    await pass_time(hass, freezer, 20 * DAY)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert state_of(hass, STATUS) == "active"
    assert reported(hass) == set()
