"""Tests of changes that take effect in place: nothing else in Home Assistant changes with them."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS

from .common import (
    COMPANION_ID,
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    act,
    add_known_certificate,
    choose,
    companion,
    hostname_settings,
    is_loaded,
    records_of,
    reported,
    settle,
    setup_integration,
    state_of,
    submit,
    turn,
    wait_for_refresh,
    zone_of,
)
from .dialogs import add_hostname, assert_protected, open_options, zone_and_tunnel
from .faults import Faults
from .state_recorder import StateRecorder

OTHER_HOSTNAME = "nas-mobile.example.com"
OTHER_HOSTNAME_ID = "01JHOSTNAME000000000000002"
OTHER_COMPANION_ID = "01JCOMPANION00000000000002"
PUBLISHED = "switch.home_mobile_example_com_published"


@pytest.fixture
def devices() -> list[ConfigSubentryDataWithId]:
    """Return another hostname in the same zone and tunnel, and two companion devices."""
    return [
        ConfigSubentryDataWithId(
            subentry_id=OTHER_HOSTNAME_ID,
            subentry_type="protected_hostname",
            title=OTHER_HOSTNAME,
            unique_id=OTHER_HOSTNAME,
            data={**hostname_settings(), "hostname": OTHER_HOSTNAME},
        ),
        companion(),
        companion(
            name="Tablet",
            device_id="01JDEVICE00000000000000002",
            subentry_id=OTHER_COMPANION_ID,
        ),
    ]


@pytest.fixture
async def recorder(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
) -> StateRecorder:
    """Return the recorder of an account that is set up, in sync and idle."""
    await add_known_certificate(hass, entry, sandbox)
    await add_known_certificate(
        hass,
        entry,
        sandbox,
        name="Tablet",
        device_id="01JDEVICE00000000000000002",
        certificate_id="7bf7f70c-7600-42e1-81c4-000000000002",
    )
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()
    return StateRecorder(hass, entry)


async def test_taken_off_the_internet_and_put_back(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    recorder: StateRecorder,
) -> None:
    """The switch and the results of visits change; everything else stays the same."""
    await turn(hass, PUBLISHED, "off")

    assert records_of(sandbox) == []
    assert recorder.states() == {
        HOSTNAME_ID: {
            PUBLISHED: ["off"],
            "binary_sensor.home_mobile_example_com_enforced": ["unknown"],
        }
    }

    await turn(hass, PUBLISHED, "on")

    assert_protected(sandbox)
    assert recorder.states() == {
        HOSTNAME_ID: {
            PUBLISHED: ["off", "on"],
            "binary_sensor.home_mobile_example_com_enforced": ["unknown", "on"],
        }
    }
    assert recorder.touched() == {HOSTNAME_ID}
    assert reported(hass) == set()


async def test_changed_while_cloudflare_is_out_of_reach(
    hass: HomeAssistant, faults: Faults, entry: MockConfigEntry, recorder: StateRecorder
) -> None:
    """The switch shows a person's choice at once, whatever Cloudflare answers."""
    faults.unavailable("GET", "/zones/")
    subentry = entry.subentries[HOSTNAME_ID]

    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "published": False}
    )

    assert state_of(hass, PUBLISHED) == "off"
    assert recorder.touched() == {HOSTNAME_ID}


async def test_hostname_added(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    recorder: StateRecorder,
) -> None:
    """Another hostname is added with its device and all of its entities."""
    result = await add_hostname(hass, entry)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(
        hass, result, {"hostname": "attic-mobile.example.com", **choose()}
    )
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY

    assert_protected(sandbox, "attic-mobile.example.com")
    added = next(
        item.subentry_id
        for item in entry.subentries.values()
        if item.title == "attic-mobile.example.com"
    )
    assert recorder.touched() == {added}
    states = {
        entity_id.split("_com_")[1]: changes[-1]
        for entity_id, changes in recorder.states()[added].items()
    }
    assert states == {
        "drift": "off",
        "enforced": "on",
        "fixed": "unknown",
        "published": "on",
        "reaches_home_assistant": "unknown",
        "sync": "unknown",
    }
    assert (
        "on"
        not in recorder.states()[added]["binary_sensor.attic_mobile_example_com_drift"]
    )


