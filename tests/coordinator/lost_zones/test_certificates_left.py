"""Tests of certificates in a lost domain: they may get in at the account's other hostnames."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import Zone
from tests.certificates.test_pinning import choose_pinning
from tests.common import (
    EDGE_EVERY,
    SECOND_LOOK,
    act,
    add_certificate,
    issues,
    placeholders,
    reported,
    settle,
    wait_for_refresh,
)
from tests.dialogs import Client, begin_repair, confirm_repair
from tests.faults import Faults

from .losses import (
    CABIN,
    Lose,
    lose_and_look_twice,
    narrow_the_token,
    refuse_to_answer,
    replace,
)

REVOKE = {"entity_id": "button.tablet_revoke"}
PENDING = {"revocation_not_seen"}
forgettable = pytest.mark.parametrize(
    ("lose", "key"),
    [
        pytest.param(narrow_the_token, "zone_out_of_reach", id="out of reach"),
        pytest.param(refuse_to_answer, "zone_refused", id="refused"),
    ],
)


async def revoke(hass: HomeAssistant) -> str | None:
    """Press *Revoke* of the tablet; return the key of the error."""
    with pytest.raises(HomeAssistantError) as raised:
        await hass.services.async_call("button", "press", REVOKE, blocking=True)
    await settle(hass)
    return raised.value.translation_key


async def forget(
    hass: HomeAssistant, client: Client, key: str, freezer: FrozenDateTimeFactory
) -> None:
    """Have the repair of the lost domain forget its hostnames."""
    await confirm_repair(client, await begin_repair(client, issues(hass)[key]))
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)


def remove_tablet(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Remove the device of the lost domain."""
    (subentry_id,) = (
        key for key, item in entry.subentries.items() if item.title == "Tablet"
    )
    hass.config_entries.async_remove_subentry(entry, subentry_id)


async def find_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Have the domain be readable again, and all be done that is due."""
    sandbox.state.tokens[sandbox.token].zones = None
    faults.clear()
    # The account's domains are listed every six hours.
    for _ in range(25):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)


@forgettable
async def test_device_of_a_forgotten_domain(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
    lose: Lose,
    key: str,
) -> None:
    """*Revoke* names the certificate that nobody can see; it is revoked once it is seen."""
    lose(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)
    await forget(hass, client, key, freezer)
    assert reported(hass) == set()

    assert await revoke(hass) == "revocation_incomplete"

    assert reported(hass) == PENDING
    assert placeholders(hass, "revocation_not_seen") == {"name": "Tablet"}
    remove_tablet(hass, two_zones)
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == PENDING
    assert cabin.certificates["tablet"].status == "active"
    await find_again(hass, sandbox, faults, freezer)
    assert cabin.certificates["tablet"].status == "revoked"
    assert reported(hass) == set()


@forgettable
async def test_device_that_was_removed_before(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
    lose: Lose,
    key: str,
) -> None:
    """To forget the hostnames of its domain does not take its revocation back."""
    lose(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)
    remove_tablet(hass, two_zones)
    await settle(hass)
    await forget(hass, client, key, freezer)

    assert reported(hass) == PENDING

    await find_again(hass, sandbox, faults, freezer)
    assert cabin.certificates["tablet"].status == "revoked"
    assert reported(hass) == set()


async def test_domain_that_was_added_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The certificates of the domain that it replaced may still get in, and *Revoke* says so."""
    replace(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)
    step = await begin_repair(client, issues(hass)["zone_replaced"])
    step = await confirm_repair(client, step, next_step_id="confirm")
    await confirm_repair(client, step)
    await settle(hass)

    assert await revoke(hass) == "revocation_incomplete"
    assert "revocation_not_seen" in reported(hass)


async def test_certificate_that_was_created_here(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is named by its id, also by the action that revokes a certificate."""
    made = await act(
        hass, two_zones, "mint_certificate", name="Laptop", hostname=CABIN, key_type="ec_p256"
    )  # fmt: skip
    # Time that is skipped would hit the look that follows the creation.
    await settle(hass)
    narrow_the_token(sandbox, faults, cabin)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    await forget(hass, client, "zone_out_of_reach", freezer)
    certificate_id = made["certificate_id"]

    with pytest.raises(HomeAssistantError) as by_id:
        await act(hass, two_zones, "revoke_certificate", certificate_id=certificate_id)
    with pytest.raises(HomeAssistantError) as by_device:
        await hass.services.async_call(
            "button",
            "press",
            {"entity_id": "button.laptop_revoke"},
            blocking=True,
        )

    assert by_id.value.translation_key == "revocation_delayed"
    assert by_device.value.translation_key == "revocation_incomplete"
    left = by_device.value.translation_placeholders
    assert left
    assert left["left"] == certificate_id
    await settle(hass)
    assert reported(hass) >= PENDING
    await find_again(hass, sandbox, faults, freezer)
    assert cabin.certificates[certificate_id].status == "revoked"


async def test_rules_of_another_domain(
    hass: HomeAssistant,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Rules that were seen to let revoked certificates in are closed in every domain: each accepts all."""
    (subentry,) = (
        item for item in two_zones.subentries.values() if item.title == CABIN
    )
    hass.config_entries.async_update_subentry(
        two_zones, subentry, data={**subentry.data, "keep_in_sync": False}
    )
    await settle(hass)
    for rule in cabin.rules:
        rule.expression = rule.expression.replace(
            " and not cf.tls_client_auth.cert_revoked", ""
        ).replace(" or cf.tls_client_auth.cert_revoked", "")
    assert not any("cert_revoked" in rule.expression for rule in cabin.rules)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) >= {"exposed"}

    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": "button.pixel_8_revoke"},
        blocking=True,
    )
    await settle(hass)

    assert all("cert_revoked" in rule.expression for rule in cabin.rules)
    assert "exposed" not in reported(hass)


