"""Tests of a new certificate at a hostname that is for another service than Home Assistant."""

from dataclasses import replace
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.engine.sync.settings import Purpose
from custom_components.cloudflare_mtls.subentries import hostname_data, hostname_of
from sandbox import Sandbox
from tests.common import HOSTNAME, HOSTNAME_ID, act, reported, settle, state_of, submit
from tests.dialogs import CHOSEN, add, fetch, handovers_of

from .test_last_mile import Origin, answering, origin

type Client = TestClient[Any, Any]

NEXTCLOUD = answering(302, "", {"Location": "/index.php/login"})


@pytest.fixture
async def other(hass: HomeAssistant, loaded_entry: MockConfigEntry) -> MockConfigEntry:
    """Have the hostname stand for another service."""
    subentry = loaded_entry.subentries[HOSTNAME_ID]
    settings = hostname_of(subentry)
    protected = replace(settings.protected, purpose=Purpose.OTHER)
    hass.config_entries.async_update_subentry(
        loaded_entry,
        subentry,
        data=hostname_data(replace(settings, protected=protected)),
    )
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    return loaded_entry


async def test_the_service_answers(
    hass: HomeAssistant,
    sandbox: Sandbox,
    other: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Its own answer is enough; there is no test page, and the dialog says what to look for."""
    async with origin(sandbox, NEXTCLOUD):
        result = await submit(hass, await add(hass, other), CHOSEN)

    told = result["description_placeholders"]["arrival"]
    assert "the service answered: it works" in told
    assert "you should see the service" in told
    met = await act(hass, other, "verify", hostname=HOSTNAME)
    assert (met["reaches_home_assistant"], met["with_certificate"]) == (None, "service")
    entity_id = "binary_sensor.home_mobile_example_com_reaches_home_assistant"
    state = hass.states.get(entity_id)
    assert state
    assert (state.state, state.name) == ("on", f"{HOSTNAME} Reaches the service")
    assert reported(hass) == {"certificate_ready"}
    (handover,) = handovers_of(hass)
    fetched = await fetch(await hass_client_no_auth(), handover.url)
    assert (fetched["hostname"], fetched["test_url"]) == (HOSTNAME, None)


@pytest.mark.parametrize(
    ("answer", "arrival"),
    [
        (answering(404, ""), "no_rule"),
        (
            answering(302, "", {"Location": "https://x.cloudflareaccess.com/cdn-cgi"}),
            "login",
        ),
    ],
)
async def test_the_service_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    other: MockConfigEntry,
    answer: Origin,
    arrival: str,
) -> None:
    """What stands in the way is told as for Home Assistant."""
    async with origin(sandbox, answer):
        await submit(hass, await add(hass, other), CHOSEN)
    await settle(hass)
    assert reported(hass) == {f"arrival_{arrival}", "certificate_ready"}
    entity_id = "binary_sensor.home_mobile_example_com_reaches_home_assistant"
    assert state_of(hass, entity_id) == "off"


async def test_home_assistants_own_server_is_not_checked(
    hass: HomeAssistant, other: MockConfigEntry
) -> None:
    """That Home Assistant trusts no proxy stops no other service."""
    assert await async_setup_component(hass, "http", {})
    assert "check_proxy_not_trusted" not in reported(hass)
