"""Tests of what holds for every action: only for administrators, and only for an account that is loaded."""

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import HOSTNAME_ID, act, device_id_of, zone_of
from tests.other_users import ACTIONS, LOGIN_ACTIONS


async def test_every_action_is_here(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """A new action gets the tests below."""
    assert hass.services.async_services_for_domain(DOMAIN).keys() == {
        *(action for action, _ in ACTIONS),
        "remove_hostname",
        *LOGIN_ACTIONS,
    }


@pytest.mark.parametrize(("action", "fields"), ACTIONS)
async def test_only_for_administrators(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_read_only_user: MockUser,
    action: str,
    fields: dict[str, str],
) -> None:
    """Other users are refused before Cloudflare is asked."""
    sandbox.journal.clear()

    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            action,
            {"config_entry_id": loaded_entry.entry_id, **fields},
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )

    assert sandbox.journal.requests == []


@pytest.mark.parametrize(("action", "fields"), ACTIONS)
async def test_account_that_is_not_loaded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    action: str,
    fields: dict[str, str],
) -> None:
    """The actions still exist, and say that the account is not loaded."""
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    sandbox.journal.clear()

    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, loaded_entry, action, **fields)

    assert raised.value.translation_key
    assert sandbox.journal.requests == []


async def test_action_on_a_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_read_only_user: MockUser,
) -> None:
    """It obeys administrators only, and needs an account that is loaded, too."""
    device = {"device_id": device_id_of(hass, loaded_entry, HOSTNAME_ID)}
    sandbox.journal.clear()

    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "remove_hostname",
            device,
            blocking=True,
            context=Context(user_id=hass_read_only_user.id),
        )
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    with pytest.raises(ServiceValidationError) as raised:
        await hass.services.async_call(DOMAIN, "remove_hostname", device, blocking=True)

    assert raised.value.translation_key
    assert sandbox.journal.requests == []


async def test_account_that_is_unknown(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """The call is refused; no other account is used in its place."""
    with pytest.raises(ServiceValidationError):
        await hass.services.async_call(
            DOMAIN,
            "sync",
            {"config_entry_id": "01JNOBODY0000000000000000"},
            blocking=True,
            return_response=True,
        )


async def test_actions_without_a_response(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """An automation may ignore the response."""
    for action, fields in (
        ("mint_certificate", {"name": "Pixel 8"}),
        ("sync", {}),
    ):
        await hass.services.async_call(
            DOMAIN,
            action,
            {"config_entry_id": loaded_entry.entry_id, **fields},
            blocking=True,
        )

    assert len(zone_of(sandbox).certificates) == 1
