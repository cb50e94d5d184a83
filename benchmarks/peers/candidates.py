"""The integrations to compare: folders with a manifest, as they are below custom_components."""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

type JSON = dict[str, Any]


class NotMeasured(Exception):
    """An integration could not be measured; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An integration that may be measured.

    entry: its config entry, if somebody wrote one into DOMAIN.json beside the folder.
    """

    folder: Path
    name: str
    entry: JSON | None

    @property
    def domain(self) -> str:
        """Return its domain."""
        return self.folder.name

    def filled_entry(self, facts: JSON) -> JSON | None:
        """Return the written config entry with the facts in place of their names."""
        text = json.dumps(self.entry)
        for name, fact in facts.items():
            text = text.replace(f"{{{name}}}", str(fact))
        entry: JSON | None = json.loads(text)
        return entry


def candidate(manifest: Path) -> Candidate:
    """Return the integration of a manifest; raise NotMeasured if Home Assistant would not set it up."""
    folder, known = manifest.parent, _read(manifest)
    if known.get("domain") != folder.name:
        raise NotMeasured(
            f"manifest.json is of {known.get('domain')}, not of its folder"
        )
    if not known.get("version"):
        raise NotMeasured("manifest.json has no version")
    if not known.get("config_flow"):
        raise NotMeasured("it has no dialog, and only YAML sets it up")
    file = folder.with_suffix(".json")
    entry = _read(file) if file.is_file() else None
    if entry is not None and not isinstance(entry.get("data"), dict):
        raise NotMeasured(f'{file.name} has no "data"')
    return Candidate(
        folder=folder,
        name=f"{known.get('name', folder.name)} {known['version']}",
        entry=entry,
    )


def _read(file: Path) -> JSON:
    try:
        known = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise NotMeasured(f"{file.name} is not JSON: {error}") from None
    if not isinstance(known, dict):
        raise NotMeasured(f"{file.name} is not an object")
    return known
