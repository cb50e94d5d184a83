"""Tests of *Published*, turned off while its account is not loaded: Home Assistant ignores it without a word."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from sandbox import Sandbox
from tests.certificates.helpers import look_often

from .common import (
    EDGE_EVERY,
    HOSTNAME_ID,
    reported,
    settle,
    setup_integration,
    state_of,
    turn,
    wait_for_refresh,
)
from .faults import Faults
from .restarts import restarted, same_account
from .test_switch import DRIFT, SWITCH, leads_here

kept_or_not = pytest.mark.parametrize(
    "settings",
    [{"keep_in_sync": True}, {"keep_in_sync": False}],
    ids=["kept in sync", "not kept in sync"],
    indirect=True,
)


@pytest.fixture
def settings(settings: dict[str, Any], request: Any) -> dict[str, Any]:
    """Return the settings of the hostname, with what a test changes."""
    return {**settings, **getattr(request, "param", {})}


@pytest.fixture
async def away(
    hass: HomeAssistant, faults: Faults, loaded_entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account whose set-up is tried again until Cloudflare answers."""
    if not loaded_entry.subentries[HOSTNAME_ID].data["keep_in_sync"]:
        await turn(hass, SWITCH, "on")
    faults.unavailable("*", "")
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert loaded_entry.state is ConfigEntryState.SETUP_RETRY
    assert state_of(hass, SWITCH) == "unavailable"
    return loaded_entry


async def come_back(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Have Cloudflare answer again."""
    faults.clear()
    await look_often(hass, freezer)
    assert entry.state is ConfigEntryState.LOADED


@kept_or_not
async def test_order_is_kept(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is carried out once the account is loaded, and the log says so until then."""
    await turn(hass, SWITCH, "off")
    assert "is taken off the internet once its account is set up" in caplog.text
    assert leads_here(sandbox) == (True, True)

    await come_back(hass, faults, away, freezer)

    assert leads_here(sandbox) == (False, False)
    assert state_of(hass, SWITCH) == "off"
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


@pytest.mark.parametrize(
    "entity_id", [[SWITCH], f"{SWITCH}, switch.lamp", SWITCH.upper()]
)
async def test_order_in_another_form(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_id: Any,
) -> None:
    """Scripts, templates and the REST API name entities in each of these ways."""
    await hass.services.async_call(
        "switch", "turn_off", {"entity_id": entity_id}, blocking=True, context=Context()
    )
    await settle(hass)
    assert "hostnames_wait" in reported(hass)
    await come_back(hass, faults, away, freezer)
    assert leads_here(sandbox) == (False, False)


@pytest.mark.parametrize(
    "held",
    [
        {"entity_id": "none"},
        {"entity_id": "no entity"},
        {"entity_id": "switch.lamp"},
        {"entity_id": 1},
        {"entity_id": None},
        {},
        SWITCH,
    ],
)
async def test_order_to_nothing_of_ours(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    held: Any,
) -> None:
    """Whatever an event of this type holds, nothing happens."""
    called = {"domain": "switch", "service": "turn_off", "service_data": held}
    hass.bus.async_fire("call_service", called)
    await settle(hass)
    assert "hostnames_wait" not in reported(hass)
    await come_back(hass, faults, away, freezer)
    assert leads_here(sandbox) == (True, True)


async def test_token_that_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The order waits until a person has given a new token."""
    token = sandbox.state.tokens.pop(sandbox.token)
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    assert loaded_entry.state is ConfigEntryState.SETUP_ERROR
    await turn(hass, SWITCH, "off")

    sandbox.state.tokens[sandbox.token] = token
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)

    assert leads_here(sandbox) == (False, False)
    assert state_of(hass, SWITCH) == "off"


@kept_or_not
async def test_restart_meanwhile(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
) -> None:
    """The order is stored."""
    await turn(hass, SWITCH, "off")
    account = same_account(away)
    async with restarted(hass) as again:
        faults.clear()
        await setup_integration(again, account)
        assert leads_here(sandbox) == (False, False)
        assert state_of(again, SWITCH) == "off"


@pytest.mark.parametrize(
    "settings", [{"keep_in_sync": False}], ids=["not kept in sync"], indirect=True
)
async def test_cloudflare_refuses_once_it_is_loaded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A repair tells that the hostname is not off, and offers to fix it."""
    await turn(hass, SWITCH, "off")
    faults.clear()
    faults.unavailable("*", "/rulesets/.*/rules")
    await look_often(hass, freezer)
    assert away.state is ConfigEntryState.LOADED
    assert leads_here(sandbox) == (True, True)
    assert state_of(hass, DRIFT) == "on"
    assert "exposed" in reported(hass)


@pytest.mark.parametrize(
    "settings", [{"keep_in_sync": False}], ids=["not kept in sync"], indirect=True
)
async def test_cloudflare_asks_for_a_pause_once_it_is_loaded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The same."""
    await turn(hass, SWITCH, "off")
    faults.clear()

    @callback
    def pause(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.state is ConfigEntryState.LOADED:
            faults.limit(30, "GET", "/rulesets")

    stop = async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, pause)
    await look_often(hass, freezer)
    stop()
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert leads_here(sandbox) == (True, True)
    assert state_of(hass, DRIFT) == "on"
    assert "exposed" in reported(hass)


@pytest.mark.parametrize("is_admin", [False, True])
async def test_only_for_administrators(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_admin_user: MockUser,
    *,
    is_admin: bool,
) -> None:
    guest = await hass.auth.async_create_user("Guest", group_ids=["system-users"])
    await hass.services.async_call(
        "switch",
        "turn_off",
        {"entity_id": SWITCH},
        blocking=True,
        context=Context(user_id=hass_admin_user.id if is_admin else guest.id),
    )
    await settle(hass)
    await come_back(hass, faults, away, freezer)
    assert leads_here(sandbox) == ((False, False) if is_admin else (True, True))


async def test_turned_off_by_its_area(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry: er.EntityRegistry,
) -> None:
    """A general action, too, whatever names the switch."""
    assert await async_setup_component(hass, "homeassistant", {})
    await hass.services.async_call(
        "homeassistant", "turn_off", {"entity_id": [SWITCH, DRIFT]}, blocking=True
    )
    await settle(hass)
    await come_back(hass, faults, away, freezer)
    assert leads_here(sandbox) == (False, False)


@pytest.mark.parametrize("what", ["on", "nobody", "all", "disabled"])
async def test_what_is_no_order(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry: er.EntityRegistry,
    what: str,
) -> None:
    """To turn it on, to turn off another switch or one that a person has disabled: it stays as it was."""
    if what == "disabled":
        entity_registry.async_update_entity(
            SWITCH, disabled_by=er.RegistryEntryDisabler.USER
        )
    target = {"nobody": "switch.of_nobody", "all": "all"}.get(what, SWITCH)
    await turn(hass, target, "on" if what == "on" else "off")
    await come_back(hass, faults, away, freezer)
    assert leads_here(sandbox) == (True, True)
    assert away.subentries[HOSTNAME_ID].data["published"] is True


async def test_turned_on_unheard_after_it_was_turned_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    away: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It stays off: nothing is published that nobody sees."""
    await turn(hass, SWITCH, "off")
    await turn(hass, SWITCH, "on")
    await come_back(hass, faults, away, freezer)
    assert leads_here(sandbox) == (False, False)
    assert state_of(hass, SWITCH) == "off"
