"""Tests of taking away the hostname that a person came by: they are asked once more."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox

from .clocks import HomeClock
from .common import ENGLISH, HOSTNAME, device_id_of, records_of, settle, state_of, turn
from .dialogs import Client

SWITCH = "switch.home_mobile_example_com_published"
BY_HOSTNAME = {"Host": HOSTNAME}
AT_HOME = {"Host": "192.168.1.10:8123"}
OFF = ("switch", "turn_off", {"entity_id": SWITCH})


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the app of an administrator."""
    for component in ("api", "config", "websocket_api"):
        assert await async_setup_component(hass, component, {})
    return await hass_client()


@pytest.fixture
async def other_admin(hass: HomeAssistant) -> dict[str, str]:
    """Return the headers by which Home Assistant knows another administrator."""
    user = await hass.auth.async_create_user("Other", group_ids=[GROUP_ID_ADMIN])
    token = await hass.auth.async_create_refresh_token(user, "https://example.com/")
    return {"Authorization": f"Bearer {hass.auth.async_create_access_token(token)}"}


async def call(
    client: Client, action: tuple[str, str, dict[str, Any]], headers: dict[str, str]
) -> bool:
    """Call an action by HTTP; return whether it was carried out."""
    domain, name, data = action
    answer = await client.post(
        f"/api/services/{domain}/{name}", json=data, headers=headers
    )
    return answer.status == HTTPStatus.OK


def ways_to_cut_off(
    hass: HomeAssistant, entry: MockConfigEntry
) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return every action that takes the hostname away."""
    (subentry_id,) = entry.subentries
    account = {"config_entry_id": entry.entry_id}
    return {
        "switch": OFF,
        "toggle": ("switch", "toggle", {"entity_id": SWITCH}),
        "sync": (DOMAIN, "sync", {**account, "remove": True}),
        "one": (DOMAIN, "sync", {**account, "remove": True, "hostname": HOSTNAME}),
        "remove": (
            DOMAIN,
            "remove_hostname",
            {"device_id": device_id_of(hass, entry, subentry_id)},
        ),
    }


@pytest.mark.parametrize("way", ["switch", "toggle", "sync", "one", "remove"])
async def test_asked_once(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    client: Client,
    way: str,
) -> None:
    """Nothing is changed at first, and all of it the second time."""
    action = ways_to_cut_off(hass, loaded_entry)[way]
    sandbox.journal.clear()

    assert not await call(client, action, BY_HOSTNAME)
    await settle(hass)
    assert sandbox.journal.writes == []
    assert state_of(hass, SWITCH) == "on"

    assert await call(client, action, BY_HOSTNAME)
    await settle(hass)
    assert records_of(sandbox) == []


@pytest.mark.parametrize(
    "headers", [AT_HOME, {"Host": "home.example.com"}, {"Host": f"x.{HOSTNAME}"}]
)
async def test_by_another_way(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, headers: dict[str, str]
) -> None:
    """Nobody is asked who stays connected."""
    assert await call(client, OFF, headers)
    await settle(hass)
    assert records_of(sandbox) == []


async def test_asked_again_after_a_minute(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The first question is forgotten by then."""
    assert not await call(client, OFF, BY_HOSTNAME)
    freezer.tick(timedelta(minutes=1))
    assert not await call(client, OFF, BY_HOSTNAME)
    assert len(records_of(sandbox)) == 1


async def test_another_administrator_within_the_minute(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, other_admin: dict[str, str]
) -> None:
    """Each is asked, and answers for themselves only."""
    by_other = {**BY_HOSTNAME, **other_admin}
    assert not await call(client, OFF, BY_HOSTNAME)
    assert not await call(client, OFF, by_other)
    await settle(hass)
    assert len(records_of(sandbox)) == 1

    assert await call(client, OFF, BY_HOSTNAME)
    await settle(hass)
    assert records_of(sandbox) == []


async def test_automation_is_no_answer(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    """What an automation does meanwhile takes nobody's question away, and answers it for nobody else."""
    assert not await call(client, OFF, BY_HOSTNAME)
    await turn(hass, SWITCH, "off")
    await turn(hass, SWITCH, "on")
    await settle(hass)
    assert await call(client, OFF, BY_HOSTNAME)
    await settle(hass)
    assert records_of(sandbox) == []


async def test_clock_that_was_set_back(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
) -> None:
    """A minute is over after a minute."""
    home_clock.set(timedelta(minutes=20))
    assert not await call(client, OFF, BY_HOSTNAME)
    home_clock.set(-timedelta(minutes=20))
    freezer.tick(timedelta(minutes=1))
    assert not await call(client, OFF, BY_HOSTNAME)
    assert len(records_of(sandbox)) == 1

    assert await call(client, OFF, BY_HOSTNAME)
    await settle(hass)
    assert records_of(sandbox) == []


async def test_on_is_no_question(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    """It takes nothing away."""
    on = ("switch", "turn_on", {"entity_id": SWITCH})
    assert await call(client, on, BY_HOSTNAME)


async def test_in_the_front_end(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    hass_access_token: str,
) -> None:
    """It uses one connection for everything, and shows the sentence."""
    socket = await client.ws_connect("/api/websocket", headers=BY_HOSTNAME)
    assert (await socket.receive_json())["type"] == "auth_required"
    await socket.send_json({"type": "auth", "access_token": hass_access_token})
    assert (await socket.receive_json())["type"] == "auth_ok"

    async def turn_off(number: int) -> Any:
        await socket.send_json(
            {
                "id": number,
                "type": "call_service",
                "domain": "switch",
                "service": "turn_off",
                "service_data": {"entity_id": SWITCH},
            }
        )
        return await socket.receive_json()

    refused = await turn_off(1)
    said = ENGLISH["exceptions"]["cuts_off"]["message"]
    assert refused["error"]["message"] == said.format(hostname=HOSTNAME).rstrip(".")
    assert (await turn_off(2))["success"]
    await settle(hass)
    assert records_of(sandbox) == []


async def test_automation_is_not_asked(
    hass: HomeAssistant, sandbox: Sandbox, client: Client
) -> None:
    """It works although the tap that sets it off came by the hostname."""
    automation = {
        "alias": "Night",
        "triggers": {"trigger": "event", "event_type": "good_night"},
        "actions": {"action": "switch.turn_off", "target": {"entity_id": SWITCH}},
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    answer = await client.post("/api/events/good_night", headers=BY_HOSTNAME)
    assert answer.status == HTTPStatus.OK
    await settle(hass)
    assert records_of(sandbox) == []


async def test_remove_everything(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, client: Client
) -> None:
    """The preview says so."""
    path = "/api/config/config_entries/options/flow"

    async def preview(headers: dict[str, str]) -> str:
        menu = await client.post(
            path, json={"handler": loaded_entry.entry_id}, headers=headers
        )
        flow_id = (await menu.json())["flow_id"]
        form = await client.post(
            f"{path}/{flow_id}", json={"next_step_id": "remove"}, headers=headers
        )
        return str((await form.json())["description_placeholders"]["changes"])

    warning = f"**You are connected through `{HOSTNAME}` right now.**"
    assert warning in await preview(BY_HOSTNAME)
    assert warning not in await preview(AT_HOME)
