"""Tests of a certificate's life: from the dialog over a renewal to its expiry."""

from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    EDGE_EVERY,
    act,
    add_certificate,
    companion,
    reported,
    settle,
    setup_integration,
    state_of,
    submit,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import CHOSEN, add, certificates, fetch, prove, renew
from tests.faults import Faults

type Client = TestClient[Any, Any]

DAY = timedelta(days=1)
STATUS = "sensor.pixel_8_certificate_status"
EXPIRY = "sensor.pixel_8_certificate_expiry"
HANDOVER = "sensor.pixel_8_handover"
PROBLEM = "binary_sensor.pixel_8_certificate_problem"
NEXT = "sensor.home_lab_next_certificate_expiry"


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> Client:
    """Return the browser of a phone that is not logged in."""
    return await hass_client_no_auth()


@pytest.fixture
def events(hass: HomeAssistant) -> list[Event]:
    """Return the certificate events, as they are fired."""
    return async_capture_events(hass, "cloudflare_mtls_certificate")


def told(events: list[Event]) -> list[str]:
    """Return the types of the events since the last call."""
    kinds = [event.data["type"] for event in events]
    events.clear()
    return kinds


def spoken_of(hass: HomeAssistant) -> dict[str | None, dict[str, str] | None]:
    """Return the placeholders of the open repairs, by translation key."""
    return {
        issue.translation_key: issue.translation_placeholders
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN
    }


async def through_dialog(
    hass: HomeAssistant, client: Client, result: Any, chosen: dict[str, Any]
) -> None:
    """Submit a dialog's choices, fetch the bundle on the device, and close the dialog."""
    result = await submit(hass, result, chosen)
    assert result["step_id"] == "handover"
    await fetch(client, result["description_placeholders"]["url"])
    await submit(hass, result)


async def pass_time(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, time: timedelta
) -> None:
    """Let time pass, and have everything happen that is due."""
    freezer.tick(time)
    async_fire_time_changed(hass)
    await settle(hass)
    # What happened just now shows at the next refresh.
    await wait_for_refresh(hass, freezer, EDGE_EVERY)


async def test_whole_life(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """A certificate is created, renewed, tested, expires, and its device is removed."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (first,) = certificates(sandbox)
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    assert told(events) == ["created"]
    assert state_of(hass, STATUS) == "active"
    assert state_of(hass, HANDOVER) == "taken"
    assert state_of(hass, EXPIRY) == state_of(hass, NEXT)
    expires_on = dt_util.parse_datetime(state_of(hass, EXPIRY))
    assert expires_on
    ends_on = f"{dt_util.as_local(expires_on):%Y-%m-%d}"
    assert await prove(client, first) == 200
    assert state_of(hass, HANDOVER) == "proven"
    assert reported(hass) == set()

    # A month before it expires, the event is fired once.
    await pass_time(hass, freezer, expires_on - dt_util.utcnow() - 30 * DAY)
    assert told(events) == ["expiring"]
    assert state_of(hass, STATUS) == "expiring"
    assert state_of(hass, PROBLEM) == "on"
    assert spoken_of(hass) == {
        "certificate_expiring": {"name": "Pixel 8", "date": ends_on}
    }
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert told(events) == []
    await pass_time(hass, freezer, 23 * DAY)
    assert spoken_of(hass) == {
        "certificate_urgent": {"name": "Pixel 8", "date": ends_on}
    }

    # Once the new certificate is fetched, it counts; the old one stays valid.
    result = await renew(hass, loaded_entry, subentry.subentry_id)
    await through_dialog(
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

    # Once the device has used the new one, the old one is revoked.
    assert await prove(client, second) == 200
    await pass_time(hass, freezer, timedelta(0))
    assert told(events) == ["revoked"]
    assert certificates(sandbox) == {first: "revoked", second: "active"}
    assert state_of(hass, HANDOVER) == "proven"
    assert await prove(client, first) == 404

    # Without a renewal the certificate expires.
    await pass_time(hass, freezer, 61 * DAY)
    assert told(events) == ["expiring"]
    await pass_time(hass, freezer, 30 * DAY)
    assert told(events) == ["expired"]
    assert state_of(hass, STATUS) == "expired"
    assert state_of(hass, NEXT) == "unknown"
    assert reported(hass) == {"certificate_expired"}
    assert await prove(client, second) == 404

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
    """The handover is missed; a renewal revokes the certificate that nobody has."""
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


async def test_old_one_is_revoked_after_the_chosen_days(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It need not be tested for that, and a reload changes nothing."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (old,) = certificates(sandbox)
    await pass_time(hass, freezer, DAY)

    response = await act(
        hass,
        loaded_entry,
        "renew_certificate",
        certificate_id=old,
        key_type="ec_p256",
        revoke_old_after=7,
    )
    await settle(hass)
    await fetch(client, response["handover_url"])
    await pass_time(hass, freezer, 6 * DAY)
    assert certificates(sandbox)[old] == "active"

    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await pass_time(hass, freezer, DAY)
    assert certificates(sandbox)[old] == "revoked"
    assert certificates(sandbox)[response["certificate_id"]] == "active"


async def test_restored_certificate_stays(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A restored certificate is not revoked again, although a newer one took over."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (old,) = certificates(sandbox)
    await pass_time(hass, freezer, DAY)
    response = await act(
        hass, loaded_entry, "renew_certificate", certificate_id=old, key_type="ec_p256"
    )
    await settle(hass)
    await fetch(client, response["handover_url"])
    assert await prove(client, response["certificate_id"]) == 200
    await pass_time(hass, freezer, timedelta(0))
    assert certificates(sandbox)[old] == "revoked"

    restored = await act(hass, loaded_entry, "restore_certificate", certificate_id=old)
    assert restored["certificate_id"] == old
    assert restored["status"] in ("pending_reactivation", "active")
    for _ in range(3):
        await pass_time(hass, freezer, DAY)
    assert certificates(sandbox)[old] == "active"


async def test_removed_while_cloudflare_is_out_of_reach(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The certificate of a removed device is revoked once Cloudflare answers."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    faults.unavailable("DELETE", "/client_certificates")
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    await settle(hass)
    assert list(certificates(sandbox).values()) == ["active"]
    assert spoken_of(hass) == {"revocation_pending": {"name": "Pixel 8"}}

    await hass.config_entries.async_unload(loaded_entry.entry_id)
    faults.clear()
    await hass.config_entries.async_setup(loaded_entry.entry_id)
    await settle(hass)

    await pass_time(hass, freezer, timedelta(0))
    assert list(certificates(sandbox).values()) == ["revoked"]
    assert reported(hass) == set()


async def test_removed_while_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The revocation is tried again at each refresh, although nothing else changes."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    fault = faults.unavailable("DELETE", "/client_certificates")
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    await settle(hass)
    for _ in range(3):
        tried = fault.hits
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert fault.hits == tried + 1
    assert reported(hass) == {"revocation_pending"}

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert list(certificates(sandbox).values()) == ["revoked"]
    assert reported(hass) == set()


async def test_revocation_closes_what_lets_the_revoked_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
) -> None:
    """Rules without `cert_revoked` are fixed before the certificate is revoked."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (certificate_id,) = certificates(sandbox)
    for rule in zone_of(sandbox).rules:
        rule.expression = rule.expression.replace(
            " or cf.tls_client_auth.cert_revoked", ""
        ).replace(" and not cf.tls_client_auth.cert_revoked", "")
    sandbox.journal.clear()

    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": "button.pixel_8_revoke_certificate"},
        blocking=True,
    )
    await settle(hass)

    kinds = [
        (write.method, write.path.split("/")[3]) for write in sandbox.journal.writes
    ]
    assert kinds[-1] == ("DELETE", "client_certificates")
    assert set(kinds[:-1]) == {("PATCH", "rulesets")}
    assert all(
        "cert_revoked" in rule.expression
        for rule in zone_of(sandbox).rules
        if rule.ref.startswith("cloudflare_mtls")
    )
    assert certificates(sandbox)[certificate_id] == "revoked"


