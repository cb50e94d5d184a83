"""Which companion devices may use a hostname: how a dialog asks, and what it says will change."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from homeassistant.helpers.selector import SelectSelector
import probatio

from ..const import CONF_DEVICES
from ..engine.rules.expressions import FINGERPRINT_COST
from ..engine.sync.plan import Plan
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


def access_of(
    text: Texts, names: Mapping[str, str], devices: frozenset[str] | None
) -> Ours:
    """Return who may use a new hostname, as Markdown; nothing where all devices may.

    The texts are of the category "common".
    """
    if devices is None:
        return Ours()
    only = _with_names(text("access_only"), names, devices)
    return paragraphs(only, text("access_others"))


def changed_access_of(
    text: Texts,
    names: Mapping[str, str],
    before: frozenset[str] | None,
    after: frozenset[str] | None,
) -> Ours:
    """Return who may use a hostname, who gains and who loses access, as Markdown.

    The texts are of the category "common". Nothing is said where all devices may, as before.
    """
    if after == before:
        gained, lost = frozenset[str](), frozenset[str]()
    else:
        had = names.keys() if before is None else before
        has = names.keys() if after is None else after
        gained, lost = frozenset(has - had), frozenset(had - has)
    if after is None:
        only = "" if before is None else text("access_all")
    else:
        only = _with_names(text("access_only"), names, after)
    return paragraphs(
        only,
        _with_names(text("access_gained"), names, gained),
        _with_names(text("access_lost"), names, lost),
        text("access_others") if before is None and after is not None else "",
    )


def room_of(text: Texts, zone: str, plan: Plan) -> str:
    """Return how many more certificates the rules of a zone can list."""
    count = str(plan.spare_characters // FINGERPRINT_COST)
    return text("access_room", zone=zone, count=count)


def _with_names(
    sentence: str, names: Mapping[str, str], device_ids: Collection[str]
) -> str:
    """Return a sentence with the names of devices below it, nothing without devices."""
    found = sorted(names[item] for item in device_ids if item in names)
    return "\n\n".join([sentence, listed(found)]) if found else ""
