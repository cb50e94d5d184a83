"""Tests of the visits to the edge: what they show, report, and what a new certificate has to pass."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Any

from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.certificates import first_visit
from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox, edge
from sandbox.clock import now
from sandbox.firewall import Verdict, judge
from sandbox.seed import SERVICE
from sandbox.state import ALL_PERMISSIONS, Rule, Setting
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    TUNNELS_EVERY,
    act,
    is_loaded,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults

ENFORCED = "binary_sensor.home_mobile_example_com_enforced"
DRIFT = "binary_sensor.home_mobile_example_com_drift"
SWITCH = "switch.home_mobile_example_com_published"

BLOCKED = {"status": 403, "verdict": "blocked"}


class Forgetting:
    """An edge that applies its rules only while it remembers them."""

    def __init__(self) -> None:
        """Remember."""
        self.now = False

    def judge(self, rules: Any, request: Any) -> Verdict:
        """Let all visitors in, or apply the rules."""
        return Verdict(None, frozenset()) if self.now else judge(rules, request)


@pytest.fixture
def forgets(monkeypatch: pytest.MonkeyPatch) -> Forgetting:
    """Return what makes the edge forget the rules that its API still shows."""
    forgetting = Forgetting()
    monkeypatch.setattr(edge.firewall, "judge", forgetting.judge)
    return forgetting


@asynccontextmanager
async def home_assistant_behind(sandbox: Sandbox) -> AsyncIterator[None]:
    """Have the tunnel reach a little Home Assistant, which forbids its first page."""

    async def forbid(_: web.BaseRequest) -> web.Response:
        return web.Response(status=403, text="403: Forbidden")

    # An access log would ask for the time, which stands still.
    runner = web.ServerRunner(web.Server(forbid, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sandbox.state.origins[SERVICE] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield
    await runner.cleanup()


@pytest.fixture
async def origin(sandbox: Sandbox) -> AsyncIterator[None]:
    """Put an origin behind the tunnel."""
    async with home_assistant_behind(sandbox):
        yield


@pytest.fixture
async def mute_edge(socket_enabled: None) -> AsyncIterator[str]:
    """Run an edge that accepts connections and never answers; return its address."""

    async def be_silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.wait_closed()

    server = await asyncio.start_server(be_silent, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    server.abort_clients()
    await server.wait_closed()


def block_rule(sandbox: Sandbox) -> Rule:
    """Return our rule that blocks."""
    return next(rule for rule in zone_of(sandbox).rules if rule.ref == BLOCK_REF)


def challenge(sandbox: Sandbox) -> None:
    """Have the zone challenge all visitors that no earlier rule stops."""
    zone_of(sandbox).settings["security_level"] = Setting("under_attack", now())


async def test_enforced(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """Once all is in place, the hostname has been visited on both ports, and blocked."""
    (subentry_id,) = loaded_entry.subentries
    assert state_of(hass, ENFORCED) == "on"
    assert reported(hass) == set()
    assert {(item.host, item.path) for item in sandbox.state.blocked} == {
        (HOSTNAME, "/"),
        (f"{HOSTNAME}:8443", "/"),
    }
    entity = entity_registry.async_get(ENFORCED)
    assert entity
    assert entity.unique_id == f"{subentry_id}_enforced"
    assert entity.entity_category == "diagnostic"
    assert entity.config_subentry_id == subentry_id
    device = device_registry.async_get(entity.device_id or "")
    assert device
    assert device.identifiers == {(DOMAIN, subentry_id)}


@pytest.mark.parametrize(
    "behind", [home_assistant_behind, nullcontext], ids=["Home Assistant", "nobody"]
)
async def test_let_past_although_the_rules_are_right(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
    behind: Callable[[Sandbox], AbstractAsyncContextManager[None]],
) -> None:
    """Only a visit shows it; a repair says so, and closes once visitors are blocked again."""
    forgets.now = True
    sandbox.journal.clear()

    async with behind(sandbox):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, ENFORCED) == "off"
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == {"not_enforced"}
    assert sandbox.journal.writes == []
    (issue,) = (
        issue
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN
    )
    assert issue.severity is ir.IssueSeverity.ERROR
    assert not issue.is_fixable
    assert issue.translation_placeholders == {"hostname": HOSTNAME}

    forgets.now = False
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "on"
    assert reported(hass) == set()


async def test_cannot_be_seen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The sensor is unknown then, and a repair that is open stays open."""
    forgets.now = True
    challenge(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "unknown"
    assert reported(hass) == set()

    zone_of(sandbox).settings.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "off"
    assert reported(hass) == {"not_enforced"}

    challenge(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "unknown"
    assert reported(hass) == {"not_enforced"}


async def test_nobody_there(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """Without an edge to visit, the sensor is unknown and everything else works."""
    monkeypatch.setenv("CLOUDFLARE_MTLS_EDGE", f"127.0.0.1:{unused_tcp_port}")

    await setup_integration(hass, entry)

    assert is_loaded(entry)
    assert state_of(hass, ENFORCED) == "unknown"
    assert state_of(hass, DRIFT) == "off"
    assert reported(hass) == set()


async def test_edge_that_takes_its_time(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    mute_edge: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither set-up nor unloading waits for a visit."""
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    monkeypatch.setenv("CLOUDFLARE_MTLS_EDGE", mute_edge)

    async with asyncio.timeout(5):
        await hass.config_entries.async_setup(loaded_entry.entry_id)
        await hass.async_block_till_done()
        assert is_loaded(loaded_entry)
        assert state_of(hass, DRIFT) == "off"
        assert state_of(hass, ENFORCED) == "unknown"

        assert await hass.config_entries.async_unload(loaded_entry.entry_id)
        await settle(hass)
    assert state_of(hass, ENFORCED) == "unavailable"


class TestAskFirst:
    """A hostname whose owner fixes it by hand."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return a hostname that is not kept in sync."""
        return {**settings, "keep_in_sync": False}

    async def test_without_a_record_there_is_nothing_to_visit(
        self, hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
    ) -> None:
        """Before the record exists, there is neither a visit nor a repair."""
        assert state_of(hass, ENFORCED) == "unknown"
        assert reported(hass) == {"drift"}
        assert sandbox.state.blocked == []

        await act(hass, loaded_entry, "sync")
        await settle(hass)
        assert state_of(hass, ENFORCED) == "on"
        assert reported(hass) == set()

    @pytest.mark.parametrize(
        "change",
        [
            lambda rule: setattr(rule, "enabled", False),
            # The other ports are forgotten.
            lambda rule: setattr(
                rule,
                "expression",
                rule.expression.replace(
                    f'starts_with(lower(http.host), "{HOSTNAME}")',
                    f'http.host eq "{HOSTNAME}"',
                ),
            ),
        ],
        ids=["disabled", "one port only"],
    )
    async def test_exposed_by_its_rules(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        change: Callable[[Rule], None],
    ) -> None:
        """A gap that the rules explain has only the repair that can fix it."""
        await act(hass, loaded_entry, "sync")
        await settle(hass)
        before = block_rule(sandbox).expression, block_rule(sandbox).enabled
        change(block_rule(sandbox))
        assert (block_rule(sandbox).expression, block_rule(sandbox).enabled) != before

        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, ENFORCED) == "off"
        assert reported(hass) == {"exposed"}

        await act(hass, loaded_entry, "sync")
        await settle(hass)
        assert state_of(hass, ENFORCED) == "on"
        assert reported(hass) == set()

    async def test_rules_that_cannot_be_read(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Without the permission to read the rules, the hostname is visited nonetheless."""
        await act(hass, loaded_entry, "sync")
        token = sandbox.state.tokens[sandbox.token]
        token.permissions = ALL_PERMISSIONS - {"waf:edit"}
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, DRIFT) == "unavailable"
        assert state_of(hass, ENFORCED) == "on"

        block_rule(sandbox).enabled = False
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, ENFORCED) == "off"
        assert reported(hass) == {"permission_missing", "not_enforced"}

    async def test_record_that_is_deleted(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        forgets: Forgetting,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Without a record it cannot be visited: the sensor is unknown, and the repair closes."""
        await act(hass, loaded_entry, "sync")
        await settle(hass)
        forgets.now = True
        await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
        assert reported(hass) == {"not_enforced"}
        records = zone_of(sandbox).dns_records
        for key in [key for key, item in records.items() if item.name == HOSTNAME]:
            del records[key]

        await wait_for_refresh(hass, freezer, EDGE_EVERY)

        assert state_of(hass, ENFORCED) == "unknown"
        assert reported(hass) == {"drift"}


async def test_rules_that_somebody_changed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """After fixing there is another visit, long before the next would be due."""
    await wait_for_refresh(hass, freezer, EDGE_EVERY - timedelta(minutes=5))
    block_rule(sandbox).enabled = False
    await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert state_of(hass, ENFORCED) == "off"

    await wait_for_refresh(hass, freezer, timedelta(minutes=6))

    assert block_rule(sandbox).enabled
    assert state_of(hass, ENFORCED) == "on"
    assert reported(hass) == set()


async def test_unpublished(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A hostname that is not published is not visited, and has no repair any more."""
    forgets.now = True
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"not_enforced"}

    await hass.services.async_call(
        "switch", "turn_off", {"entity_id": SWITCH}, blocking=True
    )
    await settle(hass)
    assert state_of(hass, ENFORCED) == "unknown"
    assert reported(hass) == set()

    forgets.now = False
    sandbox.state.blocked.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert sandbox.state.blocked == []
    assert state_of(hass, ENFORCED) == "unknown"

    # The action visits it nonetheless, and no entity shows what it met.
    met = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert met["enforced"] is True
    assert state_of(hass, ENFORCED) == "unknown"


async def test_four_visits_an_hour_and_no_call(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    entity_registry: er.EntityRegistry,
) -> None:
    """Visits cost no API calls, and happen even if no entity shows them."""
    entity_registry.async_update_entity(
        ENFORCED, disabled_by=er.RegistryEntryDisabler.USER
    )
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    sandbox.state.blocked.clear()
    sandbox.journal.clear()

    for _ in range(60):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert 3 * 2 <= len(sandbox.state.blocked) <= 4 * 2
    visits = len(sandbox.state.blocked)
    calls = len(sandbox.journal.requests)
    met = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert met["enforced"] is True
    assert len(sandbox.state.blocked) == visits + 2
    assert len(sandbox.journal.requests) == calls


async def test_verify(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
    origin: None,
) -> None:
    """The action asks at once, and the sensor and the repair follow."""
    assert await act(hass, loaded_entry, "verify", hostname=HOSTNAME) == {
        "without_certificate": BLOCKED,
        "other_ports": {"8443": BLOCKED},
        "enforced": True,
        "exposed_to": [],
    }

    forgets.now = True
    let_in = {"status": 403, "verdict": "let_in"}
    assert await act(hass, loaded_entry, "verify", hostname=HOSTNAME) == {
        "without_certificate": let_in,
        "other_ports": {"8443": let_in},
        "enforced": False,
        "exposed_to": [],
    }
    assert state_of(hass, ENFORCED) == "off"
    assert reported(hass) == {"not_enforced"}

    challenge(sandbox)
    challenged = {"status": 403, "verdict": "challenged"}
    assert await act(hass, loaded_entry, "verify", hostname=HOSTNAME) == {
        "without_certificate": challenged,
        "other_ports": {"8443": challenged},
        "enforced": None,
        "exposed_to": [],
    }
    assert state_of(hass, ENFORCED) == "unknown"

    forgets.now = False
    await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert state_of(hass, ENFORCED) == "on"
    assert reported(hass) == set()


async def test_verify_where_nobody_answers(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """The response says that there was no answer."""
    monkeypatch.setenv("CLOUDFLARE_MTLS_EDGE", f"127.0.0.1:{unused_tcp_port}")
    await setup_integration(hass, entry)

    nobody = {"status": None, "verdict": "unreachable"}
    assert await act(hass, entry, "verify", hostname=HOSTNAME) == {
        "without_certificate": nobody,
        "other_ports": {"8443": nobody},
        "enforced": None,
        "exposed_to": [],
    }


async def test_verify_tells_what_the_rules_let_through(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The response names the visitors that get in, and the rule that lets them."""
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    rule = Rule("skip", "ssl", "Mine first", action_parameters={"ruleset": "current"})
    entrypoint.rules.insert(0, rule)
    faults.unavailable("PATCH", "/rules/")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    verified = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert verified["exposed_to"] == [
        {"visitor": "no_certificate", "rule": "Mine first"}
    ]


@pytest.mark.parametrize("hostname", ["home.example.com", "evil.example.net", ""])
async def test_verify_what_is_not_protected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hostname: str,
) -> None:
    """The action visits protected hostnames only."""
    sandbox.state.blocked.clear()

    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, loaded_entry, "verify", hostname=hostname)

    assert raised.value.translation_key == "hostname_not_found"
    assert raised.value.translation_placeholders == {"hostname": hostname}
    assert sandbox.state.blocked == []


async def test_verify_has_a_response_only(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """The action requires its response to be taken."""
    with pytest.raises(ServiceValidationError):
        await hass.services.async_call(
            DOMAIN,
            "verify",
            {"config_entry_id": loaded_entry.entry_id, "hostname": HOSTNAME},
            blocking=True,
        )


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let time fly while a certificate is tried; return the pauses."""
    taken: list[float] = []

    class Asyncio:
        """The module as `first_visit` sees it."""

        @staticmethod
        async def sleep(seconds: float) -> None:
            """Note the pause."""
            taken.append(seconds)

    monkeypatch.setattr(first_visit, "asyncio", Asyncio)
    return taken


def forget_association(sandbox: Sandbox) -> None:
    """Have the edge stop asking for certificates, before Home Assistant knows."""
    zone_of(sandbox).associations = []


async def test_certificate_that_gets_in(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
    origin: None,
) -> None:
    """The edge lets it in, so one visit is enough."""
    sandbox.state.blocked.clear()

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert response["handover_url"]
    assert pauses == [0]
    assert sandbox.state.blocked == []


async def test_certificate_that_is_blocked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
) -> None:
    """A certificate that does not get in is revoked, and the error says so."""
    forget_association(sandbox)
    sandbox.state.blocked.clear()
    sandbox.journal.clear()

    with pytest.raises(HomeAssistantError, match="was revoked") as raised:
        await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert raised.value.translation_key == "certificate_blocked"
    assert raised.value.translation_placeholders == {"hostname": HOSTNAME}
    assert sum(pauses) == 30
    assert len(sandbox.state.blocked) == len(pauses) == 5
    (certificate,) = zone_of(sandbox).certificates.values()
    assert certificate.status in ("pending_revocation", "revoked")
    assert [item.method for item in sandbox.journal.writes] == ["POST", "DELETE"]
    assert hass.states.get("sensor.pixel_8_certificate_expiry") is None


async def test_certificate_that_is_blocked_at_first(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first visits are repeated: changes reach the edge slowly."""
    forget_association(sandbox)

    async def spread(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            zone_of(sandbox).associations = [HOSTNAME]

    monkeypatch.setattr(first_visit.asyncio, "sleep", spread)

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert response["handover_url"]
    assert len(pauses) == 3
    (certificate,) = zone_of(sandbox).certificates.values()
    assert certificate.status == "active"


async def test_certificate_that_is_blocked_and_cannot_be_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
) -> None:
    """The certificate is not handed over, and the error says what is left to do."""
    forget_association(sandbox)
    faults.unavailable("DELETE", "/client_certificates")

    with pytest.raises(HomeAssistantError, match="could not be revoked") as raised:
        await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    (certificate_id,) = zone_of(sandbox).certificates
    assert raised.value.translation_key == "certificate_blocked_not_revoked"
    assert raised.value.translation_placeholders == {
        "hostname": HOSTNAME,
        "certificate_id": certificate_id,
    }


async def test_certificate_where_nothing_can_be_seen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """A home that cannot visit its own hostname can create certificates all the same."""
    monkeypatch.setenv("CLOUDFLARE_MTLS_EDGE", f"127.0.0.1:{unused_tcp_port}")
    await setup_integration(hass, entry)

    response = await act(hass, entry, "mint_certificate", name="Pixel 8")

    assert response["handover_url"]
    assert pauses == [0]


class TestNoHostnameToTry:
    """A hostname that is not published, or not kept in sync."""

    @pytest.fixture(params=["published", "keep_in_sync"])
    def settings(
        self, settings: dict[str, Any], request: pytest.FixtureRequest
    ) -> dict[str, Any]:
        """Return a hostname that lets no device in at the moment."""
        return {**settings, request.param: False}

    async def test_certificate(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        pauses: list[float],
    ) -> None:
        """No hostname can be visited with the certificate, so it is handed over untested."""
        forget_association(sandbox)
        sandbox.state.blocked.clear()

        response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

        assert response["handover_url"]
        assert pauses == []
        assert sandbox.state.blocked == []


@pytest.mark.parametrize("trouble", ["unavailable", "may not look"])
async def test_certificate_while_the_rules_are_not_known(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    pauses: list[float],
    freezer: FrozenDateTimeFactory,
    trouble: str,
) -> None:
    """While the rules are not known, a block says nothing about the certificate."""
    if trouble == "unavailable":
        faults.unavailable("GET", "/dns_records")
    else:
        faults.refuse("GET", "/dns_records", 403, 10000, "Authentication error")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, DRIFT) == "unavailable"
    forget_association(sandbox)

    response = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")

    assert response["handover_url"]
    assert pauses == []
