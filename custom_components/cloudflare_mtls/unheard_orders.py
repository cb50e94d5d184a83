"""Hears orders to entities of an account that is not loaded, or that are unavailable.

Home Assistant ignores such orders, and says nothing.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import (
    ATTR_DOMAIN,
    ATTR_ENTITY_ID,
    ATTR_SERVICE,
    ATTR_SERVICE_DATA,
    ENTITY_MATCH_NONE,
    EVENT_CALL_SERVICE,
    STATE_UNAVAILABLE,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_referenced_entity_ids,
)
import probatio

from .const import DOMAIN

# Not those that a person disabled; with an account, Home Assistant disables all of its entities.
_WITH_ITS_ACCOUNT: Final = (None, er.RegistryEntryDisabler.CONFIG_ENTRY)

type KeepOrder = Callable[[ConfigEntry, str], Awaitable[None]]


@callback
def async_hear_orders(
    hass: HomeAssistant,
    domain: str,
    service: str,
    key: str,
    keep: KeepOrder,
    *,
    also_loaded: bool = False,
) -> None:
    """Keep what administrators and automations order entities of this key, each with its subentry's id.

    also_loaded: whether the entities may be unavailable although their account is loaded.
    """

    @callback
    def is_order(data: Mapping[str, Any]) -> bool:
        # Anybody's automation may fire an event of this type, with anything in it.
        called = (data.get(ATTR_DOMAIN), data.get(ATTR_SERVICE))
        return called == (domain, service) and ATTR_SERVICE_DATA in data

    async def ordered(event: Event) -> None:
        target = event.data[ATTR_SERVICE_DATA]
        found = [
            (entry, subentry_id)
            for entity_id, entry, subentry_id in _targets(
                hass, target, domain, f"_{key}"
            )
            if entry.state is not ConfigEntryState.LOADED
            or (also_loaded and hass.states.is_state(entity_id, STATE_UNAVAILABLE))
        ]
        if found and await _is_allowed(hass, event.context.user_id):
            for entry, subentry_id in found:
                await keep(entry, subentry_id)

    hass.bus.async_listen(EVENT_CALL_SERVICE, ordered, event_filter=is_order)


def _targets(
    hass: HomeAssistant, target: dict[str, Any], domain: str, ending: str
) -> Iterator[tuple[str, ConfigEntry, str]]:
    """Yield the entities that were given an order, each with its account and its subentry's id."""
    registry = er.async_get(hass)
    for entity_id in _entity_ids(hass, target):
        entity = registry.async_get(entity_id)
        if (
            entity is None
            or (entity.domain, entity.platform) != (domain, DOMAIN)
            or entity.disabled_by not in _WITH_ITS_ACCOUNT
        ):
            continue
        entry = hass.config_entries.async_get_entry(entity.config_entry_id or "")
        subentry_id = entity.unique_id.removesuffix(ending)
        if entry is not None and subentry_id in entry.subentries:
            yield entity_id, entry, subentry_id


def _entity_ids(hass: HomeAssistant, target: dict[str, Any]) -> Collection[str]:
    """Return the entities that an order names, in one of the ways in which actions take them."""
    try:
        named = cv.comp_entity_ids_or_uuids(
            target.get(ATTR_ENTITY_ID, ENTITY_MATCH_NONE)
        )
    except AttributeError, TypeError, probatio.Invalid:
        # Anybody's event of this type may hold anything.
        return ()
    selection = TargetSelection({**target, ATTR_ENTITY_ID: named})
    found = async_extract_referenced_entity_ids(hass, selection)
    return found.referenced | found.indirectly_referenced


async def _is_allowed(hass: HomeAssistant, user_id: str | None) -> bool:
    """Return whether this user may decide; automations have none."""
    if user_id is None:
        return True
    user = await hass.auth.async_get_user(user_id)
    return user is not None and user.is_admin
