"""Tests of strangers who could log in for a while: they are told, and their sessions end, also if the owner takes them off the list."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.engine.access.settings import PeopleOfGroup
from custom_components.cloudflare_mtls.subentries import login_data
from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessGroup, AccessPolicy
from tests.common import placeholders, settle, setup_integration, wait_for_refresh
from tests.dialogs import Client, browser_at_repairs
from tests.engine.access.helpers import HOME, OWNER, PARTNER, STRANGER, settings
from tests.faults import Faults
from tests.flows.test_login_drift import KEEP, allow, answer, look, policy_of
from tests.logins import LOGIN_ID, access_of, application_at, calls, log_in, login, told
from tests.restarts import restarted, same_account
from tests.test_login_entities import LOG_EVERY

from .test_login_sessions import EVERYBODY, PERSON, ended, with_login

pytestmark = pytest.mark.usefixtures("without_login")

FAMILY = PeopleOfGroup("family")
with_group = pytest.mark.parametrize(
    "devices", [[login(settings(who=FAMILY))]], ids=["with group"]
)
in_germany = pytest.mark.parametrize(
    "devices",
    [[login(settings(countries=frozenset({"DE"})))]],
    ids=["in Germany"],
)


@pytest.fixture
def family(sandbox: Sandbox) -> AccessGroup:
    """Return a group of the owner that somebody keeps at Cloudflare."""
    group = AccessGroup("Family", [{"email": {"email": OWNER}}], id="family")
    access_of(sandbox).groups["family"] = group
    return group


@pytest.fixture
async def client(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs of an account."""
    return await browser_at_repairs(hass, entry, hass_client)


def reads(sandbox: Sandbox) -> int:
    """Return how often Access was read since the journal was cleared."""
    return len([each for each in calls(sandbox, "GET") if "organiz" in each.path])


@with_login
async def test_owner_takes_the_stranger_off_the_list(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """In the Cloudflare dashboard, and not here."""
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, loaded_entry)
    assert told(hass) == {"login_list_changed"}
    sandbox.journal.clear()
    await look(hass, loaded_entry)
    assert ended(sandbox) == [], "it would be no use as long as they may log in"

    allow(sandbox, OWNER)
    await look(hass, loaded_entry)
    assert ended(sandbox) == [PERSON]
    assert told(hass) == set()
    await look(hass, loaded_entry)
    assert ended(sandbox) == [PERSON]


@in_germany
async def test_where_the_country_counts_as_well(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    sandbox.journal.clear()
    await look(hass, loaded_entry)
    await look(hass, loaded_entry)
    assert ended(sandbox) == []
    allow(sandbox, OWNER)
    await look(hass, loaded_entry)
    assert ended(sandbox) == [PERSON]


@with_login
@pytest.mark.parametrize(
    "policy",
    [
        AccessPolicy("Monitor", "non_identity", [{"any_valid_service_token": {}}]),
        AccessPolicy("Probe", "non_identity", [{"service_token": {"token_id": "x"}}]),
        AccessPolicy("Known", "non_identity", [{"ip": {"ip": "198.51.100.7/32"}}]),
        AccessPolicy("Both", "allow", [{"any_valid_service_token": {}}]),
    ],
    ids=["any token", "one token", "address", "allow"],
)
async def test_beside_a_policy_for_programs(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    policy: AccessPolicy,
) -> None:
    """A stranger who is no longer on the list cannot log in by what lets programs in."""
    application = application_at(sandbox)
    assert application
    application.policies.append(policy)
    await look(hass, loaded_entry)
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, loaded_entry)
    assert "login_list_changed" in told(hass)
    sandbox.journal.clear()
    allow(sandbox, OWNER)
    for _ in range(3):
        await look(hass, loaded_entry)
    assert ended(sandbox) == [PERSON]


@with_login
@pytest.mark.parametrize("way", ["domain", "policy", "login method", "all methods"])
async def test_more_than_single_people_could_log_in(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, way: str
) -> None:
    """Nobody knows who has, so that all sessions end."""
    application = application_at(sandbox)
    assert application
    before = application.options["allowed_idps"]
    match way:
        case "domain":
            policy_of(sandbox).include.append(
                {"email_domain": {"domain": "evil.example"}}
            )
        case "policy":
            friends = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
            application.policies.append(friends)
        case "login method":
            application.options["allowed_idps"] = [*before, "google"]
        case "all methods":
            application.options["allowed_idps"] = []
    sandbox.journal.clear()
    await look(hass, loaded_entry)
    await look(hass, loaded_entry)
    assert told(hass) == {"login_list_changed"}
    assert ended(sandbox) == []

    allow(sandbox, OWNER)
    del application.policies[1:]
    application.options["allowed_idps"] = before
    await look(hass, loaded_entry)
    assert ended(sandbox) == [EVERYBODY]
    assert told(hass) == set()


