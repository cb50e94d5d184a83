"""Tests of what tests of certificates cost: all of an account share a look at Cloudflare."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import WorkerRoute
from tests.common import ENGLISH, HOSTNAME, act, settle, zone_of
from tests.coordinator.lost_zones.conftest import cabin, two_zones
from tests.coordinator.lost_zones.losses import CABIN
from tests.dialogs import Client, fetch, link_of, run_test, token_of_test
from tests.faults import Faults

__all__ = ["cabin", "two_zones"]

TEXTS = ENGLISH["common"]
# 1,200 calls are allowed in five minutes, and others need some of them.
CALLS_IN_TEN_SECONDS = 8


@pytest.fixture
async def browser(
    two_zones: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> Client:
    """Return the browser of a phone of an account with two domains."""
    return await hass_client_no_auth()


async def token_for(
    hass: HomeAssistant, entry: MockConfigEntry, browser: Client, name: str
) -> str:
    """Return the token of the test of a new device's certificate."""
    created = await act(
        hass,
        entry,
        "mint_certificate",
        name=name,
        key_type="ec_p256",
        hostname=HOSTNAME,
    )
    fetched = await fetch(browser, link_of(hass, created))
    await settle(hass)
    return token_of_test(fetched)


async def test_tests_at_several_hostnames(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    two_zones: MockConfigEntry,
    browser: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Two certificates that are tested without end, at hostnames of two domains, cost as much as one."""
    tokens = [
        await token_for(hass, two_zones, browser, name) for name in ("Pixel", "Fold")
    ]
    zone_of(sandbox).worker_routes.append(WorkerRoute("blog.example.com/*", "blog"))
    freezer.tick(timedelta(minutes=1))
    faults.requests.clear()
    for _ in range(12):
        for token in tokens:
            said = await run_test(browser, token, Host=HOSTNAME)
            assert said == TEXTS["proof_exposed"]
            said = await run_test(browser, token, Host=CABIN)
            assert said == TEXTS["proof_other_hostname"]
        await settle(hass)
        freezer.tick(timedelta(seconds=5))

    # The list of the tunnels is read every minute, tests or not.
    calls = [path for _, path in faults.requests if not path.endswith("/cfd_tunnel")]
    assert len(calls) <= 6 * CALLS_IN_TEN_SECONDS


async def test_devices_that_are_tested_at_once(
    hass: HomeAssistant,
    faults: Faults,
    two_zones: MockConfigEntry,
    browser: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Each is judged for itself, by one look."""
    pixel = await token_for(hass, two_zones, browser, "Pixel")
    assert await run_test(browser, pixel) == TEXTS["proof_done"]
    fold = await token_for(hass, two_zones, browser, "Fold")
    faults.requests.clear()

    assert await run_test(browser, fold, Host=CABIN) == TEXTS["proof_other_hostname"]
    assert await run_test(browser, fold) == TEXTS["proof_done"]

    assert not [path for _, path in faults.requests if "/rulesets" in path]
