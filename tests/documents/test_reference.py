"""Tests of docs/reference.md: it is up to date, and actions and events have the fields that it lists."""

from collections.abc import Iterator
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.cloudflare_mtls.const import (
    DOMAIN,
    EVENT_CERTIFICATE,
    EVENT_FIXED,
    EVENT_LOGIN,
)
from custom_components.cloudflare_mtls.engine.access import checked_writes
from sandbox import Sandbox
from sandbox.state import DnsRecord
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    act,
    blocked_request,
    device_id_of,
    settle,
    wait_for_refresh,
    zone_of,
)
from tests.engine.access.helpers import HOME, OWNER, STRANGER
from tests.logins import LOGIN_ID, log_in, login, only_another_login
from tests.test_login_entities import LOG_EVERY

from .reference.actions import documented_response
from .reference.document import DOCUMENT, parts, write
from .reference.events import documented_fields

# Its keys are ports.
_PORTS = "other_ports"


def names_in(answer: Any, path: str = "") -> Iterator[str]:
    """Yield the names of all that an answer holds; a dot leads into what is nested."""
    if isinstance(answer, list):
        for item in answer:
            yield from names_in(item, path)
    elif isinstance(answer, dict):
        for key, item in answer.items():
            yield f"{path}{key}"
            if key != _PORTS:
                yield from names_in(item, f"{path}{key}.")


def test_page_is_up_to_date() -> None:
    """If this fails, run scripts/docs reference."""
    assert DOCUMENT.read_text("utf-8") == write()


def test_page_has_every_part() -> None:
    """None of them was lost with its marks."""
    assert sorted(parts()) == [
        "actions",
        "checks",
        "conditions",
        "dialogs",
        "entities",
        "events",
        "needed permissions",
        "optional permissions",
        "repairs",
        "triggers",
        "verdicts",
    ]


@pytest.fixture(autouse=True)
def _no_other_application(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without a login there, and do not wait before a refused write is repeated."""
    only_another_login(sandbox)
    monkeypatch.setattr(checked_writes, "REFUSAL_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(checked_writes, "POLICY_PAUSES", 3 * (0.0,))


class TestResponses:
    """Every action is called, where it has something to tell."""

    async def test_certificates(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        created = await act(
            hass, loaded_entry, "mint_certificate", name="Pixel 8", key_type="ec_p256"
        )
        certificate = {"certificate_id": created["certificate_id"]}
        for action, fields in {
            "renew_certificate": {**certificate, "key_type": "ec_p256"},
            "list_certificates": {},
            "revoke_certificate": certificate,
            "restore_certificate": certificate,
        }.items():
            response = await act(hass, loaded_entry, action, **fields)
            await settle(hass)
            assert set(names_in(response)) == documented_response(action), action
        assert set(names_in(created)) == documented_response("mint_certificate")

    async def test_changes(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        """A record of somebody else is in the way. To remove the hostname tells the same."""
        zone_of(sandbox).dns_records.clear()
        zone_of(sandbox).add_dns_record(DnsRecord("A", HOSTNAME, "192.0.2.7"))
        zone_of(sandbox).associations = []

        response = await act(hass, loaded_entry, "sync")

        assert set(names_in(response)) == documented_response("sync")

        removed = await hass.services.async_call(
            DOMAIN,
            "remove_hostname",
            {"device_id": device_id_of(hass, loaded_entry, HOSTNAME_ID)},
            blocking=True,
            return_response=True,
        )

        assert removed
        assert removed.keys() == response.keys()
        assert documented_response("remove_hostname") == documented_response("sync")

    async def test_others_on_a_hostname(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        sandbox.state.blocked.append(blocked_request())
        for rule in zone_of(sandbox).rules:
            rule.enabled = rule.ref != BLOCK_REF
        for action in ("verify", "get_blocked_requests"):
            response = await act(hass, loaded_entry, action, hostname=HOSTNAME)
            assert set(names_in(response)) == documented_response(action), action

        response = await act(hass, loaded_entry, "create_tunnel", name="cottage")
        assert set(names_in(response)) == documented_response("create_tunnel")

    async def test_new_login(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        """The home's own country is shut out, which is a problem that is told."""
        hass.config.country = "DE"

        response = await act(
            hass,
            loaded_entry,
            "protect_with_access",
            hostname=HOME,
            emails=[OWNER],
            countries=["AT"],
        )
        await settle(hass)

        assert set(names_in(response)) == documented_response("protect_with_access")

    @pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
    async def test_logins(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        log_in(sandbox, STRANGER, allowed=False)
        freezer.tick(60)

        response = await hass.services.async_call(
            DOMAIN,
            "get_access_logins",
            {"device_id": device_id_of(hass, loaded_entry, LOGIN_ID)},
            blocking=True,
            return_response=True,
        )

        assert set(names_in(response)) == documented_response("get_access_logins")


class TestEvents:
    """Every event is fired."""

    async def test_certificate(
        self, hass: HomeAssistant, loaded_entry: MockConfigEntry
    ) -> None:
        events = async_capture_events(hass, EVENT_CERTIFICATE)
        await act(hass, loaded_entry, "mint_certificate", name="X", key_type="ec_p256")
        await settle(hass)
        assert events[0].data.keys() == documented_fields(EVENT_CERTIFICATE)

    async def test_fixed(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        events = async_capture_events(hass, EVENT_FIXED)
        for rule in zone_of(sandbox).rules:
            rule.enabled = rule.ref != BLOCK_REF
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        (event,) = events
        assert event.data.keys() == documented_fields(EVENT_FIXED)

    @pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
    async def test_login(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        events = async_capture_events(hass, EVENT_LOGIN)
        log_in(sandbox)
        await wait_for_refresh(hass, freezer, LOG_EVERY)
        (event,) = events
        assert event.data.keys() == documented_fields(EVENT_LOGIN)
