"""Tests of the blueprint that notifies a phone about certificates."""

from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)

from sandbox import Sandbox
from tests.certificates.test_mobile_app import register

from .certificates.helpers import unreadable
from .common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    add_certificate,
    add_known_certificate,
    companion,
    settle,
    wait_for_refresh,
    written_out,
)

BLUEPRINTS = Path(__file__).parents[1] / "blueprints"
EXPIRY = "cloudflare_mtls/certificate_expiry.yaml"


@pytest.fixture
def devices() -> list[Any]:
    """Return one device, whose certificate expires soon."""
    return [companion()]


@pytest.fixture
def phone_id(hass: HomeAssistant, device_registry: dr.DeviceRegistry) -> str:
    """Return a phone with the companion app."""
    return register(hass, device_registry, "Android", "35")


@pytest.fixture
def notifications(hass: HomeAssistant) -> list[ServiceCall]:
    """Return the notifications that the phone gets."""
    return async_mock_service(hass, "notify", "mobile_app_anna_s_phone")


async def automate(
    hass: HomeAssistant, folder: Path, phone_id: str, **inputs: bool
) -> None:
    """Create an automation from the blueprint, as the front end does."""
    shutil.copytree(BLUEPRINTS, folder / "blueprints")
    hass.config.config_dir = str(folder)
    blueprint = {"path": EXPIRY, "input": {"notify_device": phone_id, **inputs}}
    config = {AUTOMATION: {"alias": "Expiry", "use_blueprint": blueprint}}
    assert await async_setup_component(hass, AUTOMATION, config)
    await settle(hass)
    state = hass.states.get("automation.expiry")
    assert state
    assert state.state == "on"


def told(notifications: list[ServiceCall]) -> list[str]:
    """Return the titles of the notifications since the last call."""
    titles = [item.data["title"] for item in notifications]
    notifications.clear()
    return titles


async def test_certificate_that_expires(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """The phone is notified a month before the expiry, and again after it."""
    await automate(hass, tmp_path, phone_id)
    certificate = await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(notifications) == []

    freezer.move_to(certificate.not_valid_after_utc - timedelta(days=29))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "while the device is at home" in notifications[0].data["message"]
    tag = notifications[0].data["data"]["tag"]
    assert tag == f"cloudflare_mtls_{CERTIFICATE_ID}"
    # In the home's time zone it is the day before.
    end = certificate.not_valid_after_utc.date() - timedelta(days=1)
    assert told(notifications) == [
        f"The certificate of Pixel 8 expires on {written_out(end)}"
    ]
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(notifications) == []

    freezer.move_to(certificate.not_valid_after_utc)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "can't connect from outside" in notifications[0].data["message"]
    assert told(notifications) == ["The certificate of Pixel 8 has expired"]


async def test_certificate_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """It has neither a name nor a date, but Cloudflare's id."""
    await automate(hass, tmp_path, phone_id)

    await add_certificate(sandbox)
    unreadable(sandbox, CERTIFICATE_ID)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert told(notifications) == [f"Unknown certificate: {CERTIFICATE_ID}"]


@pytest.mark.parametrize(
    ("inputs", "titles"),
    [
        ({}, ["Unknown certificate: Somebody's"]),
        ({"tell_of_unknown": False}, []),
    ],
)
async def test_certificate_from_elsewhere(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    phone_id: str,
    notifications: list[ServiceCall],
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
    inputs: dict[str, bool],
    titles: list[str],
) -> None:
    """A certificate made without Home Assistant is reported, unless a person turned that off."""
    await automate(hass, tmp_path, phone_id, **inputs)

    await add_certificate(sandbox, name="Somebody's", organization="", device_id="?")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert told(notifications) == titles
