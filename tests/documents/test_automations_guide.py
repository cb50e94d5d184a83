"""Every automation and action of the guide to automations is loaded and run."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.script import DOMAIN as SCRIPT
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)

from sandbox import Sandbox
from tests.automations import add_automation
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    ENGLISH,
    PACKAGE,
    TUNNELS_EVERY,
    add_known_certificate,
    blocked_request,
    companion,
    device_id_of,
    settle,
    wait_for_refresh,
    zone_of,
)
from tests.logins import LOGIN_ID, log_in, login, only_another_login
from tests.test_login_entities import LOG_EVERY

from .markdown import ROOT, blocks, links

GUIDE: Final = ROOT / "docs" / "guides" / "automations.md"
READ: Final = [
    cast("dict[str, Any]", parse_yaml(text)) for text in blocks(GUIDE, "yaml")
]
BY_ALIAS: Final = {item["alias"]: item for item in READ if "alias" in item}


def test_what_needs_a_target() -> None:
    """The guide names the triggers that watch nothing unless something is chosen."""
    triggers = parse_yaml((PACKAGE / "triggers.yaml").read_text())
    assert isinstance(triggers, dict)
    for key, trigger in triggers.items():
        if not key.startswith("."):
            name = ENGLISH["triggers"][key]["name"]
            assert (f"*{name}*" in GUIDE.read_text()) == ("target" in trigger), key


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone, and a login hostname."""
    return [companion(), login()]


@pytest.fixture(autouse=True)
def _no_other_application(sandbox: Sandbox) -> None:
    only_another_login(sandbox)


@pytest.fixture(autouse=True)
async def _automations_end(hass: HomeAssistant) -> AsyncIterator[None]:
    """Turn automations off after the test: those that wait for a time would outlive it."""
    yield
    for state in hass.states.async_all("automation"):
        await hass.services.async_call(
            "automation", "turn_off", {"entity_id": state.entity_id}, blocking=True
        )


@pytest.fixture
def told(hass: HomeAssistant) -> list[ServiceCall]:
    """Return what people were told."""
    return async_mock_service(hass, "persistent_notification", "create")


def with_ids(hass: HomeAssistant, entry: MockConfigEntry, config: Any) -> Any:
    """Return what the guide shows, with what exists here in place of its words in capitals."""
    ids: Mapping[str, str] = {
        "THE_ACCOUNT": entry.entry_id,
        "THE_PHONE": device_id_of(hass, entry),
        "THE_TUNNEL": device_id_of(hass, entry, Sandbox.tunnel_id),
        "THE_LOGIN_HOSTNAME": device_id_of(hass, entry, LOGIN_ID),
    }
    match config:
        case dict():
            return {key: with_ids(hass, entry, item) for key, item in config.items()}
        case list():
            return [with_ids(hass, entry, item) for item in config]
        case str():
            return ids.get(config, config)
    return config


async def automate(hass: HomeAssistant, entry: MockConfigEntry, alias: str) -> None:
    """Create an automation of the guide; Home Assistant must accept it."""
    await add_automation(hass, with_ids(hass, entry, BY_ALIAS[alias]))
    (state,) = hass.states.async_all("automation")
    assert state.state == "on", state


async def run_now(hass: HomeAssistant) -> None:
    """Run the automation's actions as if it had been triggered."""
    (state,) = hass.states.async_all("automation")
    await hass.services.async_call(
        "automation", "trigger", {"entity_id": state.entity_id}, blocking=True
    )
    await settle(hass)


async def test_login_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    told: list[ServiceCall],
) -> None:
    await automate(hass, loaded_entry, "Login refused")
    log_in(sandbox, allowed=False)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    (said,) = told
    assert said.data["title"] == "Somebody was refused at home.example.com"
    assert said.data["message"] == "From DE, with onetimepin."


async def test_settings_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    told: list[ServiceCall],
) -> None:
    await automate(hass, loaded_entry, "Settings fixed")
    for rule in zone_of(sandbox).rules:
        rule.enabled = rule.ref != BLOCK_REF
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    (said,) = told
    assert "home-mobile.example.com" in said.data["title"]
    assert said.data["message"] == "Home Assistant undid 1 changes at Cloudflare."


