"""Tests of an account with two domains, one of which cannot be read: the other one is watched as before."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus, Rule, Zone
from tests.clocks import HomeClock
from tests.common import (
    EDGE_EVERY,
    SECOND_LOOK,
    act,
    is_loaded,
    placeholders,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.coordinator.test_exposures import ENDS
from tests.faults import Faults

from .losses import (
    CABIN,
    CABIN_DRIFT,
    CABIN_ENFORCED,
    HOME_DRIFT,
    LOSSES,
    PHONE,
    SEEN_BY_VISITS,
    TABLET,
    Lose,
    each_loss,
    has_our_rules,
    lose_and_look_twice,
    move_within_reach,
    narrow_the_token,
    purge,
    refuse_to_answer,
    remove_our_rules,
)


@each_loss
async def test_other_domain_is_watched_and_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    lose: Lose,
    key: str,
) -> None:
    """One repair names the true cause; what was not read is not called fine."""
    lose(sandbox, faults, cabin)
    remove_our_rules(zone_of(sandbox))

    await lose_and_look_twice(hass, freezer)

    assert has_our_rules(zone_of(sandbox))
    assert state_of(hass, HOME_DRIFT) == "off"
    assert state_of(hass, PHONE) == "active"
    assert state_of(hass, CABIN_DRIFT) == state_of(hass, TABLET) == "unavailable"
    assert reported(hass) - SEEN_BY_VISITS == {key}
    assert placeholders(hass, key)["zone"] == "example.org"
    assert state_of(hass, "sensor.home_lab_next_certificate_expiry") != "unavailable"

    response = await act(hass, two_zones, "sync", dry_run=True)
    assert response["in_sync"] is False
    assert response["problems"] != []
    listed = await act(hass, two_zones, "list_certificates")
    assert [item["name"] for item in listed["certificates"]] == ["Pixel 8"]
    assert listed["unread_zones"] == [cabin.id]


@each_loss
async def test_restart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    lose: Lose,
    key: str,
) -> None:
    """The account is loaded, and what is wrong is told at the second look."""
    lose(sandbox, faults, cabin)

    assert await hass.config_entries.async_reload(two_zones.entry_id)
    await settle(hass)

    assert is_loaded(two_zones)
    assert state_of(hass, HOME_DRIFT) == "off"
    assert state_of(hass, CABIN_DRIFT) == "unavailable"
    assert reported(hass) <= SEEN_BY_VISITS
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert reported(hass) - SEEN_BY_VISITS == {key}


@each_loss
async def test_repair_goes_away_by_itself(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    lose: Lose,
    key: str,
) -> None:
    """Once the domain can be read again, it is watched as before."""
    lose(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)

    faults.clear()
    sandbox.state.tokens[sandbox.token].zones = None
    cabin.account_id = sandbox.account_id
    sandbox.state.zones = {sandbox.zone_id: zone_of(sandbox), cabin.id: cabin}
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == set()
    assert state_of(hass, CABIN_DRIFT) == "off"
    assert state_of(hass, TABLET) == "active"


@pytest.mark.parametrize("times", [1, None])
async def test_domain_that_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    times: int | None,
) -> None:
    """No answer is no news of a domain: its entities are unavailable, without a repair."""
    faults.unavailable("GET", f"{cabin.id}/dns_records", times=times)

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, CABIN_DRIFT) == "unavailable"
    assert state_of(hass, HOME_DRIFT) == "off"

    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert state_of(hass, CABIN_DRIFT) == ("off" if times else "unavailable")
    assert reported(hass) == set()


async def test_repair_of_a_domain_that_does_not_answer_stays(
    hass: HomeAssistant,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody knows whether its cause is gone."""
    cabin.rules[:] = []
    faults.refuse("POST", cabin.id, 400, 1, "not today")
    faults.refuse("PUT", cabin.id, 400, 1, "not today")
    faults.refuse("DELETE", cabin.id, 400, 1, "not today")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    before = reported(hass)
    assert "exposed" in before

    faults.unavailable("GET", f"{cabin.id}/dns_records")
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) >= before


@pytest.mark.parametrize("lose", LOSSES["zone_gone"])
async def test_removing_a_hostname_of_a_domain_that_is_gone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    lose: Lose,
) -> None:
    """It is gone for good; the account stays loaded after a restart.

    The certificate of its device may get in at the other hostname, so a repair tells of it.
    """
    lose(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)
    for subentry_id in list(two_zones.subentries):
        title = two_zones.subentries[subentry_id].title
        if title in (CABIN, "Tablet"):
            hass.config_entries.async_remove_subentry(two_zones, subentry_id)
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"revocation_not_seen"}

    assert await hass.config_entries.async_reload(two_zones.entry_id)
    await settle(hass)

    assert two_zones.state is ConfigEntryState.LOADED
    assert state_of(hass, HOME_DRIFT) == "off"
    assert reported(hass) == {"revocation_not_seen"}


