"""Paths that somebody excepts from the application that asks for the login: everybody passes there."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import AccessApplication, AccessPolicy
from tests.common import placeholders, setup_integration
from tests.engine.access.helpers import HOME, OWNER, settings
from tests.flows.test_login_drift import look
from tests.logins import access_of, login, told, writes

pytestmark = pytest.mark.usefixtures("without_login")

with_login = pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
adopted = pytest.mark.parametrize(
    "devices", [[login(settings(adopted=True))]], ids=["adopted"]
)
ELSEWHERE = {"type": "public", "uri": "wiki.example.com"}


def excepting(destination: dict[str, Any], *patterns: str) -> dict[str, Any]:
    """Return a destination with paths that everybody reaches."""
    overrides = [{"behavior": "public", "path_pattern": each} for each in patterns]
    return {**destination, "overrides": overrides}


def application_of(sandbox: Sandbox) -> AccessApplication:
    """Return the application of the browser's hostname."""
    [found] = [
        each
        for each in access_of(sandbox).applications.values()
        if each.destinations[0]["uri"] == HOME
    ]
    return found


@with_login
async def test_at_our_application(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """It is taken back; what somebody added for another hostname stays."""
    await setup_integration(hass, entry)
    application = application_of(sandbox)
    [own] = application.destinations
    beside = excepting(ELSEWHERE, "/public")
    application.destinations[:] = [excepting(own, "/", "/auth/*"), beside]
    await look(hass, entry)

    assert application_of(sandbox).destinations == [own, beside]
    assert told(hass) == set()
    sandbox.journal.clear()
    await look(hass, entry)
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("pattern", "is_told"), [("/", True), ("/*", True), ("/api/webhook/*", False)]
)
@adopted
async def test_at_an_application_that_is_only_watched(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    pattern: str,
    is_told: bool,
) -> None:
    """One that opens more than a path is told, and stays."""
    owner = AccessPolicy("Owner", "allow", [{"email": {"email": OWNER}}])
    access_of(sandbox).applications["main"] = AccessApplication(
        "Theirs", [{"type": "public", "uri": HOME}], [owner], id="main"
    )
    await setup_integration(hass, entry)
    assert told(hass) == set()
    sandbox.journal.clear()

    destinations = application_of(sandbox).destinations
    destinations[:] = [excepting(destinations[0], pattern)]
    await look(hass, entry)

    assert told(hass) == ({"login_strangers"} if is_told else set())
    if is_told:
        named = placeholders(hass, "login_strangers")["name"]
        assert named == f"{HOME}{pattern}"
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("pattern", "at_adopted"), [("/", True), ("/*", True), ("/api/webhook/*", False)]
)
@pytest.mark.parametrize("devices", [[login()], [login(settings(adopted=True))]])
async def test_at_a_wildcard_beside_the_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    devices: list[Any],
    pattern: str,
    at_adopted: bool,
) -> None:
    """Nobody knows whether it counts for the hostname, so it is told; it is not ours, and stays."""
    owner = AccessPolicy("Owner", "allow", [{"email": {"email": OWNER}}])
    is_adopted = devices[0]["data"]["adopted"]
    if is_adopted:
        access_of(sandbox).applications["main"] = AccessApplication(
            "Theirs", [{"type": "public", "uri": HOME}], [owner], id="main"
        )
    await setup_integration(hass, entry)
    beside = excepting({"type": "public", "uri": "*.example.com"}, pattern)
    application_of(sandbox).destinations.append(beside)
    for _ in range(2):
        await look(hass, entry)

    is_told = at_adopted or not is_adopted
    assert told(hass) == ({"login_strangers"} if is_told else set())
    if is_told:
        named = placeholders(hass, "login_strangers")["name"]
        assert named == f"*.example.com{pattern}"
    assert beside in application_of(sandbox).destinations
