"""The action that returns a dashboard of an account, to be pasted."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..engine.certificates.lifecycle import EXPIRING_DAYS, URGENT_DAYS
from .action import ENTRY_SCHEMA, Action, entry_of

# What is shown of a device, in this order; the devices are in the order of what is shown first of each. Nothing here
# changes who gets in.
_SHOWN: Final = (
    "next_certificate_expiry",
    "token_expiry",
    "tunnel_status",
    "connected_since",
    "connections",
    "enforced",
    "reaches_home_assistant",
    "reaches_service",
    "drift",
    "blocked_requests",
    "login_required",
    "differs",
    "last_login",
    "refused_logins",
    "days_left",
    "last_seen",
    "certificate_in_use",
    "certificate_status",
    "certificate_expiry",
)
# What is good while it is on. Home Assistant shows that in yellow otherwise, as a light.
_GOOD_IF_ON: Final = frozenset(
    {"enforced", "login_required", "reaches_home_assistant", "reaches_service"}
)
_FULL_YEAR: Final = 365
_WEEK_IN_HOURS: Final = 7 * 24

type _Card = dict[str, Any]


async def _get(call: ServiceCall) -> ServiceResponse:
    """Return a dashboard with the entities that the account has now."""
    hass, entry = call.hass, entry_of(call)
    sections = [_section(name, items) for name, items in _devices(hass, entry)]
    if events := [
        item.entity_id
        for item in _enabled_entities(hass, entry)
        if item.domain == Platform.EVENT
    ]:
        sections.append(_grid([_logbook(events)]))
    view: _Card = {
        "title": entry.title,
        "path": "cloudflare-mtls",
        "icon": "mdi:shield-lock",
        "type": "sections",
        "sections": sections,
    }
    return {"views": [view]}


def _devices(
    hass: HomeAssistant, entry: ConfigEntry
) -> list[tuple[str, Sequence[er.RegistryEntry]]]:
    """Return the name of each device of an account, with the entities to show of it."""
    items = [item for item in _enabled_entities(hass, entry) if _is_shown(item)]
    shown: dict[str | None, list[er.RegistryEntry]] = {}
    for item in sorted(items, key=_place):
        shown.setdefault(item.device_id, []).append(item)
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    named = [(_name(item), shown[item.id]) for item in devices if item.id in shown]
    return sorted(named, key=lambda each: (_place(each[1][0]), each[0].casefold()))


def _enabled_entities(
    hass: HomeAssistant, entry: ConfigEntry
) -> Iterable[er.RegistryEntry]:
    registry = er.async_get(hass)
    return (
        item
        for item in er.async_entries_for_config_entry(registry, entry.entry_id)
        if not item.disabled and not item.hidden
    )


def _is_shown(item: er.RegistryEntry) -> bool:
    return item.translation_key in _SHOWN


def _place(item: er.RegistryEntry) -> int:
    return _SHOWN.index(str(item.translation_key))


def _name(device: dr.DeviceEntry) -> str:
    return device.name_by_user or device.name or ""


def _section(name: str, items: Iterable[er.RegistryEntry]) -> _Card:
    heading = {"type": "heading", "heading": name}
    return _grid([heading, *map(_card, items)])


def _grid(cards: list[_Card]) -> _Card:
    return {"type": "grid", "cards": cards}


def _card(item: er.RegistryEntry) -> _Card:
    """Return a card for an entity, under the heading that names its device."""
    shown = {"entity": item.entity_id, "name": {"type": "entity"}}
    if item.translation_key != "days_left":
        # Half as wide, a tile cuts off most names.
        tile = {"type": "tile", **shown, "grid_options": {"columns": "full"}}
        is_good = item.translation_key in _GOOD_IF_ON
        return {**tile, "color": "green"} if is_good else tile
    return {
        "type": "gauge",
        **shown,
        "max": _FULL_YEAR,
        "severity": {"red": 0, "yellow": URGENT_DAYS, "green": EXPIRING_DAYS},
        # A gauge cannot show that nothing is known.
        "visibility": [
            {"condition": "numeric_state", "entity": item.entity_id, "above": -1}
        ],
    }


def _logbook(entity_ids: Sequence[str]) -> _Card:
    return {
        "type": "logbook",
        "hours_to_show": _WEEK_IN_HOURS,
        "target": {"entity_id": list(entity_ids)},
    }


DASHBOARD_ACTIONS: Final = (
    Action(
        name="get_dashboard",
        handler=_get,
        schema=ENTRY_SCHEMA,
        response=SupportsResponse.ONLY,
    ),
)
