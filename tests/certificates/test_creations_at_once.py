"""Tests of several creations at once: one a device, and no device waits for another."""

import asyncio

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.creating import REVOKE, active, mint, names, press, renew
from tests.certificates.stages import Stages
from tests.common import CERTIFICATE_ID, reported, settle, with_device
from tests.dialogs import certificates, handovers_of, status_of_fetch


@with_device
async def test_three_renewals_at_once(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """One new certificate is good beside the one in use, and only its link works."""
    created = await asyncio.gather(*(renew(hass, home) for _ in range(3)))

    (new,) = active(sandbox) - {CERTIFICATE_ID}
    (offered,) = handovers_of(hass)
    (response,) = (item for item in created if item["certificate_id"] == new)
    assert offered.asking_url == response["handover_url"]
    client = await hass_client_no_auth()
    assert await status_of_fetch(client, offered.url) == 200
    await settle(hass)
    assert active(sandbox) == {CERTIFICATE_ID, new}
    assert reported(hass) == set()


@with_device
async def test_renewals_of_different_devices_do_not_wait_for_each_other(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry, stages: Stages
) -> None:
    """Only the creations of one device wait for each other."""
    stages.hold("sign")
    renewal = hass.async_create_task(renew(hass, home))
    await stages.until_reached()

    await mint(hass, home)

    assert names(home) == ["Pixel 8", "Tablet"]
    stages.release()
    await renewal
    await settle(hass)
    assert len(active(sandbox)) == 3


@with_device
async def test_revoked_while_a_renewal_waits_for_another(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry, stages: Stages
) -> None:
    """One that has not begun to sign is stopped too, and signs nothing."""
    stages.hold("sign")
    renewals = [hass.async_create_task(renew(hass, home)) for _ in range(2)]
    await stages.until_reached()

    await press(hass, REVOKE)
    stages.release()
    results = await asyncio.gather(*renewals, return_exceptions=True)
    await settle(hass)

    assert [getattr(item, "translation_key", "") for item in results] == [
        "creation_stopped",
        "creation_stopped",
    ]
    assert len(certificates(sandbox)) == 2
    assert active(sandbox) == set()
