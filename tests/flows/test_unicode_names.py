"""Domains with letters outside ASCII: in whichever way a name is written, it is one name."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from sandbox import Sandbox
from sandbox.state import AccessApplication, DnsRecord, Rule, WorkerRoute, Zone
from tests.common import (
    BLOCK_REF,
    CHECKS_EVERY,
    EDGE_EVERY,
    act,
    choose,
    is_loaded,
    placeholders,
    reported,
    sentences,
    settle,
    submit,
    wait_for_refresh,
)
from tests.dialogs import to_hostname, to_zone
from tests.edge_conditions import ask_browsers_to_log_in

HOME = "home.xn--ms-hem-iua.example"
MOBILE = "ha-mobile.xn--ms-hem-iua.example"
SERVICE = "http://homeassistant:8123"
SPELLINGS = [
    "ha-mobile.mås-hem.example",
    "ha-mobile.xn--ms-hem-iua.example",
    "HA-Mobile.MÅS-HEM.example.",
]


@pytest.fixture
def zone(sandbox: Sandbox) -> Zone:
    """Return a zone that the API lists by its Unicode name, with a browser's hostname."""
    zone = sandbox.state.add_zone("mås-hem.example")
    target = f"{sandbox.tunnel_id}.cfargotunnel.com"
    zone.add_dns_record(DnsRecord("CNAME", HOME, target, proxied=True))
    config = sandbox.state.tunnels[sandbox.tunnel_id].config
    assert config
    config["ingress"] = [
        {"hostname": HOME, "service": SERVICE},
        {"service": "http_status:404"},
    ]
    ask_browsers_to_log_in(sandbox, HOME)
    return zone


async def to_hostname_in(hass: HomeAssistant, sandbox: Sandbox, zone: Zone) -> Any:
    """Open the dialog and go to its step with the hostname, in this zone."""
    result = await to_zone(hass, sandbox)
    return await submit(
        hass, result, {"zone_id": zone.id, "tunnel_id": sandbox.tunnel_id}
    )


async def protect_in(
    hass: HomeAssistant, sandbox: Sandbox, zone: Zone, hostname: str
) -> Any:
    """Protect a hostname of the zone, and return the new entry."""
    result = await to_hostname_in(hass, sandbox, zone)
    result = await submit(hass, result, {**choose(), "hostname": hostname})
    assert result["step_id"] == "preview"
    assert "xn--" not in result["description_placeholders"]["changes"]
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert is_loaded(result["result"])
    await settle(hass)
    return result["result"]


def assert_protected_once(sandbox: Sandbox, zone: Zone, hostname: str) -> None:
    """Assert that everything at Cloudflare has the hostname, in ASCII, and only once."""
    assert zone.associations == [hostname]
    assert [item.name for item in zone.dns_records.values()].count(hostname) == 1
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    assert [rule.get("hostname") for rule in ingress].count(hostname) == 1
    expressions = "".join(rule.expression for rule in zone.rules)
    assert f'"{hostname}"' in expressions
    assert expressions.isascii()


@pytest.mark.parametrize("typed", SPELLINGS)
async def test_spellings_of_one_hostname(
    hass: HomeAssistant, sandbox: Sandbox, zone: Zone, typed: str
) -> None:
    """Each is accepted, and Cloudflare gets the one in ASCII; visitors are seen to be blocked."""
    entry = await protect_in(hass, sandbox, zone, typed)

    assert_protected_once(sandbox, zone, MOBILE)
    (subentry,) = entry.subentries.values()
    assert (subentry.unique_id, subentry.data["hostname"]) == (MOBILE, MOBILE)
    assert subentry.title == "ha-mobile.mås-hem.example"
    assert reported(hass) == set()
    synced = await act(hass, entry, "sync", hostname=typed, dry_run=True)
    assert synced["steps"] == []


@pytest.mark.parametrize(
    ("name", "typed", "hostname"),
    [
        ("xn--e28h.example", "ha-mobile.xn--e28h.example", "ha-mobile.xn--e28h.example"),
        ("xn--e28h.example", "ha-mobile.😀.example", "ha-mobile.xn--e28h.example"),
        ("例え.example", "ha-mobile.例え.example", "ha-mobile.xn--r8jz45g.example"),
        ("例え.example", "ha-mobile。例え．example", "ha-mobile.xn--r8jz45g.example"),
        ("bücher.example", "ha-mobile.bu\u0308cher.example", "ha-mobile.xn--bcher-kva.example"),
        ("bücher.example", "mobil-für-mich.bücher.example", "xn--mobil-fr-mich-2ob.xn--bcher-kva.example"),
        ("пример.example", "ha-mobile.ПРИМЕР.example", "ha-mobile.xn--e1afmkfd.example"),
        ("example.org", "h\u00e4-mobile.example.org", "xn--h-mobile-0za.example.org"),
    ],
)  # fmt: skip
async def test_other_alphabets(
    hass: HomeAssistant, sandbox: Sandbox, name: str, typed: str, hostname: str
) -> None:
    """Whatever a keyboard makes of a name, it is the name that DNS has."""
    zone = sandbox.state.add_zone(name)

    await protect_in(hass, sandbox, zone, typed)

    assert_protected_once(sandbox, zone, hostname)


