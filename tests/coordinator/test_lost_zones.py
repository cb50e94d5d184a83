"""Tests of an account with two domains, one of which cannot be read: the other one is watched as before."""

from collections.abc import Callable
from datetime import timedelta
from types import MappingProxyType

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus, Zone
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    SECOND_LOOK,
    SKIP_REF,
    act,
    add_known_certificate,
    companion,
    is_loaded,
    issues,
    placeholders,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import Client, begin_repair, confirm_repair
from tests.faults import Faults

CABIN = "cabin-mobile.example.org"
CABIN_DRIFT = "binary_sensor.cabin_mobile_example_org_drift"
HOME_DRIFT = "binary_sensor.home_mobile_example_com_drift"
PHONE = "sensor.pixel_8_certificate_status"
TABLET = "sensor.tablet_certificate_status"
# Nothing blocks a visit in a domain that was just added again, and none arrives where it is gone.
SEEN_BY_VISITS = {"not_enforced_unread", "no_edge_certificate"}
TABLET_ID = "01JTABLET00000000000000002"

type Lose = Callable[[Sandbox, Faults, Zone], None]


@pytest.fixture
def cabin(sandbox: Sandbox) -> Zone:
    """Return the second zone of the account."""
    return sandbox.state.add_zone("example.org")


@pytest.fixture
async def two_zones(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    cabin: Zone,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> MockConfigEntry:
    """Return an account in sync, with a hostname and a companion device in each of two zones."""
    (home,) = entry.subentries.values()
    add = hass.config_entries.async_add_subentry
    entry.add_to_hass(hass)
    add(
        entry,
        ConfigSubentry(
            subentry_type="protected_hostname",
            title=CABIN,
            unique_id=CABIN,
            data=MappingProxyType(
                {**home.data, "hostname": CABIN, "zone_id": cabin.id}
            ),
        ),
    )
    tablet = companion(
        name="Tablet", zone_id=cabin.id, device_id=TABLET_ID, subentry_id="01JTABLET"
    )
    for device in (companion(), tablet):
        data = {**device, "data": MappingProxyType(dict(device["data"]))}
        add(entry, ConfigSubentry(**data))  # type: ignore[arg-type]
    await add_known_certificate(hass, entry, sandbox)
    await add_known_certificate(
        hass, entry, sandbox, device_id=TABLET_ID, certificate_id="tablet"
    )
    certificates = zone_of(sandbox).certificates
    cabin.certificates["tablet"] = certificates.pop("tablet")
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, CABIN_DRIFT) == state_of(hass, HOME_DRIFT) == "off"
    assert state_of(hass, PHONE) == state_of(hass, TABLET) == "active"
    assert reported(hass) == set()
    return entry


