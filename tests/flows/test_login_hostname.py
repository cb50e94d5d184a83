"""Tests of the dialog that adds a login hostname, to the end of its trial."""

from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.engine.access.countries import COUNTRIES
from custom_components.cloudflare_mtls.flows import login_preview
from sandbox import Sandbox
from sandbox.state import AccessGroup, AccessUser, IdentityProvider
from tests.common import (
    ENGLISH,
    HOSTNAME,
    sentences,
    setup_integration,
    submit,
    wait_for_refresh,
)
from tests.engine.access.helpers import HOME, OWNER, PARTNER, STRANGER, without_pauses
from tests.faults import Faults
from tests.flows.login_dialog import (
    RULES,
    add,
    choose_item,
    to_people,
    to_preview,
    to_rules,
    token_of,
    visit,
)
from tests.logins import access_of, application_at, only_another_login, told, writes

ABORTS = ENGLISH["config_subentries"]["login_hostname"]["abort"]
OF = "config_subentries.login_hostname"

type Browser = TestClient[Any, Any]


@pytest.fixture(autouse=True)
async def _home(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begin without a login there, in a home in Germany that is opened at its hostname."""
    only_another_login(sandbox)
    await hass.config.async_update(country="DE", external_url=f"https://{HOME}")
    without_pauses(monkeypatch)


@pytest.fixture
async def browser(
    loaded_entry: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> Browser:
    """Return a browser that is not logged in at Home Assistant."""
    return await hass_client_no_auth()


async def test_login_hostname_is_added_once_somebody_logged_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    browser: Browser,
) -> None:
    """From the hostname to the end, with one country and several people."""
    result = await add(hass, loaded_entry)
    [field] = result["data_schema"].schema
    assert field.default() == HOME
    result = await submit(hass, result, {"hostname": HOME})
    people = {
        "own_email": " Owner@example.com",
        "emails": [PARTNER],
        "countries": ["de"],
    }
    result = await submit(hass, result, people)
    result = await submit(hass, result, RULES)
    assert result["step_id"] == "preview"
    assert writes(sandbox) == []
    shown = result["description_placeholders"]
    for said in (OWNER, PARTNER, "Germany", "local address", "companion apps"):
        assert said in shown["changes"]
    assert "15 minutes" in shown["after"]

    result = await submit(hass, result)
    assert result["type"] is FlowResultType.EXTERNAL_STEP
    assert result["url"].startswith(f"https://{HOME}/api/cloudflare_mtls/login/")
    application = application_at(sandbox)
    assert application
    [policy] = application.policies
    assert {each["email"]["email"] for each in policy.include} == {OWNER, PARTNER}
    assert policy.require == [{"geo": {"country_code": "DE"}}]

    url = result["url"]
    status, text = await visit(
        hass, browser, url, await token_of(sandbox, "Owner@Example.com")
    )
    assert (status, "It works" in text) == (200, True)
    result = await hass.config_entries.subentries.async_configure(result["flow_id"])
    assert result["reason"] == "login_works"
    login = loaded_entry.runtime_data.access.logins[HOME]
    assert login.who.emails == {OWNER, PARTNER}
    assert told(hass) == set()
    # The link works once.
    assert (await visit(hass, browser, url, await token_of(sandbox)))[0] == 404


def field_value(result: Any, name: str) -> Any:
    """Return what a form suggests for a field."""
    found = next(each for each in result["data_schema"].schema if each == name)
    return (found.description or {}).get("suggested_value")


async def test_trial_that_nobody_passes(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The dialog says so at its end, and so does a repair."""
    result = await submit(hass, await to_preview(hass, loaded_entry))
    assert application_at(sandbox)
    # The front end asks in between.
    again = await hass.config_entries.subentries.async_configure(result["flow_id"])
    assert again["type"] is FlowResultType.EXTERNAL_STEP
    await wait_for_refresh(hass, freezer, timedelta(minutes=15, seconds=1))

    result = await hass.config_entries.subentries.async_configure(result["flow_id"])
    assert result["reason"] == "login_undone"
    assert application_at(sandbox) is None
    assert told(hass) == {"login_undone"}


async def test_dialog_that_is_closed_ends_no_trial(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    browser: Browser,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A person who has the page open can still log in."""
    result = await submit(hass, await to_preview(hass, loaded_entry))
    hass.config_entries.subentries.async_abort(result["flow_id"])
    status, _ = await visit(hass, browser, result["url"], await token_of(sandbox))
    await wait_for_refresh(hass, freezer, timedelta(minutes=20))

    assert status == 200
    assert HOME in loaded_entry.runtime_data.access.logins
    assert application_at(sandbox)


@pytest.mark.parametrize(
    ("people", "field", "said"),
    [
        ({"own_email": "owner"}, "own_email", "owner is not an email address"),
        ({"emails": ["a b@c.de"]}, "emails", "a b@c.de is not an email address"),
        ({"group_id": "g", "emails": [PARTNER]}, "group_id", "not both"),
        ({"group_id": "g"}, "group_id", f"{OWNER} is not in this group"),
    ],
)
async def test_people_who_make_no_sense(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    people: dict[str, Any],
    field: str,
    said: str,
) -> None:
    friends = [{"email": {"email": STRANGER}}]
    access_of(sandbox).groups["g"] = AccessGroup("Friends", friends, id="g")
    result = await to_rules(hass, loaded_entry, **people)

    assert result["step_id"] == "people"
    assert said in sentences(result, OF)[field]
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("rules", "field", "said"),
    [
        ({"login_methods": []}, "login_methods", "nobody could log in"),
        ({"open_paths": ["x"]}, "open_paths", "x can't be open"),
        ({"open_paths": ["/" + 60 * "x"]}, "base", "at most 63 characters"),
        (
            {"open_paths": ["/api/webhook/"], "connector": True},
            "connector",
            "cloudflared would refuse them",
        ),
    ],
)
async def test_rules_that_make_no_sense(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    rules: dict[str, Any],
    field: str,
    said: str,
) -> None:
    result = await to_preview(hass, loaded_entry, **rules)

    assert result["step_id"] == "rules"
    assert said in sentences(result, OF)[field]
    assert writes(sandbox) == []


async def test_group_whose_people_can_log_in(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The preview says that Cloudflare decides."""
    people = [{"email": {"email": OWNER}}]
    access_of(sandbox).groups["g"] = AccessGroup("Family", people, id="g")
    result = await to_rules(hass, loaded_entry, group_id="g", countries=["de"])
    result = await submit(hass, result, RULES)
    assert "`Family`" in result["description_placeholders"]["changes"]
    await submit(hass, result)

    application = application_at(sandbox)
    assert application
    assert application.policies[0].include == [{"group": {"id": "g"}}]


async def test_countries_are_offered_by_name(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Every country has a name."""
    result = await to_people(hass, loaded_entry)
    field = result["data_schema"].schema["countries"]
    names = ENGLISH["selector"][field.config["translation_key"]]["options"]
    assert field.config["options"] == sorted(names)
    assert {code.upper() for code in names} == COUNTRIES
    with pytest.raises(InvalidData):
        await submit(hass, result, {"own_email": OWNER, "countries": ["xx"]})


async def test_country_is_limited_only_if_a_person_chooses_one(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Not to that of this home either: who leaves it as it is can log in on a journey."""
    result = await to_people(hass, loaded_entry)
    chosen = field_value(result, "countries") or []
    result = await submit(hass, result, {"own_email": OWNER, "countries": chosen})
    result = await submit(hass, result, RULES)

    said = ENGLISH["common"]["login_everywhere"]
    assert said in result["description_placeholders"]["changes"]


async def test_home_whose_country_is_not_known(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Nothing can be warned of."""
    hass.config.country = None
    result = await to_people(hass, loaded_entry)
    people = {"own_email": OWNER, "countries": ["at"]}
    result = await submit(hass, await submit(hass, result, people), RULES)
    assert result["step_id"] == "preview"
    assert result["description_placeholders"]["warning"] == ""


async def test_own_country_that_is_missing_is_asked_about(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A person may go back, or go on."""
    result = await to_rules(hass, loaded_entry, countries=["at", "ch"])
    result = await submit(hass, result, RULES)
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "country")
    assert result["description_placeholders"]["country"] == "Germany"
    back = await choose_item(hass, result, "people")
    assert field_value(back, "countries") == ["at", "ch"]
    result = await submit(hass, back, {"own_email": OWNER, "countries": ["at"]})
    result = await submit(hass, result, RULES)
    result = await choose_item(hass, result, "accept")

    assert result["step_id"] == "preview"
    changes = result["description_placeholders"]["changes"]
    assert "in one of these countries: Austria." in changes
    warning = result["description_placeholders"]["warning"]
    assert "**Nobody can log in from `Germany`, where Home Assistant is**" in warning


async def test_open_paths_and_the_connector_are_said(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    result = await to_preview(hass, loaded_entry, open_paths=["/api/webhook/"])
    assert "/api/webhook/" in result["description_placeholders"]["changes"]
    result = await to_preview(hass, loaded_entry, connector=True)
    assert "cloudflared also refuses" in result["description_placeholders"]["changes"]
    await submit(hass, result)

    [home, *_] = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    assert home["originRequest"]["access"]["required"] is True


async def test_nothing_to_choose_from(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The only other hostname is protected."""
    for records in [sandbox.state.zones[sandbox.zone_id].dns_records]:
        for each in [key for key, item in records.items() if item.name != HOSTNAME]:
            del records[each]
    result = await add(hass, loaded_entry)

    assert result["reason"] == "no_login_hostname"


async def test_zero_trust_that_was_never_set_up(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    access_of(sandbox).team = None
    result = await add(hass, loaded_entry)

    assert result["reason"] == "login_zero_trust_not_set_up"
    assert result["reason"] in ABORTS


async def test_account_that_is_not_loaded(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await add(hass, loaded_entry)

    assert result["reason"] == "entry_not_loaded"


async def test_login_method_that_is_gone_stands_in_the_way(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    providers = access_of(sandbox).identity_providers
    providers.append(IdentityProvider("google", "Google", id="google"))
    result = await to_rules(hass, loaded_entry)
    providers.pop()
    result = await submit(hass, result, {**RULES, "login_methods": ["google"]})

    assert result["step_id"] == "rules"
    assert "no longer exists at Cloudflare" in sentences(result, OF)["base"]


async def test_cloudflare_account_as_the_only_method_is_warned_of(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    providers = access_of(sandbox).identity_providers
    providers.append(IdentityProvider("cloudflare", "Cloudflare", id="cf"))
    result = await to_preview(hass, loaded_entry, login_methods=["cf"])

    assert "need a Cloudflare account" in result["description_placeholders"]["changes"]


async def test_what_changed_meanwhile_is_shown_again(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Somebody creates the tag in between, so that there is less to do."""
    result = await to_preview(hass, loaded_entry)
    access_of(sandbox).tags.append("home-assistant")
    result = await submit(hass, result)

    assert result["step_id"] == "preview"
    assert sentences(result, OF)["base"].startswith("Something changed at Cloudflare")
    assert writes(sandbox) == []
    assert (await submit(hass, result))["type"] is FlowResultType.EXTERNAL_STEP


async def test_cloudflare_stops_answering(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """Between two steps of the dialog, and while it writes."""
    await setup_integration(hass, entry)
    result = await to_rules(hass, entry)
    fault = faults.unavailable("GET", "/access/organizations")
    result = await submit(hass, result, RULES)
    assert result["step_id"] == "rules"
    assert "did not give a usable answer" in sentences(result, OF)["base"]
    assert fault.hits
    faults.clear()

    result = await submit(hass, result, RULES)
    faults.unavailable("POST", "/access/apps$")
    result = await submit(hass, result)
    assert result["step_id"] == "preview"
    assert "did not give a usable answer" in sentences(result, OF)["base"]
    assert access_of(sandbox).policies == {}
    faults.unavailable("DELETE", "/access/policies")
    result = await submit(hass, result)
    assert result["reason"] == "login_not_undone"


async def test_seats_that_do_not_suffice_are_warned_of(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    people = access_of(sandbox).people
    for number in range(50):
        user = AccessUser(f"friend{number}@example.net", access_seat=True)
        people.users[user.id] = user
    result = await to_preview(hass, loaded_entry)

    assert "`51`" in result["description_placeholders"]["changes"]


async def test_dialog_that_is_opened_at_the_hostname_says_what_will_happen(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = await to_rules(hass, loaded_entry)
    monkeypatch.setattr(login_preview, "arrived_by", lambda hostnames: HOME)
    result = await submit(hass, result, RULES)

    changes = result["description_placeholders"]["changes"]
    assert "You are connected through" in changes


async def test_form_is_shown_again(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """The front end asks for a step that it lost."""
    result = await to_preview(hass, loaded_entry)
    again = await hass.config_entries.subentries.async_configure(result["flow_id"])

    assert again["step_id"] == "preview"
    assert again["description_placeholders"] == result["description_placeholders"]


async def test_tunnel_that_is_managed_locally_cannot_demand_the_login(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Only a person changes its file."""
    sandbox.state.tunnels[sandbox.tunnel_id].config_src = "local"
    result = await to_rules(hass, loaded_entry)

    assert "connector" not in result["data_schema"].schema


async def test_seats_that_cannot_be_counted_are_not_said(
    hass: HomeAssistant, faults: Faults, entry: MockConfigEntry
) -> None:
    await setup_integration(hass, entry)
    fault = faults.unavailable("GET", "/access/users")
    result = await to_preview(hass, entry)

    assert fault.hits
    assert result["step_id"] == "preview"
    assert "seats" not in result["description_placeholders"]["changes"]


async def test_every_missing_permission_is_named(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nobody has to change the token, and try again, once for each."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions -= {"access_apps:edit", "access_organization:edit"}
    sandbox.journal.clear()
    result = await add(hass, loaded_entry)
    assert result["reason"] == "permissions_missing"
    assert result["description_placeholders"] == {
        "permissions": "Account / Access: Apps and Policies / Edit; "
        "Account / Access: Organizations, Identity Providers, and Groups / Edit"
    }
