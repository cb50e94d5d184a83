"""Fixtures of all tests of the integration: a local Cloudflare, and an account in it."""

from asyncio import constants, format_helpers
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
import logging
from pkgutil import resolve_name
import sys
from traceback import StackSummary
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
import freezegun
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.http.config import async_get_and_load_store
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component import patch_time
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.cloudflare_mtls.engine import permissions
from custom_components.cloudflare_mtls.flows import progress
from sandbox import Sandbox, edge
from sandbox.authority import edge_authority

from .clocks import HomeClock
from .common import account, hostname_settings, settle, setup_integration
from .edge_conditions import (
    Blocking,
    Forgetting,
    ask_browsers_to_log_in,
    home_assistant_behind,
)
from .engine.access.helpers import without_pauses
from .faults import Faults
from .in_process import answering, answering_for, within_the_process
from .logins import only_another_login
from .rsa_keys import RsaKeys

# Debug mode records where each callback and future was made, which takes a quarter of the time. No test needs that;
# without these lines, logged tracebacks have their frames again.
constants.DEBUG_STACK_DEPTH = 0  # type: ignore[misc]  # Final to others
format_helpers.extract_stack = lambda *_: StackSummary()
sys.tracebacklimit = 0

# The plugin has everything log all it can, which takes a tenth of the time, and no test reads what others than we say
# below a warning. Tests of secrets have them speak, with `log_everything`. The newest Home Assistant uses other clients.
for other in (
    "aiohttp",
    "asyncio",
    "cloudflare",
    "homeassistant",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
):
    logging.getLogger(other).setLevel(logging.WARNING)

RSA_KEYS = RsaKeys()

__all__ = ["within_the_process"]

# pytest measures how long tests take.
freezegun.configure(extend_ignore_list=["_pytest.timing"])

# Whenever time stops, freezegun looks which modules have changed. Comparing all their names takes a twentieth of the
# time of all tests; a module that has got a new name has got longer.
patch_time.ha_get_module_attributes_hash = lambda module: (
    f"{id(module)}-{len(vars(module))}"
)

# cryptography accepts only the type of the first time that it is given, so that must not be a frozen one.
edge_authority()


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return snapshots that know Home Assistant's objects."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave asyncio's debug mode to the option `asyncio_debug`; the plugin would enable it everywhere."""


@pytest.fixture(autouse=True)
def share_rsa_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create RSA keys only if earlier tests needed fewer."""
    RSA_KEYS.begin_test()
    monkeypatch.setattr(rsa, "generate_private_key", RSA_KEYS.generate)


@pytest.fixture(autouse=True, scope="session")
def one_tls_context() -> Iterator[None]:
    """Read the authorities of the internet once, and not for each HTTP client that the tests create.

    Home Assistant brings a context of its own, and the local servers need none.
    """
    target = "httpx._transports.default.create_ssl_context"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, cache(resolve_name(target)))
        yield


@pytest.fixture(autouse=True, scope="session")
def cookies_where_there_are_some() -> Iterator[None]:
    """Look for cookies in those answers only that set one, and not in thousands of others."""
    cookies = resolve_name("httpx:Cookies")
    extract = cookies.extract_cookies

    def extract_if_set(jar: Any, response: Any) -> None:
        if "set-cookie" in response.headers:
            extract(jar, response)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cookies, "extract_cookies", extract_if_set)
        yield


