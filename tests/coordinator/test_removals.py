"""Tests of hostnames and devices that are removed in Home Assistant: they are removed at Cloudflare too."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.clocks import HomeClock
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    COMPANION_ID,
    EDGE_EVERY,
    HOSTNAME,
    SECOND_LOOK,
    SKIP_REF,
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
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import add_hostname, assert_protected, zone_and_tunnel
from tests.faults import Faults

SUBENTRY_ID = "01JHOSTNAME000000000000001"
STORE = f"{DOMAIN}.{{}}"
NOTHING: dict[str, Any] = {"hostnames": {}, "devices": {}}
CABIN = ConfigSubentryDataWithId(
    subentry_id="01JHOSTNAME000000000000002",
    subentry_type="protected_hostname",
    title="cabin-mobile.example.com",
    unique_id="cabin-mobile.example.com",
    data={**hostname_settings(), "hostname": "cabin-mobile.example.com"},
)


async def remove(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Delete the hostname, as a person does on the integration's page."""
    hass.config_entries.async_remove_subentry(entry, SUBENTRY_ID)
    await settle(hass)


def traces(sandbox: Sandbox) -> list[str]:
    """Return the places at Cloudflare where the hostname still is."""
    zone, tunnel = zone_of(sandbox), sandbox.state.tunnels[sandbox.tunnel_id]
    return [
        *(rule.ref for rule in zone.rules if rule.ref in (BLOCK_REF, SKIP_REF)),
        *("association" for name in zone.associations or () if name == HOSTNAME),
        *("ingress" for rule in tunnel.ingress if rule.get("hostname") == HOSTNAME),
        *("record" for _ in records_of(sandbox)),
    ]


