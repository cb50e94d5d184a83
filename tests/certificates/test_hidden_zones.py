"""Tests of certificates in zones that nobody could look into: a list that lacks them proves nothing."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import Zone
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    SECOND_LOOK,
    SKIP_REF,
    act,
    add_certificate,
    add_known_certificate,
    fingerprint_of,
    issues,
    placeholders,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import confirm_repair, open_repair
from tests.faults import Faults

from .creating import REVOKE, press
from .helpers import STATUS, trusted
from .test_confirming_what_is_gone import browser
from .test_pinning import choose_pinning, pinned

pytestmark = with_device

HOUR = timedelta(hours=1)


def move(sandbox: Sandbox, certificate_id: str, zone: Zone) -> None:
    """Have a certificate be one of another zone."""
    certificates = zone_of(sandbox).certificates
    zone.certificates[certificate_id] = certificates.pop(certificate_id)


@pytest.fixture
async def second(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> Zone:
    """Return a zone without a hostname, where the device has a second certificate."""
    zone = sandbox.state.add_zone("second.example")
    await add_known_certificate(hass, entry, sandbox, certificate_id="there")
    move(sandbox, "there", zone)
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert await trusted(hass, entry) == {CERTIFICATE_ID: True, "there": True}
    assert reported(hass) == set()
    return zone


async def look_again(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let every zone be read, and what is due be done."""
    for _ in range(2):
        await wait_for_refresh(hass, freezer, SECOND_LOOK)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)


async def restart(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Load the account again: it has not asked for the account's other zones then."""
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)


async def test_refused_for_a_day_before_a_restart(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What somebody revoked is never trusted again because it was not seen for a moment."""
    faults.unavailable("DELETE", f"{second.id}/client_certificates")
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)
    for _ in range(26):
        await wait_for_refresh(hass, freezer, HOUR)
    assert reported(hass) == {"revocation_pending"}

    await restart(hass, entry)
    # The account's other zones are looked for, and read at the second look.
    assert reported(hass) == {"revocation_not_seen"}
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert reported(hass) == {"revocation_pending"}
    assert placeholders(hass, "revocation_pending") == {"name": "Pixel 8"}
    faults.clear()
    await look_again(hass, freezer)

    assert second.certificates["there"].status == "revoked"
    assert reported(hass) == set()


async def test_revoked_while_the_zone_cannot_be_read(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One that was seen before is revoked without being listed."""
    faults.unavailable("GET", f"{second.id}/client_certificates")
    await press(hass, REVOKE)

    assert second.certificates["there"].status != "active"
    faults.clear()
    await look_again(hass, freezer)
    assert await trusted(hass, entry) == {CERTIFICATE_ID: False, "there": False}


async def test_revoked_where_nobody_could_look_since_the_start(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Revoke says what is left, a repair tells of it, and it is revoked once it is seen."""
    faults.unavailable("GET", f"{second.id}/client_certificates")
    await restart(hass, entry)

    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, REVOKE)
    await settle(hass)

    assert raised.value.translation_key == "revocation_incomplete"
    assert reported(hass) == {"revocation_not_seen"}
    for _ in range(26):
        await wait_for_refresh(hass, freezer, HOUR)
    assert second.certificates["there"].status == "active"
    faults.clear()
    await look_again(hass, freezer)
    assert second.certificates["there"].status == "revoked"
    assert reported(hass) == set()


async def test_nothing_is_missing_of_a_device_without_others(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A zone that nobody uses, and that may never be read, makes no revocation incomplete."""
    zone = sandbox.state.add_zone("second.example")
    faults.refuse("GET", f"{zone.id}/client_certificates", 403, 10000, "No")
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await look_again(hass, freezer)

    await press(hass, REVOKE)
    await look_again(hass, freezer)

    assert state_of(hass, STATUS) == "revoked"
    assert reported(hass) == set()


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_device_that_was_removed(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
    is_loaded: bool,
) -> None:
    """All of its certificates are revoked, also where the first look does not reach."""
    if not is_loaded:
        await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        await hass.config_entries.async_unload(entry.entry_id)
    (device,) = entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(entry, device.subentry_id)
    await restart(hass, entry)
    await look_again(hass, freezer)

    assert second.certificates["there"].status == "revoked"
    assert reported(hass) == set()


async def test_repair_while_its_zone_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A stranger who gets in is no less unknown then."""
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    move(sandbox, "stranger", second)
    await look_again(hass, freezer)
    assert reported(hass) == {"unknown_certificates"}

    faults.unavailable("GET", f"{second.id}/client_certificates")
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == {"unknown_certificates"}

    faults.clear()
    await act(hass, entry, "revoke_certificate", certificate_id="stranger")
    await look_again(hass, freezer)
    assert reported(hass) == set()


async def test_dialog_while_its_zone_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
) -> None:
    """Nothing can be decided, and the repair stays."""
    zone = sandbox.state.add_zone("second.example")
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    move(sandbox, "stranger", zone)
    await setup_integration(hass, entry)
    client = await browser(hass, hass_client)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    faults.unavailable("GET", f"{zone.id}/client_certificates")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    menu = await open_repair(client, issues(hass)["unknown_certificates"])
    step = await confirm_repair(client, menu, next_step_id="confirm")

    assert (step["type"], step["reason"]) == ("abort", "not_listed_now")
    assert reported(hass) == {"unknown_certificates"}


async def test_pending_revocation_while_its_zone_cannot_be_read(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is told until Cloudflare has taken it, not until nobody can look."""
    faults.unavailable("DELETE", f"{second.id}/client_certificates")
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"revocation_pending"}

    faults.unavailable("GET", f"{second.id}/client_certificates")
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == {"revocation_pending"}
        assert [domain for domain, _ in issue_registry.issues].count(DOMAIN) == 1

    faults.clear()
    await look_again(hass, freezer)
    assert reported(hass) == set()


async def test_pinned_while_its_zone_is_hidden_or_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """No hostname is there, but a trusted device has its certificate there: it is not locked out."""
    await choose_pinning(hass, entry)
    prints = {
        fingerprint_of(item.certificate)
        for zone in (zone_of(sandbox), second)
        for item in zone.certificates.values()
    }
    assert pinned(sandbox, BLOCK_REF) == prints

    faults.unavailable("GET", f"{second.id}/client_certificates")
    await look_again(hass, freezer)
    assert pinned(sandbox, BLOCK_REF) == pinned(sandbox, SKIP_REF) == prints

    await restart(hass, entry)
    await act(hass, entry, "sync")
    assert pinned(sandbox, BLOCK_REF) == pinned(sandbox, SKIP_REF) == prints

    faults.clear()
    await act(hass, entry, "revoke_certificate", certificate_id="there")
    await look_again(hass, freezer)
    prints.remove(fingerprint_of(second.certificates["there"].certificate))
    assert pinned(sandbox, BLOCK_REF) == pinned(sandbox, SKIP_REF) == prints
