"""Tests of tunnels that a config file or an app manages: the lines to add, and when they are shown."""

from collections.abc import Callable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import DnsRecord, Tunnel, TunnelStatus
from tests.common import (
    BLOCK_REF,
    ENGLISH,
    HOSTNAME,
    HOSTNAME_ID,
    SKIP_REF,
    act,
    choose,
    issues,
    placeholders,
    records_of,
    reported,
    settle,
    submit,
    zone_of,
)
from tests.dialogs import begin_repair, confirm_repair, is_loaded, open_options, to_zone
from tests.faults import Faults


@pytest.fixture
def local(sandbox: Sandbox) -> Tunnel:
    """Return a tunnel with a config file, which serves the browser's hostname."""
    tunnel = sandbox.state.add_tunnel("garage", config_src="local")
    tunnel.status = TunnelStatus.HEALTHY
    add_record(sandbox, tunnel, "house.example.com")
    return tunnel


def add_record(sandbox: Sandbox, tunnel: Tunnel, name: str) -> DnsRecord:
    """Add a record as `cloudflared tunnel route dns` does."""
    content = f"{tunnel.id}.cfargotunnel.com"
    record = DnsRecord("CNAME", name, content, proxied=True)
    zone_of(sandbox).add_dns_record(record)
    return record


async def to_preview(hass: HomeAssistant, sandbox: Sandbox, tunnel: Tunnel) -> Any:
    """Go to the preview for the hostname that is proposed."""
    result = await to_zone(hass, sandbox)
    result = await submit(
        hass, result, {"zone_id": sandbox.zone_id, "tunnel_id": tunnel.id}
    )
    assert result["step_id"] == "hostname"
    return await submit(hass, result, choose())


def lines_of(result: Any) -> Any:
    """Return the rules that a form shows, as cloudflared reads them."""
    shown = result["description_placeholders"]
    text = f"ingress:\n{shown['lines']}\n{shown['catch_all']}"
    read = parse_yaml(text)
    assert isinstance(read, dict)
    return read["ingress"]


def assert_only_the_file_is_missing(
    sandbox: Sandbox, tunnel: Tunnel, name: str
) -> None:
    """Assert that the hostname is protected, and that nobody touched a tunnel's configuration."""
    zone = zone_of(sandbox)
    assert [rule.ref for rule in zone.rules if name in rule.expression] == [
        SKIP_REF,
        BLOCK_REF,
    ]
    assert name in (zone.associations or [])
    (record,) = records_of(sandbox, name)
    assert record.content.startswith(tunnel.id)
    assert not [
        write for write in sandbox.journal.writes if "configurations" in write.path
    ]


async def test_list_of_tunnels(
    hass: HomeAssistant, sandbox: Sandbox, local: Tunnel
) -> None:
    """It says how each is managed, whether it is connected, and what leads to it."""
    for name in ("nas", "a", "b"):
        add_record(sandbox, local, f"{name}.example.com")
    add_record(
        sandbox, sandbox.state.tunnels[sandbox.tunnel_id], "xn--kln-sna.example.com"
    )
    sandbox.state.add_tunnel("attic")
    result = await to_zone(hass, sandbox)

    selector = result["data_schema"].schema["tunnel_id"]
    labels = [item["label"] for item in selector.config["options"]]

    assert set(labels) == {
        "home (connected, managed at Cloudflare): home.example.com, köln.example.com, "
        "nas.example.com",
        "garage (connected, managed by config.yml or an app): "
        "a.example.com, b.example.com, house.example.com (+1)",
        "attic (not connected, managed at Cloudflare)",
        "new",
    }


async def test_records_that_cannot_be_read(
    hass: HomeAssistant, faults: Faults, sandbox: Sandbox, local: Tunnel
) -> None:
    """The list does without them."""
    faults.unavailable("GET", "/dns_records")
    result = await to_zone(hass, sandbox)
    selector = result["data_schema"].schema["tunnel_id"]
    labels = [item["label"] for item in selector.config["options"]]
    assert "garage (connected, managed by config.yml or an app)" in labels