async def test_removed_at_cloudflare_too(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """The record and the ingress rule go first, the block rule and the header rule last; nothing stays stored."""
    foreign = len(zone_of(sandbox).rules) - 2
    sandbox.journal.clear()

    await remove(hass, loaded_entry)

    assert is_loaded(loaded_entry)
    assert traces(sandbox) == []
    writes = [
        (write.method, write.path.split("/")[3]) for write in sandbox.journal.writes
    ]
    assert writes == [
        ("DELETE", "dns_records"),
        ("PUT", "cfd_tunnel"),
        ("DELETE", "rulesets"),
        ("PUT", "certificate_authorities"),
        ("DELETE", "rulesets"),
        ("DELETE", "rulesets"),
    ]
    assert len(zone_of(sandbox).rules) == foreign
    assert zone_of(sandbox).associations == ["nas.example.com"]
    assert not device_registry.async_get_device_by_identifier(
        (DOMAIN, SUBENTRY_ID), loaded_entry.entry_id
    )
    assert reported(hass) == set()

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert hass_storage[STORE.format(loaded_entry.entry_id)]["data"] == NOTHING


async def test_removed_while_cloudflare_is_out_of_reach(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """It is taken down once Cloudflare is back, even after a restart."""
    faults.unavailable("*", "")
    await remove(hass, loaded_entry)
    assert is_loaded(loaded_entry)
    assert len(traces(sandbox)) == 5

    # A restart: nothing is left in memory.
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    stored = hass_storage[STORE.format(loaded_entry.entry_id)]["data"]
    assert stored["hostnames"][HOSTNAME]["removed_at"]
    assert sandbox.token not in json.dumps(stored)
    faults.clear()
    await hass.config_entries.async_setup(loaded_entry.entry_id)
    await settle(hass)

    assert traces(sandbox) == []
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert hass_storage[STORE.format(loaded_entry.entry_id)]["data"] == NOTHING


async def test_brought_back_by_a_late_write(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Another Home Assistant writes back the tunnel's old list: the hostname is removed again."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    before = [dict(rule) for rule in tunnel.ingress]
    (own,) = records_of(sandbox)
    wildcard = replace(own, id="wildcard", name="*.example.com", comment="")
    zone_of(sandbox).dns_records[wildcard.id] = wildcard
    await remove(hass, loaded_entry)
    assert traces(sandbox) == []

    assert tunnel.config is not None
    tunnel.config["ingress"] = before
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert traces(sandbox) == []


async def test_removal_that_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A repair says that the hostname is still there, until a later attempt succeeds."""
    faults.unavailable("PUT", "/configurations")
    await remove(hass, loaded_entry)

    assert traces(sandbox) == [SKIP_REF, BLOCK_REF, "association", "ingress"]
    assert reported(hass) == set()
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert traces(sandbox) == [SKIP_REF, BLOCK_REF, "association", "ingress"]
    assert reported(hass) == {"removal_pending"}

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert traces(sandbox) == []
    assert reported(hass) == set()


async def test_removed_and_added_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A hostname that is added again is not taken down."""
    fault = faults.unavailable("PUT", "/configurations")
    await remove(hass, loaded_entry)
    faults.clear()
    assert fault.hits

    result = await add_hostname(hass, loaded_entry)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(hass, result, {**choose(), "hostname": HOSTNAME})
    result = await submit(hass, result)
    assert result["type"] == "create_entry"
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert_protected(sandbox)
    assert state_of(hass, "binary_sensor.home_mobile_example_com_drift") == "off"
    assert reported(hass) == set()


async def test_others_stay_protected(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The rules still protect the hostnames that are left."""
    result = await add_hostname(hass, loaded_entry)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    result = await submit(hass, result, {**choose(), "hostname": "tablet.example.com"})
    await submit(hass, result)
    assert_protected(sandbox, "tablet.example.com")

    await remove(hass, loaded_entry)

    assert_protected(sandbox, "tablet.example.com")
    assert traces(sandbox) == [SKIP_REF, BLOCK_REF]
    for rule in zone_of(sandbox).rules:
        if rule.ref in (BLOCK_REF, SKIP_REF):
            assert HOSTNAME not in rule.expression
    assert state_of(hass, "binary_sensor.tablet_example_com_drift") == "off"


@pytest.mark.parametrize("behind", [0, 5])
async def test_removed_while_the_clock_is_behind(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    behind: int,
) -> None:
    """Its record was made two minutes before, which is later by Cloudflare's clock: it is taken down."""
    freezer.tick(timedelta(minutes=behind))
    home_clock.set(-timedelta(minutes=behind))
    await setup_integration(hass, entry)
    freezer.tick(timedelta(minutes=2))
    faults.unavailable("*", "/dns_records|/configurations|/rulesets")
    await remove(hass, entry)
    assert len(traces(sandbox)) == 5

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert traces(sandbox) == []
    assert reported(hass) == set()


@pytest.mark.parametrize("is_lost", [False, True], ids=["told", "answer lost"])
@pytest.mark.parametrize("by", ["action", "refresh"])
async def test_removed_before_its_new_record_was_looked_at(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    by: str,
    is_lost: bool,
) -> None:
    """Somebody deleted the record, and Home Assistant made another: that is its own, too."""
    (record,) = records_of(sandbox)
    del zone_of(sandbox).dns_records[record.id]
    hold = asyncio.Event()
    creation = (
        faults.unavailable("POST", "/dns_records", hold=hold, after_write=True, times=1)
        if is_lost
        else faults.add("POST", "/dns_records", hold=hold, times=1)
    )
    sync = (
        act(hass, loaded_entry, "sync")
        if by == "action"
        else wait_for_refresh(hass, freezer, EDGE_EVERY)
    )
    syncing = hass.async_create_task(sync)
    await creation.until_hit()
    faults.unavailable("GET", "/dns_records")
    hold.set()
    with suppress(HomeAssistantError):
        await syncing
    await remove(hass, loaded_entry)
    assert "record" in traces(sandbox)

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert traces(sandbox) == []


@pytest.mark.parametrize(
    ("known", "age", "left"),
    [
        pytest.param({}, 1, 5, id="created again since"),
        pytest.param({}, -1, 0, id="as it was removed"),
        pytest.param({"record": "another"}, 1, 5, id="another record"),
        # Ours may be another one than that whose id was told last: the answer may have got lost.
        pytest.param({"record": "another"}, -1, 0, id="another record before"),
        pytest.param({"record": "own"}, 1, 0, id="the same record"),
    ],
)
async def test_restored_backup(
    hass: HomeAssistant,
    sandbox: Sandbox,
    settings: dict[str, Any],
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
    known: dict[str, str],
    age: int,
    left: int,
) -> None:
    """A restored backup remembers a removal, but a record that was made since is left alone.

    Where it is not the record that was there, the clocks decide.
    """
    await hass.config_entries.async_remove(loaded_entry.entry_id)
    assert len(traces(sandbox)) == 5
    (record,) = records_of(sandbox)
    removed_at = datetime.now(UTC)
    record.created_on = removed_at + timedelta(hours=age)
    removed = {"settings": settings, "removed_at": removed_at.isoformat(), **known}
    if known.get("record") == "own":
        removed["record"] = record.id
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Home lab",
        unique_id=sandbox.account_id,
        data={"api_token": sandbox.token, "account_id": sandbox.account_id},
    )
    hass_storage[STORE.format(entry.entry_id)] = {
        "version": 1,
        "key": STORE.format(entry.entry_id),
        "data": {"hostnames": {HOSTNAME: removed}, "devices": {}},
    }

    await setup_integration(hass, entry)

    assert len(traces(sandbox)) == left
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert hass_storage[STORE.format(entry.entry_id)]["data"] == NOTHING


async def test_removed_account_leaves_nothing_stored(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """Everything at Cloudflare stays; Home Assistant stores nothing about it."""
    sandbox.journal.clear()
    await hass.config_entries.async_remove(loaded_entry.entry_id)
    await settle(hass)

    assert sandbox.journal.writes == []
    assert len(traces(sandbox)) == 5
    assert STORE.format(loaded_entry.entry_id) not in hass_storage


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_removed_device_whose_certificate_cannot_be_revoked_yet(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """Each refresh tries again, even if nothing else changes, until it succeeds."""
    certificates = zone_of(sandbox).certificates
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    fault = faults.unavailable("DELETE", "/client_certificates")

    hass.config_entries.async_remove_subentry(entry, COMPANION_ID)
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert fault.hits >= 2
    assert certificates[CERTIFICATE_ID].status == "active"
    assert reported(hass) == {"revocation_pending"}

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert certificates[CERTIFICATE_ID].status == "revoked"
    assert reported(hass) == set()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    stored = hass_storage[STORE.format(entry.entry_id)]["data"]
    assert stored["devices"] == {}


@pytest.mark.parametrize("devices", [[CABIN]], ids=["with cabin"])
async def test_stuck_removal_costs_itself(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    faults: Faults,
) -> None:
    """While the record of a removed hostname cannot be deleted, the others stay protected as a person chose."""
    faults.refuse("DELETE", "/dns_records", 403, 10000, "Authentication error")
    await remove(hass, loaded_entry)

    hass.config_entries.async_update_entry(
        loaded_entry, options={"pin_certificates": True}
    )
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    [block] = [rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF]
    # No certificate was created here: nobody gets in at the cabin, nor at what is removed.
    assert {CABIN["title"], HOSTNAME} <= set(block.expression.split('"'))
    assert "cert_verified" not in block.expression
    assert "exposed" not in reported(hass)
    assert "record" in traces(sandbox)
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "record" not in traces(sandbox)
    assert HOSTNAME not in next(
        rule.expression for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF
    )
