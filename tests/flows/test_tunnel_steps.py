"""Tests of new tunnels: in the dialogs, by the action, and where their token shows."""

import asyncio
from datetime import timedelta
import json
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import probatio
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.cloudflare_mtls.flows import account_tunnels
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, Tunnel
from tests.common import (
    act,
    choose,
    is_loaded,
    records_of,
    sentences,
    settle,
    setup_integration,
    state_of,
    submit,
)
from tests.dialogs import add_hostname, start, to_zone
from tests.faults import Faults

CATCH_ALL = {"service": "http_status:404"}
HOST = "ha-mobile.example.com"
SUBENTRY = "config_subentries.protected_hostname"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for a connector without waiting."""
    monkeypatch.setattr(account_tunnels, "_POLL_SECONDS", 0.01)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up at once on a connector that never comes."""
    monkeypatch.setattr(account_tunnels, "_PATIENCE_SECONDS", 0.1)


def new_tunnel(sandbox: Sandbox) -> dict[str, str]:
    """Return the choice of the zone and of a new tunnel."""
    return {"zone_id": sandbox.zone_id, "tunnel_id": "new"}


def named(sandbox: Sandbox, name: str = "home-assistant") -> Tunnel:
    """Return the only tunnel with a name."""
    (tunnel,) = (item for item in sandbox.state.tunnels.values() if item.name == name)
    return tunnel


async def to_name(hass: HomeAssistant, sandbox: Sandbox, token: str = "") -> Any:
    """Continue to the name of a new tunnel."""
    result = await submit(
        hass, await start(hass), {"api_token": token or sandbox.token}
    )
    result = await submit(hass, result, new_tunnel(sandbox))
    assert result["step_id"] == "new_tunnel"
    return result


async def to_connector(hass: HomeAssistant, sandbox: Sandbox) -> Any:
    """Continue to the instructions for a connector."""
    result = await submit(hass, await to_name(hass, sandbox), {})
    assert result["step_id"] == "connector"
    return result


async def finish_with(hass: HomeAssistant, sandbox: Sandbox, result: Any) -> Tunnel:
    """Continue from the hostname to the end, and return the tunnel that serves it."""
    assert result["step_id"] == "hostname"
    result = await submit(hass, result, choose())
    assert result["step_id"] == "preview"
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (record,) = records_of(sandbox, HOST)
    (tunnel,) = (
        item
        for item in sandbox.state.tunnels.values()
        if record.content == f"{item.id}.cfargotunnel.com"
    )
    assert [rule.get("hostname") for rule in tunnel.ingress] == [HOST, None]
    return tunnel


def is_polling() -> bool:
    """Return whether a dialog still waits for a connector."""
    return any("wait_for_connector" in repr(task) for task in asyncio.all_tasks())


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
    assert shown["tunnel"] == "`Attic`"
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
    assert shown["app_url"].startswith("https://github.com/homeassistant-apps/")
    assert "/token" in sandbox.journal.requests[-1].path

    manager: Any = hass.config_entries.flow
    result = await manager.async_configure(result["flow_id"], {"wait": True})
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == "connect"
    assert result["description_placeholders"] == {"tunnel": "`Attic`"}
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


