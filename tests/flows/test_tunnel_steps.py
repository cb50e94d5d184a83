"""Tests of the steps that create a tunnel in a dialog."""

import json
from typing import Any

from homeassistant.components.http import ApiConfig
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util.yaml import parse_yaml
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS
from tests.common import is_loaded, sentences, settle, state_of, submit
from tests.dialogs import add_hostname, to_zone
from tests.faults import Faults
from tests.flows.new_tunnels import (
    CATCH_ALL,
    HOST,
    finish_with,
    named,
    new_tunnel,
    to_connector,
    to_name,
)

SUBENTRY = "config_subentries.protected_hostname"


async def test_from_nothing_to_the_protected_hostname(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """An account without any tunnel gets one that leads to Home Assistant."""
    sandbox.state.tunnels.clear()
    result = await to_zone(hass, sandbox)
    assert result["step_id"] == "zone"
    assert result["errors"] == {}
    assert result["data_schema"]({}) == new_tunnel(sandbox)

    result = await submit(hass, result, {})
    assert result["step_id"] == "new_tunnel"
    assert result["data_schema"]({}) == {"name": "home-assistant"}
    assert sandbox.journal.writes == []

    result = await submit(hass, result, {"name": " Attic "})
    tunnel = named(sandbox, "Attic")
    assert tunnel.config_src == "cloudflare"
    assert tunnel.ingress == [CATCH_ALL]
    assert result["step_id"] == "connector"
    shown = result["description_placeholders"]
    assert shown["tunnel"] == "Attic"
    token = shown["token"]
    assert shown["compose"].splitlines() == [
        "services:",
        "  cloudflared:",
        "    image: cloudflare/cloudflared:latest",
        "    restart: unless-stopped",
        "    command: tunnel run",
        "    environment:",
        f"      TUNNEL_TOKEN: {token}",
    ]
    assert shown["docker"] == (
        "docker run --detach --restart unless-stopped "
        f"--env TUNNEL_TOKEN={token} cloudflare/cloudflared:latest tunnel run"
    )
    assert shown["debian"] == f"sudo cloudflared service install {token}"
    assert shown["network"] == ""
    assert shown["app_url"].startswith("https://github.com/homeassistant-apps/")
    assert "/token" in sandbox.journal.requests[-1].path

    manager: Any = hass.config_entries.flow
    result = await manager.async_configure(result["flow_id"], {"wait": True})
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "connect"
    assert result["description_placeholders"] == {"tunnel": "Attic"}
    # The front end may ask again at any time.
    again = await manager.async_configure(result["flow_id"])
    assert again["type"] is FlowResultType.SHOW_PROGRESS

    tunnel.connect()
    await settle(hass)
    result = await manager.async_configure(result["flow_id"])
    proposed = result["data_schema"]({"advanced": {}})
    assert proposed["hostname"] == HOST
    assert await finish_with(hass, sandbox, result) is tunnel
    (entry,) = hass.config_entries.async_entries("cloudflare_mtls")
    await settle(hass)
    assert is_loaded(entry)
    assert state_of(hass, "sensor.attic_tunnel_status") == "healthy"


async def test_further_hostname_with_a_new_tunnel(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The dialog of a further hostname creates tunnels too."""
    result = await add_hostname(hass, loaded_entry)
    result = await submit(hass, result, new_tunnel(sandbox))
    assert result["step_id"] == "new_tunnel"
    result = await submit(hass, result, {"name": ""})
    assert result["errors"] == {"name": "tunnel_name_empty"}
    assert "needs a name" in sentences(result, SUBENTRY)["name"]
    result = await submit(hass, result, {"name": "attic"})
    assert result["step_id"] == "connector"
    tunnel = named(sandbox, "attic")
    tunnel.connect()

    result = await submit(hass, result, {"wait": True})

    assert await finish_with(hass, sandbox, result) is tunnel
    await settle(hass)
    assert len(loaded_entry.subentries) == 2


async def test_zone_that_is_paused_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The dialog returns to the choice of the zone, with the new tunnel chosen."""
    result = await to_connector(hass, sandbox)
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.paused = True
    tunnel = named(sandbox)

    result = await submit(hass, result, {"wait": False})
    assert result["step_id"] == "zone"
    assert result["errors"] == {"zone_id": "zone_not_active"}

    zone.paused = False
    tunnel.connect()
    chosen = {"zone_id": sandbox.zone_id, "tunnel_id": tunnel.id}
    result = await submit(hass, result, chosen)
    # The list of tunnels is from before its connector ran.
    result = await submit(hass, result, {"next": "wait"})
    assert await finish_with(hass, sandbox, result) is tunnel


async def test_zone_is_looked_at_before_a_tunnel_is_made(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A problem with the zone shows before anything is written."""
    sandbox.state.zones[sandbox.zone_id].paused = True
    result = await to_zone(hass, sandbox)

    result = await submit(hass, result, new_tunnel(sandbox))

    assert result["errors"] == {"zone_id": "zone_not_active"}
    assert sandbox.journal.writes == []

    sandbox.state.zones[sandbox.zone_id].paused = False
    result = await submit(hass, result, new_tunnel(sandbox))
    result = await submit(hass, result, {})
    result = await submit(hass, result, {"wait": False})
    assert await finish_with(hass, sandbox, result) is named(sandbox)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("", "tunnel_name_empty", "needs a name"),
        ("  ", "tunnel_name_empty", "needs a name"),
        ("x" * 101, "tunnel_name_too_long", "up to 100 characters"),
        ("home", "tunnel_name_taken", "already has a tunnel called home"),
    ],
)
async def test_names_that_are_refused(
    hass: HomeAssistant, sandbox: Sandbox, name: str, error: str, words: str
) -> None:
    """The form says what is wrong with the name, and continues with a good one."""
    before = dict(sandbox.state.tunnels)
    config = json.dumps(before[sandbox.tunnel_id].config)

    result = await submit(hass, await to_name(hass, sandbox), {"name": name})

    assert result["step_id"] == "new_tunnel"
    assert result["errors"] == {"name": error}
    assert words in sentences(result)["name"]
    assert sandbox.state.tunnels == before
    assert json.dumps(before[sandbox.tunnel_id].config) == config

    result = await submit(hass, result, {"name": "x" * 100})
    assert result["step_id"] == "connector"
    assert named(sandbox, "x" * 100).ingress == [CATCH_ALL]


async def test_proposed_name_is_free(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """The proposed name has a number when the first ones are taken."""
    for name in ("home-assistant", "home-assistant-2"):
        sandbox.state.add_tunnel(name)

    result = await submit(hass, await to_name(hass, sandbox), {})

    assert result["step_id"] == "connector"
    assert named(sandbox, "home-assistant-3")


async def test_permission_to_make_tunnels_is_missing(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The permission is named, and the dialog continues once the token has it."""
    permissions = ALL_PERMISSIONS - {"tunnel:edit"} | {"tunnel:read"}
    token = sandbox.state.add_token(permissions=permissions)

    result = await submit(hass, await to_name(hass, sandbox, token), {})
    assert result["step_id"] == "new_tunnel"
    assert result["errors"] == {"base": "permission_missing"}
    assert "Account / Cloudflare Tunnel / Edit" in sentences(result)["base"]

    sandbox.state.tokens[token].permissions = ALL_PERMISSIONS
    result = await submit(hass, result, {})
    result = await submit(hass, result, {"wait": False})
    assert await finish_with(hass, sandbox, result) is named(sandbox)


async def test_limit_of_tunnels(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """Cloudflare's own words say that the account has no tunnel left."""
    faults.refuse(
        "POST", "/cfd_tunnel$", 400, 1, "You reached the limit of tunnels", times=1
    )

    result = await submit(hass, await to_name(hass, sandbox), {})
    assert result["errors"] == {"base": "quota_exceeded"}
    assert "You reached the limit of tunnels" in sentences(result)["base"]

    result = await submit(hass, result, {})
    assert result["step_id"] == "connector"


@pytest.mark.parametrize("after_write", [True, False])
@pytest.mark.parametrize("write", ["POST", "PUT"])
async def test_answers_that_fail_while_the_tunnel_is_made(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    write: str,
    after_write: bool,
) -> None:
    """Whichever answer is lost, the next attempt ends with one tunnel."""
    faults.unavailable(write, "/cfd_tunnel", times=1, after_write=after_write)

    result = await submit(hass, await to_name(hass, sandbox), {})
    # A tunnel that was created although the answer was lost is found at once.
    if write == "PUT" or not after_write:
        assert result["step_id"] == "new_tunnel"
        assert result["errors"] == {"base": "unavailable"}
        result = await submit(hass, result, {})

    assert result["step_id"] == "connector"
    assert named(sandbox).ingress == [CATCH_ALL]


async def test_outage_after_an_answer_was_lost(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """The next attempt finds the tunnel before it would create a second one."""
    result = await to_name(hass, sandbox)
    faults.unavailable("POST", "/cfd_tunnel$", times=1, after_write=True)
    # The first list is read before the tunnel is created.
    hold = faults.add("GET", "/cfd_tunnel$", times=1)
    assert hold.hits == 0
    faults.unavailable("GET", "/cfd_tunnel$", times=1)
    result = await submit(hass, result, {})
    assert result["errors"] == {"base": "unavailable"}
    faults.requests.clear()

    result = await submit(hass, result, {})

    assert result["step_id"] == "connector"
    assert ("POST", f"/accounts/{sandbox.account_id}/cfd_tunnel") not in faults.requests
    assert named(sandbox).ingress == [CATCH_ALL]


@pytest.mark.parametrize(
    ("certificate", "supervised", "address", "service"),
    [
        (None, False, "192.168.1.10", "http://192.168.1.10:80"),
        ("/ssl/fullchain.pem", False, "192.168.1.10", "https://192.168.1.10:80"),
        (None, False, "fd00::10", "http://[fd00::10]:80"),
        (None, True, "192.168.1.10", "http://homeassistant:80"),
        (None, True, "172.18.0.5", "http://homeassistant:80"),
        # Of a container, and of this machine alone: cloudflared would find nothing there.
        (None, False, "172.18.0.5", None),
        (None, False, "172.17.0.2", None),
        (None, False, "127.0.0.1", None),
        (None, False, None, None),
    ],
)
async def test_proposed_service(
    hass: HomeAssistant,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    certificate: str | None,
    supervised: bool,
    address: str | None,
    service: str | None,
) -> None:
    """The proposed service is where a connector in a container finds Home Assistant, or none."""
    result = await to_connector(hass, sandbox)
    monkeypatch.setattr(hass.http, "ssl_certificate", certificate)
    monkeypatch.setattr(hass.http, "server_port", 80)
    hass.config.api = (
        ApiConfig(address, "0.0.0.0", 80, bool(certificate)) if address else None
    )
    if supervised:
        hass.config.components.add("hassio")

    result = await submit(hass, result, {"wait": False})

    (field,) = [key for key in result["data_schema"].schema if key == "service"]
    if service is None:
        assert field.default is probatio.UNDEFINED
    else:
        assert field.default() == service


async def test_home_assistant_in_a_network_of_containers(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Only its machine can be reached, so cloudflared uses the machine's network."""
    result = await to_zone(hass, sandbox)
    hass.config.api = ApiConfig("172.18.0.5", "172.18.0.5", 8123, use_ssl=False)
    result = await submit(hass, result, new_tunnel(sandbox))
    result = await submit(hass, result, {"name": "attic"})
    shown = result["description_placeholders"]
    assert shown["compose"].splitlines()[-1] == "    network_mode: host"
    assert " --network host --env TUNNEL_TOKEN=" in shown["docker"]
    assert "http://localhost" in shown["network"]
    compose = parse_yaml(str(shown["compose"]))
    assert isinstance(compose, dict)
    assert compose["services"]["cloudflared"]["network_mode"] == "host"
