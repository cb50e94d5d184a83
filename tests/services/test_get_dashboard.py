"""Tests of the action that returns a dashboard."""

from collections.abc import Iterator
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import (
    COMPANION_ID,
    act,
    add_certificate,
    companion,
    device_id_of,
    setup_integration,
)
from tests.logins import login

# What changes who gets in has no place where a single tap reaches it.
CONTROLS: Final = {"button", "switch"}


async def get_view(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    """Return the only view of the dashboard."""
    response = await act(hass, entry, "get_dashboard")
    [view] = response["views"]
    assert isinstance(view, dict)
    return view


def headings(view: dict[str, Any]) -> list[str]:
    """Return what stands above the sections."""
    return [
        card["heading"]
        for section in view["sections"]
        for card in section["cards"]
        if card["type"] == "heading"
    ]


def entity_ids(view: dict[str, Any]) -> Iterator[str]:
    """Yield the entity of each card, and those of the logbook."""
    for section in view["sections"]:
        for card in section["cards"]:
            if "entity" in card:
                yield card["entity"]
            yield from card.get("target", {}).get("entity_id", [])


@pytest.fixture
async def with_everything(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account with a tunnel, a hostname, a login hostname and a device."""
    await add_certificate(sandbox)
    await setup_integration(hass, entry)
    return entry


@pytest.mark.parametrize("devices", [[companion(), login()]], ids=["with everything"])
async def test_a_section_for_each_device(
    hass: HomeAssistant, with_everything: MockConfigEntry
) -> None:
    """The account comes first, then its tunnel, hostnames and companion devices; what happened comes last."""
    view = await get_view(hass, with_everything)

    assert headings(view) == [
        "Home lab",
        "home",
        "home-mobile.example.com",
        "home.example.com",
        "Pixel 8",
    ]
    assert view["sections"][-1]["cards"][0]["type"] == "logbook"


@pytest.mark.parametrize("devices", [[companion(), login()]], ids=["with everything"])
async def test_entities_are_there_and_change_nothing(
    hass: HomeAssistant, with_everything: MockConfigEntry
) -> None:
    """Each card has a state to show, and no tap on it lets anybody in or out."""
    shown = list(entity_ids(await get_view(hass, with_everything)))

    assert shown
    assert len(set(shown)) == len(shown)
    assert [item for item in shown if hass.states.get(item) is None] == []
    assert {item.partition(".")[0] for item in shown}.isdisjoint(CONTROLS)


async def test_no_name_is_cut_off(
    hass: HomeAssistant, with_everything: MockConfigEntry
) -> None:
    """A tile is as wide as its section: names are longer than half of it, in most languages."""
    view = await get_view(hass, with_everything)
    cards = [card for section in view["sections"] for card in section["cards"]]
    widths = [card["grid_options"] for card in cards if card["type"] == "tile"]
    assert widths
    assert all(width == {"columns": "full"} for width in widths)


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_names_and_choices_of_a_person(
    hass: HomeAssistant, with_everything: MockConfigEntry
) -> None:
    """A device has the name that a person gave it; what they hid is left out."""
    device_id = device_id_of(hass, with_everything, COMPANION_ID)
    dr.async_get(hass).async_update_device(device_id, name_by_user="Ann's phone")
    hidden = er.async_get(hass).async_update_entity(
        "sensor.pixel_8_days_left", hidden_by=er.RegistryEntryHider.USER
    )

    view = await get_view(hass, with_everything)

    assert "Ann's phone" in headings(view)
    assert hidden.entity_id not in entity_ids(view)


@pytest.mark.parametrize("devices", [[companion(), login()]], ids=["with everything"])
async def test_what_is_good_is_green(
    hass: HomeAssistant, with_everything: MockConfigEntry
) -> None:
    """A binary sensor that is on is yellow otherwise, as if something was wrong."""
    view = await get_view(hass, with_everything)

    colors = {
        card["entity"]: card.get("color")
        for section in view["sections"]
        for card in section["cards"]
        if card.get("entity", "").startswith("binary_sensor.")
    }
    green = {name for name, color in colors.items() if color == "green"}
    assert {name.partition("_example_com_")[2] for name in green} == {
        "enforced",
        "login_required",
        "reaches_home_assistant",
    }
    # These are red while they are on.
    assert {name.partition("_example_com_")[2] for name in colors.keys() - green} == {
        "differs",
        "drift",
    }
