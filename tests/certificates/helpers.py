"""Entity ids of a certificate, and steps that several tests share."""

import asyncio
from datetime import timedelta
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    settle,
    submit,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import Client, fetch, token_of_test

DAY = timedelta(days=1)
STATUS = "sensor.pixel_8_certificate_status"
EXPIRY = "sensor.pixel_8_certificate_expiry"
HANDOVER = "sensor.pixel_8_handover"
PROBLEM = "binary_sensor.pixel_8_certificate_problem"
NEXT = "sensor.home_lab_next_certificate_expiry"


def told(events: list[Event]) -> list[str]:
    """Return the types of the events since the last call."""
    kinds = [event.data["type"] for event in events]
    events.clear()
    return kinds


def open_repairs(hass: HomeAssistant) -> dict[str | None, dict[str, str] | None]:
    """Return the placeholders of the open repairs, by translation key."""
    return {
        issue.translation_key: issue.translation_placeholders
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN
    }


async def through_dialog(
    hass: HomeAssistant, client: Client, result: Any, chosen: dict[str, Any]
) -> str:
    """Go through a dialog, fetching the bundle on the device; return the token of its test."""
    result = await submit(hass, result, chosen)
    assert result["step_id"] == "handover"
    fetched = await fetch(client, result["description_placeholders"]["url"])
    await submit(hass, result)
    return token_of_test(fetched)


async def pass_time(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, time: timedelta
) -> None:
    """Let time pass, and wait for everything that is due."""
    freezer.tick(time)
    async_fire_time_changed(hass)
    await settle(hass)
    # The next refresh shows the changes.
    await wait_for_refresh(hass, freezer, EDGE_EVERY)


class _Unreadable:
    """A certificate that Cloudflare's answers give in a form that cannot be parsed."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self._certificate = certificate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._certificate, name)

    def public_bytes(self, encoding: Encoding) -> bytes:
        """Return text that is no certificate."""
        return b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def unreadable(sandbox: Sandbox, certificate_id: str) -> None:
    """Have Cloudflare list a certificate in a form that cannot be parsed."""
    listed = zone_of(sandbox).certificates[certificate_id]
    listed.certificate = cast("x509.Certificate", _Unreadable(listed.certificate))


async def trusted(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, bool]:
    """Return which certificates are trusted, as the action that lists them says."""
    response = await act(hass, entry, "list_certificates")
    return {
        item["certificate_id"]: item["trusted"] for item in response["certificates"]
    }


def restoring(
    hass: HomeAssistant, entry: MockConfigEntry, certificate_id: str = CERTIFICATE_ID
) -> asyncio.Task[object]:
    """Begin to restore a certificate."""
    return hass.async_create_task(
        act(hass, entry, "restore_certificate", certificate_id=certificate_id)
    )


async def look_often(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let an hour pass, in which what is due is done."""
    for _ in range(4):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
