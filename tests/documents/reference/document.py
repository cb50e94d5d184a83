"""The parts of docs/reference.md between marks; the rest of it is written by hand.

`scripts/docs reference` writes them.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
import re
from typing import Final

from .actions import actions
from .automations import conditions, triggers
from .dialogs import dialogs
from .entities import entities
from .events import events
from .permissions import needed_permissions, optional_permissions
from .repairs import checks, repairs
from .verdicts import verdicts

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "reference.md"

_PARTS: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "actions": actions,
    "checks": checks,
    "conditions": conditions,
    "dialogs": dialogs,
    "entities": entities,
    "events": events,
    "needed permissions": needed_permissions,
    "optional permissions": optional_permissions,
    "repairs": repairs,
    "triggers": triggers,
    "verdicts": verdicts,
}
_PART: Final = re.compile(
    r"(?<=<!-- scripts/docs makes: )(?P<name>[a-z ]+) -->\n.*?(?=<!-- end -->)",
    re.DOTALL,
)


def write() -> str:
    """Return the document with every part as it is now; raise KeyError for one that is unknown."""

    def made(match: re.Match[str]) -> str:
        name = match["name"]
        lines = "\n".join(_PARTS[name]()).rstrip()
        return f"{name} -->\n\n{lines}\n\n"

    return _PART.sub(made, DOCUMENT.read_text("utf-8"))


def parts() -> list[str]:
    """Return the names of the parts that the document has."""
    return [match["name"] for match in _PART.finditer(DOCUMENT.read_text("utf-8"))]
