"""Tests of the action that has a hostname ask for a login, or changes who may log in."""

import asyncio
from datetime import timedelta
from functools import partial
import threading
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.coordinator.login_writer import LoginWritten
from custom_components.cloudflare_mtls.engine.access.problems import LoginProblemCode
from custom_components.cloudflare_mtls.engine.access.settings import (
    People,
    SettingsFault,
)
from custom_components.cloudflare_mtls.engine.api.errors import PlanChanged
from custom_components.cloudflare_mtls.pages.login_trial import (
    async_get_expected_logins,
)
from custom_components.cloudflare_mtls.wording import describe
from sandbox import Sandbox
from sandbox.seed import ZONE_NAME
from sandbox.state import AccessApplication, AccessGroup, AccessPolicy, IdentityProvider
from tests.common import (
    ENGLISH,
    HOSTNAME,
    HOSTNAME_ID,
    act,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
)
from tests.engine.access.helpers import HOME, OWNER, PARTNER, settings
from tests.faults import Faults
from tests.logins import access_of, application_at, login, writes
from tests.test_switch import SWITCH

pytestmark = pytest.mark.usefixtures("without_login")

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
adopted = pytest.mark.parametrize(
    "devices", [[login(settings(adopted=True))]], ids=["adopted"]
)


async def protect(
    hass: HomeAssistant, entry: MockConfigEntry, **fields: Any
) -> dict[str, Any]:
    """Call the action for the browser's hostname, and wait for what follows."""
    response = await act(
        hass, entry, "protect_with_access", **{"hostname": HOME, **fields}
    )
    await settle(hass)
    return response


def people(sandbox: Sandbox) -> list[str]:
    """Return who may log in."""
    application = application_at(sandbox)
    assert application
    [policy] = access_of(sandbox).policies.values()
    return sorted(each["email"]["email"] for each in policy.include)


