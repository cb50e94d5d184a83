"""Keeps the order of a *Revoke* button that is pressed while its account is not loaded.

Home Assistant then has no such button: it ignores the press, and says nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from homeassistant.components.button import DOMAIN as BUTTON_DOMAIN, SERVICE_PRESS
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    ATTR_DOMAIN,
    ATTR_SERVICE,
    ATTR_SERVICE_DATA,
    EVENT_CALL_SERVICE,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_referenced_entity_ids,
)

from ..const import DOMAIN, LOGGER
from ..engine.certificates.companions import CompanionDevice
from ..engine.certificates.trust import known_ids
from ..pages.handovers import async_get_handovers
from ..storage.ledger import async_get_ledger
from ..subentries import companions_of
from .creations import async_get_creations


@callback
def async_keep_unheard_revocations(hass: HomeAssistant) -> None:
    """Have devices revoked once their account is loaded, if an administrator ordered it before."""

    async def pressed(event: Event) -> None:
        devices = list(_devices(hass, event.data[ATTR_SERVICE_DATA]))
        if devices and await _is_allowed(hass, event.context.user_id):
            for entry_id, device in devices:
                await _keep(hass, entry_id, device)

    hass.bus.async_listen(EVENT_CALL_SERVICE, pressed, event_filter=_is_press)


@callback
def _is_press(data: Mapping[str, Any]) -> bool:
    # Anybody's automation may fire an event of this type, with anything in it.
    called = (data.get(ATTR_DOMAIN), data.get(ATTR_SERVICE))
    return called == (BUTTON_DOMAIN, SERVICE_PRESS) and ATTR_SERVICE_DATA in data


def _devices(
    hass: HomeAssistant, target: dict[str, Any]
) -> Iterator[tuple[str, CompanionDevice]]:
    """Return the devices whose *Revoke* was pressed unheard, each with its account's entry id."""
    found = async_extract_referenced_entity_ids(hass, TargetSelection(target))
    registry = er.async_get(hass)
    for entity_id in found.referenced | found.indirectly_referenced:
        button = registry.async_get(entity_id)
        if button is None or button.platform != DOMAIN or button.disabled:
            continue
        entry = hass.config_entries.async_get_entry(button.config_entry_id or "")
        if entry is None or entry.state is ConfigEntryState.LOADED:
            continue
        for subentry_id, device in companions_of(entry.subentries).items():
            if button.unique_id == f"{subentry_id}_revoke":
                yield entry.entry_id, device


async def _is_allowed(hass: HomeAssistant, user_id: str | None) -> bool:
    """Return whether this user may revoke; automations have none."""
    if user_id is None:
        return True
    user = await hass.auth.async_get_user(user_id)
    return user is not None and user.is_admin


async def _keep(hass: HomeAssistant, entry_id: str, device: CompanionDevice) -> None:
    """Give nothing more to a device, and have its certificates revoked as soon as that can be asked."""
    async_get_creations(hass).stop_device(device.id)
    async_get_handovers(hass).withdraw_device(device.id)
    ledger = await async_get_ledger(hass, entry_id)
    await ledger.async_mark_unwanted(
        known_ids(ledger.records, ledger.confirmed, device.id)
    )
    LOGGER.warning(
        "%s is revoked once its account is set up; its certificates are valid until then",
        device.name,
    )
