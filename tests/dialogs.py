"""Steps through the dialogs, for the tests."""

from http import HTTPStatus
import re
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.pages.handovers import (
    Handover,
    async_get_handovers,
)
from sandbox import Sandbox
from sandbox.state import CertificateStatus, Rule

from .common import (
    BLOCK_REF,
    ENGLISH,
    HOSTNAME,
    SKIP_REF,
    act,
    choose,
    expect_error_above,
    is_loaded,
    records_of,
    settle,
    setup_integration,
    submit,
    zone_of,
)

type Client = TestClient[Any, Any]

CHOSEN = {
    "name": "Pixel 8",
    "system": "android",
    "validity": "365",
    "key_type": "ec_p256",
}
RENEWED = {"validity": "90", "key_type": "ec_p256"}
TEST_PATH = "/api/cloudflare_mtls/proof"
# What cloudflared, a trusted proxy of every test, passes on of a phone's request.
THROUGH_CLOUDFLARE = {
    "CF-Ray": "9a1b2c3d4e5f6789-FRA",
    "CF-Connecting-IP": "203.0.113.24",
    "X-Forwarded-For": "203.0.113.24",
    "Host": HOSTNAME,
}


async def start(hass: HomeAssistant) -> Any:
    """Open the dialog that adds an account."""
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )


async def to_zone(hass: HomeAssistant, sandbox: Sandbox) -> Any:
    """Open the dialog and go to its step with zone and tunnel."""
    return await submit(hass, await start(hass), {"api_token": sandbox.token})


def zone_and_tunnel(sandbox: Sandbox) -> dict[str, str]:
    """Return the input of that step: the only zone and the only tunnel."""
    return {"zone_id": sandbox.zone_id, "tunnel_id": sandbox.tunnel_id}


async def to_hostname(hass: HomeAssistant, sandbox: Sandbox) -> Any:
    """Open the dialog and go to its step with the hostname."""
    result = await to_zone(hass, sandbox)
    return await submit(hass, result, zone_and_tunnel(sandbox))


async def to_preview(hass: HomeAssistant, sandbox: Sandbox) -> Any:
    """Open the dialog and go to the preview of the changes."""
    return await submit(hass, await to_hostname(hass, sandbox), choose())


async def finish(hass: HomeAssistant, sandbox: Sandbox, token: str, result: Any) -> Any:
    """Go from the token to the end with all defaults, and return the new entry."""
    result = await submit(hass, result, {"api_token": token})
    assert result["step_id"] == "zone"
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    return await finish_from_hostname(hass, sandbox, result)


async def finish_from_hostname(
    hass: HomeAssistant, sandbox: Sandbox, result: Any, **advanced: Any
) -> Any:
    """Go from the hostname to the end with all other defaults, and return the new entry."""
    assert result["step_id"] == "hostname"
    result = await submit(hass, result, choose(**advanced))
    return await finish_from_preview(hass, sandbox, result)


async def finish_from_preview(
    hass: HomeAssistant, sandbox: Sandbox, result: Any
) -> Any:
    """Confirm the preview, check the changes and return the new entry."""
    assert result["step_id"] in ("preview", "resume")
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert is_loaded(result["result"])
    assert_protected(sandbox)
    return result["result"]


def assert_protected(sandbox: Sandbox, hostname: str = HOSTNAME) -> None:
    """Assert that everything that protects the hostname exists once at Cloudflare."""
    zone = zone_of(sandbox)
    assert [rule.ref for rule in zone.rules].count(BLOCK_REF) == 1
    assert [rule.ref for rule in zone.rules].count(SKIP_REF) <= 1
    assert (zone.associations or []).count(hostname) == 1
    assert len(records_of(sandbox, hostname)) == 1
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    assert [rule.get("hostname") for rule in ingress].count(hostname) == 1


