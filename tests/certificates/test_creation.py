"""Tests of what goes wrong while a certificate is created: no certificate without its device, and the reverse."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.certificates import packing
from sandbox import Sandbox
from tests.certificates.creating import REVOKE, active, mint, names, press, renew
from tests.certificates.stages import STAGES, Stages
from tests.common import (
    CERTIFICATE_ID,
    COMPANION_ID,
    EDGE_EVERY,
    add_known_certificate,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
)
from tests.dialogs import certificates, link_of, status_of_fetch
from tests.faults import Faults

HANDOVER = "sensor.pixel_8_handover"


@with_device
@pytest.mark.parametrize("stage", STAGES)
async def test_revoked_while_a_renewal_is_under_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    stages: Stages,
    stage: str,
) -> None:
    """The new certificate is revoked as well, and its bundle is not offered."""
    stages.hold(stage)
    renewal = hass.async_create_task(renew(hass, home))
    await stages.until_reached()

    revocation = hass.async_create_task(press(hass, REVOKE))
    # Only one writes rules at a time; nothing else of the renewal is waited for.
    if stage != "pin":
        await revocation
        assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
        assert active(sandbox) == set()
    stages.release()
    await revocation

    with pytest.raises(HomeAssistantError) as raised:
        await renewal
    assert raised.value.translation_key == "creation_stopped"
    await settle(hass)
    assert active(sandbox) == set()
    assert state_of(hass, HANDOVER) == "unknown"
    assert names(home) == ["Pixel 8"]


@with_device
@pytest.mark.parametrize("stage", STAGES)
async def test_device_removed_while_a_renewal_is_under_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    stages: Stages,
    stage: str,
) -> None:
    """No certificate is left for a device that is gone."""
    stages.hold(stage)
    renewal = hass.async_create_task(renew(hass, home))
    await stages.until_reached()

    hass.config_entries.async_remove_subentry(home, COMPANION_ID)
    stages.release()

    with pytest.raises(HomeAssistantError) as raised:
        await renewal
    assert raised.value.translation_key == "creation_stopped"
    await settle(hass)
    assert active(sandbox) == set()
    assert names(home) == []
    assert reported(hass) == set()


@with_device
@pytest.mark.parametrize("stage", STAGES)
async def test_account_disabled_while_a_device_is_added(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    stages: Stages,
    stage: str,
) -> None:
    """The certificate is revoked, and the device is not there."""
    stages.hold(stage)
    adding = hass.async_create_task(mint(hass, home))
    await stages.until_reached()

    await hass.config_entries.async_set_disabled_by(
        home.entry_id, ConfigEntryDisabler.USER
    )
    stages.release()

    with pytest.raises(HomeAssistantError) as raised:
        await adding
    assert raised.value.translation_key == "creation_stopped"
    await settle(hass)
    assert active(sandbox) == {CERTIFICATE_ID}
    assert names(home) == ["Pixel 8"]


@with_device
@pytest.mark.parametrize("stage", STAGES)
async def test_account_removed_while_a_device_is_added(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    stages: Stages,
    stage: str,
    hass_storage: dict[str, Any],
) -> None:
    """The certificate is revoked, and nothing is stored for an account that is gone."""
    stages.hold(stage)
    adding = hass.async_create_task(mint(hass, home))
    await stages.until_reached()

    await hass.config_entries.async_remove(home.entry_id)
    stages.release()

    with pytest.raises(HomeAssistantError) as raised:
        await adding
    assert raised.value.translation_key == "creation_stopped"
    await settle(hass)
    assert active(sandbox) == {CERTIFICATE_ID}
    assert not [key for key in hass_storage if home.entry_id in key]


@with_device
@pytest.mark.parametrize("stage", STAGES)
async def test_home_assistant_stops_while_a_device_is_added(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    stages: Stages,
    stage: str,
) -> None:
    """After the start there is neither certificate nor device, or both."""
    stages.hold(stage)
    adding = hass.async_create_task(mint(hass, home))
    await stages.until_reached()

    # A stop cancels what does not end in time.
    for task in asyncio.all_tasks():
        if task.get_name() == "The creation of a certificate":
            task.cancel()
    stages.release()
    with pytest.raises(asyncio.CancelledError):
        await adding
    while len(certificates(sandbox)) < 2:
        await asyncio.sleep(0)
    await hass.config_entries.async_reload(home.entry_id)
    await settle(hass)

    is_added = stage != "sign"
    assert names(home) == (["Pixel 8", "Tablet"] if is_added else ["Pixel 8"])
    assert len(active(sandbox)) == (2 if is_added else 1)
    assert reported(hass) == ({"handover_missed"} if is_added else set())


@with_device
@pytest.mark.parametrize("stage", STAGES)
async def test_script_stopped_while_a_device_is_added(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    stages: Stages,
    stage: str,
) -> None:
    """The creation goes on: a certificate may be signed by then. A repair shows where it is."""
    stages.hold(stage)
    adding = hass.async_create_task(mint(hass, home))
    await stages.until_reached()

    adding.cancel()
    stages.release()
    await settle(hass)

    assert names(home) == ["Pixel 8", "Tablet"]
    assert len(active(sandbox)) == 2
    assert state_of(hass, "sensor.tablet_handover") == "waiting"
    assert reported(hass) == {"certificate_ready"}


async def test_script_stopped_before_a_creation_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    stages: Stages,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says that nothing was created, since nobody waits for the error."""
    hold = asyncio.Event()
    fault = faults.refuse("POST", "/client_certificates", 400, 1471, "No", hold=hold)
    adding = hass.async_create_task(mint(hass, loaded_entry))
    await fault.until_hit()

    adding.cancel()
    hold.set()
    await settle(hass)

    assert "The creation of a certificate failed" in caplog.text
    assert names(loaded_entry) == []