async def test_first_hostname(
    hass: HomeAssistant, sandbox: Sandbox, local: Tunnel
) -> None:
    """The rules are written, then the record, and only then the lines are shown."""
    preview = await to_preview(hass, sandbox, local)
    assert preview["step_id"] == "preview"
    changes = preview["description_placeholders"]["changes"]
    assert "house-mobile.example.com" in changes
    assert changes.count("\n") == 4
    assert "lines" not in preview["description_placeholders"]

    result = await submit(hass, preview)

    assert result["step_id"] == "by_hand"
    assert_only_the_file_is_missing(sandbox, local, "house-mobile.example.com")
    assert lines_of(result) == [
        {
            "hostname": "house-mobile.example.com",
            "service": f"http://10.10.10.10:{hass.http.server_port}",
        },
        {"service": "http_status:404"},
    ]
    shown = result["description_placeholders"]
    assert parse_yaml(str(shown["entry"])) == {"additional_hosts": lines_of(result)[:1]}
    assert shown["check"].endswith("rule https://house-mobile.example.com")

    result = await submit(hass, result)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert is_loaded(result["result"])
    await settle(hass)
    assert reported(hass) == set()


async def test_service_with_a_certificate_for_another_name(
    hass: HomeAssistant, sandbox: Sandbox, local: Tunnel
) -> None:
    """Cloudflared asks it by its address, so it must not compare names."""
    result = await to_zone(hass, sandbox)
    result = await submit(
        hass, result, {"zone_id": sandbox.zone_id, "tunnel_id": local.id}
    )
    result = await submit(
        hass, result, {**choose(), "service": "https://[fd00::1]:8123"}
    )
    result = await submit(hass, result)
    assert lines_of(result)[0] == {
        "hostname": "house-mobile.example.com",
        "service": "https://[fd00::1]:8123",
        "originRequest": {"noTLSVerify": True},
    }


def delete_block_rule(sandbox: Sandbox) -> None:
    """Delete our block rule."""
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    entrypoint.rules = [item for item in entrypoint.rules if item.ref != BLOCK_REF]


def unproxy(sandbox: Sandbox) -> None:
    """Lead the hostname past Cloudflare."""
    (record,) = records_of(sandbox, "house-mobile.example.com")
    record.proxied = False


@pytest.mark.parametrize("change", [delete_block_rule, unproxy])
async def test_lines_are_not_shown_while_the_hostname_is_open(
    hass: HomeAssistant,
    faults: Faults,
    sandbox: Sandbox,
    local: Tunnel,
    change: Callable[[Sandbox], None],
) -> None:
    """The rules are read back once everything is written; what changed is shown instead."""
    preview = await to_preview(hass, sandbox, local)
    manager = hass.config_entries.flow
    await manager.async_configure(preview["flow_id"], {})
    await settle(hass)
    change(sandbox)

    result = await manager.async_configure(preview["flow_id"])
    await settle(hass)

    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "changed_meanwhile"}
    assert "lines" not in (result["description_placeholders"] or {})

    result = await submit(hass, result)
    assert result["step_id"] == "by_hand"
    assert_only_the_file_is_missing(sandbox, local, "house-mobile.example.com")


async def test_rules_that_cannot_be_read_back(
    hass: HomeAssistant, faults: Faults, sandbox: Sandbox, local: Tunnel
) -> None:
    """Nobody knows whether they are there, so the lines wait."""
    preview = await to_preview(hass, sandbox, local)
    manager = hass.config_entries.flow
    await manager.async_configure(preview["flow_id"], {})
    await settle(hass)
    faults.unavailable("GET", "/rulesets")

    result = await manager.async_configure(preview["flow_id"])

    assert result["step_id"] == "resume"
    assert result["errors"] == {"base": "unavailable"}
    assert "lines" not in (result["description_placeholders"] or {})
    faults.clear()
    result = await submit(hass, result)
    assert result["step_id"] == "by_hand"


async def test_dialog_is_closed_before_the_lines_are_added(
    hass: HomeAssistant, sandbox: Sandbox, local: Tunnel
) -> None:
    """The hostname is protected and listed; its dialog shows the lines again."""
    result = await submit(hass, await to_preview(hass, sandbox, local))
    hass.config_entries.flow.async_abort(result["flow_id"])
    await settle(hass)
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    (subentry,) = entry.subentries.values()
    assert subentry.title == "house-mobile.example.com"
    sandbox.journal.clear()

    manager = hass.config_entries.subentries
    form: Any = await manager.async_init(
        (entry.entry_id, subentry.subentry_type),
        context={"source": "reconfigure", "subentry_id": subentry.subentry_id},
    )
    chosen = {**choose(), "tunnel_id": local.id, "service": SERVICE}
    result = await submit(hass, await submit(hass, form, chosen))

    assert result["step_id"] == "by_hand"
    assert sandbox.journal.writes == []


