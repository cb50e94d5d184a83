"""Tests of the switch that takes a hostname off the internet."""

import asyncio
import threading

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_component import async_update_entity
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import DnsRecord

from .common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    SKIP_REF,
    act,
    settle,
    state_of,
    turn,
    wait_for_refresh,
)
from .faults import Faults

SWITCH = "switch.home_mobile_example_com_published"
DRIFT = "binary_sensor.home_mobile_example_com_drift"


def leads_here(sandbox: Sandbox) -> tuple[bool, bool]:
    """Return whether a record and an ingress rule lead to the hostname."""
    records = sandbox.state.zones[sandbox.zone_id].dns_records.values()
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    return (
        any(record.name == HOSTNAME for record in records),
        any(rule.get("hostname") == HOSTNAME for rule in ingress),
    )


def what(path: str) -> str:
    """Return the kind of thing that a request is about."""
    return next(
        kind
        for kind in ("rules/", "rules", "dns_records", "configurations")
        if kind in path
    ).rstrip("/")


async def test_off_and_on_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Off closes the hostname by its rule, then nothing leads there; on puts everything back."""
    assert state_of(hass, SWITCH) == "on"
    sandbox.journal.clear()

    await turn(hass, SWITCH, "off")

    assert state_of(hass, SWITCH) == "off"
    assert state_of(hass, DRIFT) == "off"
    assert leads_here(sandbox) == (False, False)
    assert [what(write.path) for write in sandbox.journal.writes] == [
        "rules",
        "rules",
        "dns_records",
        "configurations",
    ]
    zone = sandbox.state.zones[sandbox.zone_id]
    (rule,) = [rule for rule in zone.rules if HOSTNAME in rule.expression]
    assert rule.ref == BLOCK_REF
    assert "cert_verified" not in rule.expression
    assert HOSTNAME in (zone.associations or ())
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert leads_here(sandbox) == (False, False)
    sandbox.journal.clear()

    await turn(hass, SWITCH, "on")

    assert state_of(hass, SWITCH) == "on"
    assert leads_here(sandbox) == (True, True)
    assert [what(write.path) for write in sandbox.journal.writes] == [
        "rules",
        "rules",
        "configurations",
        "dns_records",
    ]
    assert {BLOCK_REF, SKIP_REF} <= {rule.ref for rule in zone.rules}


async def test_record_that_comes_back_while_off_is_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Somebody adds our own record again while the switch is off."""
    zone = sandbox.state.zones[sandbox.zone_id]
    record = next(item for item in zone.dns_records.values() if item.name == HOSTNAME)
    await turn(hass, SWITCH, "off")
    zone.add_dns_record(
        DnsRecord(
            "CNAME", HOSTNAME, record.content, proxied=True, comment=record.comment
        )
    )

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert leads_here(sandbox) == (False, False)
    assert state_of(hass, DRIFT) == "off"


