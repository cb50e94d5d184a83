"""Tests of the entities of a login hostname: who logged in, who was refused, and what is unknown."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox

from .common import (
    SECOND_LOOK,
    device_id_of,
    placeholders,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
)
from .engine.access.helpers import HOME, OWNER, PARTNER, STRANGER
from .faults import Faults
from .logins import (
    LOGIN_ID,
    access_of,
    application_at,
    calls,
    log_in,
    login,
    told,
    writes,
)
from .other_users import user_context
from .restarts import restarted, same_account

LOG_EVERY = timedelta(minutes=10)

REQUIRED = "binary_sensor.home_example_com_login_required"
DIFFERS = "binary_sensor.home_example_com_differs"
LAST_LOGIN = "sensor.home_example_com_last_login"
REFUSED = "sensor.home_example_com_refused_logins"
LOGIN = "event.home_example_com_login"
SEATS = "sensor.home_lab_seats"
END_SESSIONS = "button.home_example_com_end_sessions"
OF_LOG = (LAST_LOGIN, REFUSED, LOGIN)

pytestmark = [
    pytest.mark.usefixtures("without_login"),
    pytest.mark.parametrize("devices", [[login()]], ids=["with login"]),
]


def attributes(hass: HomeAssistant, entity_id: str) -> dict[str, Any]:
    """Return what an entity says of a login."""
    state = hass.states.get(entity_id)
    assert state
    return {
        key: state.attributes.get(key)
        for key in ("event_type", "email", "country", "method")
        if key in state.attributes
    }


async def test_states_of_a_new_login_hostname(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """What nobody did yet is unknown, and not never."""
    assert {
        entity_id: state_of(hass, entity_id)
        for entity_id in (REQUIRED, DIFFERS, LAST_LOGIN, REFUSED, LOGIN, SEATS)
    } == {
        REQUIRED: "on",
        DIFFERS: "off",
        LAST_LOGIN: "unknown",
        REFUSED: "0",
        LOGIN: "unknown",
        SEATS: str(
            sum(each.access_seat for each in access_of(sandbox).people.users.values())
        ),
    }


async def test_login_is_told_once(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its rows are one login, whenever they appear in the log; the bus has nothing personal."""
    events = async_capture_events(hass, "cloudflare_mtls_login")
    row = log_in(sandbox)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    # Another row of the same login, which is late.
    log_in(sandbox, created_at=row.created_at + timedelta(seconds=20))
    await wait_for_refresh(hass, freezer, LOG_EVERY)

    [event] = events
    assert event.data == {
        "type": "allowed",
        "config_entry_id": loaded_entry.entry_id,
        "device_id": device_id_of(hass, loaded_entry, LOGIN_ID),
        "hostname": HOME,
        "at": row.created_at.replace(microsecond=0).isoformat(),
        "country": "DE",
        "method": "onetimepin",
    }
    who = {"email": OWNER, "country": "DE", "method": "onetimepin"}
    assert attributes(hass, LOGIN) == {"event_type": "allowed", **who}
    assert attributes(hass, LAST_LOGIN) == who
    assert state_of(hass, LAST_LOGIN) == event.data["at"]
    assert state_of(hass, REFUSED) == "0"


async def test_nobody_is_told_twice_after_a_restart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """Who logged in while Home Assistant was off is told, though; and the last login is known."""
    log_in(sandbox)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    before = state_of(hass, LAST_LOGIN)
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        freezer.tick(timedelta(hours=1))
        log_in(sandbox, PARTNER, allowed=False)
        freezer.tick(timedelta(minutes=1))
        events = async_capture_events(again, "cloudflare_mtls_login")

        await setup_integration(again, account)

        assert [event.data["type"] for event in events] == ["refused"]
        assert state_of(again, LAST_LOGIN) == before
        access_of(sandbox).people.log.clear()
        freezer.tick(timedelta(days=3))
        last = same_account(account)
        async with restarted(again) as third:
            await setup_integration(third, last)
            assert state_of(third, LAST_LOGIN) == before
            assert state_of(third, REFUSED) == "0"