@pytest.fixture(autouse=True)
def nothing_deprecated(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail if the integration uses something that Home Assistant is going to remove."""
    yield
    reports = [
        record.getMessage()
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)
        if record.name == "homeassistant.helpers.frame"
    ]
    assert reports == []


@lru_cache(maxsize=1)
def _seconds_since_1970(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()


def _frozen_seconds() -> float:
    return _seconds_since_1970(freezegun.api.get_current_time())


@pytest.fixture
def freezer(
    request: pytest.FixtureRequest,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> FrozenDateTimeFactory:
    """Stop the clock at the present moment, and refuse to turn it back.

    OpenSSL and other processes see the real clock, so a test with a fixed date fails once it has passed.
    """
    assert not request.node.get_closest_marker("freeze_time"), "Tell days by the clock"
    # For each look at the clock, they would go through the frames of who looks, and count seconds since 1970.
    monkeypatch.setattr(freezegun.api, "call_stack_inspection_limit", 0)
    monkeypatch.setattr(freezegun.api, "_get_fake_monotonic", _frozen_seconds)
    began, move_to = freezer(), freezer.move_to

    def move_on(target: datetime) -> None:
        move_to(target)
        assert freezer() >= began, f"{target} has passed: tell days by the clock"

    monkeypatch.setattr(freezer, "move_to", move_on)
    return freezer


@pytest.fixture
async def sandbox(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    socket_enabled: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Sandbox]:
    """Run a local Cloudflare, and have Home Assistant use it in place of the real one."""
    await hass.config.async_update(internal_url="http://192.168.1.10:8123")
    # No front end shows progress here.
    monkeypatch.setattr(progress, "_PROGRESS_SECONDS", 0)
    monkeypatch.setattr(permissions, "SECOND_THOUGHT", 0)
    # A Home Assistant behind a tunnel trusts the tunnel's connector.
    store = await async_get_and_load_store(hass)
    store.stable["use_x_forwarded_for"] = True
    store.stable["trusted_proxies"] = ["127.0.0.1"]
    async with Sandbox() as running, home_assistant_behind(hass, running):
        ask_browsers_to_log_in(running)
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", running.api_url)
        monkeypatch.setenv(
            "CLOUDFLARE_MTLS_EDGE", f"{running.edge_host}:{running.edge_port}"
        )
        monkeypatch.setenv("CLOUDFLARE_MTLS_EDGE_CA", running.edge_ca_file)
        with answering_for(running):
            yield running
            # The test may not have waited for everything that it started.
            await settle(hass)


@pytest.fixture
def home_clock(
    sandbox: Sandbox, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> HomeClock:
    """Return the clock of the home, which a test can set."""
    return HomeClock(sandbox, freezer, monkeypatch)


@pytest.fixture
def faults(sandbox: Sandbox) -> Iterator[Faults]:
    """Return the proxy in which a test adds faults to Cloudflare's answers."""
    faults = Faults(sandbox)
    with answering(sandbox.url, faults.answer):
        yield faults


@pytest.fixture
def settings() -> dict[str, Any]:
    """Return the settings of the protected hostname; tests may override them."""
    return hostname_settings()


@pytest.fixture
def devices() -> list[ConfigSubentryDataWithId]:
    """Return the companion devices, none by default; tests may override them."""
    return []


@pytest.fixture
def entry(
    sandbox: Sandbox, settings: dict[str, Any], devices: list[ConfigSubentryDataWithId]
) -> MockConfigEntry:
    """Return an account with one protected hostname, not set up yet."""
    return account(sandbox, settings, devices)


@pytest.fixture
async def loaded_entry(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return the account, set up and in sync; time stands still from before that."""
    await setup_integration(hass, entry)
    return entry


@pytest.fixture
def forgets(monkeypatch: pytest.MonkeyPatch) -> Forgetting:
    """Return an edge that can forget the rules while its API still shows them."""
    forgetting = Forgetting()
    monkeypatch.setattr(edge.firewall, "judge", forgetting.judge)
    return forgetting


@pytest.fixture
def blocking(monkeypatch: pytest.MonkeyPatch) -> Blocking:
    """Return an edge that can block everybody while its API shows the right rules."""
    blocking = Blocking()
    monkeypatch.setattr(edge.firewall, "judge", blocking.judge)
    return blocking


@pytest.fixture
def without_login(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without a login in front of the browser's hostname, and do not wait before a refused write is repeated."""
    only_another_login(sandbox)
    without_pauses(monkeypatch)
