"""A second language for tests: the English texts, marked, as if somebody had translated them."""

from pathlib import Path
from typing import Any

from homeassistant.helpers import translation
import pytest

from .common import ENGLISH, PACKAGE

GERMAN_FILE = PACKAGE / "translations" / "de.json"


def german(text: str) -> str:
    """Return a text as the second language has it."""
    return f"de:{text}"


def speak_german(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the integration translated to German, in place of whatever it is translated to."""
    load_json = translation.load_json

    def load(path: Path) -> Any:
        return _marked(ENGLISH) if path == GERMAN_FILE else load_json(path)

    monkeypatch.setattr(translation, "load_json", load)


def _marked(texts: Any) -> Any:
    if isinstance(texts, str):
        return german(texts)
    return {key: _marked(value) for key, value in texts.items()}
