"""Reads what a later version stored: somebody may return from it to this one (pure)."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def known_fields(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of a dataclass, without what only later versions know."""
    names = {each.name for each in fields(kind)}
    return {key: value for key, value in data.items() if key in names}