async def test_new_login_is_a_trial(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The response has the link that ends the trial; without a login it is undone."""
    response = await protect(hass, loaded_entry, emails=[OWNER, PARTNER.upper()])

    assert people(sandbox) == [OWNER, PARTNER]
    assert [each["applied"] for each in response["steps"]] == [True] * 3
    text = response["trial"]["url"].rpartition("/")[2]
    expected = async_get_expected_logins(hass).find(text)
    assert expected
    assert (expected.hostname, expected.emails) == (
        HOME,
        frozenset({OWNER, PARTNER}),
    )
    assert HOME not in loaded_entry.runtime_data.access.logins

    await wait_for_refresh(hass, freezer, timedelta(minutes=15))
    await settle(hass)
    assert application_at(sandbox) is None
    assert "login_undone" in reported(hass)


@pytest.mark.parametrize("is_over", [False, True], ids=["trial", "undoing"])
async def test_trial_that_is_asked_for_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    is_over: bool,
) -> None:
    """Nobody has logged in yet, so that it is a trial again, with a link for its people alone."""
    first = await protect(hass, loaded_entry, emails=[PARTNER])
    if is_over:
        faults.unavailable("DELETE", "/access/apps")
        await wait_for_refresh(hass, freezer, timedelta(minutes=15))
        faults.clear()
    else:
        await wait_for_refresh(hass, freezer, timedelta(minutes=10))
    again = await protect(hass, loaded_entry, emails=[OWNER])
    assert loaded_entry.runtime_data.access.logins == {}
    assert people(sandbox) == [OWNER]
    logins = async_get_expected_logins(hass)
    former, expected = (
        logins.find(each["trial"]["url"].rpartition("/")[2]) for each in (first, again)
    )
    assert former is None
    assert expected
    assert expected.emails == frozenset({OWNER})

    await wait_for_refresh(hass, freezer, timedelta(minutes=14))
    assert application_at(sandbox)
    await wait_for_refresh(hass, freezer, timedelta(minutes=1))
    assert application_at(sandbox) is None
    assert "login_undone" in reported(hass)


async def test_trial_that_is_asked_for_again_and_ends_well(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    await protect(hass, loaded_entry, emails=[PARTNER])
    again = await protect(hass, loaded_entry, emails=[OWNER])
    text = again["trial"]["url"].rpartition("/")[2]
    expected = async_get_expected_logins(hass).find(text)
    assert expected
    await expected.record()
    await settle(hass)

    assert loaded_entry.runtime_data.access.logins[HOME].who == People(
        frozenset({OWNER})
    )


async def test_trial_that_ends_well(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    response = await protect(
        hass,
        loaded_entry,
        emails=[OWNER],
        countries=["de"],
        session="month",
        open_paths=["/api/webhook/"],
        keep_in_sync=False,
    )
    text = response["trial"]["url"].rpartition("/")[2]
    expected = async_get_expected_logins(hass).find(text)
    assert expected
    await expected.record()
    await settle(hass)

    settings = loaded_entry.runtime_data.access.logins[HOME]
    assert settings.countries == {"DE"}
    assert settings.session == timedelta(days=30)
    assert settings.open_paths == {"/api/webhook/"}
    assert (settings.one_time_pin, settings.keep_in_sync) == (True, False)


async def test_dry_run_writes_nothing(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    sandbox.journal.clear()
    response = await protect(hass, loaded_entry, emails=[OWNER], dry_run=True)

    assert writes(sandbox) == []
    assert response["in_sync"] is False
    assert [(each["kind"], each["action"]) for each in response["steps"]] == [
        ("access_tag", "create"),
        ("access_policy", "create"),
        ("access_application", "create"),
    ]
    assert not any(each["applied"] for each in response["steps"])
    assert response["problems"] == []
    assert "trial" not in response


@with_login
async def test_change_keeps_what_is_not_named(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """People who are no longer on the list are logged out at this hostname."""
    before = loaded_entry.runtime_data.access.logins[HOME]
    sandbox.journal.clear()
    response = await protect(hass, loaded_entry, emails=[PARTNER])

    assert people(sandbox) == [PARTNER]
    assert "trial" not in response
    after = loaded_entry.runtime_data.access.logins[HOME]
    assert (after.session, after.one_time_pin) == (before.session, before.one_time_pin)
    assert [each.path.rpartition("/")[2] for each in writes(sandbox)][-1] == (
        "revoke_tokens"
    )


@with_login
async def test_two_changes_at_once(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The second one would take back what the first one stored: it fails, and says so."""
    hold = asyncio.Event()
    fault = faults.add("GET", "/rulesets", hold=hold, times=1)
    writing = hass.async_create_task(
        hass.services.async_call(
            "switch", "turn_off", {"entity_id": SWITCH}, blocking=True
        )
    )
    await fault.until_hit()
    change = partial(act, hass, loaded_entry, "protect_with_access", hostname=HOME)
    first = hass.async_create_task(change(keep_in_sync=False))
    await hass.async_add_executor_job(threading.Event().wait, 0.3)
    second = hass.async_create_task(change(emails=[PARTNER]))
    await hass.async_add_executor_job(threading.Event().wait, 0.3)

    hold.set()
    await writing
    await first
    with pytest.raises(HomeAssistantError) as raised:
        await second

    assert raised.value.translation_key == "changed_meanwhile"
    after = loaded_entry.runtime_data.access.logins[HOME]
    assert after.keep_in_sync is False
    assert after.who.emails == {OWNER}
    assert people(sandbox) == [OWNER]


@with_login
async def test_change_that_cloudflare_refuses(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """The settings stay as they were, here as there."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    faults.refuse("PUT", "/access/policies", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today"):
        await protect(hass, entry, emails=[PARTNER])
    assert people(sandbox) == [OWNER]
    assert entry.runtime_data.access.logins[HOME].who.emails == {OWNER}


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, "login_nobody"),
        ({"emails": ["owner"]}, "login_invalid_email"),
        ({"emails": [OWNER], "countries": ["XX"]}, "login_invalid_country"),
        ({"emails": [OWNER], "open_paths": ["/"]}, "login_invalid_path"),
        ({"emails": [OWNER], "login_methods": ["Nobody"]}, "login_method_unknown"),
        ({"emails": [OWNER], "hostname": HOSTNAME}, "login_hostname_not_served"),
        ({"emails": [OWNER], "hostname": "a b"}, "login_hostname_not_served"),
        (
            {"emails": [OWNER], "hostname": "x.example.net"},
            "login_hostname_not_served",
        ),
    ],
)
async def test_what_nobody_can_have_meant(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    fields: dict[str, Any],
    key: str,
) -> None:
    """Each is a sentence, and nothing is written."""
    sandbox.journal.clear()
    with pytest.raises(HomeAssistantError) as raised:
        await protect(hass, loaded_entry, **fields)

    assert raised.value.translation_key == key
    assert writes(sandbox) == []


async def test_login_methods_by_their_names(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """As Cloudflare shows them; the one-time PIN has a word of its own."""
    other = IdentityProvider("google", "Google")
    access_of(sandbox).identity_providers.append(other)
    await protect(
        hass,
        loaded_entry,
        emails=[OWNER],
        login_methods=["Google", "onetimepin"],
    )

    application = application_at(sandbox)
    assert application
    assert other.id in application.options["allowed_idps"]
    assert len(application.options["allowed_idps"]) == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/access/organizations", 403), ("POST", "/access/apps", 400)],
)
async def test_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    method: str,
    path: str,
    status: int,
) -> None:
    """Nothing is left, and the call fails."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    faults.refuse(method, path, status, 10000 if status == 403 else 1234, "Not today")

    with pytest.raises(HomeAssistantError):
        await protect(hass, entry, emails=[OWNER])
    assert application_at(sandbox) is None
    assert access_of(sandbox).policies == {}


async def test_zero_trust_was_never_set_up(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    access_of(sandbox).team = None
    with pytest.raises(HomeAssistantError) as raised:
        await protect(hass, loaded_entry, emails=[OWNER])
    assert raised.value.translation_key == "login_zero_trust_not_set_up"


async def test_application_of_somebody_else(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A dry run tells it; otherwise the call is refused, and theirs stays as it is."""
    [other] = access_of(sandbox).applications.values()
    other.destinations = [{"type": "public", "uri": HOME}]
    response = await protect(hass, loaded_entry, emails=[OWNER], dry_run=True)
    assert [each["code"] for each in response["problems"]] == ["foreign_application"]

    sandbox.journal.clear()
    with pytest.raises(HomeAssistantError) as raised:
        await protect(hass, loaded_entry, emails=[OWNER])
    assert raised.value.translation_key == "login_foreign_application"
    assert writes(sandbox) == []


@with_login
@pytest.mark.parametrize(
    ("written", "key"),
    [
        (
            LoginWritten(login_pages=frozenset({HOSTNAME}), is_undone=True),
            "login_pages_undone",
        ),
        (LoginWritten(login_pages=frozenset({HOSTNAME})), "login_pages"),
        (PlanChanged(), "changed_meanwhile"),
    ],
)
@pytest.mark.parametrize("hostname", [HOME, "nas.example.com"], ids=["change", "new"])
async def test_what_is_not_done_is_said(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    hostname: str,
    written: LoginWritten | PlanChanged,
    key: str,
) -> None:
    """The phones meet a login page, or something else is there by now; the settings stay."""
    access_of(sandbox).applications.pop("nas")
    serve(sandbox, "nas.example.com")
    access = loaded_entry.runtime_data.access
    before = dict(access.logins)

    async def write(*_: Any) -> LoginWritten:
        if isinstance(written, PlanChanged):
            raise written
        return written

    monkeypatch.setattr(access, "async_set_up", write)
    monkeypatch.setattr(access, "async_change", write)
    with pytest.raises(HomeAssistantError) as raised:
        await protect(hass, loaded_entry, hostname=hostname, emails=[PARTNER])
    assert raised.value.translation_key == key
    assert access.logins == before


def serve(sandbox: Sandbox, hostname: str) -> None:
    """Have the tunnel serve another hostname."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    rule = {"hostname": hostname, "service": "http://192.168.1.20:5000"}
    assert tunnel.config
    tunnel.config["ingress"].insert(0, rule)


async def test_login_that_was_left_is_taken_up_again(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Visitors have to log in there already, so that nobody is locked out and there is no trial."""
    first = await protect(hass, loaded_entry, emails=[OWNER])
    text = first["trial"]["url"].rpartition("/")[2]
    expected = async_get_expected_logins(hass).find(text)
    assert expected
    await expected.record()
    await settle(hass)
    application = application_at(sandbox)
    [subentry] = loaded_entry.get_subentries_of_type("login_hostname")
    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    await settle(hass)

    response = await protect(hass, loaded_entry, emails=[OWNER, PARTNER])
    assert "trial" not in response
    assert application_at(sandbox) is application
    assert people(sandbox) == [OWNER, PARTNER]
    assert HOME in loaded_entry.runtime_data.access.logins


@pytest.mark.parametrize(
    "key",
    [
        *SettingsFault,
        # A missing permission is an error, which has a sentence for all actions.
        *sorted(set(LoginProblemCode) - {LoginProblemCode.PERMISSION_MISSING}),
    ],
)
def test_every_obstacle_has_a_sentence(key: str) -> None:
    """An action says it as the dialog does."""
    assert ENGLISH["exceptions"][f"login_{key}"]["message"]


def test_changes_at_the_same_time_have_a_sentence() -> None:
    assert ENGLISH["exceptions"][describe(PlanChanged()).key]["message"]


async def test_people_of_a_group(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Named as Cloudflare shows it; the trial ends with anybody whom the group lets in."""
    family = [{"email": {"email": OWNER}}]
    access_of(sandbox).groups["g"] = AccessGroup("Family", family, id="g")
    response = await protect(hass, loaded_entry, group="Family")

    [policy] = access_of(sandbox).policies.values()
    assert policy.include == [{"group": {"id": "g"}}]
    text = response["trial"]["url"].rpartition("/")[2]
    expected = async_get_expected_logins(hass).find(text)
    assert expected
    assert expected.emails is None


@pytest.mark.parametrize(
    ("names", "fields", "said"),
    [
        ([], {"group": "Family"}, "exactly one Access group with the name Family"),
        (["Family"] * 2, {"group": "Family"}, "exactly one Access group"),
        (["Family"], {"group": "Family", "emails": [OWNER]}, "not both"),
    ],
    ids=["unknown", "twice", "with addresses"],
)
async def test_group_that_is_not_clear(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    names: list[str],
    fields: dict[str, Any],
    said: str,
) -> None:
    for number, name in enumerate(names):
        everybody: list[Any] = [{"everyone": {}}]
        key = f"g{number}"
        access_of(sandbox).groups[key] = AccessGroup(name, everybody, id=key)
    sandbox.journal.clear()
    with pytest.raises(HomeAssistantError, match=said):
        await protect(hass, loaded_entry, **fields)
    assert writes(sandbox) == []


async def test_cloudflared_demands_the_login_too(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """And no longer, once a call turns that off."""
    response = await protect(hass, loaded_entry, emails=[OWNER], connector=True)
    text = response["trial"]["url"].rpartition("/")[2]
    expected = async_get_expected_logins(hass).find(text)
    assert expected
    await expected.record()
    await settle(hass)
    assert demanded(sandbox)["required"] is True

    await protect(hass, loaded_entry, connector=False)
    assert demanded(sandbox) is None
    assert loaded_entry.runtime_data.access.logins[HOME].connector_of is None


def demanded(sandbox: Sandbox) -> Any:
    """Return what cloudflared demands of requests for the browser's hostname."""
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    [rule] = [each for each in ingress if each.get("hostname") == HOME]
    return rule.get("originRequest", {}).get("access")


@pytest.mark.parametrize(
    ("is_local", "fields", "said"),
    [
        (True, {}, "cloudflared can't require the login"),
        (False, {"open_paths": ["/auth/token"]}, "open paths"),
    ],
    ids=["local tunnel", "open path"],
)
async def test_cloudflared_that_cannot_demand_the_login(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    is_local: bool,
    fields: dict[str, Any],
    said: str,
) -> None:
    if is_local:
        sandbox.state.tunnels[sandbox.tunnel_id].config_src = "local"
    sandbox.journal.clear()
    with pytest.raises(HomeAssistantError, match=said):
        await protect(hass, loaded_entry, emails=[OWNER], connector=True, **fields)
    assert writes(sandbox) == []


async def test_wildcard_of_somebody_else(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It is replaced at this hostname only on request, and stays as it is everywhere else."""
    friends = AccessPolicy("Friends", "allow", [{"email": {"email": PARTNER}}])
    wild = [{"type": "public", "uri": f"home*.{ZONE_NAME}"}]
    application = AccessApplication("Wild", wild, [friends], id="wild")
    access_of(sandbox).applications["wild"] = application
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    with pytest.raises(HomeAssistantError, match="replace_wildcard"):
        await protect(hass, loaded_entry, emails=[OWNER])
    assert application_at(sandbox) is None

    response = await protect(hass, loaded_entry, emails=[OWNER], replace_wildcard=True)
    assert response["trial"]
    assert application_at(sandbox)
    assert access_of(sandbox).applications["wild"] is application


async def test_country_of_this_home_that_is_missing(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The response says so before anything is written."""
    await hass.config.async_update(country="DE")
    fields: dict[str, Any] = {"emails": [OWNER], "dry_run": True}
    response = await protect(hass, loaded_entry, countries=["AT"], **fields)
    [problem] = response["problems"]
    assert problem["code"] == "home_shut_out"
    assert "Nobody can log in from DE" in problem["message"]

    response = await protect(hass, loaded_entry, countries=["AT", "DE"], **fields)
    assert response["problems"] == []


@adopted
@pytest.mark.parametrize("fields", [{"emails": [PARTNER]}, {"dry_run": True}], ids=str)
async def test_login_that_is_only_watched(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    fields: dict[str, Any],
) -> None:
    """It is not ours to change: that is said, and nobody is logged out."""
    theirs = AccessPolicy("Ours", "allow", [{"email": {"email": OWNER}}])
    access_of(sandbox).applications["main"] = AccessApplication(
        "Theirs", [{"type": "public", "uri": HOME}], [theirs], id="main"
    )
    await setup_integration(hass, entry)
    before = entry.runtime_data.access.logins
    sandbox.journal.clear()

    with pytest.raises(HomeAssistantError, match=f"Theirs.*{HOME}"):
        await protect(hass, entry, **fields)

    assert writes(sandbox) == []
    assert entry.runtime_data.access.logins == before


@adopted
async def test_login_that_is_only_watched_and_gone(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Nor is another application taken for it."""
    await setup_integration(hass, entry)
    with pytest.raises(HomeAssistantError, match="doesn't know the application"):
        await protect(hass, entry, emails=[PARTNER])

    assert writes(sandbox) == []
