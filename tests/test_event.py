"""Tests of the events: what was fixed, and what happened to certificates."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, EventOrigin, HomeAssistant, State
from homeassistant.exceptions import Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
    async_capture_events,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.cloudflare_mtls.const import EVENT_CERTIFICATE, EVENT_FIXED
from sandbox import Sandbox
from sandbox.state import CertificateStatus

from .common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    SKIP_REF,
    act,
    add_certificate,
    add_known_certificate,
    device_id_of,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from .faults import Faults

FIXED = "event.home_mobile_example_com_fixed"
CERTIFICATE = "event.home_lab_certificate"


def disable_block(sandbox: Sandbox) -> None:
    """Disable our block rule, as a person does in the dashboard."""
    for rule in zone_of(sandbox).rules:
        rule.enabled = rule.ref != BLOCK_REF


async def test_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The event has the changes and the hostname's device."""
    events = async_capture_events(hass, "cloudflare_mtls_fixed")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    before = state_of(hass, FIXED)
    assert events == []

    disable_block(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    (event,) = events
    (step,) = event.data["steps"]
    assert event.data == {
        "config_entry_id": loaded_entry.entry_id,
        "device_id": device_id_of(hass, loaded_entry, HOSTNAME_ID),
        "hostname": HOSTNAME,
        "steps": [step],
    }
    assert (step["kind"], step["action"]) == ("block_rule", "update")
    state = hass.states.get(FIXED)
    assert state
    assert state.state != before
    assert state.attributes["event_type"] == "fixed"
    (shown,) = state.attributes["steps"]
    assert shown == {
        "kind": "block_rule",
        "action": "update",
        "target": step["target"],
    }


class TestExemptPath:
    """A hostname with a path that needs no certificate."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings with a path whose name is as good as a password."""
        return {**settings, "exempt_paths": ["/local/s3cr3t-folder/"]}

    @pytest.mark.parametrize("ref", [BLOCK_REF, SKIP_REF])
    async def test_no_state_shows_it(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        ref: str,
    ) -> None:
        """Every user reads states, and who may only look must not learn the path."""
        for rule in zone_of(sandbox).rules:
            rule.enabled = rule.ref != ref
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        states = [state.as_dict() for state in hass.states.async_all()]
        assert state_of(hass, FIXED) != "unknown"
        assert "s3cr3t" not in str(states)


async def test_fix_that_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """No event is fired for a change that Cloudflare refused."""
    events = async_capture_events(hass, "cloudflare_mtls_fixed")
    disable_block(sandbox)
    faults.unavailable("PATCH", "/rules/")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert events == []

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert [event.data["hostname"] for event in events] == [HOSTNAME]


class TestWithoutKeepingInSync:
    """A hostname that is not kept in sync."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings that do not keep the hostname in sync."""
        return {**settings, "keep_in_sync": False}

    async def test_nothing_is_fixed(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Nothing is written, so no event is fired."""
        events = async_capture_events(hass, "cloudflare_mtls_fixed")
        sandbox.journal.clear()
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert events == []
        assert sandbox.journal.writes == []

    async def test_fix_that_a_person_asked_for(
        self, hass: HomeAssistant, loaded_entry: MockConfigEntry, sandbox: Sandbox
    ) -> None:
        """It is told like one that nobody asked for."""
        await act(hass, loaded_entry, "sync")
        events = async_capture_events(hass, "cloudflare_mtls_fixed")
        disable_block(sandbox)
        await act(hass, loaded_entry, "sync", dry_run=True)
        assert events == []

        await act(hass, loaded_entry, "sync")

        (event,) = events
        assert [step["kind"] for step in event.data["steps"]] == ["block_rule"]


async def test_certificate(hass: HomeAssistant, loaded_entry: MockConfigEntry) -> None:
    """The account's event entity has the same details, but the certificate's id."""
    assert state_of(hass, CERTIFICATE) == "unknown"
    events = async_capture_events(hass, "cloudflare_mtls_certificate")

    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    await settle(hass)

    (event,) = events
    details = {
        "device_id": created["device_id"],
        "name": "Pixel 8",
        "expires_on": created["expires_on"],
    }
    assert event.data == {
        "type": "created",
        "config_entry_id": loaded_entry.entry_id,
        "certificate_id": created["certificate_id"],
        **details,
    }
    state = hass.states.get(CERTIFICATE)
    assert state
    assert state.attributes["event_type"] == "created"
    assert details.items() <= state.attributes.items()
    assert created["certificate_id"] not in str(state.attributes)

    await act(
        hass,
        loaded_entry,
        "renew_certificate",
        certificate_id=created["certificate_id"],
    )
    event = events[1]
    assert event.data["type"] == "renewed"
    assert event.data["device_id"] == created["device_id"]


async def test_certificates_of_another_account(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """The event entity of an account ignores the certificates of others."""
    hass.bus.async_fire(
        "cloudflare_mtls_certificate",
        {"type": "created", "config_entry_id": "another", "name": "Tablet"},
    )
    await settle(hass)

    assert state_of(hass, CERTIFICATE) == "unknown"


def companion_event(hass: HomeAssistant, name: str) -> State:
    """Return the state of a companion device's event entity."""
    state = hass.states.get(f"event.{name}_certificate")
    assert state
    return state


@with_device
async def test_each_device_tells_of_its_own_certificates(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """The logbook of a device says what happened to it, and nothing of another one."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)

    created = await act(hass, entry, "mint_certificate", name="Tablet")
    await settle(hass)

    tablet = companion_event(hass, "tablet")
    assert tablet.attributes["event_type"] == "created"
    assert tablet.attributes["name"] == "Tablet"
    assert tablet.attributes["expires_on"] == created["expires_on"]
    assert created["certificate_id"] not in str(tablet.attributes)
    assert state_of(hass, "event.pixel_8_certificate") == "unknown"

    await act(hass, entry, "renew_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)

    assert companion_event(hass, "pixel_8").attributes["event_type"] == "renewed"
    assert companion_event(hass, "tablet") == tablet


@with_device
@pytest.mark.parametrize(
    ("change", "passed", "kind"),
    [("revoke", 0, "revoked"), ("", 320, "expiring"), ("", 350, "expired")],
)
async def test_device_tells_what_nobody_did_here(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    change: str,
    passed: int,
    kind: str,
) -> None:
    """What happens at Cloudflare, or with time, is told like what a person does here."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    assert state_of(hass, "event.pixel_8_certificate") == "unknown"

    if change:
        listed = zone_of(sandbox).certificates[CERTIFICATE_ID]
        listed.status = CertificateStatus.REVOKED
    freezer.tick(timedelta(days=passed))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert companion_event(hass, "pixel_8").attributes["event_type"] == kind


@with_device
async def test_unknown_certificate_that_names_a_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A subject proves nothing, so only the account tells of it."""
    await add_certificate(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    account = hass.states.get(CERTIFICATE)
    assert account
    assert account.attributes["event_type"] == "unknown_certificate"
    assert state_of(hass, "event.pixel_8_certificate") == "unknown"


async def test_only_administrators_hear_of_ids(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    hass_admin_user: MockUser,
    hass_read_only_user: MockUser,
    hass_read_only_access_token: str,
) -> None:
    """The events are not for users who may only look, nor are the actions."""
    socket = await hass_ws_client(hass, hass_read_only_access_token)
    await socket.send_json_auto_id(
        {"type": "subscribe_events", "event_type": "cloudflare_mtls_certificate"}
    )
    answer = await socket.receive_json()
    assert answer["error"]["code"] == "unauthorized"
    action = {"config_entry_id": loaded_entry.entry_id}
    context = Context(user_id=hass_read_only_user.id)
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            "cloudflare_mtls",
            "list_certificates",
            action,
            blocking=True,
            return_response=True,
            context=context,
        )


async def test_event_that_an_app_fires(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, hass_read_only_user: MockUser
) -> None:
    """Every user's app may do so: no entity believes it."""
    before = state_of(hass, CERTIFICATE), state_of(hass, FIXED)
    forged = {
        "type": "revoked",
        "config_entry_id": loaded_entry.entry_id,
        "device_id": None,
        "certificate_id": "x",
        "name": "Pixel 8",
        "expires_on": None,
    }
    context = Context(user_id=hass_read_only_user.id)
    hass.bus.async_fire(EVENT_CERTIFICATE, forged, EventOrigin.remote, context)
    fixed = {"hostname": HOSTNAME, "steps": []}
    hass.bus.async_fire(EVENT_FIXED, fixed, EventOrigin.remote, context)
    await settle(hass)
    assert (state_of(hass, CERTIFICATE), state_of(hass, FIXED)) == before

    hass.bus.async_fire(EVENT_CERTIFICATE, forged)
    await settle(hass)
    assert state_of(hass, CERTIFICATE) != before[0]
