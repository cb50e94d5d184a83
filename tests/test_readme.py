"""Tests of the README: it describes the actions."""

from pathlib import Path
from typing import Any, cast

from homeassistant.util.yaml import parse_yaml
import pytest

from .common import PACKAGE

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
SERVICES = cast("dict[str, Any]", parse_yaml((PACKAGE / "services.yaml").read_text()))


@pytest.mark.parametrize("action", SERVICES)
def test_action_is_described_with_its_fields(action: str) -> None:
    """The quality scale wants each action and each of its parameters in the documentation."""
    for name in (action, *SERVICES[action]["fields"]):
        assert f"`{name}`" in README, name