async def test_removed_hostname_of_the_other_domain_is_forgotten(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A domain that cannot be read does not keep a removal in another one from ending."""
    narrow_the_token(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)
    (home,) = (
        item for item in two_zones.subentries.values() if item.title.startswith("home")
    )
    hass.config_entries.async_remove_subentry(two_zones, home.subentry_id)
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert not has_our_rules(zone_of(sandbox))

    # It would be taken down again if it were not forgotten.
    zone_of(sandbox).associations = ["home-mobile.example.com"]
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert zone_of(sandbox).associations == ["home-mobile.example.com"]


async def test_only_a_device_is_of_the_lost_domain(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing is known of its certificate; the others' are."""
    await act(hass, two_zones, "sync", hostname=CABIN, remove=True)
    await settle(hass)
    purge(sandbox, faults, cabin)

    await lose_and_look_twice(hass, freezer)

    assert state_of(hass, TABLET) == "unavailable"
    assert state_of(hass, PHONE) == "active"
    assert state_of(hass, HOME_DRIFT) == "off"
    assert reported(hass) == {"zone_gone"}


async def test_pinned_certificates_of_a_lost_domain_stay_pinned(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The device goes on reaching the other hostname."""
    hass.config_entries.async_update_entry(
        two_zones, options={"pin_certificates": True}
    )
    await settle(hass)
    before = [rule.expression for rule in zone_of(sandbox).rules]

    narrow_the_token(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)

    assert [rule.expression for rule in zone_of(sandbox).rules] == before
    assert state_of(hass, HOME_DRIFT) == "off"


async def test_revoking_a_device_of_a_lost_domain_says_what_is_not_known(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
) -> None:
    """The button of a device elsewhere works as before."""
    faults.refuse("GET", f"{cabin.id}/client_certificates", 404, 7003, "No route")
    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, "button.tablet_revoke")
    assert raised.value.translation_key == "revocation_uncertain"

    await press(hass, "button.pixel_8_revoke")
    (phone,) = zone_of(sandbox).certificates.values()
    assert phone.status != CertificateStatus.ACTIVE


async def press(hass: HomeAssistant, entity_id: str) -> None:
    """Press a button."""
    await hass.services.async_call(
        "button", "press", {"entity_id": entity_id}, blocking=True
    )


async def test_unused_zone_that_cannot_be_read_is_nobodys_trouble(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody promised to look into it."""
    other = sandbox.state.add_zone("example.net")
    faults.refuse("GET", f"{other.id}/", 403, 10000, "Authentication error")
    await setup_integration(hass, entry)
    for every in (SECOND_LOOK, EDGE_EVERY, timedelta(hours=6)):
        await wait_for_refresh(hass, freezer, every)
        assert reported(hass) == set()
        assert state_of(hass, HOME_DRIFT) == "off"


@pytest.mark.parametrize("hours", [2, -2], ids=["set back", "set forward"])
async def test_clock_that_is_set_between_two_looks(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    hours: int,
) -> None:
    """A lost domain is told at the second look, half a minute after the first."""
    freezer.tick(timedelta(hours=2))
    home_clock.set(timedelta(hours=hours))
    narrow_the_token(sandbox, faults, cabin)
    await two_zones.runtime_data.protection.async_refresh()
    await settle(hass)
    home_clock.set(-timedelta(hours=hours))
    assert reported(hass) == set()
    await two_zones.runtime_data.protection.async_refresh()
    assert reported(hass) == set()

    await wait_for_refresh(hass, freezer, SECOND_LOOK)

    assert reported(hass) == {"zone_out_of_reach"}


@pytest.mark.parametrize("is_reloaded", [False, True], ids=["loaded", "reloaded"])
@pytest.mark.parametrize(
    "lose", [narrow_the_token, move_within_reach, refuse_to_answer]
)
async def test_hostname_that_was_open_before(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    two_zones: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    lose: Lose,
    is_reloaded: bool,
) -> None:
    """It is as open as it was, although nobody can look."""
    # Nobody comes by that rule from here.
    rule = Rule("skip", 'ip.src.country eq "KP"', action_parameters=ENDS)
    cabin.rules.insert(0, rule)
    faults.refuse("PATCH", f"{cabin.id}/rulesets", 400, 1, "not today")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "exposed" in reported(hass)
    assert state_of(hass, CABIN_ENFORCED) == "off"
    lose(sandbox, faults, cabin)
    if is_reloaded:
        assert await hass.config_entries.async_reload(two_zones.entry_id)
    for after in (EDGE_EVERY, SECOND_LOOK, EDGE_EVERY):
        await wait_for_refresh(hass, freezer, after)
        assert "exposed" in reported(hass)
        assert state_of(hass, CABIN_ENFORCED) == "off"