async def test_tunnel_disconnected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    told: list[ServiceCall],
) -> None:
    """It waits for five minutes first."""
    await automate(hass, loaded_entry, "Tunnel disconnected")
    sandbox.state.tunnels[sandbox.tunnel_id].disconnect()
    for _ in range(3):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert told == []
    for _ in range(5):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert len(told) == 1


@pytest.mark.parametrize(("days", "times"), [(30, 1), (365, 0)])
async def test_certificate_of_the_phone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    told: list[ServiceCall],
    days: int,
    times: int,
) -> None:
    await add_known_certificate(hass, loaded_entry, sandbox, days=days)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    # So that one minute begins in the next sixty seconds, and no other one.
    freezer.move_to(dt_util.utcnow().replace(second=30) + timedelta(minutes=1))
    config = with_ids(hass, loaded_entry, BY_ALIAS["Certificate of the phone"])
    # Any minute in place of Monday morning.
    await add_automation(
        hass, {**config, "triggers": {"trigger": "time_pattern", "minutes": "/1"}}
    )
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert len(told) == times


@pytest.mark.parametrize(("persons", "state"), [("1", "off"), ("0", "on")])
async def test_off_the_internet(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, persons: str, state: str
) -> None:
    """With one person, who is at home or not."""
    hass.states.async_set("person.ann", "home")
    hass.states.async_set("zone.home", "5")
    await automate(hass, loaded_entry, "Off the internet while everybody is at home")
    hass.states.async_set("zone.home", persons)
    await settle(hass)
    published = hass.states.get("switch.home_mobile_example_com_published")
    assert published
    assert published.state == state


async def test_lock_the_phone_out(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    await add_known_certificate(hass, loaded_entry, sandbox)
    await loaded_entry.runtime_data.protection.async_refresh()
    script = {"lock": BY_ALIAS["Lock the phone out"]}
    assert await async_setup_component(hass, SCRIPT, {SCRIPT: script})
    await hass.services.async_call(SCRIPT, "lock", blocking=True)
    await settle(hass)
    status = hass.states.get("sensor.pixel_8_certificate_status")
    assert status
    assert status.state in ("revoking", "revoked")


async def test_blocked_today(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    told: list[ServiceCall],
) -> None:
    sandbox.state.blocked.append(blocked_request())
    await automate(hass, loaded_entry, "Blocked today")
    await run_now(hass)
    (said,) = told
    assert said.data["title"] == "At least 1 requests were blocked"
    assert "DE GET /auth/authorize" in said.data["message"]


async def test_certificate_for_a_new_phone(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    (action,) = (item for item in READ if "alias" not in item)
    action = with_ids(hass, loaded_entry, action)
    sequence = [action, {"event": "made", "event_data_template": {}}]
    script = {"create": {"sequence": sequence}}
    assert await async_setup_component(hass, SCRIPT, {SCRIPT: script})
    await hass.services.async_call(SCRIPT, "create", blocking=True)
    await settle(hass)
    titles = [item.title for item in loaded_entry.subentries.values()]
    assert "Tablet in the kitchen" in titles


def test_every_automation_is_run_above() -> None:
    """A new one gets a test."""
    source = Path(__file__).read_text("utf-8")
    assert [alias for alias in BY_ALIAS if f'"{alias}"' not in source] == []


def test_buttons_import_the_blueprints() -> None:
    """Each blueprint has one, in the order of the folder's files."""
    urls = [
        parse_qs(urlsplit(link).query)["blueprint_url"][0]
        for link in links(GUIDE)
        if "redirect/blueprint_import" in link
    ]
    files = [
        url.removeprefix(
            "https://github.com/cloudflare-mtls/ha-cloudflare-mtls/blob/main/"
        )
        for url in urls
    ]
    there = (ROOT / "blueprints").rglob("*.yaml")
    assert set(files) == {str(file.relative_to(ROOT)) for file in there}