@with_login
async def test_policy_of_others_that_names_fewer_people(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """One more person costs nobody the session, one person less does."""
    application = application_at(sandbox)
    assert application
    partner, stranger = ({"email": {"email": each}} for each in (PARTNER, STRANGER))
    friends = AccessPolicy("Friends", "allow", [partner])
    application.policies.append(friends)
    await look(hass, loaded_entry)
    sandbox.journal.clear()
    friends.include = [partner, stranger]
    await look(hass, loaded_entry)
    assert ended(sandbox) == []
    friends.include = [partner]
    await look(hass, loaded_entry)
    assert ended(sandbox) == [EVERYBODY]


@with_group
async def test_chosen_group_that_was_open_for_a_while(
    hass: HomeAssistant,
    sandbox: Sandbox,
    family: AccessGroup,
    loaded_entry: MockConfigEntry,
) -> None:
    family.include.append({"everyone": {}})
    sandbox.journal.clear()
    await look(hass, loaded_entry)
    assert told(hass) == {"login_strangers"}
    assert ended(sandbox) == []
    del family.include[-1]
    await look(hass, loaded_entry)
    assert ended(sandbox) == [EVERYBODY]
    assert told(hass) == set()


@with_group
async def test_open_group_that_is_no_longer_chosen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    family: AccessGroup,
    loaded_entry: MockConfigEntry,
) -> None:
    """The sessions that the change ends are not ended once more."""
    family.include.append({"everyone": {}})
    await look(hass, loaded_entry)
    subentry = loaded_entry.subentries[LOGIN_ID]
    hass.config_entries.async_update_subentry(
        loaded_entry, subentry, data=login_data(settings())
    )
    await settle(hass)
    allow(sandbox, OWNER)
    sandbox.journal.clear()
    await look(hass, loaded_entry)
    assert ended(sandbox) == []


