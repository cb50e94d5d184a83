"""A certificate that several companion apps use in turn: somebody copied it, and that is told."""

from typing import Any

from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import webhook
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.app_requests import App, Client, register_app, set_up_with_phone
from tests.certificates.helpers import open_repairs
from tests.common import (
    act,
    companion,
    fingerprint_of,
    reported,
    settle,
    setup_integration,
)
from tests.dialogs import certificates
from tests.identities import told_headers
from tests.restarts import restarted, same_account

KEY = "certificate_shared"


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.fixture
async def headers(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    sandbox: Sandbox,
    entry: MockConfigEntry,
) -> dict[str, str]:
    """Return the headers of requests with the phone's certificate; the account is set up."""
    certificate = await set_up_with_phone(hass, sandbox, entry)
    return told_headers(sandbox, fingerprint_of(certificate))


@pytest.fixture
async def client(
    headers: dict[str, str], hass_client_no_auth: ClientSessionGenerator
) -> Client:
    """Return what sends requests to Home Assistant, through the tunnel."""
    return await hass_client_no_auth()


@pytest.fixture
def phone(hass: HomeAssistant, headers: dict[str, str]) -> App:
    """Return the app on the phone."""
    return register_app(hass, "Anna's `phone`")


@pytest.fixture
def tablet(hass: HomeAssistant, headers: dict[str, str]) -> App:
    """Return the app on a tablet."""
    return register_app(hass, "Tablet")


@pytest.fixture
async def shared(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    events: list[Event],
    phone: App,
    tablet: App,
) -> None:
    """Have both use the certificate in turn."""
    for app in (phone, tablet, phone):
        await app.send(client, headers)
    await settle(hass)


def told(events: list[Event]) -> list[Event]:
    """Return the events that tell of a shared certificate."""
    return [event for event in events if event.data["type"] == "shared"]


async def test_both_are_named(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    events: list[Event],
    tablet: App,
    shared: None,
) -> None:
    """The repair and the event come once."""
    apps = "- `Anna's 'phone'`\n- `Tablet`"
    assert open_repairs(hass) == {KEY: {"name": "Pixel 8", "apps": apps}}
    [event] = told(events)
    assert event.data["name"] == "Pixel 8"
    await tablet.send(client, headers)
    await settle(hass)
    assert told(events) == [event]


async def test_third_app(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    events: list[Event],
    phone: App,
    shared: None,
) -> None:
    """It is told as well, also to who ignored the two."""
    watch = register_app(hass, "Watch")
    for app in (watch, phone):
        await app.send(client, headers)
    await settle(hass)
    apps = "- `Anna's 'phone'`\n- `Tablet`\n- `Watch`"
    assert open_repairs(hass) == {KEY: {"name": "Pixel 8", "apps": apps}}
    assert len(told(events)) == 2


async def test_app_that_is_installed_again(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    events: list[Event],
    phone: App,
    tablet: App,
) -> None:
    """It is another one to Home Assistant, and its former self is never heard of again."""
    for app in (phone, phone, tablet, tablet):
        await app.send(client, headers)
    await settle(hass)
    assert reported(hass) == set()
    assert told(events) == []


async def test_request_of_another_that_writes_its_state(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    phone: App,
    tablet: App,
) -> None:
    """An automation may write the states of all apps while it answers one of them."""
    states = [
        item.entity_id
        for item in er.async_get(hass).entities.values()
        if item.platform == "mobile_app"
    ]

    async def started(
        hass: HomeAssistant, webhook_id: str, request: web.Request
    ) -> None:
        for _ in range(2):
            for entity_id in states:
                hass.states.async_set(entity_id, "unavailable", force_update=True)

    webhook.async_register(hass, "automation", "Button", "button", started)
    await App("", "button").send(client, headers)
    await settle(hass)
    assert reported(hass) == set()


async def test_apps_of_two_certificates(
    hass: HomeAssistant,
    client: Client,
    headers: dict[str, str],
    sandbox: Sandbox,
    phone: App,
    tablet: App,
) -> None:
    """Each has its own."""
    other = told_headers(sandbox, "0a" * 32)
    for _ in range(2):
        await phone.send(client, headers)
        await tablet.send(client, other)
    await settle(hass)
    assert KEY not in reported(hass)


async def test_app_that_is_deleted(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    tablet: App,
    shared: None,
) -> None:
    """One is left."""
    device_registry.async_remove_device(tablet.device_id)
    await settle(hass)
    assert reported(hass) == set()


async def test_revoked_certificate(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, shared: None
) -> None:
    """Neither of them can connect any more."""
    [certificate_id] = certificates(sandbox)
    await act(hass, entry, "revoke_certificate", certificate_id=certificate_id)
    await settle(hass)
    assert KEY not in reported(hass)


async def test_restart(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    entry: MockConfigEntry,
    events: list[Event],
    shared: None,
) -> None:
    """It is told still, and not as news."""
    async with restarted(hass) as again:
        for each in hass.config_entries.async_entries("mobile_app"):
            assert isinstance(each, MockConfigEntry)
            same_account(each).add_to_hass(again)
        await setup_integration(again, same_account(entry))
        assert KEY in reported(again)
    assert len(told(events)) == 1
