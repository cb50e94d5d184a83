"""Tests of the list of creations: a stop reaches the right ones only."""

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.certificates.creations import Creations
from custom_components.cloudflare_mtls.certificates.notifications import (
    async_report_ready,
)
from custom_components.cloudflare_mtls.subentries import companion_of
from tests.common import reported, with_device


async def test_stop_of_a_device() -> None:
    """A creation of another device goes on."""
    creations = Creations()
    async with creations.async_begin("account", "phone") as phone, creations.async_begin("account", "tablet") as tablet:  # fmt: skip
        creations.stop_device("phone")
        assert (phone.is_stopped, tablet.is_stopped) == (True, False)


async def test_stop_of_a_certificate() -> None:
    """Only the creation of this very certificate is stopped."""
    creations = Creations()
    async with creations.async_begin("account", "phone") as phone, creations.async_begin("account", "tablet") as tablet:  # fmt: skip
        phone.certificate_id, tablet.certificate_id = "one", "two"
        creations.stop_certificate({"two"})
        assert (phone.is_stopped, tablet.is_stopped) == (False, True)


@with_device
async def test_certificate_that_is_fetched_before_it_is_told(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """No repair says that it is ready: nothing would ever close that repair."""
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    device = companion_of(subentry)
    async_report_ready(hass, loaded_entry.entry_id, device)
    assert reported(hass) == set()