@with_device
async def test_replaced_bundle_whose_certificate_is_not_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The renewal succeeds, and a repair stays until the certificate that nobody got is revoked."""
    client = await hass_client_no_auth()
    first = await renew(hass, home)
    await settle(hass)
    freezer.tick(60)
    faults.unavailable("DELETE", "/client_certificates")

    second = await renew(hass, home)
    assert await status_of_fetch(client, link_of(hass, second)) == 200
    await settle(hass)
    assert reported(hass) == {"revocation_pending"}

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert first["certificate_id"] not in active(sandbox)
    assert active(sandbox) == {CERTIFICATE_ID, second["certificate_id"]}
    assert reported(hass) == set()


@with_device
@pytest.mark.parametrize("is_new", [True, False])
async def test_bundle_that_cannot_be_packed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    is_new: bool,
) -> None:
    """The certificate is revoked, and a new device is removed again."""

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no bundle")

    monkeypatch.setattr(packing, "make_bundle", fail)

    with pytest.raises(ValueError, match="no bundle"):
        await (mint if is_new else renew)(hass, home)
    await settle(hass)

    assert active(sandbox) == {CERTIFICATE_ID}
    assert len(certificates(sandbox)) == 2
    assert names(home) == ["Pixel 8"]
    assert reported(hass) == set()


@with_device
@pytest.mark.parametrize("is_new", [True, False])
async def test_signing_whose_answer_never_comes(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    is_new: bool,
) -> None:
    """A certificate of which nobody knows is revoked once it is seen."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    monkeypatch.setattr(
        "custom_components.cloudflare_mtls.engine.certificates.signing._SEARCH_PAUSES",
        (0,),
    )
    hold = asyncio.Event()
    signing = faults.unavailable(
        "POST", "/client_certificates", after_write=True, hold=hold
    )
    creating = hass.async_create_task((mint if is_new else renew)(hass, entry))
    await signing.until_hit()
    faults.unavailable("GET", "/client_certificates")
    hold.set()

    with pytest.raises(HomeAssistantError) as raised:
        await creating
    await settle(hass)
    assert raised.value.translation_key == "unavailable"
    assert len(active(sandbox)) == 2
    assert names(entry) == ["Pixel 8"]

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert active(sandbox) == {CERTIFICATE_ID}
    assert reported(hass) == set()


async def test_list_that_shows_a_certificate_before_its_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """A certificate that is being created is not taken for one that nobody knows."""
    hold = asyncio.Event()
    faults.unavailable("POST", "/client_certificates", after_write=True, times=1)
    search = faults.add("GET", "/client_certificates", hold=hold, times=1)
    adding = hass.async_create_task(mint(hass, loaded_entry))
    await search.until_hit()

    await loaded_entry.runtime_data.protection.async_refresh()
    hold.set()
    created = await adding
    await settle(hass)

    assert active(sandbox) == {created["certificate_id"]}
    assert names(loaded_entry) == ["Tablet"]
