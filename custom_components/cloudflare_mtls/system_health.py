"""System health of Cloudflare mTLS: figures without anything secret or personal."""

from math import ceil
from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .account import async_get_account_state, base_url
from .const import CONF_ACCOUNT_ID, DOMAIN, STATUS_URL
from .engine.api.models import TunnelStatus
from .runtime_data import CloudflareConfigEntry
from .subentries import companions_of, hostnames_of


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register what system health shows."""
    register.async_register_info(
        _async_get_info, f"/config/integrations/integration/{DOMAIN}"
    )


async def _async_get_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return whether the API can be reached, and how many things there are."""
    entries: list[CloudflareConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    loaded: list[CloudflareConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    # Of a tunnel that cannot be read now, nobody knows that it is healthy.
    tunnels = [
        state.tunnel.status if coordinator.last_update_success else None
        for coordinator in (entry.runtime_data.tunnels for entry in loaded)
        for state in (coordinator.data or {}).values()
    ]
    pauses = [
        async_get_account_state(hass, entry.data[CONF_ACCOUNT_ID]).pause.left
        for entry in entries
    ]
    return {
        "can_reach_server": system_health.async_check_can_reach_url(
            hass, base_url(), STATUS_URL
        ),
        "accounts": f"{len(loaded)}/{len(entries)}",
        "healthy_tunnels": f"{tunnels.count(TunnelStatus.HEALTHY)}/{len(tunnels)}",
        "protected_hostnames": sum(
            len(hostnames_of(entry.subentries)) for entry in entries
        ),
        "companion_devices": sum(
            len(companions_of(entry.subentries)) for entry in entries
        ),
        "pause": ceil(max(pauses, default=0)),
    }
