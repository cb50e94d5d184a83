"""Dialogs, repairs, notifications and entities of an account in which everything has a hostile name."""

from datetime import timedelta
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.quoting import MAX_LENGTH, plain
from sandbox import Sandbox
from sandbox.state import AccessApplication, DnsRecord, Plan, Rule, TunnelStatus

from .common import (
    BLOCK_REF,
    EDGE_EVERY,
    ENGLISH,
    HOSTNAME,
    TUNNELS_EVERY,
    act,
    add_certificate,
    choose,
    issues,
    records_of,
    settle,
    setup_integration,
    submit,
    wait_for_refresh,
    zone_of,
)
from .dialogs import (
    CHOSEN,
    Client,
    add,
    add_rules,
    begin_repair,
    confirm_repair,
    start,
    to_hostname,
    to_zone,
    zone_and_tunnel,
)
from .faults import Faults
from .front_end import Place, expect_harmless, expect_harmless_step, fill, place_of

EVIL: Final = (
    "[x](https://evil) ![](https://evil/p.png)` <img src=x onerror=alert(1)>\n\n"
    "# www.evil.com {detail} {url} \u202e\u2028\x07 <https://evil> " + "x" * 5000
)
# As much of that as the name of a device may be.
EVIL_DEVICE: Final = "![](https://evil/p.png)` {url} <img src=x> www.evil.com"

SUBENTRIES = ENGLISH["config_subentries"]
HOSTNAME_TEXTS = SUBENTRIES["protected_hostname"]
DEVICE_TEXTS = SUBENTRIES["companion_device"]
CONFIG_TEXTS = ENGLISH["config"]
BLOCK = f'(http.host eq "{HOSTNAME}" and not cf.tls_client_auth.cert_verified)'


@pytest.fixture(autouse=True)
def hostile_world(sandbox: Sandbox) -> None:
    """Give everything at Cloudflare a hostile name."""
    sandbox.state.accounts[sandbox.account_id].name = EVIL
    sandbox.state.tunnels[sandbox.tunnel_id].name = EVIL
    for rule in zone_of(sandbox).rules:
        rule.description = EVIL


def add_rule(sandbox: Sandbox, rule: Rule, place: int = 0) -> None:
    """Add a rule that somebody made."""
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    entrypoint.rules.insert(place, rule)


def expect_harmless_labels(result: Any) -> None:
    """Assert that the choices of a form fit into a line."""
    for selector in result["data_schema"].schema.values():
        for option in getattr(selector, "config", {}).get("options", ()):
            label = option["label"] if isinstance(option, dict) else option
            assert label.isprintable()
            assert len(label) <= 2 * MAX_LENGTH


def expect_harmless_repairs(hass: HomeAssistant) -> dict[str, str]:
    """Assert that no repair shows foreign markup; return their ids by translation key."""
    for (domain, _), issue in ir.async_get(hass).issues.items():
        if domain != DOMAIN:
            continue
        texts = ENGLISH["issues"][issue.translation_key]
        for part in ("title", "description"):
            if part in texts:
                path = ("issues", str(issue.translation_key), part)
                values = issue.translation_placeholders or {}
                expect_harmless(place_of(path), fill(texts[part], values), set())
    return issues(hass)


async def test_dialog_of_an_account(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """From the token to the end, with what is taken over and with changes that fail."""
    add_rule(sandbox, Rule("block", BLOCK, EVIL))
    result = await start(hass)
    expect_harmless_step(result, CONFIG_TEXTS)
    result = await submit(hass, result, {"api_token": sandbox.token})
    expect_harmless_labels(result)
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    expect_harmless_step(result, CONFIG_TEXTS)

    result = await submit(hass, result, {**choose(), "hostname": HOSTNAME})
    assert result["step_id"] == "take_over"
    assert plain(EVIL) in expect_harmless_step(result, CONFIG_TEXTS)
    result = await submit(hass, result, {"take_over": True})
    assert result["step_id"] == "preview"
    assert plain(EVIL) in expect_harmless_step(result, CONFIG_TEXTS)

    for status, code in ((400, 1234), (400, 50001), (400, 81053)):
        faults.refuse("POST", "/dns_records", status, code, EVIL, times=1)
        result = await submit(hass, result)
        assert result["step_id"] == "resume"
        expect_harmless_step(result, CONFIG_TEXTS)
    result = await submit(hass, result)
    assert result["title"] == plain(EVIL)


async def test_choice_of_an_account(hass: HomeAssistant, sandbox: Sandbox) -> None:
    parents = sandbox.state.add_account(EVIL)
    sandbox.state.add_zone("parents.example", parents)

    result = await submit(hass, await start(hass), {"api_token": sandbox.token})

    assert result["step_id"] == "account"
    expect_harmless_labels(result)


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("rules", "problem_no_free_rule"),
        ("record", "hostname_in_use"),
        ("ingress", "hostname_in_use"),
        ("path", "exempt_path_malformed"),
    ],
)
async def test_what_is_in_the_way_of_a_hostname(
    hass: HomeAssistant, sandbox: Sandbox, kind: str, key: str
) -> None:
    chosen: dict[str, Any] = {**choose(), "hostname": HOSTNAME}
    match kind:
        case "rules":
            add_rules(sandbox, 4)
        case "record":
            zone_of(sandbox).add_dns_record(DnsRecord("CNAME", HOSTNAME, EVIL))
        case "ingress":
            ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
            ingress.insert(0, {"hostname": HOSTNAME, "service": EVIL})
        case "path":
            chosen["advanced"] = {"exempt_paths": [EVIL]}
    result = await to_hostname(hass, sandbox)

    result = await submit(hass, result, chosen)

    assert key in result["errors"].values()
    expect_harmless_step(result, CONFIG_TEXTS)


