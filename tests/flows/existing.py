"""A hostname that its owner set up at Cloudflare, for the tests of dialogs that protect such ones."""

from copy import deepcopy
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.seed import TUNNEL_ID
from sandbox.state import DnsRecord
from tests.common import settle, submit, zone_of
from tests.dialogs import choose_hostname

CLOUD = "cloud.example.com"
NEXTCLOUD = "http://192.168.1.20:11000"


def serve(
    sandbox: Sandbox, hostname: str = CLOUD, service: str = NEXTCLOUD, **more: Any
) -> None:
    """Have the tunnel serve a hostname, as its owner set it up."""
    content = f"{TUNNEL_ID}.cfargotunnel.com"
    zone_of(sandbox).add_dns_record(
        DnsRecord("CNAME", hostname, content, proxied=True, comment="me")
    )
    rule = {"hostname": hostname, "service": service, "id": "7", **more}
    sandbox.state.tunnels[TUNNEL_ID].ingress.insert(0, rule)


def of_owner(sandbox: Sandbox) -> Any:
    """Return all records and the whole configuration of the tunnel, to compare them later."""
    tunnel = sandbox.state.tunnels[TUNNEL_ID]
    return deepcopy((zone_of(sandbox).dns_records, tunnel.config))


async def to_adopt(
    hass: HomeAssistant, entry: MockConfigEntry, hostname: str = CLOUD
) -> Any:
    """Choose the hostname in the list, and go to the form that asks how to protect it."""
    form = await choose_hostname(hass, entry)
    assert form["step_id"] == "which"
    return await submit(hass, form, {"hostname": hostname})


async def adopt(hass: HomeAssistant, entry: MockConfigEntry, **chosen: Any) -> str:
    """Protect the hostname as it is; return the id of its subentry."""
    form = await to_adopt(hass, entry)
    preview = await submit(hass, form, {"advanced": {}, **chosen})
    assert preview["step_id"] == "preview", preview
    result = await submit(hass, preview)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    (added,) = (item for item in entry.subentries.values() if item.title == CLOUD)
    return added.subentry_id


def labels_of(form: Any) -> dict[str, str]:
    """Return what a form offers for the hostname, by value."""
    options = form["data_schema"].schema["hostname"].config["options"]
    return {item["value"]: item["label"] for item in options}
