"""Automations with a trigger or a condition of the integration, as a person creates them."""

from typing import Any

from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from .common import settle

OURS = "cloudflare_mtls."


async def listed(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, kind: str
) -> set[str]:
    """Return our triggers or conditions as Home Assistant offers them, without our domain."""
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": f"{kind}_platforms/subscribe"})
    assert (await client.receive_json())["success"]
    offered = (await client.receive_json())["event"]
    return {key.removeprefix(OURS) for key in offered if key.startswith(OURS)}


async def add_automation(hass: HomeAssistant, config: dict[str, Any]) -> None:
    """Create an automation."""
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: config})
    await settle(hass)