async def test_what_was_in_the_log_before_is_no_news(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Logins at other applications are none of ours either."""
    events = async_capture_events(hass, "cloudflare_mtls_login")
    log_in(sandbox, app_uid="nas", app_domain="nas.example.com")
    await wait_for_refresh(hass, freezer, LOG_EVERY)

    assert events == []
    assert state_of(hass, LAST_LOGIN) == "unknown"


@pytest.mark.parametrize(
    ("email", "country", "name", "key"),
    [
        (STRANGER, "FR", "France", "login_refused"),
        (STRANGER, "T1", "T1", "login_refused"),
        (STRANGER, "", "?", "login_refused"),
        (OWNER, "BR", "Brazil", "login_refused_listed"),
    ],
)
async def test_refused_login(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    email: str,
    country: str,
    name: str,
    key: str,
) -> None:
    """A repair says what to do, for a day."""
    log_in(sandbox, email, allowed=False, country=country)
    await wait_for_refresh(hass, freezer, LOG_EVERY)

    assert state_of(hass, REFUSED) == "1"
    assert attributes(hass, LOGIN)["event_type"] == "refused"
    assert attributes(hass, LOGIN)["email"] == email
    assert state_of(hass, LAST_LOGIN) == "unknown"
    assert placeholders(hass, key) == {
        "hostname": HOME,
        "email": email,
        "country": name,
    }

    for _ in range(2):
        freezer.tick(timedelta(hours=12))
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert state_of(hass, REFUSED) == "0"
    assert told(hass) == set()


async def test_many_refused_people(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody fills the list of repairs; all of them are counted."""
    for number in range(20):
        log_in(sandbox, f"{number}@example.org", allowed=False)
    await wait_for_refresh(hass, freezer, LOG_EVERY)

    assert state_of(hass, REFUSED) == "20"
    assert told(hass) == {"login_refused"}


async def test_log_that_the_token_may_not_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Only what needs it is unavailable, the missing box is named, and few calls are made."""
    sandbox.state.tokens[sandbox.token].permissions -= {"access_logs:read"}
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)

    assert [state_of(hass, each) for each in OF_LOG] == ["unavailable"] * 3
    assert state_of(hass, REQUIRED) == "on"
    permission = placeholders(hass, "permission_missing")["permission"]
    assert permission == "Account / Access: Audit Logs / Read"
    sandbox.journal.clear()
    for _ in range(12):
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    log = [each for each in calls(sandbox) if "access_requests" in each.path]
    assert len(log) <= 2


async def test_cloudflare_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What cannot be asked is unavailable, and nothing is lost or told twice."""
    await setup_integration(hass, entry)
    events = async_capture_events(hass, "cloudflare_mtls_login")
    log_in(sandbox)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    faults.unavailable("GET", "access_requests")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert [state_of(hass, each) for each in OF_LOG] == ["unavailable"] * 3
    log_in(sandbox)

    faults.clear()
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert len(events) == 2
    assert state_of(hass, LAST_LOGIN) == events[-1].data["at"]


@pytest.mark.parametrize(
    "email", ["`x`](https://evil.example)@example.org", "a\u202eb"]
)
async def test_hostile_address(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    email: str,
) -> None:
    """The refused visitor chooses the address that a person reads."""
    log_in(sandbox, email, allowed=False)
    await wait_for_refresh(hass, freezer, LOG_EVERY)

    for shown in (
        placeholders(hass, "login_refused")["email"],
        attributes(hass, LOGIN)["email"],
    ):
        assert shown.isprintable()
        assert "`" not in shown


async def test_nothing_personal_is_recorded(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The recorder is told to leave it out, and no line of ours in the log has it."""
    log_in(sandbox, STRANGER, allowed=False)
    log_in(sandbox)
    await wait_for_refresh(hass, freezer, LOG_EVERY)

    for entity_id in (LAST_LOGIN, LOGIN):
        state = hass.states.get(entity_id)
        assert state
        assert state.state_info
        unrecorded = state.state_info["unrecorded_attributes"]
        assert {"email", "country", "method"} <= unrecorded
    for record in caplog.records:
        if record.name.startswith("custom_components"):
            assert STRANGER not in record.getMessage()
            assert OWNER not in record.getMessage()


async def test_sessions_are_ended(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Of this application, and no other one."""
    sandbox.journal.clear()
    await press(hass, Context())

    application = application_at(sandbox)
    assert application
    assert [each.path for each in writes(sandbox)] == [
        f"/accounts/{sandbox.account_id}/access/apps/{application.id}/revoke_tokens"
    ]


async def test_other_users_end_no_session(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_owner_user: Any,
) -> None:
    sandbox.journal.clear()
    with pytest.raises(Unauthorized):
        await press(hass, await user_context(hass, GROUP_ID_USER))
    assert writes(sandbox) == []


async def test_sessions_that_cloudflare_does_not_end(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
) -> None:
    await setup_integration(hass, entry)
    faults.refuse("POST", "/revoke_tokens", 400, 1234, "Not today")
    with pytest.raises(HomeAssistantError, match="Not today"):
        await press(hass, Context())


async def test_login_that_is_gone(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing can be ended there, and the hostname says that it does not ask."""
    sandbox.state.tokens[sandbox.token].permissions -= {"access_apps:edit"}
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)

    assert state_of(hass, REQUIRED) == "off"
    assert state_of(hass, DIFFERS) == "unavailable"
    assert state_of(hass, END_SESSIONS) == "unavailable"


async def test_login_hostname_that_is_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry: er.EntityRegistry,
) -> None:
    """Its entities go, the log is read no more, and nobody counts seats."""
    hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    await settle(hass)
    sandbox.journal.clear()
    for _ in range(24):
        await wait_for_refresh(hass, freezer, LOG_EVERY)

    assert entity_registry.async_get(REQUIRED) is None
    assert entity_registry.async_get(SEATS) is None
    assert hass.states.get(SEATS) is None
    ends = {each.path.rpartition("/")[2] for each in calls(sandbox)}
    assert not ends & {"access_requests", "users"}


async def test_login_hostname_that_is_removed_meanwhile(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    """The account was not set up; afterwards, nothing is left of the seats."""
    assert entity_registry.async_get(SEATS)
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    await setup_integration(hass, loaded_entry)
    assert entity_registry.async_get(SEATS) is None
    assert hass.states.get(SEATS) is None


async def press(hass: HomeAssistant, context: Context) -> None:
    """End the sessions."""
    await hass.services.async_call(
        "button", "press", {"entity_id": END_SESSIONS}, blocking=True, context=context
    )
