"""Tests of the diagnostics of login hostnames: how they stand, and nothing personal."""

import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox

from .common import device_id_of, wait_for_refresh
from .engine.access.helpers import HOME, OWNER, PARTNER, STRANGER, settings
from .logins import LOGIN_ID, application_at, log_in, login, only_another_login
from .test_login_entities import LOG_EVERY

WEBHOOK = "/api/webhook/5up3rs3cr3t"


@pytest.fixture(autouse=True)
def _no_other_application(sandbox: Sandbox) -> None:
    """Begin without a login there."""
    only_another_login(sandbox)


@pytest.mark.parametrize(
    "devices",
    [[login(settings(OWNER, PARTNER, open_paths=frozenset({WEBHOOK})))]],
    ids=["with login"],
)
async def test_nothing_personal(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    device_registry: dr.DeviceRegistry,
    hass_client: ClientSessionGenerator,
) -> None:
    """A person can publish them: they count people and paths, and name none."""
    log_in(sandbox, STRANGER, allowed=False)
    log_in(sandbox)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    device = device_registry.async_get(device_id_of(hass, loaded_entry, LOGIN_ID))
    assert isinstance(device, dr.DeviceEntry)

    whole = await get_diagnostics_for_config_entry(hass, hass_client, loaded_entry)
    own: Any = await get_diagnostics_for_device(hass, hass_client, loaded_entry, device)

    assert whole["logins"] == [own]
    assert own == {
        "people": 2,
        "countries": 0,
        "login_methods": 0,
        "one_time_pin": True,
        "session": 7 * 24 * 3600,
        "open_paths": 1,
        "keep_in_sync": True,
        "demanded_by_connector": False,
        "adopted": False,
        "stage": "kept",
        "asked_by": "ours",
        "differences": [],
        "steps": [],
        "problems": [],
        "logins": 2,
        "refused": 1,
    }
    application = application_at(sandbox)
    assert application
    text = json.dumps([whole, own]).lower()
    for secret in (
        *(HOME, OWNER, PARTNER, STRANGER, "5up3rs3cr3t", "203.0.113.7"),
        *(application.id, application.aud),
    ):
        assert secret.lower() not in text
