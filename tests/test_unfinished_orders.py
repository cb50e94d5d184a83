"""Tests of orders that Cloudflare has not carried out while an account is not set up, or once it was removed: they are told."""

from types import MappingProxyType
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import (
    ConfigEntryDisabler,
    ConfigEntryState,
    ConfigSubentry,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.certificates.creating import press
from tests.certificates.helpers import open_repairs
from tests.common import (
    CERTIFICATE_ID,
    COMPANION_ID,
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    act,
    add_certificate,
    add_known_certificate,
    companion,
    device_id_of,
    issues,
    records_of,
    reported,
    settle,
    setup_integration,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import certificates
from tests.faults import Faults
from tests.test_switch import SWITCH

KEY = "certificates_stay"
PHONE = {KEY: {"account": "Home lab", "certificates": "- `Pixel 8`"}}


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.fixture
async def account(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
) -> MockConfigEntry:
    """Return an account with a phone, whose Cloudflare revokes nothing."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.unavailable("DELETE", "/client_certificates")
    return entry


async def remove(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Remove the account, as a person does."""
    await hass.config_entries.async_remove(account.entry_id)
    await settle(hass)


async def test_device_that_was_to_be_locked_out(
    hass: HomeAssistant, account: MockConfigEntry
) -> None:
    """Its name is told, also after a restart of Home Assistant."""
    with pytest.raises(HomeAssistantError):
        await act(hass, account, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    assert reported(hass) == {"revocation_pending"}
    await remove(hass, account)
    assert open_repairs(hass) == PHONE
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[KEY])
    assert issue
    assert issue.is_persistent


async def test_device_that_was_removed(
    hass: HomeAssistant, account: MockConfigEntry
) -> None:
    hass.config_entries.async_remove_subentry(account, COMPANION_ID)
    await settle(hass)
    await remove(hass, account)
    assert open_repairs(hass) == PHONE


async def test_certificate_of_no_device(
    hass: HomeAssistant, sandbox: Sandbox, account: MockConfigEntry
) -> None:
    """Its id is all that is known of it."""
    await add_certificate(sandbox, certificate_id="foreign", organization="Somebody")
    with pytest.raises(HomeAssistantError):
        await act(hass, account, "revoke_certificate", certificate_id="foreign")
    await remove(hass, account)
    assert open_repairs(hass)[KEY] == {
        "account": "Home lab",
        "certificates": "- `foreign`",
    }


async def test_nothing_to_revoke(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Certificates stay valid where nobody wanted anything else."""
    await remove(hass, account)
    assert reported(hass) == set()


async def test_revoked_in_time(
    hass: HomeAssistant, faults: Faults, account: MockConfigEntry
) -> None:
    faults.clear()
    await act(hass, account, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    await remove(hass, account)
    assert reported(hass) == set()


async def test_device_that_was_removed_at_the_last_moment(
    hass: HomeAssistant, account: MockConfigEntry
) -> None:
    """Nobody has noticed it before the account is removed, too."""
    hass.config_entries.async_remove_subentry(account, COMPANION_ID)
    await hass.config_entries.async_remove(account.entry_id)
    await settle(hass)
    assert open_repairs(hass) == PHONE


DISABLED = ConfigEntryDisabler.USER
PHONE_WAITS = {"certificates_wait": PHONE[KEY]}
TABLET_ID = "01JTABLET00000000000000001"
PUBLISHED = {"account": "Home lab", "hostnames": f"- `{HOSTNAME}`"}
ways = pytest.mark.parametrize("way", ["out of reach", "token refused", "disabled"])


async def go_away(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    account: MockConfigEntry,
    way: str,
) -> None:
    """Have an account that is not set up."""
    match way:
        case "disabled":
            await hass.config_entries.async_set_disabled_by(account.entry_id, DISABLED)
        case "out of reach":
            faults.unavailable("*", "")
            await hass.config_entries.async_reload(account.entry_id)
        case "token refused":
            faults.refuse("*", "", 401, 1000, "Invalid API Token")
            await hass.config_entries.async_reload(account.entry_id)
    await settle(hass)
    assert account.state is not ConfigEntryState.LOADED


async def come_back(
    hass: HomeAssistant,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    account: MockConfigEntry,
) -> None:
    """Have the account set up again, and Cloudflare answer."""
    faults.clear()
    if account.disabled_by:
        await hass.config_entries.async_set_disabled_by(account.entry_id, None)
    else:
        await hass.config_entries.async_reload(account.entry_id)
    await settle(hass)
    assert account.state is ConfigEntryState.LOADED
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)


@ways
async def test_device_is_removed_while_the_account_is_not_set_up(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    account: MockConfigEntry,
    way: str,
) -> None:
    """It is told at once that it may still connect, and no longer once it was revoked."""
    await go_away(hass, sandbox, faults, account, way)
    assert "certificates_wait" not in reported(hass)
    hass.config_entries.async_remove_subentry(account, COMPANION_ID)
    await settle(hass)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert open_repairs(hass) == PHONE_WAITS
    issue = ir.async_get(hass).async_get_issue(
        DOMAIN, issues(hass)["certificates_wait"]
    )
    assert issue
    assert issue.is_persistent

    await come_back(hass, faults, freezer, account)
    assert certificates(sandbox)[CERTIFICATE_ID] != "active"
    assert reported(hass) == set()


@ways
async def test_account_that_is_not_set_up_is_removed_after_its_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    account: MockConfigEntry,
    hass_storage: dict[str, Any],
    way: str,
) -> None:
    await go_away(hass, sandbox, faults, account, way)
    hass.config_entries.async_remove_subentry(account, COMPANION_ID)
    await settle(hass)
    await remove(hass, account)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert open_repairs(hass) == PHONE
    assert not [key for key in hass_storage if account.entry_id in key]


async def test_revocation_that_waits_as_the_account_is_disabled(
    hass: HomeAssistant,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    account: MockConfigEntry,
) -> None:
    """Cloudflare has refused it so far; now nobody asks any more."""
    with pytest.raises(HomeAssistantError):
        await act(hass, account, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await hass.config_entries.async_set_disabled_by(account.entry_id, DISABLED)
    await settle(hass)
    assert open_repairs(hass)["certificates_wait"] == PHONE[KEY]
    await come_back(hass, faults, freezer, account)
    assert reported(hass) == set()


async def test_order_to_revoke_that_nobody_hears(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, account: MockConfigEntry
) -> None:
    """The button is pressed while Cloudflare does not answer."""
    await go_away(hass, sandbox, faults, account, "out of reach")
    await press(hass, "button.pixel_8_revoke")
    await settle(hass)
    assert open_repairs(hass) == PHONE_WAITS


async def test_reload_tells_nothing(
    hass: HomeAssistant, faults: Faults, account: MockConfigEntry
) -> None:
    """What waits is told by the account itself, before and after."""
    hass.config_entries.async_remove_subentry(account, COMPANION_ID)
    await settle(hass)
    told = set()

    @callback
    def listen(event: Event[Any]) -> None:
        told.update(reported(hass))

    hass.bus.async_listen(ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, listen)
    await hass.config_entries.async_reload(account.entry_id)
    await settle(hass)
    assert "certificates_wait" not in told | reported(hass)


async def test_another_device_is_removed_after_the_first_was_ignored(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, account: MockConfigEntry
) -> None:
    tablet = companion(name="Tablet", device_id="other", subentry_id=TABLET_ID)
    hass.config_entries.async_add_subentry(
        account,
        ConfigSubentry(
            data=MappingProxyType(tablet["data"]),
            subentry_id=TABLET_ID,
            subentry_type=tablet["subentry_type"],
            title=tablet["title"],
            unique_id=tablet["unique_id"],
        ),
    )
    await settle(hass)
    await go_away(hass, sandbox, faults, account, "disabled")
    hass.config_entries.async_remove_subentry(account, COMPANION_ID)
    await settle(hass)
    ir.async_ignore_issue(hass, DOMAIN, issues(hass)["certificates_wait"], True)
    hass.config_entries.async_remove_subentry(account, TABLET_ID)
    await settle(hass)
    issue = ir.async_get(hass).async_get_issue(
        DOMAIN, issues(hass)["certificates_wait"]
    )
    assert issue
    assert issue.dismissed_version is None


@ways
async def test_hostname_is_removed_while_the_account_is_not_set_up(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    loaded_entry: MockConfigEntry,
    way: str,
) -> None:
    await go_away(hass, sandbox, faults, loaded_entry, way)
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    assert records_of(sandbox)
    assert open_repairs(hass) == {"hostnames_wait": PUBLISHED}

    await come_back(hass, faults, freezer, loaded_entry)
    assert not records_of(sandbox)
    assert reported(hass) == set()


@ways
@pytest.mark.parametrize("what", ["removed", "turned off"])
async def test_account_that_is_not_set_up_is_removed_after_its_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    way: str,
    what: str,
) -> None:
    """The repair outlives restarts, and the account."""
    await go_away(hass, sandbox, faults, loaded_entry, way)
    if what == "removed":
        hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    else:
        await turn(hass, SWITCH, "off")
    await settle(hass)
    assert open_repairs(hass) == {"hostnames_wait": PUBLISHED}
    await remove(hass, loaded_entry)
    assert records_of(sandbox)
    assert open_repairs(hass) == {"hostnames_stay": PUBLISHED}
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)["hostnames_stay"])
    assert issue
    assert issue.is_persistent


async def test_hostname_that_cloudflare_did_not_take_down(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """The account was set up all the time; then it is removed."""
    faults.unavailable("DELETE", "/dns_records")
    faults.unavailable("PUT", "/cfd_tunnel")
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    await remove(hass, loaded_entry)
    assert records_of(sandbox)
    assert open_repairs(hass) == {"hostnames_stay": PUBLISHED}


async def test_hostname_that_came_back_while_it_was_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    loaded_entry: MockConfigEntry,
) -> None:
    """Somebody adds its record again, and Cloudflare refuses to delete it."""
    (record,) = records_of(sandbox)
    await turn(hass, SWITCH, "off")
    zone_of(sandbox).add_dns_record(record)
    faults.unavailable("DELETE", "/dns_records")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await remove(hass, loaded_entry)
    assert records_of(sandbox)
    assert open_repairs(hass) == {"hostnames_stay": PUBLISHED}


@pytest.mark.parametrize("what", ["removed", "turned off"])
async def test_hostname_that_was_taken_down(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, what: str
) -> None:
    """A moment before the account is disabled, and then removed."""
    if what == "removed":
        hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    else:
        await turn(hass, SWITCH, "off")
    await settle(hass)
    assert not records_of(sandbox)
    await hass.config_entries.async_set_disabled_by(loaded_entry.entry_id, DISABLED)
    await settle(hass)
    assert reported(hass) == set()
    await remove(hass, loaded_entry)
    assert reported(hass) == set()


async def test_hostname_that_was_removed_a_moment_ago(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It was seen to be down then, and the account is removed before anybody looks again."""
    await hass.services.async_call(
        DOMAIN,
        "remove_hostname",
        {"device_id": device_id_of(hass, loaded_entry, HOSTNAME_ID)},
        blocking=True,
    )
    await hass.config_entries.async_remove(loaded_entry.entry_id)
    await settle(hass)
    assert not records_of(sandbox)
    assert reported(hass) == set()


async def test_hostname_that_was_off_and_on_again(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """It was seen to be off once, which says nothing of the next time."""
    await turn(hass, SWITCH, "off")
    await turn(hass, SWITCH, "on")
    await settle(hass)
    await go_away(hass, sandbox, faults, loaded_entry, "out of reach")
    assert reported(hass) == set()
    await turn(hass, SWITCH, "off")
    await settle(hass)
    assert open_repairs(hass) == {"hostnames_wait": PUBLISHED}


async def test_hostname_that_is_published_stays_so(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nobody ordered anything else."""
    await remove(hass, loaded_entry)
    assert records_of(sandbox)
    assert reported(hass) == set()