async def test_hostname_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    recorder: StateRecorder,
) -> None:
    """Its device and entities are removed, and its settings at Cloudflare."""
    hass.config_entries.async_remove_subentry(entry, HOSTNAME_ID)
    await settle(hass)

    assert records_of(sandbox) == []
    assert_protected(sandbox, OTHER_HOSTNAME)
    assert recorder.touched() == {HOSTNAME_ID}
    for changes in recorder.states()[HOSTNAME_ID].values():
        assert changes == [None]
    assert not device_registry.async_get_device_by_identifier(
        (DOMAIN, HOSTNAME_ID), entry.entry_id
    )
    assert reported(hass) == set()


async def test_hostname_reconfigured(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    recorder: StateRecorder,
) -> None:
    """Other rules and another address are in sync at once: no entity has to change."""
    result = await entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    result = await submit(
        hass,
        result,
        {
            "tunnel_id": sandbox.tunnel_id,
            "service": "https://homeassistant:8123",
            **choose(layout="skip_and_block", exempt_paths=["/api/webhook/"]),
        },
    )
    assert result["step_id"] == "preview"
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"

    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    assert "https://homeassistant:8123" in [
        rule["service"] for rule in ingress if rule.get("hostname") == HOSTNAME
    ]
    assert recorder.touched() == set()


async def test_companion_added_by_the_action(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    recorder: StateRecorder,
) -> None:
    """The entities exist when the action returns, and the account's event has the details."""
    created = await act(
        hass,
        entry,
        "mint_certificate",
        name="Laptop",
        system="linux",
        hostname=HOSTNAME,
    )
    # The refresh that shows the certificate may be over by now.
    shown = state_of(hass, "sensor.laptop_certificate_status")
    assert shown in ("unavailable", "active")
    device = device_registry.async_get(created["device_id"])
    assert device
    await settle(hass)

    added = str(device.config_subentry_id)
    account_id = entry.data["account_id"]
    # A visit with its certificate showed where the hostname leads.
    assert recorder.touched() == {added, account_id, HOSTNAME_ID}
    assert recorder.states()[HOSTNAME_ID].keys() == {
        "binary_sensor.home_mobile_example_com_reaches_home_assistant"
    }
    assert {key: len(item) for key, item in recorder.states()[account_id].items()} == {
        "event.home_lab_certificate": 1
    }
    states = recorder.states()[added]
    assert states["sensor.laptop_certificate_status"] == ["unavailable", "active"]
    assert states["binary_sensor.laptop_certificate_problem"] == ["unavailable", "off"]


async def test_companion_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    recorder: StateRecorder,
) -> None:
    """Its entities are removed and its certificate is revoked; the other device does not change."""
    hass.config_entries.async_remove_subentry(entry, COMPANION_ID)
    await settle(hass)

    revoked, other = zone_of(sandbox).certificates.values()
    assert revoked.status != "active"
    assert other.status == "active"
    assert recorder.touched() == {COMPANION_ID}
    for changes in recorder.states()[COMPANION_ID].values():
        assert changes == [None]


@pytest.mark.parametrize(
    ("subentry_id", "entity_id"),
    [
        (HOSTNAME_ID, PUBLISHED),
        (COMPANION_ID, "sensor.pixel_8_certificate_status"),
    ],
    ids=["hostname", "companion device"],
)
async def test_renamed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    recorder: StateRecorder,
    subentry_id: str,
    entity_id: str,
) -> None:
    """A device takes the name of its subentry, without a request to Cloudflare."""
    sandbox.journal.clear()
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[subentry_id], title="Away from home"
    )
    await settle(hass)

    state = hass.states.get(entity_id)
    assert state
    assert state.name.startswith("Away from home ")
    assert recorder.touched() == {subentry_id}
    assert {len(changes) for changes in recorder.states()[subentry_id].values()} == {1}
    assert sandbox.journal.requests == []


