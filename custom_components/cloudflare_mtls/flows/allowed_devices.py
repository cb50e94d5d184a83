"""Which companion devices may use a hostname: how a dialog asks, and what it says will change."""

from collections.abc import Collection, Mapping, Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.helpers.selector import SelectSelector
import probatio

from ..const import CONF_DEVICES
from ..engine.rules.placement import Placement
from ..quoting import Ours, listed
from ..wording import Message, Texts, paragraphs
from .form import several

# Stands among the ids of devices, which are never words.
ALL_DEVICES: Final = "all"


def devices_schema(
    names: Mapping[str, str], devices: Collection[str] | None
) -> dict[probatio.Marker, SelectSelector]:
    """Return the field for the devices that may use a hostname; none where there is no choice."""
    if not names and devices is None:
        return {}
    field = probatio.Required(CONF_DEVICES, default=[ALL_DEVICES])
    return {field: several({ALL_DEVICES: ALL_DEVICES, **names}, CONF_DEVICES)}


def devices_input(devices: Collection[str] | None) -> list[str]:
    """Return the devices that may use a hostname as a person would choose them."""
    return [ALL_DEVICES] if devices is None else sorted(devices)


def read_devices(user_input: Mapping[str, Any]) -> frozenset[str] | Message | None:
    """Return the devices that a person chose, None for all, or what is wrong with the choice."""
    chosen = frozenset(user_input.get(CONF_DEVICES, [ALL_DEVICES]))
    if chosen == {ALL_DEVICES}:
        return None
    if ALL_DEVICES in chosen:
        return Message("devices_not_clear", field=CONF_DEVICES)
    return chosen or Message("devices_missing", field=CONF_DEVICES)


@dataclass(frozen=True, kw_only=True)
class Access:
    """Which companion devices may use a new hostname, by our ids; None for all of them."""

    devices: frozenset[str] | None

    def named(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return the names of the devices that a person is shown, of all that there are."""
        shown = self._shown(names)
        return {key: name for key, name in names.items() if key in shown}

    def describe(self, text: Texts, names: Mapping[str, str]) -> Ours:
        """Return who may use the hostname, as Markdown; nothing where all devices may.

        The texts are of the category "common".
        """
        if self.devices is None:
            return Ours()
        only = _with_names(text("access_only"), names, self.devices)
        return paragraphs(only, text("access_others"))

    def _shown(self, names: Mapping[str, str]) -> AbstractSet[str]:
        return self.devices or frozenset()


@dataclass(frozen=True, kw_only=True)
class ChangedAccess(Access):
    """Which companion devices may use a hostname from now on, and before that."""

    before: frozenset[str] | None

    @override
    def describe(self, text: Texts, names: Mapping[str, str]) -> Ours:
        """Return who may use the hostname, who gains and who loses access, as Markdown.

        Nothing is said where all devices may, as before.
        """
        if self.devices is None:
            only = "" if self.before is None else text("access_all")
        else:
            only = _with_names(text("access_only"), names, self.devices)
        shuts_out_others = self.before is None and self.devices is not None
        return paragraphs(
            only,
            _with_names(text("access_gained"), names, self._gained(names)),
            _with_names(text("access_lost"), names, self._lost(names)),
            text("access_others") if shuts_out_others else "",
        )

    @override
    def _shown(self, names: Mapping[str, str]) -> AbstractSet[str]:
        return super()._shown(names) | self._gained(names) | self._lost(names)

    def _gained(self, names: Mapping[str, str]) -> AbstractSet[str]:
        return _allowed(self.devices, names) - _allowed(self.before, names)

    def _lost(self, names: Mapping[str, str]) -> AbstractSet[str]:
        return _allowed(self.before, names) - _allowed(self.devices, names)


def room_of(text: Texts, zone: str, placement: Placement, hostname: str) -> str:
    """Return how many more certificates the rules of a zone can list at a hostname."""
    count = str(placement.room_for(hostname))
    return text("access_room", zone=zone, count=count)


def _allowed(
    devices: AbstractSet[str] | None, names: Mapping[str, str]
) -> AbstractSet[str]:
    return names.keys() if devices is None else devices


def _with_names(
    sentence: str, names: Mapping[str, str], device_ids: Collection[str]
) -> str:
    """Return a sentence with the names of devices below it, nothing without devices."""
    found = sorted(names[item] for item in device_ids if item in names)
    return "\n\n".join([sentence, listed(found)]) if found else ""