async def test_connecting_later(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A hostname can be protected before its tunnel is connected."""
    result = await submit(hass, await to_connector(hass, sandbox), {"wait": False})

    tunnel = await finish_with(hass, sandbox, result)
    assert tunnel is named(sandbox)
    assert tunnel.connectors == []


async def test_connector_that_does_not_come(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while the dialog offers to show the instructions, to wait on, or to continue."""
    impatient(monkeypatch)
    result = await to_connector(hass, sandbox)
    token = result["description_placeholders"]["token"]

    result = await submit(hass, result, {"wait": True})
    assert result["step_id"] == "no_connector"
    assert result["errors"] == {"base": "no_connector_yet"}
    assert "ten minutes" in sentences(result)["base"]
    assert token not in str(result)

    result = await submit(hass, result, {"next": "wait"})
    assert result["errors"] == {"base": "no_connector_yet"}

    result = await submit(hass, result, {"next": "show"})
    assert result["step_id"] == "connector"
    assert result["description_placeholders"]["token"] == token

    result = await submit(hass, result, {"wait": True})
    named(sandbox).connect()
    result = await submit(hass, result, {"next": "wait"})
    assert await finish_with(hass, sandbox, result) is named(sandbox)


async def test_continuing_without_a_connector(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dialog can continue although no connector came."""
    impatient(monkeypatch)
    result = await submit(hass, await to_connector(hass, sandbox), {"wait": True})

    result = await submit(hass, result, {"next": "go_on"})

    assert await finish_with(hass, sandbox, result) is named(sandbox)


async def test_connector_without_connections_is_not_there_yet(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connector without connections does not count."""
    impatient(monkeypatch)
    result = await to_connector(hass, sandbox)
    tunnel = named(sandbox)
    tunnel.connect()
    for connection in tunnel.connections:
        connection.is_pending_reconnect = True

    result = await submit(hass, result, {"wait": True})

    assert result["errors"] == {"base": "no_connector_yet"}


async def test_answers_that_fail_while_waiting(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """An outage and a pause that Cloudflare asks for are waited out."""
    result = await to_connector(hass, sandbox)
    named(sandbox).connect()
    faults.unavailable("GET", "/connections$", times=2)
    faults.add(
        "GET",
        "/connections$",
        status=429,
        body={"success": False, "errors": [{"code": 10429, "message": "wait"}]},
        headers={"Retry-After": "0.1"},
        times=1,
    )

    result = await submit(hass, result, {"wait": True})

    assert len([path for _, path in faults.requests if "/connections" in path]) == 4
    assert await finish_with(hass, sandbox, result) is named(sandbox)


async def test_token_that_dies_while_waiting(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A lost permission is named at once, and the dialog continues once it is back."""
    result = await to_connector(hass, sandbox)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"tunnel:edit"}

    result = await submit(hass, result, {"wait": True})
    assert result["step_id"] == "no_connector"
    assert result["errors"] == {"base": "permission_missing"}
    assert "Account / Cloudflare Tunnel / Edit" in sentences(result)["base"]

    result = await submit(hass, result, {"next": "show"})
    assert result["step_id"] == "no_connector"
    assert result["errors"] == {"base": "permission_missing"}
    assert "Account / Cloudflare Tunnel / Edit" in sentences(result)["base"]

    token.permissions = ALL_PERMISSIONS
    named(sandbox).connect()
    result = await submit(hass, result, {"next": "wait"})
    assert await finish_with(hass, sandbox, result) is named(sandbox)


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
        ("home", "tunnel_name_taken", "a tunnel called home already"),
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


async def test_dialog_that_is_closed_half_way(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The next dialog offers the tunnel, with the instructions for its connector."""
    result = await to_connector(hass, sandbox)
    token = result["description_placeholders"]["token"]
    hass.config_entries.flow.async_abort(result["flow_id"])
    tunnel = named(sandbox)

    result = await to_zone(hass, sandbox)
    chosen = {"zone_id": sandbox.zone_id, "tunnel_id": tunnel.id}
    result = await submit(hass, result, chosen)
    assert result["step_id"] == "no_connector"
    assert result["errors"] == {}
    assert result["description_placeholders"] == {"tunnel": "`home-assistant`"}
    result = await submit(hass, result, {})
    assert result["description_placeholders"]["token"] == token
    tunnel.connect()
    result = await submit(hass, result, {"wait": True})

    assert await finish_with(hass, sandbox, result) is tunnel


async def test_dialog_that_is_closed_while_waiting(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A closed dialog asks Cloudflare nothing more."""
    result = await to_connector(hass, sandbox)
    manager: Any = hass.config_entries.flow
    result = await manager.async_configure(result["flow_id"], {"wait": True})
    assert is_polling()

    manager.async_abort(result["flow_id"])
    await settle(hass)

    assert not is_polling()


@pytest.mark.parametrize(
    ("certificate", "supervised", "service"),
    [
        (None, False, "http://homeassistant.local:{port}"),
        ("/ssl/fullchain.pem", False, "https://homeassistant.local:{port}"),
        (None, True, "http://homeassistant:{port}"),
    ],
)
async def test_proposed_service(
    hass: HomeAssistant,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    certificate: str | None,
    supervised: bool,
    service: str,
) -> None:
    """The proposed service follows Home Assistant's own settings."""
    result = await to_connector(hass, sandbox)
    monkeypatch.setattr(hass.http, "ssl_certificate", certificate)
    monkeypatch.setattr(hass.http, "server_port", 80)
    if supervised:
        hass.config.components.add("hassio")

    result = await submit(hass, result, {"wait": False})

    proposed = result["data_schema"]({"advanced": {}})
    assert proposed["service"] == service.format(port=80)


# The action


async def test_action(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The action creates a tunnel, which shows at once, and never reads its token."""
    response = await act(hass, loaded_entry, "create_tunnel", name=" Attic ")

    tunnel = named(sandbox, "Attic")
    assert response == {"tunnel_id": tunnel.id, "name": "Attic", "status": "inactive"}
    assert tunnel.ingress == [CATCH_ALL]
    assert tunnel.config_src == "cloudflare"
    assert not any("/token" in entry.path for entry in sandbox.journal.requests)
    await settle(hass)
    assert state_of(hass, "sensor.attic_tunnel_status") == "inactive"


@pytest.mark.parametrize(
    "fields", [{}, {"name": ""}, {"name": " "}, {"name": 101 * "x"}]
)
async def test_action_with_a_bad_name(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    fields: dict[str, str],
) -> None:
    """A bad name is refused before Cloudflare is asked."""
    sandbox.journal.clear()

    with pytest.raises(probatio.Invalid):
        await act(hass, loaded_entry, "create_tunnel", **fields)

    assert sandbox.journal.requests == []


async def test_action_with_a_name_that_is_taken(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Another tunnel with the name is not changed."""
    with pytest.raises(ServiceValidationError, match="called home already"):
        await act(hass, loaded_entry, "create_tunnel", name="home")

    assert len(sandbox.state.tunnels) == 1


async def test_action_whose_answer_is_lost(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """A tunnel that was created all the same is returned; otherwise the action says what failed."""
    faults.unavailable("POST", "/cfd_tunnel$", times=1)
    with pytest.raises(HomeAssistantError, match="did not give a usable answer"):
        await act(hass, loaded_entry, "create_tunnel", name="attic")

    faults.unavailable("POST", "/cfd_tunnel$", times=1, after_write=True)
    response = await act(hass, loaded_entry, "create_tunnel", name="attic")

    assert response["tunnel_id"] == named(sandbox, "attic").id


async def test_action_without_the_permission(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The error names the missing permission."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"tunnel:edit"} | {"tunnel:read"}

    with pytest.raises(HomeAssistantError, match="Cloudflare Tunnel / Edit"):
        await act(hass, loaded_entry, "create_tunnel", name="attic")

    assert len(sandbox.state.tunnels) == 1


# The token


async def test_token_is_shown_in_the_dialog_and_nowhere_else(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
    hass_storage: dict[str, Any],
    issue_registry: ir.IssueRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No log, file, state, response, diagnostics or list of dialogs holds it."""
    caplog.set_level(logging.DEBUG)
    for name in logging.root.manager.loggerDict:
        caplog.set_level(logging.DEBUG, name)
    await setup_integration(hass, entry)
    for component in ("config", "diagnostics"):
        assert await async_setup_component(hass, component, {})
    response = await act(hass, entry, "create_tunnel", name="cellar")
    socket = await hass_ws_client(hass)

    result = await add_hostname(hass, entry)
    result = await submit(hass, result, new_tunnel(sandbox))
    result = await submit(hass, result, {"name": "attic"})
    token = result["description_placeholders"]["token"]
    assert token
    await socket.send_json_auto_id({"type": "config_entries/flow/progress"})
    answer = await socket.receive_json()
    assert answer["success"]
    listed = [answer]
    manager = hass.config_entries.subentries
    listed += [dict(item) for item in manager.async_progress()]
    tunnel = named(sandbox, "attic")
    tunnel.connect()
    result = await submit(hass, result, {"wait": True})
    left = [vars(flow) for flow in manager._progress.values()]  # noqa: SLF001
    assert left
    last = await submit(hass, result, choose())
    last = await submit(hass, last)
    await settle(hass)
    freezer.tick(timedelta(minutes=15))
    async_fire_time_changed(hass)
    await settle(hass)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await settle(hass)

    everything = {
        "response": json.dumps(response),
        "dialogs": str(listed),
        "dialog afterwards": str(left),
        "end of the dialog": str(last),
        "states": json.dumps(
            [state.as_dict() for state in hass.states.async_all()], default=str
        ),
        "storage": json.dumps(hass_storage, default=str),
        "entry": str([*entry.subentries.values(), entry.data]),
        "issues": str(issue_registry.issues),
        "diagnostics": json.dumps(
            await get_diagnostics_for_config_entry(hass, hass_client, entry)
        ),
        "log": caplog.text + "".join(f"{vars(record)}" for record in caplog.records),
    }
    secrets = (token, tunnel.secret, named(sandbox, "cellar").secret)
    found = [
        place for place, text in everything.items() if any(s in text for s in secrets)
    ]
    assert found == []
    # The search works: it finds the token of the account.
    assert sandbox.token in everything["storage"]