async def test_script_stopped_while_it_turns_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was begun is done to its end: the hostname is not published again at the next look."""
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/dns_records", hold=hold, after_write=True, times=1)
    off = hass.async_create_task(turn(hass, SWITCH, "off"))
    await fault.until_hit()

    off.cancel()
    hold.set()
    await settle(hass)

    assert state_of(hass, SWITCH) == "off"
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert leads_here(sandbox) == (False, False)


async def test_off_while_a_fix_waits(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """A fix that was about to start reads the settings only when it is its turn to write."""
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/dns_records", hold=hold, times=1)
    off = hass.async_create_task(turn(hass, SWITCH, "off"))
    await fault.until_hit()
    rules = sandbox.state.zones[sandbox.zone_id].rules
    next(rule for rule in rules if rule.ref == BLOCK_REF).enabled = False
    refresh = hass.async_create_task(
        async_update_entity(hass, DRIFT), eager_start=False
    )
    await asyncio.wait([refresh], timeout=5)
    faults.requests.clear()

    hold.set()
    await off
    await refresh
    await settle(hass)

    assert leads_here(sandbox) == (False, False)
    written = [request for request in faults.requests if request[0] != "GET"]
    assert not [path for method, path in written if method == "POST" and "dns" in path]


@pytest.mark.parametrize("action", ["sync", "mint_certificate", "revoke_certificate"])
async def test_off_while_an_action_waits(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    action: str,
) -> None:
    """Every writer reads the settings only when it is its turn: none publishes again."""
    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel")
    options = {"pin_certificates": True}
    hass.config_entries.async_update_entry(loaded_entry, options=options)
    await settle(hass)
    fields = {
        "sync": {},
        "mint_certificate": {"name": "Tablet"},
        "revoke_certificate": {"certificate_id": created["certificate_id"]},
    }[action]
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/dns_records", hold=hold, times=1)
    off = hass.async_create_task(turn(hass, SWITCH, "off"))
    await fault.until_hit()
    # Each action has a rule to write now.
    for rule in sandbox.state.zones[sandbox.zone_id].rules:
        rule.expression = rule.expression.replace(
            " or cf.tls_client_auth.cert_revoked", ""
        ).replace(" and not cf.tls_client_auth.cert_revoked", "")
    acting = hass.async_create_task(act(hass, loaded_entry, action, **fields))
    # A second of the real clock: the other one stands still.
    await hass.async_add_executor_job(threading.Event().wait, 1)
    assert not acting.done()
    faults.requests.clear()

    hold.set()
    await off
    await acting
    await settle(hass)

    assert leads_here(sandbox) == (False, False)
    written = [request for request in faults.requests if request[0] != "GET"]
    assert not [path for method, path in written if method == "POST" and "dns" in path]


async def test_on_after_its_hostname_is_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """A switch whose hostname is removed while it waits publishes nothing."""
    (subentry,) = loaded_entry.get_subentries_of_type("protected_hostname")
    await turn(hass, SWITCH, "off")
    hold = asyncio.Event()
    fault = faults.add("GET", "/dns_records", hold=hold, times=1)
    syncing = hass.async_create_task(act(hass, loaded_entry, "sync"))
    await fault.until_hit()
    turning = hass.async_create_task(turn(hass, SWITCH, "on"))
    await hass.async_add_executor_job(threading.Event().wait, 0.2)
    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)

    hold.set()
    await syncing
    await turning
    await settle(hass)

    assert leads_here(sandbox) == (False, False)
    assert loaded_entry.get_subentries_of_type("protected_hostname") == []


async def test_off_that_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The switch stays on and says why."""
    faults.refuse("DELETE", "/dns_records", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today"):
        await turn(hass, SWITCH, "off")

    assert state_of(hass, SWITCH) == "on"
    assert leads_here(sandbox) == (True, True)


@pytest.mark.parametrize("path", ["", "/rulesets", "/dns_records"])
async def test_off_while_cloudflare_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """The state is not known; who turns it off reads that it failed, and nothing was changed."""
    faults.unavailable("GET", path)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, SWITCH) == "unknown"

    with pytest.raises(HomeAssistantError) as raised:
        await turn(hass, SWITCH, "off")

    assert raised.value.translation_key == "unavailable"
    assert leads_here(sandbox) == (True, True)
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, SWITCH) == "on"


async def test_off_while_the_tunnel_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Without its record the hostname leads nowhere; the tunnel's rule goes later."""
    faults.unavailable("GET", "/configurations")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, SWITCH) == "unknown"

    await turn(hass, SWITCH, "off")

    assert leads_here(sandbox) == (False, True)
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, SWITCH) == "off"
    assert leads_here(sandbox) == (False, False)


async def test_off_while_only_certificates_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing of them is needed for it."""
    faults.unavailable("GET", "/client_certificates")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await turn(hass, SWITCH, "off")
    assert leads_here(sandbox) == (False, False)
    assert state_of(hass, SWITCH) == "off"


async def test_switch_and_buttons_are_configuration(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    """Voice assistants and generated dashboards do not show configuration entities."""
    await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    await settle(hass)
    assert await async_setup_component(hass, "homeassistant", {})

    changing = [
        item
        for item in er.async_entries_for_config_entry(
            entity_registry, loaded_entry.entry_id
        )
        if item.domain in ("button", "switch")
    ]

    assert {item.translation_key for item in changing} == {
        "published",
        "renew",
        "restore",
        "revoke",
        "revoke_old",
        "sync",
    }
    assert {item.entity_category for item in changing} == {EntityCategory.CONFIG}
    assert not [
        item.entity_id
        for item in changing
        if async_should_expose(hass, "conversation", item.entity_id)
    ]
