"""Tests of the diagnostics: they help to find a fault, and contain nothing secret or personal."""

import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, Setting

from .certificates.helpers import unreadable
from .common import (
    CERTIFICATE_ID,
    COMPANION_ID,
    DEVICE_ID,
    EDGE_EVERY,
    add_certificate,
    add_known_certificate,
    companion,
    in_words,
    reported,
    setup_integration,
    wait_for_refresh,
)
from .faults import Faults
from .limited import set_up_two_pairs


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a hostname with paths that need no certificate; a webhook's path is a secret."""
    return {**settings, "exempt_paths": ["/api/webhook/5up3rs3cr3t", "/local/"]}


@pytest.mark.parametrize(
    "devices",
    [
        [
            companion(notify_device_id="0123456789abcdef0123456789abcdef"),
            companion(
                name="Watch",
                system="wear_os",
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
    device_registry: dr.DeviceRegistry,
    hass_client: ClientSessionGenerator,
    snapshot: SnapshotAssertion,
) -> None:
    """A person can publish the diagnostics: they name no account, home or device."""
    certificate = await add_known_certificate(hass, entry, sandbox)
    await add_certificate(
        sandbox, name="Terraform", organization="Somebody", certificate_id="foreign"
    )
    await add_certificate(sandbox, certificate_id="cannot be read")
    unreadable(sandbox, "cannot be read")
    await setup_integration(hass, entry)

    diagnostics = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    moments = {certificate.not_valid_after_utc: "end of the certificate"}
    assert in_words(diagnostics, moments) == snapshot
    shown: dict[str, Any] = {}
    for device in dr.async_entries_for_config_entry(device_registry, entry.entry_id):
        shown[str(device.model)] = await get_diagnostics_for_device(
            hass, hass_client, entry, device
        )
    assert shown.pop("Account") == diagnostics
    assert set(shown) == {"Tunnel", "Protected hostname", "Companion device"}
    assert in_words(shown, moments) == snapshot

    text = json.dumps([diagnostics, shown]).lower()
    for secret in (
        sandbox.token,
        sandbox.account_id,
        sandbox.zone_id,
        sandbox.tunnel_id,
        "example.com",
        "homeassistant:8123",
        "198.51.100.7",
        "5up3rs3cr3t",
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


@pytest.mark.parametrize("devices", [[companion()]])
async def test_diagnostics_of_one_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
) -> None:
    """They contain only what is known about that device."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.settings["websockets"] = Setting("off", sandbox.clock.now())
    zone.associations = []
    (subentry,) = entry.get_subentries_of_type("protected_hostname")
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "keep_in_sync": False}
    )
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    async def diagnostics_of(identifier: str) -> Any:
        device = device_registry.async_get_device_by_identifier(
            (DOMAIN, identifier), config_entry_id=entry.entry_id
        )
        assert device
        return await get_diagnostics_for_device(hass, hass_client, entry, device)

    hostname = await diagnostics_of(subentry.subentry_id)
    assert hostname["settings"]["keep_in_sync"] is False
    assert hostname["zone"]["steps"] == ["create association"]
    assert hostname["checks"] == ["websockets_off"]
    assert hostname["visits"] == {"443": "blocked", "8443": "blocked"}
    tunnel = await diagnostics_of(sandbox.tunnel_id)
    assert tunnel["status"] == "healthy"
    assert "zone" not in tunnel
    phone = await diagnostics_of(COMPANION_ID)
    assert (phone["standing"], phone["system"]) == ("active", "android")
    assert [item["status"] for item in phone["certificates"]] == ["active"]


@pytest.mark.parametrize("devices", [[companion()]])
async def test_diagnostics_of_an_account_that_is_not_set_up(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    faults: Faults,
    device_registry: dr.DeviceRegistry,
    hass_client: ClientSessionGenerator,
) -> None:
    """They contain the settings, and the state of the entry."""
    faults.unavailable("*", "")
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, COMPANION_ID), config_entry_id=loaded_entry.entry_id
    )
    assert device

    answers: list[Any] = [
        await get_diagnostics_for_config_entry(hass, hass_client, loaded_entry),
        await get_diagnostics_for_device(hass, hass_client, loaded_entry, device),
    ]
    for shown in answers:
        assert shown["state"] == "setup_retry"
        assert shown["hostnames"][0]["layout"] == "skip_and_block"
        assert "example.com" not in json.dumps(shown)
        assert "zones" not in shown


async def test_repairs_in_diagnostics(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """Home Assistant adds the ids of the repairs, which do not contain a zone's name either."""
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
async def test_diagnostics_without_permissions(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
) -> None:
    """They say which permissions the token lacks."""
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
        {"system": "android", "standing": None, "days_left": None, "handover": None}
    ]
    assert diagnostics["visits"] == [{"443": "blocked", "8443": "blocked"}]


@pytest.mark.parametrize(
    ("path", "failing"), [("/rulesets", "protection"), ("/access_rules", "checks")]
)
async def test_what_cannot_be_read_any_more(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
    path: str,
    failing: str,
) -> None:
    """They do not say that all is well because it was before."""
    faults.unavailable("GET", path)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    diagnostics = await get_diagnostics_for_config_entry(
        hass, hass_client, loaded_entry
    )
    assert diagnostics["failing"] == [failing]
    assert (diagnostics["zones"] == [None]) is (failing == "protection")


async def test_diagnostics_of_drift(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
) -> None:
    """Steps are named by their kind, not by what they change."""
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
            "rule_pairs": 1,
            "steps": ["update block_rule", "update skip_rule"],
            "problems": [],
        }
    ]


async def test_diagnostics_of_further_pairs(
    hass: HomeAssistant, sandbox: Sandbox, hass_client: ClientSessionGenerator
) -> None:
    """They tell into how many pairs of rules the hostnames of each zone are split."""
    entry = await set_up_two_pairs(hass, sandbox)
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert [zone["rule_pairs"] for zone in diagnostics["zones"]] == [2]
