"""Tests of changed subentries and options: the coordinators follow them without a reload."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.certificates.test_pinning import pinned
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    COMPANION_ID,
    DEVICE_ID,
    EDGE_EVERY,
    HOSTNAME,
    SKIP_REF,
    act,
    add_known_certificate,
    companion,
    fingerprint_of,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.coordinator.test_removals import NOTHING, STORE, SUBENTRY_ID, traces
from tests.dialogs import assert_protected
from tests.faults import Faults

TABLET = "tablet.example.com"


@pytest.fixture
async def in_place(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return an account that is set up, and is not set up again."""
    await setup_integration(hass, entry)
    entry.update_listeners.clear()
    return entry


async def follow(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Have the coordinators follow the changes."""
    data = entry.runtime_data
    await data.protection.async_settings_changed()
    data.visits.async_keep_up()
    data.checks.async_keep_up()
    data.blocked.async_keep_up()
    await settle(hass)


async def change(
    hass: HomeAssistant, entry: MockConfigEntry, **changes: Any
) -> Mapping[str, Any]:
    """Change the settings of the hostname, and return the former ones."""
    subentry = entry.subentries[SUBENTRY_ID]
    before = subentry.data
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**before, **changes}
    )
    await follow(hass, entry)
    return before


def add(hass: HomeAssistant, entry: MockConfigEntry, settings: dict[str, Any]) -> None:
    """Add a hostname, as its dialog does."""
    hostname = settings["hostname"]
    subentry = ConfigSubentry(
        data=MappingProxyType(settings),
        subentry_type="protected_hostname",
        title=hostname,
        unique_id=hostname,
    )
    hass.config_entries.async_add_subentry(entry, subentry)


async def test_removed_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    in_place: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """It is taken down and later forgotten, and neither visited nor checked any more."""
    hass.config_entries.async_remove_subentry(in_place, SUBENTRY_ID)
    await follow(hass, in_place)

    assert traces(sandbox) == []
    assert in_place.runtime_data.visits.data == {}
    assert reported(hass) == set()
    stored = hass_storage[STORE.format(in_place.entry_id)]["data"]
    assert stored["hostnames"][HOSTNAME]["removed_at"]

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert hass_storage[STORE.format(in_place.entry_id)]["data"] == NOTHING
    assert in_place.runtime_data.protection.data.plans
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert in_place.runtime_data.protection.data.plans == {}


async def test_removed_and_added_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    settings: dict[str, Any],
    faults: Faults,
    in_place: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Everything that was taken down is put back."""
    faults.unavailable("PUT", "/configurations")
    hass.config_entries.async_remove_subentry(in_place, SUBENTRY_ID)
    await follow(hass, in_place)
    assert traces(sandbox) == [SKIP_REF, BLOCK_REF, "association", "ingress"]

    faults.clear()
    add(hass, in_place, settings)
    await follow(hass, in_place)

    assert_protected(sandbox)
    assert in_place.runtime_data.protection.removals.hostnames == {}
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert_protected(sandbox)
    assert reported(hass) == set()


async def test_added_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    settings: dict[str, Any],
    in_place: MockConfigEntry,
) -> None:
    """It is protected and visited like the others."""
    add(hass, in_place, {**settings, "hostname": TABLET})
    await follow(hass, in_place)

    assert_protected(sandbox, TABLET)
    data = in_place.runtime_data
    assert set(data.visits.data) == {HOSTNAME, TABLET}
    assert {finding.target for finding in data.checks.findings.values()} <= {
        HOSTNAME,
        TABLET,
        "example.com",
    }


async def test_removed_while_drift_is_being_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    in_place: MockConfigEntry,
) -> None:
    """The attempt under way does not stop the removed hostname from being taken down."""
    block = next(rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF)
    block.enabled = False
    removed = False

    def remove() -> None:
        nonlocal removed
        if not removed:
            removed = True
            hass.config_entries.async_remove_subentry(in_place, SUBENTRY_ID)
            hass.async_create_task(follow(hass, in_place))

    in_place.runtime_data.protection.async_add_listener(remove)
    await in_place.runtime_data.protection.async_refresh()
    await settle(hass)

    assert removed
    assert traces(sandbox) == []


