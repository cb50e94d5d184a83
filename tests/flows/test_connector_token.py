"""Tests of where a connector's token shows: in its dialog, and nowhere else."""

from datetime import timedelta
import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
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

from sandbox import Sandbox
from tests.common import act, choose, settle, setup_integration, submit
from tests.dialogs import add_hostname
from tests.flows.new_tunnels import named, new_tunnel
from tests.logs import log_everything, logged


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
    log_everything(caplog)
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
        "log": logged(caplog),
    }
    secrets = (token, tunnel.secret, named(sandbox, "cellar").secret)
    found = [
        place for place, text in everything.items() if any(s in text for s in secrets)
    ]
    assert found == []
    # The search works: it finds the token of the account.
    assert sandbox.token in everything["storage"]
