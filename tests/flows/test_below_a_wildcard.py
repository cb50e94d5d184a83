"""Tests of a hostname that only a wildcard leads to a tunnel: it is typed, and protected as it is."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.seed import SERVICE, TUNNEL_ID
from sandbox.state import DnsRecord
from tests.certificates.test_confirming_what_is_gone import browser
from tests.common import (
    BLOCK_REF,
    ENGLISH,
    SKIP_REF,
    issues,
    records_of,
    reported,
    sentences,
    settle,
    state_of,
    submit,
    turn,
    zone_of,
)
from tests.dialogs import choose_hostname, confirm_repair, open_repair, zone_and_tunnel

from .existing import CLOUD, NEXTCLOUD, adopt, labels_of, of_owner, to_adopt

WILDCARD = "*.example.com"
OF = "config_subentries.protected_hostname"


def serve_all(sandbox: Sandbox, tunnel_id: str = TUNNEL_ID, **rule: Any) -> None:
    """Have a tunnel serve every name of the domain from one service, as its owner set it up."""
    content = f"{tunnel_id}.cfargotunnel.com"
    zone_of(sandbox).add_dns_record(
        DnsRecord("CNAME", WILDCARD, content, proxied=True, comment="all")
    )
    ingress = sandbox.state.tunnels[tunnel_id].ingress
    ingress.insert(-1, {"hostname": WILDCARD, "service": NEXTCLOUD, **rule})


def rules_of(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Return our rules and others'."""
    return [(rule.ref, rule.expression) for rule in zone_of(sandbox).rules]


def told_targets(registry: ir.IssueRegistry) -> list[str]:
    """Return which names are said to be open to everybody; nothing else is said."""
    ours = [item for (domain, _), item in registry.issues.items() if domain == DOMAIN]
    assert {item.translation_key for item in ours} == {"check_open_hostname"}
    return sorted((item.translation_placeholders or {})["target"] for item in ours)


