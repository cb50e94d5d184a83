"""Tests of removing a hostname that was there before: what its owner made stays, and so does the lock."""

from copy import deepcopy
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.seed import SERVICE, TUNNEL_ID
from sandbox.state import DnsRecord
from tests.certificates.test_confirming_what_is_gone import browser
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    act,
    choose,
    issues,
    reported,
    settle,
    submit,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import add_hostname, confirm_repair, open_repair, zone_and_tunnel

FOUND = "found.example.com"
SERVED = {"hostname": FOUND, "service": SERVICE, "originRequest": {"noTLSVerify": True}}


def made_by_owner(sandbox: Sandbox) -> dict[str, Any]:
    """Return the records and ingress rules of the hostname."""
    zone, tunnel = zone_of(sandbox), sandbox.state.tunnels[TUNNEL_ID]
    return deepcopy(
        {
            "records": [
                item for item in zone.dns_records.values() if item.name == FOUND
            ],
            "ingress": [
                rule for rule in tunnel.ingress if rule.get("hostname") == FOUND
            ],
        }
    )


def serve(sandbox: Sandbox) -> None:
    """Have the tunnel serve the hostname, as its owner set it up."""
    sandbox.state.tunnels[TUNNEL_ID].ingress.insert(0, deepcopy(SERVED))


def record(name: str) -> DnsRecord:
    """Return a record that leads to the tunnel, and that its owner made."""
    content = f"{TUNNEL_ID}.cfargotunnel.com"
    return DnsRecord("CNAME", name, content, proxied=True, comment="me")


async def protect(hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry) -> str:
    """Protect the hostname; return the id of its subentry."""
    form = await add_hostname(hass, entry)
    form = await submit(hass, form, zone_and_tunnel(sandbox))
    typed = {**choose(), "hostname": FOUND, "service": SERVICE}
    result = await submit(hass, await submit(hass, form, typed))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    (added,) = (item for item in entry.subentries.values() if item.title == FOUND)
    return added.subentry_id


async def test_record_and_ingress_rule_of_the_owner(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """They stay byte for byte, devices get in as before, and a repair says what is left."""
    serve(sandbox)
    zone_of(sandbox).add_dns_record(record(FOUND))
    before = made_by_owner(sandbox)
    subentry_id = await protect(hass, sandbox, loaded_entry)
    assert made_by_owner(sandbox) == before

    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert made_by_owner(sandbox) == before
    (block,) = (item for item in zone_of(sandbox).rules if item.ref == BLOCK_REF)
    assert FOUND in block.expression
    assert FOUND in (zone_of(sandbox).associations or [])
    assert reported(hass) == {"removal_served"}

    # A person may leave it so.
    client = await browser(hass, hass_client)
    menu = await open_repair(client, issues(hass)["removal_served"])
    assert menu["menu_options"] == ["open", "confirm", "ignore"]
    await confirm_repair(
        client, await confirm_repair(client, menu, next_step_id="confirm")
    )
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()
    assert made_by_owner(sandbox) == before
    (block,) = (item for item in zone_of(sandbox).rules if item.ref == BLOCK_REF)
    assert FOUND in block.expression


@pytest.mark.parametrize("name", ["*.example.com", None], ids=["wildcard", "no record"])
async def test_ingress_rule_of_the_owner(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    name: str | None,
) -> None:
    """The ingress rule stays, and our own record goes, which only a name without one gets."""
    serve(sandbox)
    if name:
        zone_of(sandbox).add_dns_record(record(name))
    before = made_by_owner(sandbox)
    subentry_id = await protect(hass, sandbox, loaded_entry)
    assert bool(made_by_owner(sandbox)["records"]) != bool(name)

    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert made_by_owner(sandbox) == before
    # Through the wildcard, everybody would get in.
    (block,) = (item for item in zone_of(sandbox).rules if item.ref == BLOCK_REF)
    assert (FOUND in block.expression) == bool(name)
    assert reported(hass) == ({"removal_served"} if name else set())


async def test_unpublished(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """*Published* off removes our record, and leaves the owner's ingress rule."""
    serve(sandbox)
    await protect(hass, sandbox, loaded_entry)

    await turn(hass, "switch.found_example_com_published", "off")
    await settle(hass)

    assert made_by_owner(sandbox) == {"records": [], "ingress": [SERVED]}
    await turn(hass, "switch.found_example_com_published", "on")
    await settle(hass)
    assert len(made_by_owner(sandbox)["records"]) == 1
    assert reported(hass) == set()


async def test_what_was_created_goes(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The other hostname was not there before."""
    await protect(hass, sandbox, loaded_entry)
    response = await act(hass, loaded_entry, "sync", hostname=FOUND, remove=True)

    assert response["in_sync"]
    assert made_by_owner(sandbox) == {"records": [], "ingress": []}
    assert HOSTNAME in {item.title for item in loaded_entry.subentries.values()}
