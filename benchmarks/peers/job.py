"""What a process does that measures one integration."""

from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any, Final, Self

from homeassistant.config_entries import ConfigEntry

from .candidates import JSON

_KEPT: Final = ("title", "version", "minor_version", "unique_id")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a process does.

    components: the folder with the integration, as custom_components.
    entry: the config entry; without, the dialog is answered, and the result is the entry.
    whole_day: whether a day passes after the set-up, and a tunnel fails several times.
    """

    components: str
    domain: str
    facts: JSON
    entry: JSON | None
    whole_day: bool = False

    def write(self, file: Path) -> None:
        """Write it for the process."""
        file.write_text(json.dumps(asdict(self)), "utf-8")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read it in the process."""
        return cls(**json.loads(file.read_text("utf-8")))


def saved_entry(entry: ConfigEntry) -> JSON:
    """Return what it takes to set up a config entry again in another process."""
    known: dict[str, Any] = entry.as_dict()
    return {name: known[name] for name in _KEPT} | {
        "data": dict(known["data"]),
        "options": dict(known["options"]),
        "subentries_data": known["subentries"],
    }
