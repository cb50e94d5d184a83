"""What a version of the integration stored, and what Cloudflare and Home Assistant showed then."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
import json
from pathlib import Path
import re
from typing import Any, Final, Self

# Set while what this version stores is recorded.
RECORD: Final = "RECORD_STORED"
# In place of the token of the account.
TOKEN: Final = "cfut_recorded"

_FOLDER: Final = Path(__file__).parent
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recorded account.

    entry: its config entry, as Home Assistant stores it.
    storage: the other files, by their names in Home Assistant's storage.
    cloudflare: what stood at Cloudflare.
    shown: the moment, and what a person saw then.
    """

    entry: dict[str, Any]
    storage: dict[str, Any]
    cloudflare: dict[str, Any]
    shown: dict[str, Any]

    @classmethod
    def read(cls, version: str) -> Self:
        """Return what a version recorded."""
        return cls(
            **{
                name: json.loads((_FOLDER / version / f"{name}.json").read_text())
                for name in cls.__dataclass_fields__
            }
        )

    def write(self, version: str) -> None:
        """Keep it as what a version recorded."""
        folder = _FOLDER / version
        folder.mkdir(exist_ok=True)
        for name, part in asdict(self).items():
            (folder / f"{name}.json").write_text(f"{json.dumps(part, indent=2)}\n")

    def moved_to(self, now: datetime) -> Self:
        """Return it as if it had been recorded now; certificates know whole seconds only."""
        at = datetime.fromisoformat(self.shown["at"])
        seconds = (now - at).total_seconds() // 1

        def moved(found: re.Match[str]) -> str:
            moment = datetime.fromisoformat(found[0])
            later = datetime.fromtimestamp(moment.timestamp() + seconds, moment.tzinfo)
            return later.replace(microsecond=moment.microsecond).isoformat()

        return self._from_text(_MOMENT.sub(moved, self._as_text()))

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Return it with other words in the place of these."""
        text = self._as_text()
        for word, other in names.items():
            text = text.replace(word, other)
        return self._from_text(text)

    def _as_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def _from_text(cls, text: str) -> Self:
        return cls(**json.loads(text))


def recorded_versions() -> list[str]:
    """Return the versions that were recorded."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/entry.json"))


def missing(before: Any, after: Any, path: str = "") -> list[str]:
    """Return the paths of everything that was there before, and that is gone or different now."""
    match before, after:
        case dict(), dict():
            return [
                lost
                for key, value in before.items()
                for lost in (
                    missing(value, after[key], f"{path}/{key}")
                    if key in after
                    else [f"{path}/{key}"]
                )
            ]
        case list(), list():
            return [
                f"{path}/{index}"
                for index, value in enumerate(before)
                if all(missing(value, each) for each in after)
            ]
        case _:
            return [] if before == after else [path]