async def test_not_published_any_more(
    hass: HomeAssistant, sandbox: Sandbox, in_place: MockConfigEntry
) -> None:
    """Nothing leads to it, so it is not visited until it is published again."""
    visits = in_place.runtime_data.visits
    assert set(visits.data) == {HOSTNAME}

    await change(hass, in_place, published=False)
    assert traces(sandbox) == [BLOCK_REF, "association"]
    assert visits.data == {}

    await change(hass, in_place, published=True)
    assert_protected(sandbox)
    assert set(visits.data) == {HOSTNAME}


async def test_kept_in_sync_from_now_on(
    hass: HomeAssistant, sandbox: Sandbox, in_place: MockConfigEntry
) -> None:
    """Drift that was only reported before is fixed at once."""
    await change(hass, in_place, keep_in_sync=False)
    zone_of(sandbox).associations = []
    await in_place.runtime_data.protection.async_refresh()
    await settle(hass)
    assert reported(hass) == {"drift"}

    await change(hass, in_place, keep_in_sync=True)
    assert_protected(sandbox)
    assert reported(hass) == set()


@with_device
async def test_pinned_from_now_on(
    hass: HomeAssistant, sandbox: Sandbox, in_place: MockConfigEntry
) -> None:
    """Changed options count from the next refresh on, for later certificates too."""
    good = await add_known_certificate(hass, in_place, sandbox)
    hass.config_entries.async_update_entry(in_place, options={"pin_certificates": True})
    await follow(hass, in_place)
    assert pinned(sandbox, BLOCK_REF) == {fingerprint_of(good)}

    hass.config_entries.async_update_entry(in_place, options={})
    await follow(hass, in_place)
    assert pinned(sandbox, BLOCK_REF) is None


@with_device
async def test_removed_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    in_place: MockConfigEntry,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its certificates are revoked, and never reported as unknown."""
    events: list[Any] = []
    hass.bus.async_listen("cloudflare_mtls_certificate", events.append)
    await add_known_certificate(hass, in_place, sandbox)
    await in_place.runtime_data.protection.async_refresh()

    hass.config_entries.async_remove_subentry(in_place, COMPANION_ID)
    await follow(hass, in_place)

    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status != "active"
    assert [event for event in events if event.data["type"] != "revoked"] == []
    assert reported(hass) == set()
    # A list that is asked for before may be older than the removal.
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    stored = hass_storage[STORE.format(in_place.entry_id)]["data"]
    assert stored["devices"] == {}


@with_device
async def test_adopted_device_that_is_removed(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Its certificate was made elsewhere, but is not reported as unknown."""
    await add_known_certificate(
        hass, entry, sandbox, organization="", certificate_id=DEVICE_ID
    )
    await setup_integration(hass, entry)
    entry.update_listeners.clear()
    assert reported(hass) == set()

    hass.config_entries.async_remove_subentry(entry, COMPANION_ID)
    await follow(hass, entry)

    assert zone_of(sandbox).certificates[DEVICE_ID].status != "active"
    assert reported(hass) == set()


async def test_added_device(
    hass: HomeAssistant, sandbox: Sandbox, in_place: MockConfigEntry
) -> None:
    """Its certificates are read at once."""
    await add_known_certificate(hass, in_place, sandbox)
    device = companion()
    subentry = ConfigSubentry(
        data=MappingProxyType(dict(device["data"])),
        subentry_type=device["subentry_type"],
        title=device["title"],
        unique_id=device["unique_id"],
    )
    hass.config_entries.async_add_subentry(in_place, subentry)
    await follow(hass, in_place)

    companions = in_place.runtime_data.protection.data.companions
    assert companions[DEVICE_ID].current.id == CERTIFICATE_ID
    listed = await act(hass, in_place, "list_certificates")
    assert [item["certificate_id"] for item in listed["certificates"]] == [
        CERTIFICATE_ID
    ]
