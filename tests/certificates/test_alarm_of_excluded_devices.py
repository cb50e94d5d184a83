"""The alarm: the certificate of a device that may not use a hostname got somebody in there."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.app_requests import Client, prepare, send_battery
from tests.common import HOSTNAME, placeholders, reported, settle
from tests.identities import told_headers
from tests.limited import LIMITED, LIMITED_ID, PHONE, TABLET, set_up_home

KEY = "uncertified_request"
MINUTE = timedelta(minutes=1)

type Home = tuple[MockConfigEntry, str, str]


@pytest.fixture
async def home(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> Home:
    """Return an account with a hostname for the tablet alone, and the fingerprints of phone and tablet."""
    home = await set_up_home(hass, sandbox, TABLET)
    await prepare(hass)
    freezer.tick(MINUTE)
    return home


@pytest.fixture
async def client(home: Home, hass_client_no_auth: ClientSessionGenerator) -> Client:
    """Return what sends requests to Home Assistant, through the tunnel."""
    return await hass_client_no_auth()


async def visit(client: Client, sandbox: Sandbox, hostname: str, shown: str) -> None:
    """Send a request as an app does, with a certificate."""
    await send_battery(client, told_headers(sandbox, shown) | {"Host": hostname})


async def allow(
    hass: HomeAssistant, entry: MockConfigEntry, devices: list[str]
) -> None:
    """Change who may use the hostname, as its dialog does."""
    subentry = entry.subentries[LIMITED_ID]
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "devices": devices}
    )
    await settle(hass)


async def test_device_that_may_not_use_the_hostname(
    hass: HomeAssistant, sandbox: Sandbox, home: Home, client: Client
) -> None:
    _, phone, tablet = home
    await visit(client, sandbox, LIMITED, tablet)
    await visit(client, sandbox, HOSTNAME, phone)
    assert reported(hass) == set()
    await visit(client, sandbox, LIMITED, phone)
    assert reported(hass) == {KEY}
    assert placeholders(hass, KEY)["hostname"] == LIMITED


async def test_device_that_has_just_been_excluded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: Home,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The new rules reach the edge's servers one by one."""
    entry, phone, tablet = home
    await allow(hass, entry, [PHONE])
    await visit(client, sandbox, LIMITED, phone)
    await visit(client, sandbox, LIMITED, tablet)
    assert reported(hass) == set()
    freezer.tick(MINUTE)
    await visit(client, sandbox, LIMITED, phone)
    assert reported(hass) == set()
    await visit(client, sandbox, LIMITED, tablet)
    assert reported(hass) == {KEY}
