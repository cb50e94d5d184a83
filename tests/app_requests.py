"""Requests of apps and browsers to Home Assistant, as the edge sends them on, for the tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from socket import herror
from typing import Any
from unittest.mock import patch

from aiohttp import web
from aiohttp.test_utils import TestClient
from cryptography import x509
from homeassistant.components import http, webhook
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import slugify
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox

from .common import add_known_certificate, setup_integration

_WEBHOOK_ID = "webhook-of-the-phone"
_BATTERY = "sensor.phone_battery"

type Client = TestClient[Any, Any]


async def prepare(hass: HomeAssistant) -> None:
    """Have Home Assistant answer apps; once a client is connected, that is not possible any more."""
    for domain in ("api", "websocket_api", "webhook"):
        assert await async_setup_component(hass, domain, {})
    er.async_get(hass).async_get_or_create(
        "sensor", "mobile_app", "battery", suggested_object_id="phone_battery"
    )

    async def measured(
        hass: HomeAssistant, webhook_id: str, request: web.Request
    ) -> None:
        hass.states.async_set(_BATTERY, await request.text())

    webhook.async_register(hass, "mobile_app", "Phone", _WEBHOOK_ID, measured)


async def set_up_with_phone(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> x509.Certificate:
    """Set up an account, have Home Assistant answer apps, and return the certificate of its phone."""
    certificate = await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await prepare(hass)
    return certificate


async def log_in(client: Client, headers: Mapping[str, str], token: str) -> None:
    """Connect as the app does."""
    async with client.ws_connect("/api/websocket", headers=headers) as connection:
        await connection.receive_json()
        await connection.send_json({"type": "auth", "access_token": token})
        answer = await connection.receive_json()
    assert answer["type"] == "auth_ok"


async def fail_to_log_in(client: Client, headers: Mapping[str, str]) -> None:
    """Try an access token that is none."""
    guessed = {**headers, "Authorization": "Bearer guessed"}
    # Nobody here knows the names of strangers.
    with patch(f"{http.__name__}.ban.gethostbyaddr", side_effect=herror):
        answer = await client.get("/api/config", headers=guessed)
    assert answer.status == HTTPStatus.UNAUTHORIZED


async def send_battery(
    client: Client, headers: Mapping[str, str], level: str = "80"
) -> None:
    """Send what the app measured, in the background."""
    answer = await client.post(
        f"/api/webhook/{_WEBHOOK_ID}", headers=headers, data=level
    )
    assert answer.ok


@dataclass(frozen=True)
class App:
    """A companion app that is registered with Home Assistant."""

    device_id: str
    webhook_id: str

    async def send(self, client: Client, headers: Mapping[str, str]) -> None:
        """Send what the app measured, in the background."""
        path = f"/api/webhook/{self.webhook_id}"
        assert (await client.post(path, headers=headers, data="80")).ok


def register_app(hass: HomeAssistant, name: str) -> App:
    """Register an app with Home Assistant."""
    slug = slugify(name)
    webhook_id = f"webhook-of-{slug}"
    entry = MockConfigEntry(
        domain="mobile_app", title=name, data={"webhook_id": webhook_id}
    )
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("mobile_app", slug)}, name=name
    )
    battery = er.async_get(hass).async_get_or_create(
        "sensor", "mobile_app", slug, config_entry=entry, device_id=device.id
    )

    async def measured(
        hass: HomeAssistant, webhook_id: str, request: web.Request
    ) -> None:
        hass.states.async_set(battery.entity_id, await request.text())

    webhook.async_register(hass, "mobile_app", name, webhook_id, measured)
    return App(device.id, webhook_id)