async def test_tunnel_without_a_connector(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    sandbox.state.tunnels[sandbox.tunnel_id].status = TunnelStatus.INACTIVE
    sandbox.state.tunnels[sandbox.tunnel_id].connectors.clear()
    sandbox.state.tunnels[sandbox.tunnel_id].active_at = None
    result = await submit(hass, await to_zone(hass, sandbox), zone_and_tunnel(sandbox))
    assert result["step_id"] == "no_connector"
    assert plain(EVIL) in expect_harmless_step(result, CONFIG_TEXTS)

    result = await submit(hass, result, {"next": "show"})
    assert result["step_id"] == "connector"
    assert plain(EVIL) in expect_harmless_step(result, CONFIG_TEXTS)
    manager: Any = hass.config_entries.flow
    result = await manager.async_configure(result["flow_id"], {"wait": True})
    assert result["type"] == "progress"
    assert plain(EVIL) in expect_harmless_step(result, CONFIG_TEXTS)
    manager.async_abort(result["flow_id"])


@pytest.mark.parametrize("reason", ["deleted", "taken name"])
async def test_tunnel_that_cannot_be_used(
    hass: HomeAssistant, sandbox: Sandbox, reason: str
) -> None:
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    result = await to_zone(hass, sandbox)
    if reason == "deleted":
        tunnel.deleted_at = dt_util.utcnow()
        result = await submit(hass, result, zone_and_tunnel(sandbox))
    else:
        tunnel.name = EVIL_DEVICE
        chosen = {**zone_and_tunnel(sandbox), "tunnel_id": "new"}
        result = await submit(hass, result, chosen)
        result = await submit(hass, result, {"name": EVIL_DEVICE})

    assert result["errors"]
    expect_harmless_step(result, CONFIG_TEXTS)


async def test_tunnel_with_a_config_file(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """Its name stands beside the lines that a person copies."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.name, tunnel.config_src = EVIL, "local"
    result = await to_hostname(hass, sandbox)
    result = await submit(hass, await submit(hass, result, choose()))

    assert result["step_id"] == "by_hand"
    assert plain(EVIL) in expect_harmless_step(result, CONFIG_TEXTS)


async def test_replaced_token(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """An account is called what its title says, which a person can change."""
    hass.config_entries.async_update_entry(loaded_entry, title=EVIL)
    result = await loaded_entry.start_reconfigure_flow(hass)
    assert plain(EVIL) in expect_harmless_step(result, CONFIG_TEXTS)
    result = await loaded_entry.start_reauth_flow(hass)
    assert plain(EVIL) in expect_harmless_step(result, CONFIG_TEXTS)


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs."""
    assert await async_setup_component(hass, "repairs", {})
    return await hass_client()


def repair_values(hass: HomeAssistant, issue_id: str) -> dict[str, str]:
    """Return the placeholders of a repair."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    return issue.translation_placeholders or {}


async def test_repairs(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Foreign rules, applications, records and tunnels, all in the way."""
    zone, tunnel = zone_of(sandbox), sandbox.state.tunnels[sandbox.tunnel_id]
    add_rule(sandbox, Rule("block", f'http.host eq "{HOSTNAME}"', EVIL))
    destinations = [{"type": "public", "uri": "*.example.com"}]
    application = AccessApplication(EVIL, destinations)
    access = sandbox.state.accounts[sandbox.account_id].access
    access.applications[application.id] = application
    tunnel.ingress.pop()
    for record in records_of(sandbox):
        del zone.dns_records[record.id]
    zone.add_dns_record(DnsRecord("CNAME", HOSTNAME, EVIL, proxied=True))
    tunnel.status = TunnelStatus.DOWN
    hass.config_entries.async_update_entry(loaded_entry, title=EVIL)

    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    found = expect_harmless_repairs(hass)
    assert found.keys() >= {
        "check_access_login",
        "check_no_catch_all",
        "check_rule_blocks",
        "problem_record_in_the_way",
        "tunnel_down",
    }


async def test_dialog_of_a_repair(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    client: Client,
) -> None:
    """It lists changes, and quotes why Cloudflare refuses them."""
    zone_of(sandbox).plan = Plan.FREE
    (settings,) = loaded_entry.get_subentries_of_type("protected_hostname")
    hass.config_entries.async_update_subentry(
        loaded_entry, settings, data={**settings.data, "keep_in_sync": False}
    )
    await settle(hass)
    next(
        item for item in zone_of(sandbox).rules if item.ref == BLOCK_REF
    ).enabled = False
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    issue_id = expect_harmless_repairs(hass)["exposed"]
    texts, values = (
        ENGLISH["issues"]["exposed"]["fix_flow"],
        repair_values(hass, issue_id),
    )
    flow = await begin_repair(client, issue_id)
    expect_harmless_step(flow, texts, values)

    faults.refuse("PATCH", "/rules", 400, 1234, EVIL, times=1)
    flow = await confirm_repair(client, flow)
    assert flow["errors"] == {"base": "rejected"}
    expect_harmless_step(flow, texts, values)
    faults.refuse("GET", "/rulesets", 400, 1234, EVIL)
    flow = await confirm_repair(client, flow)
    assert flow["type"] == "abort"
    (reason,) = expect_harmless_step(flow, texts, values)
    assert reason.startswith("[x](https://evil)")


async def test_unknown_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Anybody who may have certificates signed chooses what they are called."""
    events: list[Any] = []
    hass.bus.async_listen("cloudflare_mtls_certificate", events.append)
    name = '![](https://evil/p.png)\n# `[x](https://evil)`\u202e, issued today"'
    await add_certificate(
        sandbox, name=name, organization=name, device_id=name, certificate_id="foreign"
    )
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)

    issue_id = expect_harmless_repairs(hass)["unknown_certificates"]
    texts = ENGLISH["issues"]["unknown_certificates"]["fix_flow"]
    for choice in ("confirm", "revoke"):
        flow = await begin_repair(client, issue_id)
        expect_harmless_step(flow, texts)
        flow = await confirm_repair(client, flow, next_step_id=choice)
        expect_harmless_step(flow, texts)
        (field,) = flow["data_schema"]
        (option,) = field["selector"]["select"]["options"]
        # No quote of the name ends it: what follows would be read as ours.
        assert f'"{plain(name)[:-1]}\'"' in option["label"]
        assert option["label"].count('"') == 2
        assert option["label"].isprintable()
    assert {event.data["name"] for event in events} == {plain(name)}
    result = await add(hass, loaded_entry)
    result = await hass.config_entries.subentries.async_configure(
        result["flow_id"], {"next_step_id": "adopt"}
    )
    expect_harmless_labels(result)


async def test_companion_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its dialogs and its repairs."""
    chosen = {**CHOSEN, "name": EVIL_DEVICE}
    result = await add(hass, loaded_entry)
    faults.refuse("POST", "/client_certificates", 400, 1234, EVIL, times=1)
    result = await submit(hass, result, chosen)
    assert result["errors"]
    expect_harmless_step(result, DEVICE_TEXTS)
    result = await submit(hass, result, chosen)
    assert result["step_id"] == "handover"
    assert plain(EVIL_DEVICE) in expect_harmless_step(result, DEVICE_TEXTS)
    await submit(hass, result)
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")

    for choice in ("renew", "change"):
        result = await loaded_entry.start_subentry_reconfigure_flow(
            hass, subentry.subentry_id
        )
        expect_harmless_step(result, DEVICE_TEXTS)
        result = await submit(hass, result, {"next_step_id": choice})
        expect_harmless_step(result, DEVICE_TEXTS)

    companions = loaded_entry.runtime_data.protection.data.companions
    await loaded_entry.runtime_data.creator.async_renew(*companions.values())
    ready = expect_harmless_repairs(hass)["certificate_ready"]
    result = await begin_repair(client, ready)
    texts = ENGLISH["issues"]["certificate_ready"]["fix_flow"]
    assert plain(EVIL_DEVICE) in expect_harmless_step(result, texts)

    freezer.tick(timedelta(days=400))
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    assert "certificate_expired" in expect_harmless_repairs(hass)


async def test_exceptions(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """Actions say why they failed in one line."""
    for status, code in ((400, 1234), (400, 1445), (409, 1)):
        faults.refuse("POST", "/client_certificates", status, code, EVIL, times=1)
        with pytest.raises(HomeAssistantError) as raised:
            await act(hass, loaded_entry, "mint_certificate", name="Tablet")
        expect_harmless(Place.PLAIN, str(raised.value), set())
        assert "[x](https://evil)" in str(raised.value)
    for action, fields in (
        ("revoke_certificate", {"certificate_id": EVIL}),
        ("verify", {"hostname": EVIL}),
    ):
        with pytest.raises(HomeAssistantError) as raised:
            await act(hass, loaded_entry, action, **fields)
        expect_harmless(Place.PLAIN, str(raised.value), set())


async def test_devices_and_entities(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """Names fit into a line, and values into a state."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    for connector in tunnel.connectors:
        connector.version = f"2026.²{EVIL}"

    await setup_integration(hass, entry)

    devices = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    assert plain(EVIL) in {device.name for device in devices}
    for device in devices:
        assert device.name == plain(str(device.name))
    states = hass.states.async_all()
    assert [item.state for item in states if "version" in item.entity_id] == [
        plain(f"2026.²{EVIL}")
    ]
    for state in states:
        assert state.state.isprintable()
        assert len(state.name) < 2 * MAX_LENGTH