async def test_protect_and_stop(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    """Every step works as for one with a record of its own, and all is as before at the end."""
    serve_all(sandbox, originRequest={"noTLSVerify": True})
    before, rules = of_owner(sandbox), rules_of(sandbox)
    form = await choose_hostname(hass, loaded_entry)
    assert CLOUD not in labels_of(form)

    form = await submit(hass, form, {"hostname": f" {CLOUD.upper()}."})
    assert form["step_id"] == "adopt"
    shown = form["description_placeholders"]
    assert (shown["hostname"], shown["service"]) == (CLOUD, NEXTCLOUD)
    assert shown["barrier"] == "open to everybody"
    sandbox.journal.clear()
    preview = await submit(hass, form, {"advanced": {}})
    warning = preview["description_placeholders"]["warning"]
    assert (
        f"**At the moment, `{CLOUD}` can be reached without a certificate.**" in warning
    )
    assert sandbox.journal.writes == []
    result = await submit(hass, preview)
    await settle(hass)
    data = result["data"]
    assert (data["found"], data["service"]) == ("adopted", NEXTCLOUD)
    assert data["tunnel_id"] == TUNNEL_ID
    assert of_owner(sandbox) == before
    expressions = dict(rules_of(sandbox))
    assert CLOUD in expressions[BLOCK_REF]
    assert CLOUD in expressions[SKIP_REF]
    assert CLOUD in (zone_of(sandbox).associations or [])
    assert state_of(hass, "binary_sensor.cloud_example_com_drift") == "off"
    # By every other name, the wildcard still leads everybody to the same service.
    # And so does the name of another one in capitals.
    assert told_targets(issue_registry) == [WILDCARD, "nas.example.com"]

    for state in ("off", "on"):
        await turn(hass, "switch.cloud_example_com_published", state)
        assert of_owner(sandbox) == before
    (subentry_id,) = (
        key for key, item in loaded_entry.subentries.items() if item.title == CLOUD
    )
    menu = await loaded_entry.start_subentry_reconfigure_flow(hass, subentry_id)
    form = await submit(hass, menu, {"next_step_id": "stop"})
    assert len(form["description_placeholders"]["changes"].splitlines()) == 3
    result = await submit(hass, form)
    await settle(hass)
    assert result["reason"] == "protection_stopped"
    assert of_owner(sandbox) == before
    assert rules_of(sandbox) == rules
    assert CLOUD not in (zone_of(sandbox).associations or [])
    assert reported(hass) == set()


async def test_change(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It stays below the wildcard, and no record of its own is created."""
    serve_all(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    before = of_owner(sandbox)
    menu = await loaded_entry.start_subentry_reconfigure_flow(hass, subentry_id)
    form = await submit(hass, menu, {"next_step_id": "change"})
    typed = {"purpose": "other", "advanced": {"exempt_paths": ["/s/"]}}
    result = await submit(hass, await submit(hass, form, typed))
    await settle(hass)
    assert result["reason"] == "reconfigure_successful"
    data = loaded_entry.subentries[subentry_id].data
    assert (data["found"], data["exempt_paths"]) == ("adopted", ["/s/"])
    assert of_owner(sandbox) == before


async def test_deleted_here(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """It stays closed until a person opens it from the repair."""
    serve_all(sandbox)
    before, rules = of_owner(sandbox), rules_of(sandbox)
    subentry_id = await adopt(hass, loaded_entry)
    hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)
    assert CLOUD in dict(rules_of(sandbox))[BLOCK_REF]
    assert reported(hass) == {"removal_served"}
    client = await browser(hass, hass_client)
    menu = await open_repair(client, issues(hass)["removal_served"])
    form = await confirm_repair(client, menu, next_step_id="open")
    await confirm_repair(client, form)
    await settle(hass)
    assert rules_of(sandbox) == rules
    assert of_owner(sandbox) == before
    assert reported(hass) == set()


async def test_nothing_else_leads_to_a_tunnel(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The list has nothing but a new hostname, and the name can be typed all the same."""
    zone = zone_of(sandbox)
    for name in ("home.example.com", "nas.example.com"):
        (record,) = records_of(sandbox, name)
        del zone.dns_records[record.id]
    serve_all(sandbox)
    form = await choose_hostname(hass, loaded_entry)
    assert list(labels_of(form)) == [ENGLISH["common"]["new_hostname"]]
    form = await to_adopt(hass, loaded_entry)
    assert form["step_id"] == "adopt"


async def test_closest_wildcard(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The one that has more of the name leads it to its tunnel."""
    serve_all(sandbox)
    garage = sandbox.state.add_tunnel("Garage")
    below = "*.garage.example.com"
    garage.config = {
        "ingress": [
            {"hostname": below, "service": "http://192.168.1.40"},
            {"service": "http_status:404"},
        ]
    }
    content = f"{garage.id}.cfargotunnel.com"
    zone_of(sandbox).add_dns_record(DnsRecord("CNAME", below, content, proxied=True))
    form = await to_adopt(hass, loaded_entry, "door.garage.example.com")
    shown = form["description_placeholders"]
    assert (shown["tunnel"], shown["service"]) == ("Garage", "http://192.168.1.40")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("shop.example.com", {}),
        ("cloud.example.org", {}),
        ("no hostname", {}),
        (CLOUD, {"service": "http_status:503"}),
        (CLOUD, {"service": "ssh://192.168.1.20:22"}),
    ],
    ids=["a server", "another domain", "no hostname", "a status", "no web server"],
)
async def test_name_that_the_wildcard_does_not_lead_to_a_web_server(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    name: str,
    rule: dict[str, str],
) -> None:
    """The next steps ask where it is to be."""
    serve_all(sandbox, **rule)
    zone_of(sandbox).add_dns_record(
        DnsRecord("A", "shop.example.com", "198.51.100.8", proxied=True)
    )
    form = await to_adopt(hass, loaded_entry, name)
    assert form["step_id"] == "zone"


async def test_new_hostname_below_a_wildcard(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """As a new one, it gets a record and an ingress rule of its own, ahead of the wildcard."""
    serve_all(sandbox)
    new = {"hostname": ENGLISH["common"]["new_hostname"]}
    form = await submit(hass, await choose_hostname(hass, loaded_entry), new)
    form = await submit(hass, form, zone_and_tunnel(sandbox))
    typed = {"hostname": "tablet.example.com", "service": SERVICE, "advanced": {}}
    result = await submit(hass, await submit(hass, form, typed))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["found"] == "created"
    assert len(records_of(sandbox, "tablet.example.com")) == 1


async def test_protected_already(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The list says so, and another name can be typed."""
    serve_all(sandbox)
    await adopt(hass, loaded_entry)
    form = await to_adopt(hass, loaded_entry)
    assert form["step_id"] == "which"
    said = sentences(form, OF)["hostname"]
    assert said.startswith(f"{CLOUD} is already protected.")