async def test_revoked_in_the_dashboard(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """A revocation by somebody else is shown, and fires the event."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (certificate,) = zone_of(sandbox).certificates.values()
    told(events)

    certificate.status = CertificateStatus.PENDING_REVOCATION
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, STATUS) == "revoking"
    certificate.status = CertificateStatus.REVOKED
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, STATUS) == "revoked"
    assert state_of(hass, PROBLEM) == "on"
    assert told(events) == ["revoked"]


async def test_gone_from_cloudflare(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The entities show that the device has no certificate."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    zone_of(sandbox).certificates.clear()
    await pass_time(hass, freezer, timedelta(minutes=2))

    assert state_of(hass, STATUS) == "missing"
    assert state_of(hass, EXPIRY) == "unknown"
    assert state_of(hass, HANDOVER) == "unknown"
    assert state_of(hass, PROBLEM) == "on"


async def test_renew_button(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It creates a certificate like the last one; a notification says where to fetch it."""
    await through_dialog(
        hass, client, await add(hass, loaded_entry), {**CHOSEN, "validity": "90"}
    )
    await settle(hass)
    await pass_time(hass, freezer, DAY)

    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": "button.pixel_8_renew_certificate"},
        blocking=True,
    )
    await settle(hass)

    _, renewed = zone_of(sandbox).certificates.values()
    assert renewed.validity_days == 90
    (notification,) = hass.data["persistent_notification"].values()
    assert notification["title"] == "A certificate waits for Pixel 8"
    url = notification["message"].partition("](")[2].partition(")")[0]
    await fetch(client, url)
    await settle(hass)
    assert hass.data["persistent_notification"] == {}
    assert state_of(hass, HANDOVER) == "taken"


async def test_certificates_from_elsewhere(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """Valid certificates that nobody here made are reported, but not those of another Home Assistant."""
    await add_certificate(
        sandbox, name="[Cloudflare](x)`", organization="", device_id="x"
    )
    await add_certificate(sandbox, name="Neighbour", certificate_id="theirs")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(events) == ["unknown_certificate"]
    assert reported(hass) == {"certificates_elsewhere"}

    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert told(events) == []
    assert reported(hass) == {"certificates_elsewhere"}


async def test_pinned_certificates_leave_others_outside(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Certificates that are not pinned do not get in, so they are not reported."""
    hass.config_entries.async_update_entry(
        loaded_entry, options={"pin_certificates": True}
    )
    await settle(hass)
    await add_certificate(sandbox, name="Cloudflare", organization="", device_id="x")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == set()


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
        await add_certificate(
            sandbox,
            name=f"Phone {number}",
            device_id=f"01JDEVICE{number:017}",
            certificate_id=f"certificate-{number}",
            not_before=dt_util.utcnow() - DAY + timedelta(hours=1),
            days=20 + number,
        )
    await setup_integration(hass, entry)

    def stands(status: str) -> int:
        """Count the devices whose certificate has this status."""
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
