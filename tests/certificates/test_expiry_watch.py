"""Tests of the repairs about certificates: each can be solved in its own dialog."""

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.helpers import STATUS
from tests.common import (
    EDGE_EVERY,
    add_certificate,
    issues,
    reported,
    settle,
    state_of,
    submit,
    wait_for_refresh,
)
from tests.dialogs import Client, add, begin_repair, certificates, fetch
from tests.faults import Faults


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens repairs."""
    assert await async_setup_component(hass, "repairs", {})
    return await hass_client()


async def adopt(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Take over the only certificate as that of a companion device."""
    await entry.runtime_data.protection.async_refresh()
    result = await submit(hass, await add(hass, entry), {"next_step_id": "adopt"})
    (option,) = result["data_schema"].schema["certificate"].config["options"]
    await submit(
        hass,
        result,
        {"certificate": option["value"], "name": "Pixel 8", "system": "ios"},
    )
    await settle(hass)


async def begin(hass: HomeAssistant, client: Client, key: str) -> Any:
    """Open the dialog of a repair, by its translation key."""
    return await begin_repair(client, issues(hass)[key])


async def go_on(hass: HomeAssistant, client: Client, flow: Any, **chosen: Any) -> Any:
    """Submit a step of a dialog, and wait while it works."""
    path = f"/api/repairs/issues/fix/{flow['flow_id']}"
    answer = await client.post(path, json=chosen)
    assert answer.status == HTTPStatus.OK
    result = await answer.json()
    await settle(hass)
    if result["type"] == "progress":
        result = await (await client.get(path)).json()
    return result


async def test_renewal_from_the_repair(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The dialog of the repair creates the next certificate and shows where to fetch it."""
    now = datetime.now(UTC)
    await add_certificate(sandbox, not_before=now - timedelta(days=360), days=365)
    await adopt(hass, loaded_entry)
    assert reported(hass) == {"certificate_urgent"}

    flow = await begin(hass, client, "certificate_urgent")
    assert flow["step_id"] == "renew"
    assert flow["description_placeholders"]["name"] == "Pixel 8"
    flow = await go_on(hass, client, flow, validity="365", key_type="ec_p256")
    assert flow["step_id"] == "handover"
    await fetch(client, flow["description_placeholders"]["url"])
    flow = await go_on(hass, client, flow)
    assert flow["type"] == "create_entry"
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == set()
    assert state_of(hass, STATUS) == "active"
    assert len(certificates(sandbox)) == 2


async def test_renewal_that_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
) -> None:
    """The dialog says why, and asks again."""
    now = datetime.now(UTC)
    await add_certificate(sandbox, not_before=now - timedelta(days=366), days=365)
    await adopt(hass, loaded_entry)
    assert reported(hass) == {"certificate_expired"}
    faults.refuse("POST", "/client_certificates", 403, 10000, "Authentication error")

    flow = await begin(hass, client, "certificate_expired")
    flow = await go_on(hass, client, flow, validity="365", key_type="ec_p256")

    assert flow["step_id"] == "renew"
    assert flow["errors"] == {"base": "permission_missing"}
    assert len(certificates(sandbox)) == 1


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("before", "device_gone"),
        ("signed", "creation_stopped"),
        ("offered", "device_removed"),
    ],
)
async def test_device_removed_during_its_repair(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    loaded_entry: MockConfigEntry,
    stage: str,
    reason: str,
) -> None:
    """No certificate is left, and the dialog says that the device is gone."""
    now = datetime.now(UTC)
    await add_certificate(sandbox, not_before=now - timedelta(days=360), days=365)
    await adopt(hass, loaded_entry)
    (device,) = loaded_entry.get_subentries_of_type("companion_device")
    hold = asyncio.Event()
    signing = faults.add("POST", "/client_certificates$", hold=hold)
    flow = await begin(hass, client, "certificate_urgent")
    path = f"/api/repairs/issues/fix/{flow['flow_id']}"
    chosen = {"validity": "365", "key_type": "ec_p256"}

    if stage == "before":
        hass.config_entries.async_remove_subentry(loaded_entry, device.subentry_id)
        flow = await go_on(hass, client, flow, **chosen)
    else:
        await client.post(path, json=chosen)
        await signing.until_hit()
        if stage == "signed":
            hass.config_entries.async_remove_subentry(loaded_entry, device.subentry_id)
        hold.set()
        await settle(hass)
        flow = await (await client.get(path)).json()
    if stage == "offered":
        assert flow["step_id"] == "handover"
        hass.config_entries.async_remove_subentry(loaded_entry, device.subentry_id)
        flow = await go_on(hass, client, flow)
    await settle(hass)

    assert (flow["type"], flow["reason"]) == ("abort", reason)
    assert set(certificates(sandbox).values()) == {"revoked"}
    assert reported(hass) == set()


async def test_device_that_is_gone_since(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
) -> None:
    """The dialog ends if the device was removed meanwhile."""
    now = datetime.now(UTC)
    await add_certificate(sandbox, not_before=now - timedelta(days=360), days=365)
    await adopt(hass, loaded_entry)
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    flow = await begin(hass, client, "certificate_urgent")
    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    await settle(hass)

    flow = await go_on(hass, client, flow, validity="365", key_type="ec_p256")

    assert (flow["type"], flow["reason"]) == ("abort", "device_gone")
