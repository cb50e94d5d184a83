"""Tests of the dialog that confirms unknown certificates, while somebody else revokes one."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    EDGE_EVERY,
    act,
    add_certificate,
    settle,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import Client, confirm_repair
from tests.faults import Faults

from .helpers import trusted
from .test_confirming_what_is_gone import browser
from .test_unknown_certificates import select, to_step

pytestmark = with_device

UNKNOWN = "7bf7f70c-7600-42e1-81c4-00000000000a"
OTHER = "7bf7f70c-7600-42e1-81c4-00000000000b"


@pytest.fixture
async def client(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return a browser, in which two unknown certificates are reported."""
    for certificate_id in (UNKNOWN, OTHER):
        await add_certificate(sandbox, certificate_id=certificate_id)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    return await browser(hass, hass_client)


async def assert_stays_untrusted(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Assert that the revocation holds, whatever somebody does at Cloudflare."""
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    listed = zone_of(sandbox).certificates[UNKNOWN]
    assert listed.status == "revoked"
    listed.status = CertificateStatus.ACTIVE
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert (await trusted(hass, home))[UNKNOWN] is False


def assert_is_asked_again(result: dict[str, Any]) -> None:
    """Assert that nothing was confirmed, and that the person sees what is left."""
    assert result["type"] == "form"
    assert result["errors"] == {"certificates": "revoked_meanwhile"}


async def test_revoked_while_the_dialog_is_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    client: Client,
) -> None:
    """A list that is out of date undoes nothing."""
    flow = await to_step(hass, client, "confirm", "unknown_certificates_pinned")
    await act(hass, home, "revoke_certificate", certificate_id=UNKNOWN)
    await settle(hass)

    assert_is_asked_again(await select(hass, client, flow, UNKNOWN))

    await assert_stays_untrusted(hass, sandbox, home, freezer)


async def test_revoked_while_it_is_confirmed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    client: Client,
) -> None:
    """The revocation came later, so it holds."""
    flow = await to_step(hass, client, "confirm", "unknown_certificates_pinned")
    hold = asyncio.Event()
    fault = faults.add("GET", "/client_certificates", hold=hold, times=1)
    confirming = hass.async_create_task(
        confirm_repair(client, flow, certificates=[UNKNOWN])
    )
    await fault.until_hit()
    await act(hass, home, "revoke_certificate", certificate_id=UNKNOWN)
    hold.set()

    assert_is_asked_again(await confirming)

    await assert_stays_untrusted(hass, sandbox, home, freezer)


async def test_another_one_is_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    client: Client,
) -> None:
    """What was not selected changes nothing."""
    flow = await to_step(hass, client, "confirm", "unknown_certificates_pinned")
    await act(hass, home, "revoke_certificate", certificate_id=OTHER)
    await settle(hass)

    result = await select(hass, client, flow, UNKNOWN)

    assert result["type"] == "create_entry"
    assert (await trusted(hass, home))[UNKNOWN] is True


async def revoke_in_vain(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Revoke a certificate that somebody reactivates at Cloudflare."""
    await act(hass, home, "revoke_certificate", certificate_id=UNKNOWN)
    await settle(hass)
    # What was just written here is believed for a minute.
    freezer.tick(80)
    zone_of(sandbox).certificates[UNKNOWN].status = CertificateStatus.ACTIVE
    await home.runtime_data.protection.async_refresh()
    await settle(hass)


@pytest.fixture
async def shown(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
) -> tuple[Client, Any]:
    """Return a browser with the open dialog, which shows a certificate that was revoked before."""
    for certificate_id in (UNKNOWN, OTHER):
        await add_certificate(sandbox, certificate_id=certificate_id)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    client = await browser(hass, hass_client)
    await revoke_in_vain(hass, sandbox, home, freezer)
    return client, await to_step(hass, client, "confirm", "unknown_certificates_pinned")


async def test_revoked_a_second_time_while_the_dialog_is_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    shown: tuple[Client, Any],
) -> None:
    """This revocation is another one than the one that was shown."""
    client, flow = shown
    await act(hass, home, "revoke_certificate", certificate_id=UNKNOWN)
    await settle(hass)

    assert_is_asked_again(await select(hass, client, flow, UNKNOWN))
    await assert_stays_untrusted(hass, sandbox, home, freezer)


async def test_revoked_a_second_time_and_reactivated_by_somebody_else(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    shown: tuple[Client, Any],
) -> None:
    """It looks as it did when the dialog was opened, but a person has revoked it since."""
    client, flow = shown
    await revoke_in_vain(hass, sandbox, home, freezer)

    assert_is_asked_again(await select(hass, client, flow, UNKNOWN))
    assert (await trusted(hass, home))[UNKNOWN] is False
