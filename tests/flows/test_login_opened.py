"""Tests of the repairs for a login hostname that somebody opens to everybody at Cloudflare."""

from collections.abc import Callable

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.engine.access.settings import PeopleOfGroup
from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessGroup, AccessPolicy
from tests.common import setup_integration
from tests.coordinator.test_login_exceptions import ELSEWHERE, excepting
from tests.dialogs import Client, browser_at_repairs
from tests.engine.access.helpers import HOME, OWNER, settings, without_pauses
from tests.faults import Faults
from tests.logins import access_of, application_at, login, only_another_login, told

from .test_login_drift import CONFIRM, adopted, answer, look, not_in_sync, with_login

type Opening = Callable[[AccessApplication], None]


def _leave(application: AccessApplication) -> None:
    """Have the application protect another hostname."""
    application.destinations[:] = [ELSEWHERE]


def _except_all(application: AccessApplication) -> None:
    """Except all paths of the hostname from the application."""
    application.destinations[:] = [excepting(application.destinations[0], "/*")]


def _bypass(application: AccessApplication) -> None:
    """Have the application let everybody pass."""
    everybody = AccessPolicy("All", "bypass", [{"everyone": {}}])
    application.policies.insert(0, everybody)


by_address = pytest.mark.parametrize("open_up", [_leave, _except_all])


def ours_at(sandbox: Sandbox, address: str = HOME) -> AccessApplication:
    """Return the application that stands at an address."""
    application = application_at(sandbox, address)
    assert application
    return application


@pytest.fixture(autouse=True)
def _no_other_application(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without a login there, and do not wait before a refused write is repeated."""
    only_another_login(sandbox)
    without_pauses(monkeypatch)
    family = AccessGroup("Family", [{"email": {"email": OWNER}}], id="family")
    access_of(sandbox).groups["family"] = family


@pytest.fixture
async def client(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs of an account."""
    return await browser_at_repairs(hass, entry, hass_client)


@not_in_sync
@pytest.mark.parametrize("open_up", [_leave, _except_all, _bypass])
async def test_hostname_that_is_not_kept_in_sync(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    open_up: Opening,
) -> None:
    """Nobody has to log in: that is told, and a person can ask for the login again."""
    await answer(hass, client, "login_gone", CONFIRM, {})
    open_up(ours_at(sandbox))
    await look(hass, entry)
    assert told(hass) == {"login_gone"}

    await answer(hass, client, "login_gone", CONFIRM, {})
    assert application_at(sandbox)
    assert told(hass) == set()


@pytest.mark.parametrize(
    "devices",
    [[login(settings(keep_in_sync=False, open_paths=frozenset({"/api/webhook/"})))]],
    ids=["open path"],
)
async def test_open_path_that_is_widened_to_all_paths(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, entry: MockConfigEntry
) -> None:
    await answer(hass, client, "login_gone", CONFIRM, {})
    of_path = ours_at(sandbox, f"{HOME}/api/webhook/*")
    of_path.destinations.append({"type": "public", "uri": f"{HOME}/*"})
    await look(hass, entry)
    assert told(hass) == {"login_gone"}

    await answer(hass, client, "login_gone", CONFIRM, {})
    assert application_at(sandbox, f"{HOME}/*") is None
    assert told(hass) == set()


@pytest.mark.parametrize(
    "devices", [[login(settings(who=PeopleOfGroup("family")))]], ids=["group"]
)
@by_address
async def test_hostname_while_something_is_in_the_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    open_up: Opening,
) -> None:
    """The chosen group is gone, so that nothing is fixed."""
    del access_of(sandbox).groups["family"]
    open_up(ours_at(sandbox))
    await look(hass, entry)
    assert told(hass) == {"login_group_gone", "login_gone_unfixable"}


@with_login
@by_address
async def test_hostname_that_cloudflare_leaves_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    entry: MockConfigEntry,
    open_up: Opening,
) -> None:
    """Kept in sync, and Cloudflare refuses the change."""
    faults.refuse("PUT", "/access/apps", 400, 1234, "Not today")
    open_up(ours_at(sandbox))
    await look(hass, entry)
    assert told(hass) == {"login_gone"}


@adopted
async def test_watched_application_that_leaves_the_hostname(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    owner = AccessPolicy("Owner", "allow", [{"email": {"email": OWNER}}])
    access_of(sandbox).applications["main"] = AccessApplication(
        "Theirs", [{"type": "public", "uri": HOME}], [owner], id="main"
    )
    await setup_integration(hass, entry)
    assert told(hass) == set()

    _leave(access_of(sandbox).applications["main"])
    await look(hass, entry)
    assert told(hass) == {"login_gone_unfixable"}