@pytest.mark.usefixtures("recorder")
async def test_renamed_as_after_a_restart(
    hass: HomeAssistant, entry: MockConfigEntry, device_registry: dr.DeviceRegistry
) -> None:
    """A device has the name that a person typed, now and once Home Assistant starts again."""

    def name() -> str | None:
        device = device_registry.async_get_device_by_identifier(
            (DOMAIN, COMPANION_ID), entry.entry_id
        )
        return device.name if device else None

    typed = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN} tablet"
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[COMPANION_ID], title=typed
    )
    await settle(hass)
    assert name() == typed

    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert name() == typed


async def test_account_renamed(
    hass: HomeAssistant, entry: MockConfigEntry, recorder: StateRecorder
) -> None:
    """The account's device takes the name of its entry, and no other does."""
    hass.config_entries.async_update_entry(entry, title="Cabin")
    await settle(hass)

    assert recorder.touched() == {entry.data["account_id"]}
    state = hass.states.get("event.home_lab_certificate")
    assert state
    assert state.name == "Cabin Certificate"


async def test_device_that_a_person_named_keeps_its_name(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    recorder: StateRecorder,
) -> None:
    """A name that a person gave in Home Assistant takes precedence over the subentry's."""
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, COMPANION_ID), entry.entry_id
    )
    assert device
    device_registry.async_update_device(device.id, name_by_user="My phone")

    hass.config_entries.async_update_subentry(
        entry, entry.subentries[COMPANION_ID], title="Pixel"
    )
    await settle(hass)

    state = hass.states.get("sensor.pixel_8_certificate_status")
    assert state
    assert state.name.startswith("My phone ")


async def test_pinning_turned_on_and_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    recorder: StateRecorder,
) -> None:
    """The rules change at once; no entity shows drift."""

    def rules() -> list[str]:
        return [rule.expression for rule in zone_of(sandbox).rules]

    before = rules()
    for pins in (True, False):
        result = await open_options(hass, entry)
        await hass.config_entries.options.async_configure(
            result["flow_id"], {"pin_certificates": pins, "remote_handover": False}
        )
        await settle(hass)
        assert (rules() != before) is pins

    assert recorder.touched() == set()
    assert reported(hass) == set()


async def test_reloaded_by_hand(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    recorder: StateRecorder,
) -> None:
    """After changes in place, a reload finds the same entities in the same states."""

    def entities() -> dict[str, str]:
        return {
            item.entity_id: state_of(hass, item.entity_id)
            for item in er.async_entries_for_config_entry(
                entity_registry, entry.entry_id
            )
            if not item.disabled
        }

    await turn(hass, PUBLISHED, "off")
    await act(
        hass,
        entry,
        "mint_certificate",
        name="Laptop",
        system="linux",
        hostname=HOSTNAME,
    )
    hass.config_entries.async_remove_subentry(entry, OTHER_COMPANION_ID)
    await settle(hass)
    before = entities()

    assert await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)

    assert entities() == before


async def test_another_token_reloads(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    recorder: StateRecorder,
) -> None:
    """The client is created with the token, so a new token needs a new set-up."""
    token = sandbox.state.add_token(permissions=ALL_PERMISSIONS)
    before = entry.runtime_data

    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "api_token": token}
    )
    await settle(hass)

    assert is_loaded(entry)
    assert entry.runtime_data is not before


async def test_unloaded_in_the_middle_of_a_change(
    hass: HomeAssistant, faults: Faults, entry: MockConfigEntry, recorder: StateRecorder
) -> None:
    """Unloading stops the change, and later changes are ignored."""
    subentry = entry.subentries[HOSTNAME_ID]
    hold = asyncio.Event()
    fault = faults.add("GET", "/dns_records", hold=hold)
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "published": False}
    )
    await fault.until_hit()

    assert await hass.config_entries.async_unload(entry.entry_id)
    hold.set()
    await settle(hass)
    faults.requests.clear()
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "published": True}
    )
    hass.config_entries.async_update_subentry(entry, subentry, title="Away from home")
    await settle(hass)

    assert faults.requests == []
    assert state_of(hass, PUBLISHED) == "unavailable"
