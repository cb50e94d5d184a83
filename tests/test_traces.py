"""What a script leaves behind that creates a certificate: nothing that fetches its bundle."""

from datetime import timedelta
import json
import re
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
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.repairs import (
    ShowHandoverFlow,
    async_create_fix_flow,
)

from .common import issues, reported, settle
from .dialogs import (
    Client,
    begin_repair,
    code_in,
    confirm_repair,
    fetch,
    status_of_fetch,
)

ACTION: dict[str, Any] = {
    "action": f"{DOMAIN}.mint_certificate",
    "data": {"name": "Pixel 8", "key_type": "ec_p256"},
    "response_variable": "created",
}


@pytest.fixture
async def script(hass: HomeAssistant, loaded_entry: MockConfigEntry) -> str:
    """Return a script that creates a certificate, and sends what it gets to a phone."""
    create = {
        **ACTION,
        "data": {**ACTION["data"], "config_entry_id": loaded_entry.entry_id},
    }
    send = {"event": "sent", "event_data": {"everything": "{{ created }}"}}
    respond = {"stop": "done", "response_variable": "created"}
    # Once a client is connected, no more views can be registered.
    for component in ("persistent_notification", "repairs", "websocket_api"):
        assert await async_setup_component(hass, component, {})
    assert await async_setup_component(
        hass, "script", {"script": {"create": {"sequence": [create, send, respond]}}}
    )
    return "script.create"


def is_in(secret: str, text: str) -> bool:
    """Return whether a secret is in a text: six digits occur in other numbers too."""
    return bool(re.search(rf"(?<![\w.]){re.escape(secret)}(?![\w.])", text))


async def test_trace_is_not_enough(
    hass: HomeAssistant,
    script: str,
    hass_storage: dict[str, Any],
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """The response, and with it the trace, says where; the code is in a dialog for administrators."""
    domain, _, name = script.partition(".")
    response = await hass.services.async_call(
        domain, name, blocking=True, return_response=True
    )
    await settle(hass)
    assert response
    link = str(response["handover_url"])
    socket = await hass_ws_client()
    traces = []
    for message in (
        {"id": 1, "type": "trace/list", "domain": "script"},
        {"id": 2, "type": "trace/contexts"},
    ):
        await socket.send_json(message)
        traces.append(await socket.receive_json())
    (trace,) = traces[0]["result"]
    which = {key: trace[key] for key in ("domain", "item_id", "run_id")}
    await socket.send_json({"id": 3, "type": "trace/get", **which})
    kept = json.dumps([*traces, await socket.receive_json()])
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await settle(hass)
    kept += json.dumps(hass_storage, default=str)

    person, phone = await hass_client(), await hass_client_no_auth()
    dialog = await begin_repair(person, issues(hass)["certificate_ready"])
    shown = dialog["description_placeholders"]
    assert link in kept
    assert shown["url"].partition("#")[2] not in kept
    assert not is_in(code_in(dialog), kept)
    assert await status_of_fetch(phone, link) == 404

    # With the code, the address in the response opens the bundle.
    assert await fetch(phone, f"{link}.{code_in(dialog)}")
    await settle(hass)
    assert reported(hass) == set()
    done = await confirm_repair(person, dialog)
    assert done["type"] == "create_entry"


async def test_submit_before_the_download(
    hass: HomeAssistant,
    script: str,
    hass_client: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The dialog of the repair stays and says so; once the link has expired, it says that."""
    domain, _, name = script.partition(".")
    await hass.services.async_call(domain, name, blocking=True)
    await settle(hass)
    person = await hass_client()
    dialog = await begin_repair(person, issues(hass)["certificate_ready"])

    early = await confirm_repair(person, dialog)

    assert (early["type"], early["step_id"]) == ("form", "handover")
    assert early["errors"] == {"base": "download_waiting"}
    shown = early["description_placeholders"]
    assert shown["url"] == dialog["description_placeholders"]["url"]
    assert reported(hass) == {"certificate_ready"}

    freezer.tick(timedelta(minutes=10))
    async_fire_time_changed(hass)
    await settle(hass)
    late = await confirm_repair(person, early)

    assert (late["type"], late["reason"]) == ("abort", "download_missed")
    assert reported(hass) == {"handover_missed"}


async def test_submit_after_the_device_was_removed(
    hass: HomeAssistant,
    script: str,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """The dialog of the repair says that there is nothing to download any more."""
    domain, _, name = script.partition(".")
    await hass.services.async_call(domain, name, blocking=True)
    await settle(hass)
    person = await hass_client()
    dialog = await begin_repair(person, issues(hass)["certificate_ready"])
    (device,) = loaded_entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(loaded_entry, device.subentry_id)
    await settle(hass)

    done = await confirm_repair(person, dialog)

    assert (done["type"], done["reason"]) == ("abort", "nothing_to_fetch")


async def test_dialog_that_opens_just_too_late(
    hass: HomeAssistant,
    script: str,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The certificate is fetched while the dialog opens: it says that nothing waits any more."""
    domain, _, name = script.partition(".")
    await hass.services.async_call(domain, name, blocking=True)
    await settle(hass)
    person, phone = await hass_client(), await hass_client_no_auth()
    issue_id = issues(hass)["certificate_ready"]
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    shown = (await begin_repair(person, issue_id))["description_placeholders"]
    await fetch(phone, shown["url"])

    assert issue
    flow = await async_create_fix_flow(hass, issue_id, dict(issue.data or {}))
    assert isinstance(flow, ShowHandoverFlow)
    flow.hass, flow.flow_id, flow.handler = hass, "late", DOMAIN
    result = await flow.async_step_init()

    assert (result["type"], result["reason"]) == ("abort", "nothing_to_fetch")


async def test_other_users_see_neither_link_nor_code(
    hass: HomeAssistant,
    script: str,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
) -> None:
    """They can list repairs and notifications, and open no dialog."""
    domain, _, name = script.partition(".")
    await hass.services.async_call(domain, name, blocking=True)
    await settle(hass)
    issue_id = issues(hass)["certificate_ready"]
    dialog = await begin_repair(await hass_client(), issue_id)
    shown = dialog["description_placeholders"]

    socket = await hass_ws_client(hass, hass_read_only_access_token)
    seen = []
    for number, kind in enumerate(
        ("repairs/list_issues", "persistent_notification/get", "get_states"), 1
    ):
        await socket.send_json({"id": number, "type": kind})
        answer = await socket.receive_json()
        assert answer["success"], kind
        seen.append(answer["result"])
    assert "certificate_ready" in json.dumps(seen[0])
    assert seen[1] == []
    # An action answers with a link that asks for the code.
    for secret in (shown["url"].partition("#")[2], code_in(dialog), "handover#"):
        assert not is_in(secret, json.dumps(seen))

    visitor: Client = await hass_client(hass_read_only_access_token)
    for path, body in (
        ("", {"handler": DOMAIN, "issue_id": issue_id}),
        (f"/{dialog['flow_id']}", {}),
    ):
        answer = await visitor.post(f"/api/repairs/issues/fix{path}", json=body)
        assert answer.status == 401