async def add_hostname(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Open the dialog that protects another hostname, and go on with a new one."""
    result = await choose_hostname(hass, entry)
    if result.get("step_id") == "which":
        return await submit(
            hass, result, {"hostname": ENGLISH["common"]["new_hostname"]}
        )
    return result


async def choose_hostname(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Open the dialog that protects another hostname, where it lists those that are there."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "protected_hostname"), context={"source": SOURCE_USER}
    )


def add_rules(sandbox: Sandbox, count: int) -> None:
    """Add foreign rules."""
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    entrypoint.rules += [
        Rule("block", f'http.request.uri.path eq "/{index}"', f"Foreign rule {index}")
        for index in range(count)
    ]


async def add(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Open the dialog that adds a companion device."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "companion_device"), context={"source": SOURCE_USER}
    )


async def renew(hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str) -> Any:
    """Open the menu of a device, and go to the form that renews its certificate."""
    menu = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    return await submit(hass, menu, {"next_step_id": "renew"})


async def open_options(
    hass: HomeAssistant, entry: MockConfigEntry, choice: str = "access"
) -> Any:
    """Open the options of an account, and go to one of its forms."""
    menu = await hass.config_entries.options.async_init(entry.entry_id)
    return await hass.config_entries.options.async_configure(
        menu["flow_id"], {"next_step_id": choice}
    )


def handovers_of(hass: HomeAssistant) -> list[Handover]:
    """Return what the repairs of all accounts show: where devices can fetch their certificates."""
    devices = [
        subentry.unique_id
        for entry in hass.config_entries.async_entries(DOMAIN)
        for subentry in entry.get_subentries_of_type("companion_device")
    ]
    found = (async_get_handovers(hass).find(str(device_id)) for device_id in devices)
    return [handover for handover in found if handover]


def code_in(dialog: Any) -> str:
    """Return the code that a dialog shows beside the link that asks for it."""
    (code,) = re.findall(
        r"\*\*([0-9]{6})\*\*", dialog["description_placeholders"]["asked"]
    )
    return str(code)


def link_of(hass: HomeAssistant, response: dict[str, Any]) -> str:
    """Return the link that needs no code, for a certificate that an action created."""
    (link,) = (
        item.url
        for item in handovers_of(hass)
        if item.asking_url == response["handover_url"]
    )
    return link


async def status_of_fetch(client: Client, url: str) -> int:
    """Open a handover link, as the device does, and return the status."""
    path, _, token = url.removeprefix("http://192.168.1.10:8123").partition("#")
    return (await client.post(path, data=token)).status


async def fetch(client: Client, url: str) -> Any:
    """Open a handover link, as the device does, and return what it gets."""
    path, _, token = url.removeprefix("http://192.168.1.10:8123").partition("#")
    answer = await client.post(path, data=token)
    assert answer.status == 200
    return await answer.json()


def token_of_test(fetched: dict[str, Any]) -> str:
    """Return the token of the test's link, which came with a bundle."""
    return str(fetched["test_url"]).partition("#")[2]


async def run_test(client: Client, token: str, **headers: str) -> str:
    """Open the test page through the protected hostname; return what it says.

    Empty headers are left out.
    """
    sent = {**THROUGH_CLOUDFLARE, **headers}
    answer = await client.post(
        TEST_PATH,
        data=token,
        headers={name: value for name, value in sent.items() if value},
    )
    said = str((await answer.json())["message"])
    works = (ENGLISH["common"]["proof_done"], ENGLISH["common"]["proof_renewed"])
    assert answer.ok == (said in works)
    return said


async def renew_and_test(
    hass: HomeAssistant, client: Client, entry: MockConfigEntry, certificate_id: str
) -> dict[str, Any]:
    """Renew a certificate, fetch the new one and test it; return the action's response."""
    renewed = await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=certificate_id,
        key_type="ec_p256",
    )
    await settle(hass)
    fetched = await fetch(client, link_of(hass, renewed))
    await settle(hass)
    said = await run_test(client, token_of_test(fetched))
    assert said == ENGLISH["common"]["proof_renewed"]
    await settle(hass)
    return renewed


def certificates(sandbox: Sandbox) -> dict[str, CertificateStatus]:
    """Return the status of each certificate, oldest first."""
    found = zone_of(sandbox).certificates
    return {key: item.status for key, item in found.items()}


async def browser_at_repairs(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> Client:
    """Set up an account, and return the browser of a person who opens its repairs."""
    assert await async_setup_component(hass, "repairs", {})
    await setup_integration(hass, entry)
    return await hass_client()


async def open_repair(client: Client, issue_id: str) -> dict[str, Any]:
    """Open the dialog of a repair and return its first step."""
    answer = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id}
    )
    assert answer.status == HTTPStatus.OK
    result: dict[str, Any] = await answer.json()
    return result


async def begin_repair(client: Client, issue_id: str) -> dict[str, Any]:
    """Open the dialog of a repair and return the step that fixes it."""
    step = await open_repair(client, issue_id)
    match step.get("menu_options"):
        case [fix, "ignore"]:
            return await confirm_repair(client, step, next_step_id=fix)
        case _:
            return step


async def confirm_repair(
    client: Client, flow: dict[str, Any], **chosen: Any
) -> dict[str, Any]:
    """Submit the step of a repair's dialog, with what is chosen, and return the result."""
    answer = await client.post(
        f"/api/repairs/issues/fix/{flow['flow_id']}", json=chosen
    )
    assert answer.status == HTTPStatus.OK
    result: dict[str, Any] = await answer.json()
    expect_error_above(result)
    return result
