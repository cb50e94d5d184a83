"""Everything that a user can try who is not an administrator: every action, button and switch."""

from collections.abc import Iterator
from typing import Any, Final

from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE, Platform
from homeassistant.core import Context, HomeAssistant, SupportsResponse
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import entity_registry as er

from custom_components.cloudflare_mtls.const import DOMAIN

from .common import CERTIFICATE_ID, HOSTNAME, HOSTNAME_ID, device_id_of, state_of

# The actions on an account, with what they need besides it.
ACTIONS: Final[list[tuple[str, dict[str, str]]]] = [
    ("mint_certificate", {"name": "Pixel 8"}),
    ("renew_certificate", {"certificate_id": CERTIFICATE_ID}),
    ("revoke_certificate", {"certificate_id": CERTIFICATE_ID}),
    ("restore_certificate", {"certificate_id": CERTIFICATE_ID}),
    ("list_certificates", {}),
    ("sync", {}),
    ("verify", {"hostname": HOSTNAME}),
    ("get_blocked_requests", {"hostname": HOSTNAME}),
    ("create_tunnel", {"name": "Cottage"}),
    ("protect_with_access", {"hostname": "home.example.com"}),
    ("get_dashboard", {}),
]
# The actions on the device of a login hostname.
LOGIN_ACTIONS: Final = ("end_access_sessions", "get_access_logins")
CONTROLS: Final = {
    Platform.BUTTON: ("press",),
    Platform.SWITCH: ("turn_on", "turn_off", "toggle"),
}

type Attempt = tuple[str, str, dict[str, Any]]


async def user_context(hass: HomeAssistant, group_id: str) -> Context:
    """Return the context of a new user of a group."""
    user = await hass.auth.async_create_user("Somebody", group_ids=[group_id])
    return Context(user_id=user.id)


def attempts(hass: HomeAssistant, entry: ConfigEntry) -> Iterator[Attempt]:
    """Yield the domain, action and data of everything that can be called on an account."""
    for action, fields in ACTIONS:
        yield DOMAIN, action, {"config_entry_id": entry.entry_id, **fields}
    hostname = device_id_of(hass, entry, HOSTNAME_ID)
    yield DOMAIN, "remove_hostname", {"device_id": hostname}
    registry = er.async_get(hass)
    for item in er.async_entries_for_config_entry(registry, entry.entry_id):
        # Home Assistant calls no entity that is unavailable.
        if item.domain not in CONTROLS or item.disabled:
            continue
        if state_of(hass, item.entity_id) == STATE_UNAVAILABLE:
            continue
        for action in CONTROLS[Platform(item.domain)]:
            yield item.domain, action, {"entity_id": item.entity_id}


async def try_everything(hass: HomeAssistant, entry: ConfigEntry) -> list[Attempt]:
    """Try everything as a user who is not an administrator; return what was not refused."""
    context = await user_context(hass, GROUP_ID_USER)
    obeyed = []
    for domain, action, data in attempts(hass, entry):
        responds = hass.services.supports_response(domain, action)
        try:
            await hass.services.async_call(
                domain,
                action,
                data,
                blocking=True,
                context=context,
                return_response=responds is not SupportsResponse.NONE,
            )
        except Unauthorized:
            continue
        obeyed.append((domain, action, data))
    return obeyed