async def test_hostname_that_the_file_serves_already(
    hass: HomeAssistant, sandbox: Sandbox, local: Tunnel
) -> None:
    """It is open today, so the preview says who loses access; its record stays as it is."""
    record = add_record(sandbox, local, "house-mobile.example.com")
    result = await to_zone(hass, sandbox)
    result = await submit(
        hass, result, {"zone_id": sandbox.zone_id, "tunnel_id": local.id}
    )
    typed = {**choose(), "hostname": "house-mobile.example.com"}
    preview = await submit(hass, result, typed)
    assert "At the moment" in preview["description_placeholders"]["warning"]

    result = await submit(hass, await submit(hass, preview))

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert records_of(sandbox, "house-mobile.example.com") == [record]
    assert record.comment is None


async def test_change_shows_the_lines_again(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, local: Tunnel
) -> None:
    """A hostname moves to a tunnel with a file, and its former tunnel no longer serves it."""
    result = await loaded_entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    result = await submit(
        hass, result, {**choose(), "tunnel_id": local.id, "service": SERVICE}
    )
    result = await submit(hass, result)
    assert result["step_id"] == "by_hand"
    assert lines_of(result)[0] == {"hostname": HOSTNAME, "service": SERVICE}
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    assert HOSTNAME not in [rule.get("hostname") for rule in ingress]

    result = await submit(hass, result)

    assert result["reason"] == "reconfigure_successful"
    assert loaded_entry.subentries[HOSTNAME_ID].data["tunnel_id"] == local.id
    (record,) = records_of(sandbox)
    assert record.content.startswith(local.id)


@pytest.fixture
async def on_local(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account whose hostname is served by a tunnel with a config file."""
    sandbox.state.tunnels[sandbox.tunnel_id].config_src = "local"
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    assert reported(hass) == set()
    return loaded_entry


async def test_removed_hostname_stays_blocked_until_a_person_confirms(
    hass: HomeAssistant,
    sandbox: Sandbox,
    on_local: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """Its lines may still be in the file: an app would lead there again at its next start."""
    hass.config_entries.async_remove_subentry(on_local, HOSTNAME_ID)
    await settle(hass)

    assert records_of(sandbox) == []
    (rule,) = [rule for rule in zone_of(sandbox).rules if HOSTNAME in rule.expression]
    assert "cert_verified" not in rule.expression
    assert reported(hass) == {"removal_in_file"}
    assert placeholders(hass, "removal_in_file") == {"hostname": HOSTNAME}

    assert await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    step = await begin_repair(client, issues(hass)["removal_in_file"])
    assert (await confirm_repair(client, step))["type"] == "create_entry"
    await settle(hass)

    assert HOSTNAME not in str([rule.expression for rule in zone_of(sandbox).rules])
    assert reported(hass) == set()


async def test_action_that_removes_a_hostname(
    hass: HomeAssistant, sandbox: Sandbox, on_local: MockConfigEntry
) -> None:
    """It leaves Home Assistant, and its block rule stays; the response says why."""
    response = await act(hass, on_local, "sync", remove=True)
    await settle(hass)
    (problem,) = response["problems"]
    assert problem["code"] == "still_in_file"
    assert on_local.subentries == {}
    assert reported(hass) == {"removal_in_file"}


async def test_remove_everything_says_what_will_be_left(
    hass: HomeAssistant, sandbox: Sandbox, on_local: MockConfigEntry
) -> None:
    """Nobody watches the rule once the account is gone, so this is said before."""
    form = await open_options(hass, on_local, "remove")
    assert "keeps its block rule" in form["description_placeholders"]["changes"]
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {"revoke_certificates": False}
    )
    assert result["reason"] == "removed"
    await settle(hass)
    assert on_local.subentries == {}
    assert reported(hass) == {"removal_in_file"}


async def test_hostname_that_is_set_up_again_forgets_the_confirmation(
    hass: HomeAssistant,
    sandbox: Sandbox,
    on_local: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """What a person said of one removal does not hold for the next."""
    subentry = on_local.subentries[HOSTNAME_ID]
    assert await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    for _ in range(2):
        hass.config_entries.async_remove_subentry(on_local, HOSTNAME_ID)
        await settle(hass)
        assert reported(hass) == {"removal_in_file"}
        step = await begin_repair(client, issues(hass)["removal_in_file"])
        await confirm_repair(client, step)
        await settle(hass)
        assert reported(hass) == set()
        hass.config_entries.async_add_subentry(on_local, subentry)
        await settle(hass)
        await on_local.runtime_data.protection.async_refresh()


def test_every_text_of_the_step_is_there() -> None:
    """Both dialogs show the same."""
    subentry = ENGLISH["config_subentries"]["protected_hostname"]
    assert ENGLISH["config"]["step"]["by_hand"] == subentry["step"]["by_hand"]
