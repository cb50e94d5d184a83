"""Tests of bundles that wait while their device or account is removed: Cloudflare is not needed to withdraw them."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.certificates.creating import renew
from tests.certificates.stages import Stages
from tests.common import (
    SECOND_LOOK,
    act,
    is_loaded,
    reported,
    settle,
    wait_for_refresh,
    with_device,
)
from tests.dialogs import (
    THROUGH_CLOUDFLARE,
    Client,
    handovers_of,
    link_of,
    status_of_fetch,
)
from tests.faults import Faults


@pytest.fixture
async def client(
    hass: HomeAssistant, faults: Faults, loaded_entry: MockConfigEntry, client: Client
) -> Client:
    """Return a phone's browser, at a home whose Cloudflare can fail."""
    return client


@pytest.fixture
async def waiting(
    hass: HomeAssistant, client: Client, loaded_entry: MockConfigEntry
) -> str:
    """Return the link to a bundle that waits."""
    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    await settle(hass)
    return link_of(hass, created)


def remove_device(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Remove the companion device, and wait for nothing."""
    (subentry,) = entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)


async def test_device_removed_while_cloudflare_is_away(
    hass: HomeAssistant,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    waiting: str,
) -> None:
    """The bundle is withdrawn at once, although the certificate is still valid."""
    faults.unavailable("*", "")

    remove_device(hass, loaded_entry)

    assert await status_of_fetch(client, waiting) == 404


async def test_device_removed_while_the_account_is_not_loaded(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    waiting: str,
) -> None:
    """Nothing of the account listens then, and the bundle is withdrawn all the same."""
    await hass.config_entries.async_unload(loaded_entry.entry_id)

    remove_device(hass, loaded_entry)

    assert await status_of_fetch(client, waiting) == 404


async def test_device_removed_while_the_account_is_set_up(
    hass: HomeAssistant,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    waiting: str,
) -> None:
    """The set-up waits for Cloudflare; the bundle does not."""
    hold = asyncio.Event()
    reading = faults.add("GET", "", hold=hold)
    reload = hass.async_create_task(
        hass.config_entries.async_reload(loaded_entry.entry_id)
    )
    await reading.until_hit()
    assert loaded_entry.state is ConfigEntryState.SETUP_IN_PROGRESS

    remove_device(hass, loaded_entry)

    assert await status_of_fetch(client, waiting) == 404
    hold.set()
    await reload


async def test_device_removed_while_the_set_up_is_tried_again(
    hass: HomeAssistant,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    waiting: str,
) -> None:
    """Home Assistant waits before the next attempt; the bundle does not wait with it."""
    faults.unavailable("*", "")
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    assert loaded_entry.state is ConfigEntryState.SETUP_RETRY

    remove_device(hass, loaded_entry)

    assert await status_of_fetch(client, waiting) == 404


@pytest.mark.parametrize("loaded", [True, False])
async def test_account_removed_while_cloudflare_is_away(
    hass: HomeAssistant,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    waiting: str,
    hass_storage: dict[str, Any],
    loaded: bool,
) -> None:
    """Its bundles are withdrawn, and nothing is stored of it."""
    faults.unavailable("*", "")
    if not loaded:
        await hass.config_entries.async_unload(loaded_entry.entry_id)

    await hass.config_entries.async_remove(loaded_entry.entry_id)

    assert await status_of_fetch(client, waiting) == 404
    assert not [key for key in hass_storage if loaded_entry.entry_id in key]


async def test_account_disabled(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    waiting: str,
) -> None:
    """An account that a person turned off lets nobody else in; turned on again, neither."""
    for disabled_by in (ConfigEntryDisabler.USER, None):
        await hass.config_entries.async_set_disabled_by(
            loaded_entry.entry_id, disabled_by
        )

        assert await status_of_fetch(client, waiting) == 404
    assert is_loaded(loaded_entry)


async def test_another_device_is_removed(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    waiting: str,
) -> None:
    """The bundles of the others still wait, also after a reload."""
    await act(hass, loaded_entry, "mint_certificate", name="Tablet")
    _, tablet = loaded_entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(loaded_entry, tablet.subentry_id)
    await settle(hass)
    await hass.config_entries.async_reload(loaded_entry.entry_id)

    assert await status_of_fetch(client, waiting) == 200


@pytest.mark.parametrize("end", ["removed", "revoked", "renewed", "expired"])
async def test_repair_goes_with_its_bundle(
    hass: HomeAssistant,
    client: Client,
    loaded_entry: MockConfigEntry,
    waiting: str,
    freezer: FrozenDateTimeFactory,
    end: str,
) -> None:
    """A link that no longer works is not shown any more."""
    await press(hass, "button.pixel_8_renew")
    (first,) = handovers_of(hass)
    assert "certificate_ready" in reported(hass)

    match end:
        case "removed":
            remove_device(hass, loaded_entry)
        case "revoked":
            await press(hass, "button.pixel_8_revoke")
        case "renewed":
            await press(hass, "button.pixel_8_renew")
        case "expired":
            freezer.tick(601)
            async_fire_time_changed(hass)
    await settle(hass)

    assert first not in handovers_of(hass)
    assert ("certificate_ready" in reported(hass)) is (end == "renewed")


async def press(hass: HomeAssistant, button: str) -> None:
    """Press a button."""
    await hass.services.async_call(
        "button", "press", {"entity_id": button}, blocking=True
    )
    await settle(hass)


@with_device
@pytest.mark.parametrize("when", ["waiting", "packing", "not loaded"])
async def test_remote_download_turned_off(
    hass: HomeAssistant,
    home: MockConfigEntry,
    stages: Stages,
    hass_client_no_auth: ClientSessionGenerator,
    when: str,
) -> None:
    """A link that was given out before works at home only, once the account is loaded."""
    client = await hass_client_no_auth()
    allow_remote_download(hass, home, True)
    await settle(hass)
    if when == "packing":
        stages.hold("pack")
    renewal = asyncio.create_task(renew(hass, home))
    if when == "packing":
        await stages.until_reached()
    else:
        await renewal
    if when == "not loaded":
        await hass.config_entries.async_unload(home.entry_id)

    allow_remote_download(hass, home, False)
    stages.release()
    await renewal

    (handover,) = handovers_of(hass)
    path, _, token = handover.url.removeprefix("http://192.168.1.10:8123").partition("#")  # fmt: skip
    away = await client.post(path, data=token, headers=THROUGH_CLOUDFLARE)
    assert away.status == 403
    if when == "not loaded":
        assert await status_of_fetch(client, handover.url) == 503
        await hass.config_entries.async_setup(home.entry_id)
    assert await status_of_fetch(client, handover.url) == 200


def allow_remote_download(
    hass: HomeAssistant, entry: MockConfigEntry, allowed: bool
) -> None:
    """Choose whether certificates can be downloaded outside the home network."""
    options = {**entry.options, "remote_handover": allowed}
    hass.config_entries.async_update_entry(entry, options=options)


@with_device
async def test_revoked_while_the_set_up_is_tried_again(
    hass: HomeAssistant,
    faults: Faults,
    home: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """No button exists by then, so nobody could revoke what is fetched: nothing is given out."""
    client = await hass_client_no_auth()
    link = link_of(hass, await renew(hass, home))
    await settle(hass)
    faults.unavailable("*", "")
    await hass.config_entries.async_reload(home.entry_id)
    await settle(hass)

    assert await status_of_fetch(client, link) == 503

    faults.clear()
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert await status_of_fetch(client, link) == 200
