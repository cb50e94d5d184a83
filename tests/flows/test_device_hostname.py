"""Tests of the hostname that a companion device belongs to."""

from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
import probatio
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import (
    COMPANION_ID,
    HOSTNAME,
    SERVICE,
    account,
    choose,
    companion,
    hostname_settings,
    settle,
    submit,
    with_device,
)
from tests.dialogs import (
    CHOSEN,
    RENEWED,
    Client,
    add,
    add_hostname,
    certificates,
    fetch,
    renew,
    zone_and_tunnel,
)

NAS = "a-nas.example.com"
ELSEWHERE = "home.example.org"
TWO = [
    ConfigSubentryDataWithId(
        subentry_id="01HOSTNAMEFURTHER000000000",
        subentry_type="protected_hostname",
        title=HOSTNAME,
        unique_id=HOSTNAME,
        data=hostname_settings(),
    )
]


@pytest.fixture
def settings() -> dict[str, Any]:
    """Return the settings of the hostname that comes first: a NAS."""
    return {**hostname_settings(), "hostname": NAS, "service": "http://nas:5000"}


@pytest.fixture
def entry(
    sandbox: Sandbox, settings: dict[str, Any], devices: list[ConfigSubentryDataWithId]
) -> MockConfigEntry:
    """Return an account with two protected hostnames in one domain."""
    return account(sandbox, settings, [*TWO, *devices])


@pytest.fixture
async def client(
    loaded_entry: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> Client:
    """Return the browser of a phone."""
    return await hass_client_no_auth()


def offered(result: dict[str, Any]) -> list[str] | None:
    """Return the hostnames that a form offers, None if it does not ask."""
    for key, selector in result["data_schema"].schema.items():
        if key == "hostname":
            return [option["value"] for option in selector.config["options"]]
    return None


async def hand_over(
    hass: HomeAssistant, client: Client, form: Any, answers: dict[str, Any]
) -> dict[str, Any]:
    """Submit the form, fetch the bundle, and return what the device got."""
    shown = await submit(hass, form, answers)
    assert shown["step_id"] == "handover", shown
    taken: dict[str, Any] = await fetch(
        client, shown["description_placeholders"]["url"]
    )
    await submit(hass, shown)
    await settle(hass)
    return taken


def device_of(entry: MockConfigEntry) -> dict[str, Any]:
    """Return what is stored of the only device."""
    [device] = entry.get_subentries_of_type("companion_device")
    return dict(device.data)


async def test_phone_is_given_the_chosen_address(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, client: Client
) -> None:
    """It is not sent to whatever hostname happens to come first."""
    form = await add(hass, loaded_entry)
    assert offered(form) == [NAS, HOSTNAME]

    taken = await hand_over(hass, client, form, {**CHOSEN, "hostname": HOSTNAME})

    assert taken["hostname"] == HOSTNAME
    assert taken["test_url"].startswith(f"https://{HOSTNAME}/")
    assert device_of(loaded_entry)["hostname"] == HOSTNAME


async def test_nobody_chooses_for_a_person(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A form without an answer is refused before anything is created."""
    with pytest.raises(probatio.Invalid):
        await submit(hass, await add(hass, loaded_entry), CHOSEN)

    assert certificates(sandbox) == {}


@with_device
async def test_device_moves_to_another_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    client: Client,
) -> None:
    """Its certificate stays as it is, and the next one comes with the other address."""
    menu = await loaded_entry.start_subentry_reconfigure_flow(hass, COMPANION_ID)
    form = await submit(hass, menu, {"next_step_id": "change"})
    assert offered(form) == [NAS, HOSTNAME]
    changed = {"name": "Pixel 8", "system": "android", "hostname": HOSTNAME}
    result = await submit(hass, form, changed)
    assert result["reason"] == "device_changed"
    assert certificates(sandbox) == {}

    form = await renew(hass, loaded_entry, COMPANION_ID)
    taken = await hand_over(hass, client, form, RENEWED)

    assert taken["hostname"] == HOSTNAME


@pytest.mark.parametrize("devices", [[companion(hostname=HOSTNAME)]])
async def test_hostname_is_not_published(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, client: Client
) -> None:
    """The phone is given no address rather than that of something else."""
    [published] = [
        item for item in loaded_entry.subentries.values() if item.title == HOSTNAME
    ]
    hass.config_entries.async_update_subentry(
        loaded_entry, published, data={**published.data, "published": False}
    )
    await settle(hass)

    form = await renew(hass, loaded_entry, COMPANION_ID)
    taken = await hand_over(hass, client, form, RENEWED)

    assert taken["hostname"] is None
    assert taken["test_url"] is None


@pytest.mark.parametrize(
    "devices", [[companion(hostname="former.example.com")], [companion()]]
)
async def test_hostname_that_is_no_longer_protected(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, client: Client
) -> None:
    """One of the domain takes its place, as where nobody chose one."""
    form = await renew(hass, loaded_entry, COMPANION_ID)
    taken = await hand_over(hass, client, form, RENEWED)

    assert taken["hostname"] == NAS


@with_device
async def test_hostnames_of_other_domains(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A new device may belong to one; the certificate of another is good in its own domain only."""
    zone = sandbox.state.add_zone("example.org")
    form = await add_hostname(hass, loaded_entry)
    chosen = {**zone_and_tunnel(sandbox), "zone_id": zone.id}
    typed = {**choose(), "hostname": ELSEWHERE, "service": SERVICE}
    preview = await submit(hass, await submit(hass, form, chosen), typed)
    await submit(hass, preview)
    await settle(hass)

    menu = await loaded_entry.start_subentry_reconfigure_flow(hass, COMPANION_ID)
    change = await submit(hass, menu, {"next_step_id": "change"})

    assert offered(await add(hass, loaded_entry)) == [NAS, HOSTNAME, ELSEWHERE]
    assert offered(change) == [NAS, HOSTNAME]
