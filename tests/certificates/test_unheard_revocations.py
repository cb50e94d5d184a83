"""Tests of *Revoke*, pressed while its account is not loaded: Home Assistant ignores it without a word."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import CERTIFICATE_ID, act, reported, settle, with_device
from tests.dialogs import certificates, link_of, status_of_fetch
from tests.faults import Faults

from .creating import RENEW, REVOKE, press
from .helpers import look_often, trusted

pytestmark = with_device


@pytest.fixture
async def away(
    hass: HomeAssistant, faults: Faults, ready: MockConfigEntry
) -> MockConfigEntry:
    """Return an account whose set-up is tried again until Cloudflare answers."""
    faults.unavailable("*", "")
    await hass.config_entries.async_reload(ready.entry_id)
    await settle(hass)
    assert ready.state is ConfigEntryState.SETUP_RETRY
    return ready


async def come_back(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Have Cloudflare answer again."""
    faults.clear()
    await look_often(hass, freezer)
    assert entry.state is ConfigEntryState.LOADED


async def test_order_is_kept(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is carried out once the account is loaded."""
    await press(hass, REVOKE)
    await settle(hass)
    assert "Pixel 8 is revoked once its account is set up" in caplog.text

    await come_back(hass, faults, away, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert (await trusted(hass, away))[CERTIFICATE_ID] is False
    assert reported(hass) == set()


async def test_certificate_that_was_created_here(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """It is revoked too, and its bundle is withdrawn at once."""
    phone = await hass_client_no_auth()
    renewed = await act(
        hass,
        ready,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
    )
    link = link_of(hass, renewed)
    faults.unavailable("*", "")
    await hass.config_entries.async_reload(ready.entry_id)
    await press(hass, REVOKE)
    await settle(hass)
    await come_back(hass, faults, ready, freezer)

    assert await status_of_fetch(phone, link) == 404
    assert set(certificates(sandbox).values()) == {"revoked"}


@pytest.mark.parametrize("is_admin", [False, True])
async def test_only_for_administrators(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_admin_user: MockUser,
    *,
    is_admin: bool,
) -> None:
    guest = await hass.auth.async_create_user("Guest", group_ids=["system-users"])
    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": REVOKE},
        blocking=True,
        context=Context(user_id=hass_admin_user.id if is_admin else guest.id),
    )
    await settle(hass)
    await come_back(hass, faults, away, freezer)
    status = certificates(sandbox)[CERTIFICATE_ID]
    assert status == ("revoked" if is_admin else "active")


@pytest.mark.parametrize("pressed", [RENEW, "button.of_nobody", "all", "disabled"])
async def test_what_is_no_order(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry: er.EntityRegistry,
    pressed: str,
) -> None:
    """Another button, none, and one that a person has turned off revoke nothing."""
    if pressed == "disabled":
        entity_registry.async_update_entity(
            REVOKE, disabled_by=er.RegistryEntryDisabler.USER
        )
        pressed = REVOKE
    await press(hass, pressed)
    await settle(hass)
    await come_back(hass, faults, away, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
