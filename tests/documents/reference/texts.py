"""What the makers of the tables share: the English texts, and how a row is written."""

from collections.abc import Iterator, Mapping
import json
from pathlib import Path
from typing import Any, Final, cast

from homeassistant.util.yaml import parse_yaml

PACKAGE: Final = Path(__file__).parents[3] / "custom_components" / "cloudflare_mtls"
ENGLISH: Final[dict[str, Any]] = json.loads(
    (PACKAGE / "translations" / "en.json").read_text("utf-8")
)


def read_yaml(name: str) -> dict[str, Any]:
    """Return what a YAML file of the integration describes, without what it only shares."""
    described = cast("dict[str, Any]", parse_yaml((PACKAGE / name).read_text("utf-8")))
    return {key: item for key, item in described.items() if not key.startswith(".")}


def table(*columns: str) -> Iterator[str]:
    """Yield the head of a table."""
    yield row(*columns)
    yield "|" + "---|" * len(columns)


def row(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |".replace("  |", " |")


def phrase(sentence: str) -> str:
    """Return a sentence as a cell of a table has it: without a full stop, unless more follows."""
    return sentence if ". " in sentence else sentence.removesuffix(".")


def lower_first(sentence: str) -> str:
    """Return a sentence that continues another one."""
    return sentence[:1].lower() + sentence[1:]


def same_keys(described: Mapping[Any, Any], there: Mapping[Any, Any]) -> None:
    """Raise ValueError where the sentences written by hand are not those of what there is."""
    if different := described.keys() ^ there.keys():
        raise ValueError(f"written by hand, or there, but not both: {different}")
