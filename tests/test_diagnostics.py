"""Tests of the diagnostics: enough to find a fault, nothing that opens a door."""

import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, Setting

from .common import (
    CERTIFICATE_ID,
    COMPANION_ID,
    DEVICE_ID,
    EDGE_EVERY,
    add_certificate,
    companion,
    reported,
    setup_integration,
    wait_for_refresh,
)


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a hostname with a path that stays open."""
    return {**settings, "exempt_paths": ["/api/webhook/"]}


@pytest.mark.freeze_time("2026-11-21T12:00:00+00:00")
@pytest.mark.parametrize(
    "devices",
    [
        [
            companion(notify_device_id="0123456789abcdef0123456789abcdef"),
            companion(
                name="Watch",
                platform="wear_os",
                device_id="01JDEVICE00000000000000002",
                subentry_id="01JCOMPANION00000000000002",
            ),
        ]
    ],
    ids=["two devices"],
)
async def test_diagnostics(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    snapshot: SnapshotAssertion,
) -> None:
    """What a person may put into a public issue tells nothing of whose it is."""
    certificate = await add_certificate(sandbox)
    await add_certificate(
        sandbox, name="Terraform", organization="Somebody", certificate_id="foreign"
    )
    await setup_integration(hass, entry)

    diagnostics = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    assert diagnostics == snapshot
    text = json.dumps(diagnostics).lower()
    for secret in (
        sandbox.token,
        sandbox.account_id,
        sandbox.zone_id,
        sandbox.tunnel_id,
        "example.com",
        "homeassistant.local",
        "198.51.100.7",
        "home lab",
        "pixel",
        "terraform",
        "watch",
        DEVICE_ID,
        "01JDEVICE00000000000000002",
        COMPANION_ID,
        "0123456789abcdef0123456789abcdef",
        CERTIFICATE_ID,
        f"{certificate.serial_number:X}",
        "BEGIN CERTIFICATE",
    ):
        assert secret.lower() not in text


async def test_repairs_in_diagnostics(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """Home Assistant adds the ids of the repairs, which name nobody's zone either."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.settings["websockets"] = Setting("off", sandbox.clock.now())
    await setup_integration(hass, entry)
    assert reported(hass) == {"check_websockets_off"}

    assert await async_setup_component(hass, "diagnostics", {})
    client = await hass_client()
    answer = await client.get(f"/api/diagnostics/config_entry/{entry.entry_id}")
    text = await answer.text()

    assert len(json.loads(text)["issues"]) == 1
    assert "example.com" not in text


@pytest.mark.parametrize("devices", [[companion()]])
async def test_diagnostics_of_what_cannot_be_seen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
) -> None:
    """Without permissions there is little to tell, and that is told."""
    sandbox.state.tokens[sandbox.token].permissions = ALL_PERMISSIONS - {
        "ssl:edit",
        "tunnel:edit",
    }
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    diagnostics = await get_diagnostics_for_config_entry(
        hass, hass_client, loaded_entry
    )

    assert diagnostics["zones"] == [None]
    assert diagnostics["tunnels"] == []
    assert diagnostics["certificates"] == []
    assert diagnostics["devices"] == [
        {"platform": "android", "standing": None, "days_left": None, "handover": None}
    ]
    assert diagnostics["visits"] == [{"443": "blocked", "8443": "blocked"}]


async def test_diagnostics_tell_drift(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
) -> None:
    """What is left to do is told by its kind alone."""
    (subentry,) = loaded_entry.subentries.values()
    hass.config_entries.async_update_subentry(
        loaded_entry, subentry, data={**subentry.data, "keep_in_sync": False}
    )
    for rule in sandbox.state.zones[sandbox.zone_id].rules:
        rule.enabled = False
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    diagnostics = await get_diagnostics_for_config_entry(
        hass, hass_client, loaded_entry
    )

    assert diagnostics["zones"] == [
        {
            "in_sync": False,
            "exposed": True,
            "steps": ["update block_rule", "update skip_rule"],
            "problems": [],
        }
    ]