async def test_proposal(hass: HomeAssistant, sandbox: Sandbox, zone: Zone) -> None:
    """It is named after the browser's hostname, and passes as it stands."""
    result = await to_hostname_in(hass, sandbox, zone)

    proposed = result["data_schema"]({"advanced": {}})
    assert proposed["hostname"] == "home-mobile.mås-hem.example"
    assert proposed["service"] == SERVICE
    assert result["description_placeholders"]["zone"] == "mås-hem.example"
    result = await submit(hass, result, choose())
    assert result["step_id"] == "preview"
    assert sandbox.journal.writes == []


@pytest.mark.parametrize(
    "label", ["xn--a", "xn--abc", "xn--zzzzzz", "xn--ä", "xn--MAS-"]
)
async def test_label_that_only_begins_like_an_encoded_one(
    hass: HomeAssistant, sandbox: Sandbox, label: str
) -> None:
    """No name in DNS has it, so it is refused like any other text that is no hostname."""
    result = await to_hostname(hass, sandbox)

    hostname = f"{label}.example.com"
    result = await submit(hass, result, {**choose(), "hostname": hostname})

    assert result["errors"] == {"hostname": "hostname_malformed"}
    assert "This is not a hostname" in sentences(result)["hostname"]
    assert sandbox.journal.writes == []


async def test_hostname_outside_of_the_zone(
    hass: HomeAssistant, sandbox: Sandbox, zone: Zone
) -> None:
    """The message names the zone as people write it."""
    result = await to_hostname_in(hass, sandbox, zone)

    typed = {**choose(), "hostname": "ha-mobile.mas-hem.example"}
    result = await submit(hass, result, typed)

    assert result["errors"] == {"hostname": "hostname_outside_zone"}
    assert "mås-hem.example" in sentences(result)["hostname"]


async def test_record_that_is_spelt_in_unicode(
    hass: HomeAssistant, sandbox: Sandbox, zone: Zone
) -> None:
    """It is in the way of the hostname, in whichever spelling Cloudflare lists it."""
    zone.add_dns_record(DnsRecord("A", "ha-mobile.mås-hem.example", "192.0.2.1"))
    result = await to_hostname_in(hass, sandbox, zone)

    result = await submit(hass, result, {**choose(), "hostname": MOBILE})

    assert result["errors"] == {"hostname": "hostname_in_use"}
    assert sandbox.journal.writes == []


async def test_association_that_is_spelt_in_unicode(
    hass: HomeAssistant, sandbox: Sandbox, zone: Zone
) -> None:
    """It is there already, so it is not written again."""
    zone.associations = ["ha-mobile.mås-hem.example"]
    result = await to_hostname_in(hass, sandbox, zone)
    result = await submit(hass, result, {**choose(), "hostname": MOBILE})

    assert "client certificate" not in result["description_placeholders"]["changes"]


async def test_hostname_of_another_home_assistant(
    hass: HomeAssistant, sandbox: Sandbox, zone: Zone
) -> None:
    """Its place in the shared rules is kept."""
    first = await protect_in(hass, sandbox, zone, MOBILE)
    await hass.config_entries.async_remove(first.entry_id)
    await settle(hass)

    await protect_in(hass, sandbox, zone, "boat.mås-hem.example")

    (block,) = (rule for rule in zone.rules if rule.ref == BLOCK_REF)
    assert f'"{MOBILE}"' in block.expression
    assert '"boat.xn--ms-hem-iua.example"' in block.expression


async def test_login_that_is_spelt_in_unicode(
    hass: HomeAssistant, sandbox: Sandbox, zone: Zone
) -> None:
    """The check of Access knows the hostname, in whichever spelling the application has it."""
    account = sandbox.state.accounts[sandbox.account_id]
    uri = "ha-mobile.MÅS-HEM.example"
    login = AccessApplication("Home", [{"type": "public", "uri": uri}])
    account.access.applications[login.id] = login

    await protect_in(hass, sandbox, zone, MOBILE)

    assert "check_access_login" in reported(hass)


async def test_repairs(
    hass: HomeAssistant, sandbox: Sandbox, zone: Zone, freezer: FrozenDateTimeFactory
) -> None:
    """They name hostnames and domains as people write them."""
    await protect_in(hass, sandbox, zone, MOBILE)
    sandbox.state.accounts[sandbox.account_id].access.applications.clear()
    zone.worker_routes.append(WorkerRoute(f"{MOBILE}/*", "blog"))
    zone.rules.insert(0, Rule("block", f'http.host eq "{MOBILE}"'))
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    told = {key: placeholders(hass, key) for key in reported(hass)}
    del sandbox.state.zones[zone.id]
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    told |= {key: placeholders(hass, key) for key in reported(hass)}

    names = {
        key: [name for name in item.values() if "." in name]
        for key, item in told.items()
    }
    assert names == {
        "check_open_hostname": [
            "home.mås-hem.example",
            "ha-mobile.mås-hem.example",
        ],
        "check_rule_blocks": [
            "ha-mobile.mås-hem.example",
            'http.host eq "ha-mobile.mås-hem.example"',
        ],
        "check_workers": [
            "mås-hem.example",
            "ha-mobile.mås-hem.example/*",
            "ha-mobile.mås-hem.example",
        ],
        "zone_gone": ["mås-hem.example"],
    }
