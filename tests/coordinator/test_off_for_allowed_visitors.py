"""Tests of hostnames that are off or removed while an IP Access rule or a Worker leads past all rules to them."""

from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.seed import SERVICE
from tests.common import (
    CHECKS_EVERY,
    EDGE_EVERY,
    HOSTNAME_ID,
    placeholders,
    reported,
    settle,
    state_of,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults
from tests.flows.existing import CLOUD, adopt, serve
from tests.sandbox.helpers import visitor

from .test_checks import allow, run_workers

SWITCH = "switch.cloud_example_com_published"
ENFORCED = "binary_sensor.cloud_example_com_enforced"
PLACE = "203.0.113.24"
ALLOWED = "check_ip_access_allow"
allow_one = allow(("ip", PLACE))


@pytest.fixture
async def of_owner(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> str:
    """Protect a hostname whose record and ingress rule are its owner's, and no other one."""
    serve(sandbox, service=SERVICE)
    subentry_id = await adopt(hass, loaded_entry)
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    return subentry_id


async def reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Load the account again."""
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)


async def gets_in(sandbox: Sandbox, tmp_path: Path) -> bool:
    """Return whether a visitor whom Cloudflare allows reaches Home Assistant."""
    async with visitor(sandbox, tmp_path) as stranger:
        answer = await stranger.get(CLOUD, "/auth/authorize")
        return "403: Forbidden" in await answer.text()


@pytest.mark.usefixtures("of_owner")
async def test_turned_off_while_visitors_are_allowed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
) -> None:
    """The person who turns it off reads who still gets in; it is off once the rule is gone."""
    allow_one(sandbox)

    with pytest.raises(HomeAssistantError) as raised:
        await turn(hass, SWITCH, "off")

    assert raised.value.translation_key == "visitors_still_allowed"
    told = {"hostname": CLOUD, "visitors": PLACE}
    assert raised.value.translation_placeholders == told
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert await gets_in(sandbox, tmp_path)
        assert reported(hass) >= {ALLOWED}
        assert placeholders(hass, ALLOWED)["detail"] == CLOUD
        assert state_of(hass, SWITCH) == "on"
        state = hass.states.get(SWITCH)
        assert state
        assert state.attributes["assumed_state"], "it can be turned on and off"
        assert state_of(hass, ENFORCED) == "off"

    zone_of(sandbox).ip_access_rules.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert ALLOWED not in reported(hass)
    assert state_of(hass, SWITCH) == "off"
    assert not await gets_in(sandbox, tmp_path)


@pytest.mark.usefixtures("of_owner")
async def test_off_while_nobody_sees_who_is_allowed(
    hass: HomeAssistant, faults: Faults, freezer: FrozenDateTimeFactory
) -> None:
    """After an hour, nobody knows any more whether anybody gets in."""
    await turn(hass, SWITCH, "off")
    faults.unavailable("GET", "/firewall/access_rules/rules")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, SWITCH) == "off"
    for _ in range(5):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, SWITCH) == "unknown"
    faults.clear()
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, SWITCH) == "off"


@pytest.mark.usefixtures("of_owner")
async def test_allowed_while_it_is_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A rule that is added later is told within one refresh, and after a restart too."""
    await turn(hass, SWITCH, "off")
    assert state_of(hass, SWITCH) == "off"
    allow_one(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert ALLOWED in reported(hass)
    assert state_of(hass, SWITCH) == "on"

    await reload(hass, loaded_entry)
    assert ALLOWED in reported(hass)
    assert state_of(hass, SWITCH) == "on"


@pytest.mark.usefixtures("of_owner")
async def test_allowed_visitors_cannot_be_read_while_it_is_turned_off(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """It is turned off all the same."""
    faults.unavailable("GET", "/access_rules/")
    await turn(hass, SWITCH, "off")
    assert state_of(hass, SWITCH) == "off"


@pytest.mark.usefixtures("of_owner")
async def test_worker_while_it_is_off(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """Nobody knows what a Worker does: the repair stays, and nothing says that somebody gets in."""
    await turn(hass, SWITCH, "off")
    run_workers(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert "check_workers" in reported(hass)
    assert placeholders(hass, "check_workers")["detail"] == CLOUD
    assert state_of(hass, SWITCH) == "off"


async def test_removed_hostname_that_is_still_served(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    of_owner: str,
) -> None:
    """It stays blocked by a rule, which allowed visitors never meet: they are told, after a restart too."""
    hass.config_entries.async_remove_subentry(loaded_entry, of_owner)
    await settle(hass)
    allow_one(sandbox)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)
        assert reported(hass) >= {"removal_served", ALLOWED}
        assert placeholders(hass, ALLOWED)["detail"] == CLOUD
        await reload(hass, loaded_entry)
        assert reported(hass) >= {"removal_served", ALLOWED}

    zone_of(sandbox).ip_access_rules.clear()
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert ALLOWED not in reported(hass)


async def test_hostname_that_nothing_leads_to(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing is told of one that is off the internet, and nothing is asked for its sake."""
    allow_one(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert ALLOWED in reported(hass)
    switch = "switch.home_mobile_example_com_published"
    await turn(hass, switch, "off")
    sandbox.journal.clear()
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == set()
    assert state_of(hass, switch) == "off"
    assert not any("access_rules" in item.path for item in sandbox.journal.requests)