async def test_device_that_is_the_last_thing_in_its_domain(
    hass: HomeAssistant,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is revoked at once where nobody could list the account's domains."""
    (hostname,) = (
        key for key, item in two_zones.subentries.items() if item.title == CABIN
    )
    hass.config_entries.async_remove_subentry(two_zones, hostname)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.unavailable("GET", "^/zones$")
    await hass.config_entries.async_reload(two_zones.entry_id)
    await settle(hass)

    remove_tablet(hass, two_zones)
    await settle(hass)

    assert cabin.certificates["tablet"].status == "revoked"


async def test_domains_that_could_not_be_listed_at_the_start(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """They are listed at the next refresh, not six hours later."""
    third = sandbox.state.add_zone("third.example")
    faults.unavailable("GET", "^/zones$")
    await hass.config_entries.async_reload(two_zones.entry_id)
    await settle(hass)
    faults.clear()
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    certificates = sandbox.state.zones[sandbox.zone_id].certificates
    third.certificates["stranger"] = certificates.pop("stranger")

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)

    assert reported(hass) == {"unknown_certificates"}


async def test_domains_that_cannot_be_listed_for_hours(
    hass: HomeAssistant,
    faults: Faults,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """They are asked for once more at the next refresh, and then at each second one."""
    fault = faults.unavailable("GET", "^/zones$")
    await hass.config_entries.async_reload(two_zones.entry_id)
    await settle(hass)
    asked = [fault.hits]
    for _ in range(7):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        asked.append(fault.hits)
    assert asked == [1, 2, 2, 3, 3, 4, 4, 5]


async def test_device_that_moved_to_another_domain(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was told of its old certificate closes with its renewal."""
    ends = cabin.certificates["tablet"].certificate.not_valid_after_utc
    freezer.move_to(ends - timedelta(days=20))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "certificate_expiring" in reported(hass)
    replace(sandbox, faults, cabin)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    entry = two_zones.runtime_data.protection.config_entry
    for key, item in list(entry.subentries.items()):
        if item.title in (CABIN, "Tablet"):
            hass.config_entries.async_update_subentry(
                entry, item, data={**item.data, "zone_id": _new_zone(sandbox)}
            )
        if item.title == "Pixel 8":
            hass.config_entries.async_remove_subentry(entry, key)
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert "certificate_expiring" not in reported(hass)


def _new_zone(sandbox: Sandbox) -> str:
    return next(
        key for key, zone in sandbox.state.zones.items() if zone.name == "example.org"
    )


@pytest.mark.parametrize("pins_first", [True, False])
@pytest.mark.parametrize("also", [[], [CABIN]], ids=["device", "and its hostname"])
async def test_pinned_elsewhere_while_the_lost_domain_accepts_it(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    also: list[str],
    *,
    pins_first: bool,
) -> None:
    """The rules of the lost domain stay as they are, so pinning is no reason not to tell."""
    if pins_first:
        await choose_pinning(hass, two_zones)
    narrow_the_token(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)
    remove_tablet(hass, two_zones)
    for subentry_id, item in list(two_zones.subentries.items()):
        if item.unique_id in also:
            hass.config_entries.async_remove_subentry(two_zones, subentry_id)
    await settle(hass)
    if not pins_first:
        await choose_pinning(hass, two_zones)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert cabin.certificates["tablet"].status == "active"
    told = {"removal_pending"} if also else set[str]()
    assert reported(hass) == {"zone_out_of_reach", "revocation_not_seen"} | told


async def test_stranger_whom_the_rules_of_the_lost_domain_accept(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Unknown certificates are not said to be refused where nobody could write the pins."""
    narrow_the_token(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)
    await choose_pinning(hass, two_zones)
    await add_certificate(sandbox, certificate_id="stranger", organization="Somebody")
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {"zone_out_of_reach", "unknown_certificates"}
