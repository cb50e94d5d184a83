"""Tests of the test of a certificate while visitors are known to get past the rules: it proves nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, IpAccessRule, WorkerRoute, Zone
from tests.certificates.creating import renew
from tests.certificates.helpers import DAY, HANDOVER, pass_time
from tests.clocks import HomeClock
from tests.common import (
    CERTIFICATE_ID,
    CHECKS_EVERY,
    ENGLISH,
    HOSTNAME,
    act,
    add_known_certificate,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import Client, certificates, fetch, link_of, run_test, token_of_test
from tests.edge_conditions import Forgetting, challenge
from tests.faults import Faults

TEXTS = ENGLISH["common"]

pytestmark = with_device


def allow_a_country(zone: Zone) -> None:
    """Have the zone let visitors of a country past all custom rules."""
    zone.ip_access_rules.append(IpAccessRule("whitelist", "country", "AT"))


def allow_an_address(zone: Zone) -> None:
    """Have the zone let one address past all custom rules."""
    zone.ip_access_rules.append(IpAccessRule("whitelist", "ip", "203.0.113.24"))


def add_a_worker(zone: Zone) -> None:
    """Run a Worker in the zone, whose requests go past all custom rules."""
    zone.worker_routes.append(WorkerRoute("blog.example.com/*", "blog"))


WAYS: dict[str, tuple[Callable[[Zone], None], str]] = {
    "country": (allow_a_country, "check_ip_access_allow"),
    "address": (allow_an_address, "check_ip_access_allow"),
    "worker": (add_a_worker, "check_workers"),
}


@pytest.fixture
async def client(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    hass_client_no_auth: Any,
) -> Client:
    """Return the browser of a phone whose account is set up."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    client: Client = await hass_client_no_auth()
    return client


@pytest.fixture
async def token(hass: HomeAssistant, client: Client, entry: MockConfigEntry) -> str:
    """Return the token of the test that was delivered with a new bundle."""
    fetched = await fetch(client, link_of(hass, await renew(hass, entry)))
    await settle(hass)
    return token_of_test(fetched)


async def assert_nothing_is_proven(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """Assert that the handover is not proven, and the device's old certificate stays valid."""
    assert state_of(hass, HANDOVER) == "taken"
    await pass_time(hass, freezer, 8 * DAY)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "just added"])
@pytest.mark.parametrize("way", WAYS)
async def test_visitors_who_are_let_past_the_rules(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    token: str,
    freezer: FrozenDateTimeFactory,
    way: str,
    is_known: bool,
) -> None:
    """The device may be one of them; a repair says so, and the link stays valid."""
    open_way, repair = WAYS[way]
    open_way(zone_of(sandbox))
    if is_known:
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)

    assert await run_test(client, token) == TEXTS["proof_exposed"]
    await settle(hass)
    assert repair in reported(hass)
    await assert_nothing_is_proven(hass, sandbox, freezer)

    zone_of(sandbox).ip_access_rules.clear()
    zone_of(sandbox).worker_routes.clear()
    await act(hass, entry, "verify", hostname=HOSTNAME)
    assert await run_test(client, token) == TEXTS["proof_renewed"]


async def test_open_until_a_visit_is_seen_to_be_blocked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    entry: MockConfigEntry,
    token: str,
    freezer: FrozenDateTimeFactory,
    forgets: Forgetting,
) -> None:
    """A later visit that tells nothing makes it no safer."""
    forgets.now = True
    await act(hass, entry, "verify", hostname=HOSTNAME)
    challenge(sandbox)
    told = await act(hass, entry, "verify", hostname=HOSTNAME)
    assert told["enforced"] is None

    assert await run_test(client, token) == TEXTS["proof_exposed"]
    await assert_nothing_is_proven(hass, sandbox, freezer)


@pytest.mark.parametrize("path", ["/firewall/access_rules", "/workers/routes", "/configurations"])  # fmt: skip
async def test_what_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    token: str,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    path: str,
) -> None:
    """Nobody knows who gets in, so nothing is proven."""
    faults.unavailable("GET", path)

    assert await run_test(client, token) == TEXTS["proof_unchecked"]
    assert state_of(hass, HANDOVER) == "taken"
    faults.clear()
    freezer.tick(timedelta(seconds=10))
    assert await run_test(client, token) == TEXTS["proof_renewed"]


async def test_again_and_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    token: str,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Each look costs calls that others need, so a test is not repeated within seconds."""
    add_a_worker(zone_of(sandbox))
    await settle(hass)
    assert await run_test(client, token) == TEXTS["proof_exposed"]
    faults.requests.clear()

    for _ in range(20):
        assert await run_test(client, token) == TEXTS["proof_exposed"]
    assert faults.requests == []

    zone_of(sandbox).worker_routes.clear()
    freezer.tick(timedelta(seconds=10))
    assert await run_test(client, token) == TEXTS["proof_renewed"]


async def test_again_after_the_clock_was_set_back(
    hass: HomeAssistant,
    client: Client,
    token: str,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
) -> None:
    """The answer of before does not last until the clock shows the same time again."""
    home_clock.set(timedelta(hours=2))
    faults.unavailable("GET", "/client_certificates")
    assert await run_test(client, token) == TEXTS["proof_unchecked"]
    faults.clear()
    home_clock.set(-timedelta(hours=2))
    freezer.tick(timedelta(seconds=10))

    assert await run_test(client, token) == TEXTS["proof_renewed"]


async def test_token_without_the_optional_permissions(
    hass: HomeAssistant, sandbox: Sandbox, client: Client, token: str
) -> None:
    """These checks are off, as the repair or system health says; the others hold."""
    optional = {name for name in ALL_PERMISSIONS if "firewall" in name or "worker" in name}  # fmt: skip
    assert optional
    sandbox.state.tokens[sandbox.token].permissions = ALL_PERMISSIONS - optional
    assert await run_test(client, token) == TEXTS["proof_renewed"]
