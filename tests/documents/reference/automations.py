"""The triggers and conditions, in docs/reference.md."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from custom_components.cloudflare_mtls.condition import CONDITIONS
from custom_components.cloudflare_mtls.trigger import TRIGGERS

from .texts import ENGLISH, lower_first, phrase, read_yaml, row, same_keys, table

# Targets are entities of ours; these are the devices that have them.
_TARGETS: Final[Mapping[str, str]] = {
    "tunnel_disconnected": "tunnels",
    "tunnel_connected": "tunnels",
    "visitors_get_in": "protected hostnames",
    "hostname_is_protected": "protected hostnames",
    "certificate_is_valid_for": "companion devices",
}
_SHARED: Final = {
    "behavior": "`behavior`: one, all or each of several",
    "for": "`for`: how long it has to last",
}


def triggers() -> Iterator[str]:
    """Yield what can trigger an automation."""
    described = read_yaml("triggers.yaml")
    same_keys(TRIGGERS, described)
    return _rows("trigger", described, ENGLISH["triggers"])


def conditions() -> Iterator[str]:
    """Yield what an automation can ask."""
    described = read_yaml("conditions.yaml")
    same_keys(CONDITIONS, described)
    return _rows("condition", described, ENGLISH["conditions"])


def _rows(
    kind: str, blocks: Mapping[str, Any], texts: Mapping[str, Any]
) -> Iterator[str]:
    yield from table(kind, "when" if kind == "trigger" else "passes", "for", "options")
    for key, block in blocks.items():
        fields = dict(texts[key].get("fields", {}))
        devices = fields.pop("device_id", None)
        yield row(
            f"*{texts[key]['name']}* `cloudflare_mtls.{key}`",
            _when(texts[key]["description"]),
            _devices(key, block, devices),
            "; ".join(_option(name, field) for name, field in fields.items()),
        )


def _when(description: str) -> str:
    """Return what a description says behind its first word, which all of them share."""
    return phrase(description.partition(" ")[2])


def _devices(
    key: str, block: Mapping[str, Any], devices: Mapping[str, str] | None
) -> str:
    if "target" in block:
        return f"`target`: {_TARGETS[key]}"
    if devices:
        return f"`device_id`: {devices['name'].lower()}, all if you choose none"
    return "the account"


def _option(name: str, field: Mapping[str, str]) -> str:
    return _SHARED.get(name) or f"`{name}`: {lower_first(phrase(field['description']))}"
