"""Records which entities of an account change, and to which device each belongs."""

from collections.abc import Mapping
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

type Changes = Mapping[str, list[str | None]]


class StateRecorder:
    """Records every change of an entity of the account, by device."""

    def __init__(self, hass: HomeAssistant, entry: MockConfigEntry) -> None:
        """Watch from now on."""
        self._hass = hass
        self._entry = entry
        self._owners = self._read_owners()
        self._states = async_capture_events(hass, EVENT_STATE_CHANGED)
        self._entries = async_capture_events(hass, er.EVENT_ENTITY_REGISTRY_UPDATED)

    def states(self) -> Mapping[str, Changes]:
        """Return the new states of each entity that changed, by device."""
        self._owners |= self._read_owners()
        seen: dict[str, dict[str, list[str | None]]] = {}
        for event in self._states:
            entity_id, new = event.data["entity_id"], event.data["new_state"]
            changes = seen.setdefault(self._owners[entity_id], {})
            changes.setdefault(entity_id, []).append(new.state if new else None)
        return seen

    def touched(self) -> set[str]:
        """Return the devices of which an entity's state or registry entry changed."""
        states = set(self.states())
        return states | {self._owner(event) for event in self._entries}

    def _owner(self, event: Event[Any]) -> str:
        return self._owners[event.data["entity_id"]]

    def _read_owners(self) -> dict[str, str]:
        registry = dr.async_get(self._hass)
        identifiers = {
            device.id: next(iter(device.identifiers))[1]
            for device in dr.async_entries_for_config_entry(
                registry, self._entry.entry_id
            )
        }
        return {
            item.entity_id: identifiers[str(item.device_id)]
            for item in er.async_entries_for_config_entry(
                er.async_get(self._hass), self._entry.entry_id
            )
        }
