"""Tests of the button that revokes a device: what is still valid afterwards is said, and nothing is missed."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.certificates.creating import REVOKE, active, press, renew
from tests.certificates.helpers import trusted, unreadable
from tests.certificates.test_trust import STORE, record, stored
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    add_certificate,
    fingerprint_of,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import Client, handovers_of, link_of, renew_and_test, status_of_fetch
from tests.faults import Faults

pytestmark = with_device
CLAIMING = ["7bf7f70c-7600-42e1-81c4-00000000000a", "7bf7f70c-7600-42e1-81c4-00000000000b"]  # fmt: skip


async def lose_sight(
    hass: HomeAssistant, faults: Faults, freezer: FrozenDateTimeFactory, path: str
) -> None:
    """Have Cloudflare not show something any more, and see the next refresh fail."""
    faults.unavailable("GET", path)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)


@pytest.mark.parametrize("is_told", [True, False], ids=["told before", "just added"])
@pytest.mark.parametrize("count", [1, 2])
async def test_unknown_certificate_beside_a_known_one(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    count: int,
    is_told: bool,
) -> None:
    """The known one is revoked, and a person reads that the other is still valid."""
    for certificate_id in CLAIMING[:count]:
        await add_certificate(sandbox, certificate_id=certificate_id)
    if is_told:
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, REVOKE)
    await settle(hass)

    assert raised.value.translation_key == "revocation_unknown"
    assert active(sandbox) == set(CLAIMING[:count])
    assert reported(hass) == {"unknown_certificates_pinned"}


async def test_unknown_certificate_while_cloudflare_refuses(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry, faults: Faults
) -> None:
    """The one message says both."""
    await add_certificate(sandbox, certificate_id=CLAIMING[0])
    faults.refuse("DELETE", "/client_certificates", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today") as raised:
        await press(hass, REVOKE)

    assert raised.value.translation_key == "revocation_incomplete_unknown"


async def test_unknown_certificate_of_another_device(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """It is none of this device's business."""
    await add_certificate(sandbox, certificate_id=CLAIMING[0], device_id="another")
    await press(hass, REVOKE)
    assert active(sandbox) == {CLAIMING[0]}


@pytest.mark.parametrize("how", ["button", "removal"])
async def test_recorded_certificate_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    hass_client_no_auth: Any,
    freezer: FrozenDateTimeFactory,
    how: str,
) -> None:
    """It was created here for this device: its id is known, whatever Cloudflare shows of it."""
    client: Client = await hass_client_no_auth()
    new = (await renew_and_test(hass, client, home, CERTIFICATE_ID))["certificate_id"]
    unreadable(sandbox, new)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    if how == "button":
        await press(hass, REVOKE)
    else:
        (device,) = home.get_subentries_of_type("companion_device")
        hass.config_entries.async_remove_subentry(home, device.subentry_id)
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert active(sandbox) == set()
    assert reported(hass) == set()


async def test_confirmed_certificate_that_can_no_longer_be_read(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """It was seen before, so its id is known."""
    unreadable(sandbox, CERTIFICATE_ID)
    await press(hass, REVOKE)
    assert active(sandbox) == set()


async def test_certificate_with_a_new_status(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """It may let the device in, so it is revoked too."""
    zone_of(sandbox).certificates[CERTIFICATE_ID].status = "suspended"  # type: ignore[assignment]
    await press(hass, REVOKE)
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "revoked"


@pytest.mark.parametrize(
    "path", ["/dns_records", "/rulesets", "/client_certificates", ""]
)
async def test_revoked_while_cloudflare_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: Any,
    path: str,
) -> None:
    """The button is there, and what it can do it does: only reading fails."""
    client: Client = await hass_client_no_auth()
    link = link_of(hass, await renew(hass, home))
    await settle(hass)
    await lose_sight(hass, faults, freezer, path)
    assert state_of(hass, REVOKE) != "unavailable"

    raised: HomeAssistantError | None = None
    try:
        await press(hass, REVOKE)
    except HomeAssistantError as err:
        raised = err

    assert (raised is None) == (path not in ("/client_certificates", ""))
    # Of a confirmed certificate, nothing but its fingerprint is known where none is listed.
    left = {CERTIFICATE_ID} if path == "/client_certificates" else set()
    assert active(sandbox) == left
    assert await status_of_fetch(client, link) == 404
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert active(sandbox) == set()
    assert reported(hass) == set()


@pytest.mark.parametrize("how", ["button", "action"])
async def test_revoked_while_cloudflare_is_away(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: Any,
    how: str,
) -> None:
    """A person reads that it is still valid; the bundle is gone, and a later refresh revokes it."""
    client: Client = await hass_client_no_auth()
    created = await renew(hass, home)
    new, link = created["certificate_id"], link_of(hass, created)
    await settle(hass)
    await lose_sight(hass, faults, freezer, "")
    faults.unavailable("*", "")

    revocation = (
        press(hass, REVOKE)
        if how == "button"
        else act(hass, home, "revoke_certificate", certificate_id=new)
    )
    with pytest.raises(HomeAssistantError) as raised:
        await revocation

    keys = {"button": "revocation_incomplete", "action": "revocation_delayed"}
    assert raised.value.translation_key == keys[how]
    assert await status_of_fetch(client, link) == 404
    assert handovers_of(hass) == []
    # It is not forgotten in a restart either.
    await hass.config_entries.async_reload(home.entry_id)
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert active(sandbox) == (set() if how == "button" else {CERTIFICATE_ID})
    assert reported(hass) == set()


@pytest.mark.parametrize("is_confirmed", [True, False], ids=["confirmed", "recorded"])
async def test_revoked_before_cloudflare_ever_showed_the_certificates(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
    is_confirmed: bool,
) -> None:
    """Home Assistant started while Cloudflare listed none: what it remembers is enough."""
    fingerprint = fingerprint_of(await add_certificate(sandbox))
    known: dict[str, Any] = {"records": {CERTIFICATE_ID: record(fingerprint)}}
    if is_confirmed:
        known = {"confirmed": {fingerprint: record(fingerprint)["device_id"]}}
    hass_storage[STORE.format(entry.entry_id)] = stored(entry, **known)
    faults.unavailable("*", "/client_certificates")
    await setup_integration(hass, entry)
    assert state_of(hass, REVOKE) != "unavailable"

    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, REVOKE)

    assert raised.value.translation_key == "revocation_incomplete"
    assert active(sandbox) == {CERTIFICATE_ID}
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert active(sandbox) == set()
    assert await trusted(hass, entry) == {CERTIFICATE_ID: False}


async def test_unknown_id_while_cloudflare_is_away(
    hass: HomeAssistant, home: MockConfigEntry, faults: Faults
) -> None:
    """Nothing is known of it, so nothing is said but what failed."""
    faults.unavailable("*", "")
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, home, "revoke_certificate", certificate_id=CLAIMING[0])
    assert raised.value.translation_key == "unavailable"
