"""Tests of logins that somebody opens where Home Assistant changes nothing: by a group, or at an application that is only watched."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.engine.access.settings import PeopleOfGroup
from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessGroup, AccessPolicy
from tests.common import (
    act,
    issue_of,
    placeholders,
    settle,
    setup_integration,
    state_of,
)
from tests.engine.access.helpers import HOME, OWNER, settings, without_pauses
from tests.flows.test_login_drift import look, policy_of
from tests.logins import (
    access_of,
    application_at,
    login,
    only_another_login,
    told,
    writes,
)

adopted = pytest.mark.parametrize(
    "devices", [[login(settings(adopted=True))]], ids=["adopted"]
)
of_group = pytest.mark.parametrize(
    "devices", [[login(settings(who=PeopleOfGroup("family")))]], ids=["group"]
)
with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
not_in_sync = pytest.mark.parametrize(
    "devices", [[login(settings(keep_in_sync=False))]], ids=["not kept in sync"]
)

ME: dict[str, Any] = {"email": {"email": OWNER}}
EVERYONE: dict[str, Any] = {"everyone": {}}
GERMANY: dict[str, Any] = {"geo": {"country_code": "DE"}}
OPENED = "login_opened_unfixable"
STRANGERS = "login_strangers"
REQUIRED = "binary_sensor.home_example_com_login_required"


@pytest.fixture(autouse=True)
def _groups(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without a login there, with groups of others, and do not wait before a refused write is repeated."""
    only_another_login(sandbox)
    without_pauses(monkeypatch)
    groups = access_of(sandbox).groups
    groups["family"] = AccessGroup("Family", [ME], id="family")
    groups["all"] = AccessGroup("All", [EVERYONE], id="all")


@pytest.mark.parametrize(
    ("decision", "include", "key"),
    [
        ("bypass", [{"ip": {"ip": "0.0.0.0/0"}}], OPENED),
        ("bypass", [GERMANY], OPENED),
        ("bypass", [{"group": {"id": "all"}}], OPENED),
        ("allow", [{"group": {"id": "all"}}], OPENED),
        ("allow", [{"ip": {"ip": "0.0.0.0/0"}}], OPENED),
        (
            "bypass",
            [{"ip": {"ip": "0.0.0.0/1"}}, {"ip": {"ip": "128.0.0.0/1"}}],
            STRANGERS,
        ),
        ("allow", [{"auth_method": {"auth_method": "mfa"}}], STRANGERS),
        ("allow", [{"group": {"id": "gone"}}], STRANGERS),
    ],
)
@adopted
async def test_application_that_is_only_watched(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    decision: str,
    include: list[dict[str, Any]],
    key: str,
) -> None:
    """What surely opens it is told as that, and what may as what may."""
    access = access_of(sandbox)
    owner = AccessPolicy("Owner", "allow", [ME, {"group": {"id": "family"}}])
    access.applications["main"] = AccessApplication(
        "Theirs", [{"type": "public", "uri": HOME}], [owner], id="main"
    )
    await setup_integration(hass, entry)
    assert told(hass) == set()
    sandbox.journal.clear()

    # An application is written as a whole with its tag, so that it is another object by now.
    application = access.applications["main"]
    application.policies.append(AccessPolicy("Open", decision, include))
    await look(hass, entry)
    assert told(hass) == {key}
    assert writes(sandbox) == []

    application.policies.pop()
    await look(hass, entry)
    assert told(hass) == set()


@pytest.mark.parametrize(
    "include",
    [
        [EVERYONE],
        [ME, GERMANY],
        [ME, {"group": {"id": "all"}}],
        [{"user_risk_score": {}}],
    ],
    ids=str,
)
@of_group
async def test_group_that_somebody_opens(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    include: list[dict[str, Any]],
) -> None:
    """The policy still names the group, so that nothing is written; it is told until it is over."""
    await setup_integration(hass, entry)
    assert told(hass) == set()
    sandbox.journal.clear()
    group = access_of(sandbox).groups["family"]
    group.include = include
    await look(hass, entry)
    await look(hass, entry)
    assert told(hass) == {STRANGERS}
    assert placeholders(hass, STRANGERS) == {"hostname": HOME, "name": "Family"}
    # It outlives a restart after which Access cannot be read.
    assert issue_of(hass, STRANGERS).is_persistent
    assert writes(sandbox) == []

    group.include = [ME, {"email_domain": {"domain": "example.com"}}]
    await look(hass, entry)
    assert told(hass) == set()


@with_login
async def test_everybody_by_a_group(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """In our policy, a group of everybody is as open as everybody, and fixed by itself."""
    await setup_integration(hass, entry)
    policy_of(sandbox).include.append({"group": {"id": "all"}})
    await look(hass, entry)
    await settle(hass)

    assert policy_of(sandbox).include == [ME]
    assert told(hass) == set()


@with_login
async def test_bypass_at_our_application(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """One for a country goes by itself; one that may be meant for a home is left to a person."""
    await setup_integration(hass, entry)
    [application] = [
        each
        for each in access_of(sandbox).applications.values()
        if each.destinations[0]["uri"] == HOME
    ]
    ours = list(application.policies)
    home = AccessPolicy("At home", "bypass", [{"ip": {"ip": "198.51.100.0/24"}}])
    past = AccessPolicy("Past", "bypass", [GERMANY])
    access_of(sandbox).policies |= {each.id: each for each in (past, home)}
    application.policies += [past, home]
    await look(hass, entry)

    application = access_of(sandbox).applications[application.id]
    assert application.policies == [*ours, home]
    assert told(hass) == {"login_list_changed"}


@pytest.mark.parametrize(
    ("decision", "include", "required"),
    [
        ("bypass", [EVERYONE], "off"),
        ("bypass", [GERMANY], "off"),
        ("non_identity", [EVERYONE], "off"),
        ("bypass", [{"group": {"id": "all"}}], "off"),
        ("bypass", [{"ip": {"ip": "198.51.100.0/24"}}], "unknown"),
        ("bypass", [{"group": {"id": "gone"}}], "unknown"),
        ("bypass", [{"ip": {"ip": "198.51.100.7"}}], "on"),
        ("non_identity", [{"any_valid_service_token": {}}], "on"),
        ("allow", [EVERYONE], "on"),
    ],
)
@not_in_sync
async def test_login_is_not_required_while_strangers_pass(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    decision: str,
    include: list[dict[str, Any]],
    required: str,
) -> None:
    """Home Assistant's own visit does not show whom a policy lets pass."""
    await setup_integration(hass, entry)
    await act(hass, entry, "protect_with_access", hostname=HOME)
    await look(hass, entry)
    assert state_of(hass, REQUIRED) == "on"

    application = application_at(sandbox)
    assert application
    application.policies.append(AccessPolicy("Past", decision, include))
    await look(hass, entry)
    assert state_of(hass, REQUIRED) == required
