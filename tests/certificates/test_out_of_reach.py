"""Tests of certificates in a domain that the token does not reach any more, or that cannot be read."""

from collections.abc import Callable
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.ignored_repairs import async_ignore
from sandbox import Sandbox
from sandbox.state import CertificateStatus, Zone
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    add_certificate,
    add_known_certificate,
    confirm_certificate,
    fingerprint_of,
    issues,
    placeholders,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
)
from tests.faults import Faults

from .creating import REVOKE, active, press
from .helpers import unreadable
from .test_hidden_zones import HOUR, look_again, move, restart, second
from .test_pinning import choose_pinning, pinned

__all__ = ["second"]

pytestmark = with_device

type Hide = Callable[[Sandbox, Faults, Zone], None]


def break_down(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Answer with an error page."""
    faults.unavailable("GET", f"{zone.id}/client_certificates")


def forbid(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Refuse to list the certificates."""
    faults.refuse("GET", f"{zone.id}/client_certificates", 403, 10000, "No")


def narrow(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Limit the token to the other domain: nothing fails."""
    sandbox.state.tokens[sandbox.token].zones = frozenset({sandbox.zone_id})


async def show_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Have every domain be read, and what is due be done."""
    faults.clear()
    sandbox.state.tokens[sandbox.token].zones = None
    for _ in range(7):
        await wait_for_refresh(hass, freezer, HOUR)
    await look_again(hass, freezer)


async def remove_device(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Remove the companion device."""
    (device,) = entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(entry, device.subentry_id)
    await settle(hass)


async def hide_and_wait(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    zone: Zone,
    hide: Hide,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Hide a domain, and wait until the account's domains were listed again."""
    hide(sandbox, faults, zone)
    for _ in range(7):
        await wait_for_refresh(hass, freezer, HOUR)


async def test_token_that_reaches_less(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A list that is complete as far as the token reaches does not show that all is revoked."""
    narrow(sandbox, faults, second)
    await restart(hass, entry)

    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, REVOKE)
    await settle(hass)

    assert raised.value.translation_key == "revocation_incomplete"
    assert reported(hass) == {"revocation_not_seen"}
    assert placeholders(hass, "revocation_not_seen") == {"name": "Pixel 8"}
    for _ in range(30):
        await wait_for_refresh(hass, freezer, HOUR)
    assert reported(hass) == {"revocation_not_seen"}
    await show_again(hass, sandbox, faults, freezer)
    assert second.certificates["there"].status == "revoked"
    assert reported(hass) == set()


async def test_confirmed_certificate_that_cannot_be_read_any_more(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Nobody can tell that it is the one that a person confirmed: *Revoke* says so."""
    await add_known_certificate(hass, entry, sandbox, organization="Somebody")
    unreadable(sandbox, CERTIFICATE_ID)
    await setup_integration(hass, entry)

    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, REVOKE)
    await settle(hass)

    assert raised.value.translation_key == "revocation_incomplete"
    assert active(sandbox) == {CERTIFICATE_ID}
    assert reported(hass) == {"revocation_not_seen", "unknown_certificates"}


@pytest.mark.parametrize("hide", [break_down, forbid, narrow])
@pytest.mark.parametrize("restarts", [False, True], ids=["", "after a restart"])
async def test_device_that_is_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
    hide: Hide,
    restarts: bool,
) -> None:
    """A repair tells that its certificate may get in, until the certificate is seen and revoked."""
    await hide_and_wait(hass, sandbox, faults, second, hide, freezer)
    if restarts:
        await restart(hass, entry)
    await remove_device(hass, entry)
    for _ in range(26):
        await wait_for_refresh(hass, freezer, HOUR)

    assert reported(hass) - {"permission_missing"} == {"revocation_not_seen"}
    assert second.certificates["there"].status == "active"
    await show_again(hass, sandbox, faults, freezer)
    assert second.certificates["there"].status == "revoked"
    assert reported(hass) == set()


async def test_stranger_who_has_to_be_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A revocation that a person ordered is told until it is done, also after days."""
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    move(sandbox, "stranger", second)
    await look_again(hass, freezer)
    faults.unavailable("DELETE", f"{second.id}/client_certificates")
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, entry, "revoke_certificate", certificate_id="stranger")
    assert raised.value.translation_key == "revocation_delayed"
    narrow(sandbox, faults, second)
    await restart(hass, entry)
    assert reported(hass) == {"revocation_not_seen"}
    for _ in range(30):
        await wait_for_refresh(hass, freezer, HOUR)
    assert reported(hass) == {"revocation_not_seen"}

    await show_again(hass, sandbox, faults, freezer)
    assert second.certificates["stranger"].status == "revoked"
    assert reported(hass) == set()


@pytest.mark.parametrize("pins", [False, True], ids=["", "pinned"])
async def test_until_nobody_gets_in_with_it(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
    pins: bool,
) -> None:
    """The repair ends when the certificate has expired, and where the rules do not accept it."""
    narrow(sandbox, faults, second)
    await restart(hass, entry)
    await remove_device(hass, entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert placeholders(hass, "revocation_not_seen") == {"name": "Pixel 8"}

    if pins:
        await choose_pinning(hass, entry)
        await settle(hass)
    else:
        freezer.tick(timedelta(days=366))
        await restart(hass, entry)
    assert "revocation_not_seen" not in reported(hass)


async def test_certificate_that_was_seen_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Somebody revoked it in the dashboard before its domain was lost: nothing is left to tell."""
    second.certificates["there"].status = CertificateStatus.REVOKED
    await look_again(hass, freezer)
    narrow(sandbox, faults, second)
    await restart(hass, entry)

    await press(hass, REVOKE)
    await settle(hass)

    assert active(sandbox) == set()
    assert reported(hass) == set()


async def test_strangers_certificate_in_a_domain_that_drops_out_of_reach(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It still gets in, so its repair stays, and does not close because nothing is listed."""
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    move(sandbox, "stranger", second)
    await look_again(hass, freezer)
    assert reported(hass) == {"unknown_certificates"}

    await hide_and_wait(hass, sandbox, faults, second, narrow, freezer)
    assert reported(hass) == {"unknown_certificates"}
    assert await async_setup_component(hass, "repairs", {})
    # Every token of a browser has expired by now.
    dialogs = hass.data["repairs"]["flow_manager"]
    issue_id = issues(hass)["unknown_certificates"]
    menu = await dialogs.async_init(DOMAIN, data={"issue_id": issue_id})
    ended = await dialogs.async_configure(menu["flow_id"], {"next_step_id": "revoke"})
    assert ended["reason"] == "not_listed_now"
    assert reported(hass) == {"unknown_certificates"}

    await show_again(hass, sandbox, faults, freezer)
    await act(hass, entry, "revoke_certificate", certificate_id="stranger")
    await look_again(hass, freezer)
    assert reported(hass) == set()


@pytest.mark.parametrize("is_confirmed", [False, True], ids=["unknown", "confirmed"])
async def test_revoked_by_an_action_while_it_is_out_of_reach(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
    *,
    is_confirmed: bool,
) -> None:
    """It was seen before, so the order is remembered until it is seen again."""
    certificate = await add_certificate(
        sandbox, certificate_id="stranger", organization="Somebody"
    )
    move(sandbox, "stranger", second)
    await look_again(hass, freezer)
    if is_confirmed:
        (device,) = entry.runtime_data.protection.companions
        await confirm_certificate(hass, entry, certificate, device.id)
        await look_again(hass, freezer)
    await hide_and_wait(hass, sandbox, faults, second, narrow, freezer)

    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, entry, "revoke_certificate", certificate_id="stranger")
    assert raised.value.translation_key == "revocation_delayed"
    await show_again(hass, sandbox, faults, freezer)

    assert second.certificates["stranger"].status == "revoked"


@pytest.mark.parametrize(
    "status", [CertificateStatus.ACTIVE, CertificateStatus.REVOKED]
)
async def test_stranger_who_is_first_seen_by_who_revokes_it(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
    status: CertificateStatus,
) -> None:
    """The order holds until it is carried out, although no refresh reported the certificate before."""
    await add_certificate(
        sandbox, certificate_id="stranger", organization="Somebody", status=status
    )
    move(sandbox, "stranger", second)
    if status is CertificateStatus.REVOKED:
        await look_again(hass, freezer)
        second.certificates["stranger"].status = CertificateStatus.ACTIVE
    faults.unavailable("DELETE", f"{second.id}/client_certificates")
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, entry, "revoke_certificate", certificate_id="stranger")
    assert raised.value.translation_key == "revocation_delayed"

    narrow(sandbox, faults, second)
    await restart(hass, entry)
    assert reported(hass) == {"revocation_not_seen"}
    for _ in range(30):
        await wait_for_refresh(hass, freezer, HOUR)
    assert reported(hass) == {"revocation_not_seen"}
    await show_again(hass, sandbox, faults, freezer)

    assert second.certificates["stranger"].status == "revoked"
    assert reported(hass) == set()


@pytest.mark.parametrize("hide", [break_down, forbid, narrow])
async def test_stranger_of_whom_a_person_was_told_before_a_restart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
    hide: Hide,
) -> None:
    """The certificate may still let somebody in, so the repair stays until its domain is read."""
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    move(sandbox, "stranger", second)
    await look_again(hass, freezer)
    repair = issues(hass)
    assert repair.keys() == {"unknown_certificates"}
    hide(sandbox, faults, second)

    await restart(hass, entry)
    for _ in range(8):
        assert issues(hass) == repair
        await wait_for_refresh(hass, freezer, HOUR)
    second.certificates["stranger"].status = CertificateStatus.REVOKED
    await show_again(hass, sandbox, faults, freezer)
    assert reported(hass) == set()


async def test_stranger_who_is_revoked_unseen_after_a_restart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One repair follows the other: it is unknown no more, and has to be revoked."""
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    move(sandbox, "stranger", second)
    await look_again(hass, freezer)
    narrow(sandbox, faults, second)
    await restart(hass, entry)

    with pytest.raises(HomeAssistantError):
        await act(hass, entry, "revoke_certificate", certificate_id="stranger")
    await settle(hass)
    assert reported(hass) == {"revocation_not_seen"}
    await show_again(hass, sandbox, faults, freezer)
    assert second.certificates["stranger"].status == "revoked"
    assert reported(hass) == set()


async def test_ignored_repair_after_a_restart(
    hass: HomeAssistant,
    issue_registry: ir.IssueRegistry,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The first look does not reach the certificate's domain, and closes nothing."""
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    move(sandbox, "stranger", second)
    await look_again(hass, freezer)
    issue_id = issues(hass)["unknown_certificates"]
    async_ignore(hass, issue_id)

    await restart(hass, entry)
    await look_again(hass, freezer)

    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.dismissed_version


async def test_pinned_stranger_who_is_revoked_by_id_unseen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The rules know its fingerprint, a person its id: it leaves the rules at once."""
    stranger = await add_certificate(sandbox, certificate_id="stranger")
    move(sandbox, "stranger", second)
    await confirm_certificate(hass, entry, stranger, None)
    await choose_pinning(hass, entry)
    await look_again(hass, freezer)
    assert fingerprint_of(stranger) in (pinned(sandbox, BLOCK_REF) or ())
    narrow(sandbox, faults, second)
    await restart(hass, entry)
    assert fingerprint_of(stranger) in (pinned(sandbox, BLOCK_REF) or ())

    with pytest.raises(HomeAssistantError):
        await act(hass, entry, "revoke_certificate", certificate_id="stranger")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert fingerprint_of(stranger) not in (pinned(sandbox, BLOCK_REF) or ())
    # It may be valid, but no rule accepts it.
    assert reported(hass) == set()
    await show_again(hass, sandbox, faults, freezer)
    assert second.certificates["stranger"].status == "revoked"
    assert reported(hass) == set()