async def keep(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    """Have a person keep what was changed: nobody is logged out."""
    await look(hass, entry)
    sandbox.journal.clear()
    await answer(hass, client, "login_list_changed", KEEP, {})
    await look(hass, entry)
    assert ended(sandbox) == []


@with_login
async def test_list_that_a_person_keeps(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
) -> None:
    """Who is chosen by that is no stranger, and stays logged in."""
    policy_of(sandbox).include.append({"email": {"email": PARTNER}})
    await keep(hass, sandbox, client, entry)
    assert told(hass) == set()
    assert not entry.runtime_data.access.records.records[HOME].has_strangers


@with_login
async def test_group_that_a_person_keeps(
    hass: HomeAssistant,
    sandbox: Sandbox,
    family: AccessGroup,
    client: Client,
    entry: MockConfigEntry,
) -> None:
    policy_of(sandbox).include = [{"group": {"id": "family"}}]
    await keep(hass, sandbox, client, entry)
    assert entry.runtime_data.access.logins[HOME].who == FAMILY


@with_login
async def test_login_methods_that_a_person_keeps(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    application = application_at(sandbox)
    assert application
    application.options["allowed_idps"] = []
    await keep(hass, sandbox, client, entry)


@with_login
async def test_home_assistant_is_restarted_meanwhile(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """Who could log in is stored as soon as it is seen."""
    policy_of(sandbox).include.append({"email": {"email": STRANGER}})
    await look(hass, loaded_entry)
    async with restarted(hass) as again:
        allow(sandbox, OWNER)
        sandbox.journal.clear()
        await setup_integration(again, same_account(loaded_entry))
        assert ended(sandbox) == [PERSON]


@with_login
async def test_stranger_logs_in_between_two_looks(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """On the list for a minute: no look shows that, but the log does."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    sandbox.journal.clear()
    log_in(sandbox, STRANGER, country="BR")
    await wait_for_refresh(hass, freezer, LOG_EVERY)

    assert told(hass) == {"login_stranger"}
    shown = placeholders(hass, "login_stranger")
    assert (shown["email"], shown["hostname"], shown["country"]) == (
        STRANGER,
        HOME,
        "Brazil",
    )
    assert ended(sandbox) == [PERSON]
    assert reads(sandbox) == 1

    freezer.tick(timedelta(days=20))
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    # Nobody has read the log for so long.
    assert told(hass) == {"login_stranger", "login_log_cut"}
    freezer.tick(timedelta(days=10))
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_log_cut"}
    assert ended(sandbox) == [PERSON]


@with_login
async def test_people_who_were_chosen_log_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """And somebody else is refused: neither costs another call, nor ends a session."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    sandbox.journal.clear()
    log_in(sandbox)
    log_in(sandbox, STRANGER, allowed=False)
    log_in(sandbox, STRANGER, app_uid="nas", app_domain="nas.example.com")
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_refused"}
    assert ended(sandbox) == []
    assert reads(sandbox) == 0


@with_login
async def test_stranger_who_still_may_log_in_at_cloudflare(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Their session ends once that is over; a second login costs no further look."""
    policy_of(sandbox).include.append({"email_domain": {"domain": "example.org"}})
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    sandbox.journal.clear()
    for _ in range(2):
        log_in(sandbox, STRANGER)
        await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_list_changed", "login_stranger"}
    assert ended(sandbox) == []
    assert reads(sandbox) == 1

    allow(sandbox, OWNER)
    await look(hass, loaded_entry)
    assert ended(sandbox) == [EVERYBODY, PERSON]


@with_login
async def test_stranger_who_is_chosen_later(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It was the partner, who is told no more; nor is a hostname that is removed."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, PARTNER)
    log_in(sandbox, STRANGER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    hass.config_entries.async_update_subentry(
        loaded_entry,
        loaded_entry.subentries[LOGIN_ID],
        data=login_data(settings(OWNER, PARTNER)),
    )
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" in told(hass)
    assert placeholders(hass, "login_stranger")["email"] == STRANGER

    hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert "login_stranger" not in told(hass)


@with_login
async def test_stranger_is_told_after_a_restart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """One who logged in before, and one who did so while Home Assistant was off."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        freezer.tick(timedelta(hours=1))
        log_in(sandbox, PARTNER)
        freezer.tick(timedelta(minutes=1))
        sandbox.journal.clear()
        await setup_integration(again, account)
        assert told(again) == {"login_stranger"}
        known = account.runtime_data.login_log.strangers[HOME]
        assert [each.email for each in known] == [PARTNER, STRANGER]
        assert ended(sandbox) == [PERSON]


@with_group
async def test_people_of_a_group(
    hass: HomeAssistant,
    sandbox: Sandbox,
    family: AccessGroup,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Who was put into the group since the last look is no stranger."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    family.include.append({"email": {"email": PARTNER}})
    log_in(sandbox)
    log_in(sandbox, PARTNER)
    sandbox.journal.clear()
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == set()
    assert ended(sandbox) == []

    log_in(sandbox, STRANGER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    assert told(hass) == {"login_stranger"}
    assert ended(sandbox) == [PERSON]


@with_group
async def test_group_that_was_not_read_yet(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    family: AccessGroup,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """Who may log in is not known then: nobody is called a stranger for it."""
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    account = same_account(loaded_entry)
    async with restarted(hass) as again:
        freezer.tick(timedelta(hours=1))
        log_in(sandbox, PARTNER)
        freezer.tick(timedelta(minutes=1))
        faults.unavailable("GET", "/access/organizations")
        await setup_integration(again, account)
        assert told(again) == set()


@pytest.mark.parametrize(
    "devices", [[login(settings(adopted=True))]], ids=["only watched"]
)
async def test_application_that_is_only_watched(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Somebody else decides who logs in there."""
    partner, stranger = ({"email": {"email": each}} for each in (PARTNER, STRANGER))
    theirs = AccessPolicy("Theirs", "allow", [partner, stranger])
    access_of(sandbox).applications["main"] = AccessApplication(
        "Theirs", [{"type": "public", "uri": HOME}], [theirs], id="main"
    )
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    log_in(sandbox, STRANGER)
    await wait_for_refresh(hass, freezer, LOG_EVERY)
    access_of(sandbox).applications["main"].policies[0].include = [partner]
    sandbox.journal.clear()
    await look(hass, entry)
    assert told(hass) == set()
    assert ended(sandbox) == []


@with_login
async def test_application_that_is_gone(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Its sessions went with it; those of a single person may not have."""
    policy_of(sandbox).include += [
        {"email": {"email": STRANGER}},
        {"email_domain": {"domain": "evil.example"}},
    ]
    await look(hass, loaded_entry)
    application = application_at(sandbox)
    assert application
    del access_of(sandbox).applications[application.id]
    sandbox.journal.clear()
    await look(hass, loaded_entry)
    assert PERSON in ended(sandbox)
