"""The names: actions, options, entities, states and events are described."""

import ast
import json
from typing import Any, cast

from homeassistant.components.event import EventEntityDescription
from homeassistant.components.sensor import SensorEntityDescription
from homeassistant.util.yaml import parse_yaml
import pytest

from custom_components.cloudflare_mtls.engine.access.countries import COUNTRIES
from custom_components.cloudflare_mtls.engine.sync.settings import Purpose
from custom_components.cloudflare_mtls.event import ACCOUNT_EVENTS, HOSTNAME_EVENTS
from custom_components.cloudflare_mtls.flows.allowed_devices import ALL_DEVICES
from custom_components.cloudflare_mtls.flows.by_hand import Afterwards
from custom_components.cloudflare_mtls.flows.certificate_steps import CHOICES_SCHEMA
from custom_components.cloudflare_mtls.flows.choose_hostname import NEW_TUNNEL
from custom_components.cloudflare_mtls.flows.tunnel_steps import Next
from custom_components.cloudflare_mtls.login_choices import SESSIONS
from custom_components.cloudflare_mtls.sensor import (
    COMPANION_SENSORS,
    TUNNEL_SENSORS,
    USE_SENSORS,
)
from tests.sentences import SOURCES

from .common import ENGLISH, PACKAGE

SERVICES = cast("dict[str, Any]", parse_yaml((PACKAGE / "services.yaml").read_text()))
ICONS = json.loads((PACKAGE / "icons.json").read_text())


def test_actions_are_described() -> None:
    """Each action and each of its fields has a name, a description and an icon."""
    assert SERVICES.keys() == ENGLISH["services"].keys() == ICONS["services"].keys()
    for action, described in SERVICES.items():
        texts = ENGLISH["services"][action]
        assert {"name", "description", "fields"} <= texts.keys()
        assert described["fields"].keys() == texts["fields"].keys()
        for field in texts["fields"].values():
            assert field.keys() == {"name", "description"}
        assert ICONS["services"][action]["service"].startswith("mdi:")


@pytest.mark.parametrize("kind", ["trigger", "condition"])
def test_building_blocks_of_automations_are_described(kind: str) -> None:
    """Each trigger and condition and each of its fields has a name, and an icon is there."""
    blocks = cast("dict[str, Any]", parse_yaml((PACKAGE / f"{kind}s.yaml").read_text()))
    blocks = {key: block for key, block in blocks.items() if not key.startswith(".")}
    texts, icons = ENGLISH[f"{kind}s"], ICONS[f"{kind}s"]
    assert blocks.keys() == texts.keys() == icons.keys()
    for key, block in blocks.items():
        assert {"name", "description"} <= texts[key].keys()
        described = texts[key].get("fields", {})
        assert (block or {}).get("fields", {}).keys() == described.keys()
        assert all("name" in field for field in described.values())
        assert icons[key][kind].startswith("mdi:")


def test_options_are_described() -> None:
    """Each option of a selector has a label, and each label an option."""
    offered = {"layout": {"skip_and_block", "block_only"}}
    # The selector of devices offers all of them besides those that exist.
    offered |= {"devices": {ALL_DEVICES}}
    # The selector of tunnels offers a new one besides those that exist.
    offered |= {"purpose": {*Purpose}}
    offered |= {"tunnel_id": {NEW_TUNNEL}, "next": {*Next}, "afterwards": {*Afterwards}}
    offered |= {"session": {*SESSIONS}}
    offered |= {"countries": {code.lower() for code in COUNTRIES}}
    for action in SERVICES.values():
        for field in action["fields"].values():
            select = field["selector"].get("select") or {}
            offered |= (
                {select["translation_key"]: set(select["options"])} if select else {}
            )
    for selector in CHOICES_SCHEMA.values():
        offered |= {selector.config["translation_key"]: {*selector.config["options"]}}
    assert offered == {
        key: set(texts["options"]) for key, texts in ENGLISH["selector"].items()
    }


@pytest.mark.parametrize("platform", ENGLISH["entity"])
def test_entities_are_named(platform: str) -> None:
    """Each translation key of an entity has a name, and each icon an entity."""
    keys = {
        keyword.value.value
        for node in ast.walk(SOURCES[f"{platform}.py"])
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "translation_key" and isinstance(keyword.value, ast.Constant)
    }
    assert keys == ENGLISH["entity"][platform].keys()
    icons = ICONS["entity"].get(platform, {})
    assert icons.keys() <= keys
    for key, icon in icons.items():
        states = ENGLISH["entity"][platform][key].get("state", {"on": "", "off": ""})
        assert icon.get("state", {}).keys() <= states.keys()


@pytest.mark.parametrize(
    "description",
    [*TUNNEL_SENSORS, *COMPANION_SENSORS, *USE_SENSORS],
    ids=lambda item: item.key,
)
def test_states_are_named(description: SensorEntityDescription) -> None:
    """The states of a sensor with options have names, and no other states have."""
    texts = ENGLISH["entity"]["sensor"][description.translation_key]
    assert texts.get("state", {}).keys() == set(description.options or ())


@pytest.mark.parametrize(
    "description", [*ACCOUNT_EVENTS, *HOSTNAME_EVENTS], ids=lambda item: item.key
)
def test_events_are_named(description: EventEntityDescription) -> None:
    """Each type of an event has a name."""
    texts = ENGLISH["entity"]["event"][description.translation_key]
    types = texts["state_attributes"]["event_type"]["state"]
    assert types.keys() == set(description.event_types or ())
