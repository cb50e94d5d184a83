"""Tests of the README: it describes the actions, and what automations are made of."""

from pathlib import Path
from typing import Any, cast

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.condition import CONDITIONS
from custom_components.cloudflare_mtls.trigger import TRIGGERS
from sandbox import Sandbox

from .common import ENGLISH, PACKAGE, device_id_of, settle

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
SERVICES = cast("dict[str, Any]", parse_yaml((PACKAGE / "services.yaml").read_text()))


@pytest.mark.parametrize("action", SERVICES)
def test_action_is_described_with_its_fields(action: str) -> None:
    """The quality scale wants each action and each of its parameters in the documentation."""
    for name in (action, *SERVICES[action]["fields"]):
        assert f"`{name}`" in README, name


@pytest.mark.parametrize("key", [*TRIGGERS, *CONDITIONS])
def test_trigger_or_condition_is_described(key: str) -> None:
    """The quality scale wants these too."""
    kind = "triggers" if key in TRIGGERS else "conditions"
    assert f"{ENGLISH[kind][key]['name']} (`{key}`" in README


async def test_example_of_a_trigger_works(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """With the device of a person's own tunnel."""
    example = README.partition("### Triggers and conditions")[2].split("```")[1]
    config = parse_yaml(
        example.removeprefix("yaml\n").replace(
            "THE_TUNNEL", device_id_of(hass, loaded_entry, sandbox.tunnel_id)
        )
    )
    assert await async_setup_component(hass, "automation", {"automation": config})
    await settle(hass)
    assert [state.state for state in hass.states.async_all("automation")] == ["on"]
