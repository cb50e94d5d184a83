"""Tests of two Home Assistants in one domain: they share the two rules, and neither undoes the other's part.

Each knows its own hostnames; what a rule says of any other hostname is kept as it was found.
"""

from functools import partial

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from custom_components.cloudflare_mtls.engine.sync.settings import (
    Layout,
    ProtectedHostname,
)
from sandbox import Sandbox
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    SKIP_REF,
    reported,
    settle,
    state_of,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.engine.builders import protected
from tests.limited import LIMITED, TABLET, listed, set_up_home
from tests.proofs.home import Home
from tests.proofs.hostnames import BOAT, DEVICES

DRIFT = "binary_sensor.home_mobile_example_com_drift"
ON_BOARD = next(iter(DEVICES))
boat = partial(protected, BOAT, service="http://192.168.20.5:8123")


@pytest.fixture
def other(sandbox: Sandbox) -> Home:
    """Return another Home Assistant with a hostname in the same domain, not yet at Cloudflare."""
    return Home(sandbox.token, sandbox.api_url, boat("/api/webhook/"))


@pytest.fixture
async def both(
    hass: HomeAssistant, other: Home, loaded_entry: MockConfigEntry
) -> MockConfigEntry:
    """Have both in sync, and return our account."""
    assert (await other.sync()).is_done
    return loaded_entry


async def assert_other_changes_nothing(sandbox: Sandbox, other: Home) -> None:
    """Assert that the other home finds everything as it wants it."""
    sandbox.journal.clear()
    assert (await other.sync()).is_done
    assert sandbox.journal.writes == []


def named_in(sandbox: Sandbox, ref: str) -> set[str]:
    """Return the hostnames that one of the shared rules names."""
    (rule,) = [rule for rule in zone_of(sandbox).rules if rule.ref == ref]
    return set(read_admissions(rule.expression))


async def test_neither_finds_drift_in_what_the_other_writes(
    hass: HomeAssistant,
    sandbox: Sandbox,
    other: Home,
    both: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    sandbox.journal.clear()

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert sandbox.journal.writes == []
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()
    for ref in (BLOCK_REF, SKIP_REF):
        assert named_in(sandbox, ref) == {HOSTNAME, BOAT}
    await assert_other_changes_nothing(sandbox, other)


@pytest.mark.parametrize(
    "wanted",
    [
        boat(),
        boat("/api/webhook/", "/local/"),
        boat(layout=Layout.BLOCK_ONLY),
        boat(published=False),
        boat(devices=[ON_BOARD]),
        boat(devices=[]),
    ],
    ids=["closed", "opened", "one rule", "off", "limited", "nobody"],
)
async def test_what_the_other_changes_stays(
    hass: HomeAssistant,
    sandbox: Sandbox,
    other: Home,
    both: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    wanted: ProtectedHostname,
) -> None:
    """Ours goes on with its own changes, and writes the other's part back as it is."""
    other.settings = {BOAT: wanted}
    assert (await other.sync()).is_done
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "off"

    await turn(hass, "switch.home_mobile_example_com_published", "off")
    await assert_other_changes_nothing(sandbox, other)
    await turn(hass, "switch.home_mobile_example_com_published", "on")
    await assert_other_changes_nothing(sandbox, other)

    assert state_of(hass, DRIFT) == "off"


async def test_removing_ours_leaves_the_other(
    hass: HomeAssistant, sandbox: Sandbox, other: Home, both: MockConfigEntry
) -> None:
    """The shared rules stay for as long as the other home needs them."""
    (ours,) = both.get_subentries_of_type("protected_hostname")

    hass.config_entries.async_remove_subentry(both, ours.subentry_id)
    await settle(hass)

    for ref in (BLOCK_REF, SKIP_REF):
        assert named_in(sandbox, ref) == {BOAT}
    await assert_other_changes_nothing(sandbox, other)


async def test_other_that_leaves_ours(
    hass: HomeAssistant,
    sandbox: Sandbox,
    other: Home,
    both: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    assert (await other.take_down(BOAT)).error is None
    sandbox.journal.clear()

    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert sandbox.journal.writes == []
    assert state_of(hass, DRIFT) == "off"
    for ref in (BLOCK_REF, SKIP_REF):
        assert named_in(sandbox, ref) == {HOSTNAME}


async def test_each_limits_a_hostname_to_its_own_devices(
    hass: HomeAssistant,
    sandbox: Sandbox,
    other: Home,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Neither puts its devices into the other's list, or takes the other's out."""
    other.settings = {BOAT: boat(devices=[ON_BOARD])}
    assert (await other.sync()).is_done
    _, _, tablet = await set_up_home(hass, sandbox, TABLET)

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await assert_other_changes_nothing(sandbox, other)

    for ref in (BLOCK_REF, SKIP_REF):
        assert listed(sandbox, ref, BOAT) == {DEVICES[ON_BOARD]}
        assert listed(sandbox, ref, LIMITED) == {tablet}
