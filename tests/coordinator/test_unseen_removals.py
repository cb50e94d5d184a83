"""Tests of what is removed while Cloudflare shows nothing of it, and its account is loaded: it is told."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import (
    CERTIFICATE_ID,
    COMPANION_ID,
    EDGE_EVERY,
    HOSTNAME,
    SECOND_LOOK,
    add_known_certificate,
    companion,
    is_loaded,
    placeholders,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults
from tests.unreadable import come_back, go_away

from .test_removals import remove, traces

KEY = "removal_pending"
LACKING = ("waf:edit", "dns:edit", "tunnel:edit", "ssl:edit")
away = pytest.mark.parametrize("why", ["Cloudflare", "token", "rules", *LACKING])


@away
async def test_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """Home Assistant shows it no more, and devices still get in: that is told until they don't."""
    go_away(sandbox, faults, why)
    await remove(hass, loaded_entry)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert traces(sandbox)
    for _ in range(3):
        assert KEY in reported(hass)
        assert placeholders(hass, KEY) == {"hostname": HOSTNAME}
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    come_back(sandbox, faults)
    # As after a new token.
    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert traces(sandbox) == []
    assert reported(hass) == set()


@pytest.mark.parametrize("why", ["Cloudflare", "rules"])
async def test_single_failure(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """What the second look shows to be done is not told."""
    go_away(sandbox, faults, why)
    await remove(hass, loaded_entry)
    assert reported(hass) == set()
    faults.clear()
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert reported(hass) == set()
    assert traces(sandbox) == []


@away
async def test_hostname_that_was_seen_to_be_down(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """It is looked after for some minutes more; nobody has to know."""
    await remove(hass, loaded_entry)
    assert traces(sandbox) == []
    go_away(sandbox, faults, why)
    for _ in range(4):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert KEY not in reported(hass)


@pytest.mark.parametrize("why", LACKING)
async def test_account_that_is_set_up_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """It is loaded, and cannot do what it was to do once it is."""
    disabled = ConfigEntryDisabler.USER
    await hass.config_entries.async_set_disabled_by(loaded_entry.entry_id, disabled)
    await remove(hass, loaded_entry)
    assert reported(hass) == {"hostnames_wait"}
    go_away(sandbox, faults, why)
    await hass.config_entries.async_set_disabled_by(loaded_entry.entry_id, None)
    for after in (SECOND_LOOK, SECOND_LOOK, EDGE_EVERY):
        await wait_for_refresh(hass, freezer, after)
    assert is_loaded(loaded_entry)
    assert traces(sandbox)
    assert reported(hass) - {"permission_missing"} == {KEY}


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
@away
async def test_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    devices: list[Any],
    why: str,
) -> None:
    """Its certificate is revoked, or it is told that it still gets in."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    go_away(sandbox, faults, why)
    hass.config_entries.async_remove_subentry(entry, COMPANION_ID)
    await settle(hass)
    for _ in range(4):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    certificate = zone_of(sandbox).certificates[CERTIFICATE_ID]
    told = reported(hass) & {"revocation_pending", "revocation_not_seen"}
    assert (certificate.status == "revoked") != bool(told)