@pytest.fixture
async def client(
    hass: HomeAssistant,
    two_zones: MockConfigEntry,
    hass_admin_user: MockUser,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs, and stays logged in."""
    assert await async_setup_component(hass, "repairs", {})
    session = await hass.auth.async_create_refresh_token(
        hass_admin_user, "https://example.org/", access_token_expiration=EDGE_EVERY * 8
    )
    return await hass_client(hass.auth.async_create_access_token(session))


def purge(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone, so that Cloudflare does not know its id any more."""
    del sandbox.state.zones[zone.id]


def purge_with_status_400(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone; some endpoints answer so."""
    purge(sandbox, faults, zone)
    faults.refuse("*", zone.id, 400, 1001, "Invalid zone identifier")


def narrow_the_token(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Limit the token to the other zone."""
    sandbox.state.tokens[sandbox.token].zones = frozenset({sandbox.zone_id})


def move_away(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Move the zone to another account, which the token does not reach."""
    zone.account_id = sandbox.state.add_account().id
    narrow_the_token(sandbox, faults, zone)


def move_within_reach(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Move the zone to another account of the same person."""
    zone.account_id = sandbox.state.add_account().id
    faults.refuse("*", f"{zone.id}/", 403, 9109, "Unauthorized to access resource")


def refuse_to_answer(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Refuse whatever is asked about a zone that is there."""
    faults.refuse("*", f"{zone.id}/", 400, 1234, "This zone is locked")


def purge_and_answer_403(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone; some endpoints answer as if it were somebody else's."""
    purge(sandbox, faults, zone)
    faults.refuse("*", zone.id, 403, 9109, "Unauthorized to access requested resource")


def replace(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone, and add it again under another id."""
    purge(sandbox, faults, zone)
    sandbox.state.add_zone(zone.name)


def replace_and_answer_403(sandbox: Sandbox, faults: Faults, zone: Zone) -> None:
    """Delete the zone and add it again; the old one answers as if it were somebody else's."""
    purge_and_answer_403(sandbox, faults, zone)
    sandbox.state.add_zone(zone.name)


LOSSES = {
    "zone_gone": [purge, purge_with_status_400],
    "zone_out_of_reach": [narrow_the_token, move_away, purge_and_answer_403],
    "zone_other_account": [move_within_reach],
    "zone_refused": [refuse_to_answer],
    "zone_replaced": [replace, replace_and_answer_403],
}
each_loss = pytest.mark.parametrize(
    ("lose", "key"),
    [
        pytest.param(lose, key, id=lose.__name__)
        for key, losses in LOSSES.items()
        for lose in losses
    ],
)


def remove_our_rules(zone: Zone) -> None:
    """Delete both rules, as somebody may in the dashboard: the hostname is open."""
    zone.rules[:] = [
        rule for rule in zone.rules if rule.ref not in (BLOCK_REF, SKIP_REF)
    ]


def has_our_rules(zone: Zone) -> bool:
    """Return whether both rules are there."""
    return {BLOCK_REF, SKIP_REF} <= {rule.ref for rule in zone.rules}


async def lose_and_look_twice(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Have Home Assistant look, and look again because it could not read all."""
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) <= SEEN_BY_VISITS
    await wait_for_refresh(hass, freezer, SECOND_LOOK)


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
    """It is gone for good, with its devices, and the account stays loaded after a restart."""
    lose(sandbox, faults, cabin)
    await lose_and_look_twice(hass, freezer)
    for subentry_id in list(two_zones.subentries):
        title = two_zones.subentries[subentry_id].title
        if title in (CABIN, "Tablet"):
            hass.config_entries.async_remove_subentry(two_zones, subentry_id)
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()

    assert await hass.config_entries.async_reload(two_zones.entry_id)
    await settle(hass)

    assert two_zones.state is ConfigEntryState.LOADED
    assert state_of(hass, HOME_DRIFT) == "off"
    assert reported(hass) == set()


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
        await press(hass, "button.tablet_revoke_certificate")
    assert raised.value.translation_key == "revocation_uncertain"

    await press(hass, "button.pixel_8_revoke_certificate")
    (phone,) = zone_of(sandbox).certificates.values()
    assert phone.status != CertificateStatus.ACTIVE


async def press(hass: HomeAssistant, entity_id: str) -> None:
    """Press a button."""
    await hass.services.async_call(
        "button", "press", {"entity_id": entity_id}, blocking=True
    )


class TestDialog:
    """The dialog of the repair."""

    @each_loss
    async def test_forget(
        self,
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
        """The hostnames are forgotten, devices stay, and nothing is written at Cloudflare."""
        lose(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        sandbox.journal.clear()

        step = await begin_repair(client, issues(hass)[key])
        if key == "zone_replaced":
            step = await confirm_repair(client, step, next_step_id="forget")
        assert step["step_id"] == "forget"
        assert CABIN in step["description_placeholders"]["hostnames"]
        result = await confirm_repair(client, step)
        await settle(hass)

        assert result["type"] == "create_entry"
        assert sandbox.journal.writes == []
        titles = {item.title: item for item in two_zones.subentries.values()}
        assert titles.keys() == {"home-mobile.example.com", "Pixel 8", "Tablet"}
        assert titles["Tablet"].data["zone_id"] == sandbox.zone_id
        for _ in range(2):
            await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == set()
        assert sandbox.journal.writes == []

    @pytest.mark.parametrize("lose", LOSSES["zone_replaced"])
    async def test_protect_in_the_new_domain(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
        lose: Lose,
    ) -> None:
        """What is confirmed is what was shown; the hostname is protected as before."""
        lose(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        (new,) = (
            item for item in sandbox.state.zones.values() if item.name == cabin.name
        )

        step = await begin_repair(client, issues(hass)["zone_replaced"])
        step = await confirm_repair(client, step, next_step_id="confirm")
        assert CABIN in step["description_placeholders"]["changes"]
        assert new.rules == []
        result = await confirm_repair(client, step)
        await settle(hass)

        assert result["type"] == "create_entry"
        assert has_our_rules(new)
        assert [item.name for item in new.dns_records.values()] == [CABIN]
        assert new.associations == [CABIN]
        zones = {
            item.title: item.data["zone_id"] for item in two_zones.subentries.values()
        }
        assert zones[CABIN] == zones["Tablet"] == new.id
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, CABIN_DRIFT) == "off"
        assert "zone_replaced" not in reported(hass)

    async def test_new_domain_changes_while_the_dialog_is_open(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """It is shown again, and nothing was written."""
        replace(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        (new,) = (
            item for item in sandbox.state.zones.values() if item.name == cabin.name
        )
        step = await begin_repair(client, issues(hass)["zone_replaced"])
        step = await confirm_repair(client, step, next_step_id="confirm")
        new.associations = [CABIN]
        sandbox.journal.clear()

        step = await confirm_repair(client, step)

        assert step["errors"] == {"base": "changed_meanwhile"}
        assert sandbox.journal.writes == []
        assert (await confirm_repair(client, step))["type"] == "create_entry"
        assert has_our_rules(new)

    async def test_new_domain_is_not_active(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Its name servers still have to be changed."""
        replace(sandbox, faults, cabin)
        (new,) = (
            item for item in sandbox.state.zones.values() if item.name == cabin.name
        )
        new.status = "pending"
        await lose_and_look_twice(hass, freezer)
        step = await begin_repair(client, issues(hass)["zone_replaced"])

        result = await confirm_repair(client, step, next_step_id="confirm")

        assert (result["type"], result["reason"]) == ("abort", "zone_not_active")

    async def test_domain_can_be_read_again(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """The dialog ends, and nothing is forgotten."""
        narrow_the_token(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        issue_id = issues(hass)["zone_out_of_reach"]
        step = await begin_repair(client, issue_id)
        sandbox.state.tokens[sandbox.token].zones = None
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

        result = await confirm_repair(client, step)

        assert result["type"] == "create_entry"
        assert CABIN in {item.title for item in two_zones.subentries.values()}


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
