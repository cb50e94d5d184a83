"""Tests of a long time in which now and then something goes wrong, and nobody helps."""

from collections.abc import Callable
from datetime import timedelta
import gc
import logging
import random
from typing import Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox

from .common import (
    BLOCK_REF,
    HOSTNAME,
    SKIP_REF,
    add_certificate,
    companion,
    records_of,
    settle,
    setup_integration,
    zone_of,
)
from .faults import HTML_ERROR, Faults, refusal

# An hour has a refresh of everything in it, and a day of hours is a while already.
HOUR: Final = timedelta(hours=1)
# One zone, one tunnel, one device: what an hour's look costs at most, with what is mended.
CALLS_AN_HOUR: Final = 60

STATUS: Final = "sensor.pixel_8_certificate_status"
TUNNEL: Final = "sensor.home_tunnel_status"
DRIFT: Final = "binary_sensor.home_mobile_example_com_drift"

# Tells whether nothing can be seen while it lasts.
type Trouble = Callable[[random.Random, Sandbox, Faults], bool]


def nothing_answers(chance: random.Random, sandbox: Sandbox, faults: Faults) -> bool:
    """Break all of the API."""
    faults.unavailable("*", "")
    return True


def server_error(chance: random.Random, sandbox: Sandbox, faults: Faults) -> bool:
    """Break one part of the API."""
    faults.unavailable("*", chance.choice(["dns", "rules", "tunnel", "cert"]))
    return False


def strange_answer(chance: random.Random, sandbox: Sandbox, faults: Faults) -> bool:
    """Answer with what nobody expects."""
    body = chance.choice(
        [
            {},
            {"success": True, "result": None, "errors": []},
            {"success": True, "result": [None], "errors": []},
            {"success": True, "result": {"id": 7}, "errors": "none"},
            refusal(None, "odd"),
            HTML_ERROR,
        ]
    )
    faults.add("GET", chance.choice(["", "dns", "rules", "cfd"]), status=200, body=body)
    return False


def pause(chance: random.Random, sandbox: Sandbox, faults: Faults) -> bool:
    """Ask for a pause of minutes or hours."""
    faults.limit(chance.choice([30, 600, 7200]), times=1)
    return False


def stray_refusal(chance: random.Random, sandbox: Sandbox, faults: Faults) -> bool:
    """Refuse one request for no reason."""
    faults.refuse(
        "GET", chance.choice(["dns", "rules"]), 403, 10000, "Forbidden", times=1
    )
    return False


def edited_rules(chance: random.Random, sandbox: Sandbox, faults: Faults) -> bool:
    """Have somebody play with our rules in the dashboard."""
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    ours = [rule for rule in entrypoint.rules if rule.ref in (BLOCK_REF, SKIP_REF)]
    match chance.randrange(3):
        case 0 if ours:
            entrypoint.rules.remove(chance.choice(ours))
        case 1 if ours:
            chance.choice(ours).enabled = False
        case _:
            entrypoint.rules.reverse()
    return False


def edited_hostname(chance: random.Random, sandbox: Sandbox, faults: Faults) -> bool:
    """Have somebody undo a part of what leads to the hostname, or asks for a certificate."""
    match chance.randrange(3):
        case 0:
            for record in records_of(sandbox):
                del zone_of(sandbox).dns_records[record.id]
        case 1:
            zone_of(sandbox).associations = []
        case _:
            config = sandbox.state.tunnels[sandbox.tunnel_id].config
            assert config
            config["ingress"] = [
                rule for rule in config["ingress"] if rule.get("hostname") != HOSTNAME
            ]
    return False


TROUBLES: Final[tuple[Trouble, ...]] = (
    nothing_answers,
    server_error,
    strange_answer,
    pause,
    stray_refusal,
    edited_rules,
    edited_hostname,
)


@pytest.fixture
def devices() -> list[object]:
    """Return a home with one phone."""
    return [companion()]


@pytest.mark.parametrize("seed", [1, 2])
async def test_days(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    seed: int,
) -> None:
    """A day with a trouble every few hours."""
    await live(hass, sandbox, faults, entry, freezer, caplog, seed, timedelta(days=1))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10, 16))
async def test_month(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    seed: int,
) -> None:
    """A month with a trouble every few hours."""
    await live(hass, sandbox, faults, entry, freezer, caplog, seed, timedelta(days=30))


async def live(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    seed: int,
    time: timedelta,
) -> None:
    """Let time pass hour by hour, and hold what is shown against what is there."""
    chance = random.Random(seed)
    await add_certificate(sandbox, not_before=dt_util.utcnow(), days=40)
    await setup_integration(hass, entry)
    objects: list[int] = []
    for hour in range(time // HOUR):
        caplog.clear()
        faults.requests.clear()
        troubled = chance.random() < 0.25
        blind = troubled and chance.choice(TROUBLES)(chance, sandbox, faults)
        await pass_hour(hass, freezer)
        assert_nothing_raised(caplog)
        assert len(faults.requests) <= CALLS_AN_HOUR
        assert_honest(hass, sandbox, blind=blind)
        if troubled:
            # It ends by itself; the longest pause is two hours.
            faults.clear()
            for _ in range(3):
                await pass_hour(hass, freezer)
            assert_well(hass, sandbox)
        if hour % 24 == 0:
            gc.collect()
            objects.append(len(gc.get_objects()))
    assert entry.state.recoverable
    assert not list(entry.async_get_active_flows(hass, {"reauth"}))
    # What the first day leaves behind may stay, but no day may add to it.
    grown = objects[-1] - objects[1] if len(objects) > 2 else 0
    assert grown < 200 * len(objects)


async def pass_hour(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let an hour pass, with all that is due in it."""
    freezer.tick(HOUR)
    async_fire_time_changed(hass)
    await settle(hass)


def assert_nothing_raised(caplog: pytest.LogCaptureFixture) -> None:
    """Assert that nobody wrote of an error that he did not expect."""
    for record in caplog.records:
        # The SDK tells of every failure, to whoever wants to know all.
        if record.levelno <= logging.DEBUG:
            continue
        assert record.exc_info is None, record.getMessage()
        if record.name.startswith(("homeassistant", f"custom_components.{DOMAIN}")):
            # One line when Cloudflare is gone, by the coordinator that noticed.
            assert record.levelno < logging.ERROR or "Error fetching" in record.msg


def assert_honest(hass: HomeAssistant, sandbox: Sandbox, *, blind: bool) -> None:
    """Assert that whatever is shown as known is so, and nothing where nothing was seen."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    for entity_id, truth in ((STATUS, "active"), (TUNNEL, tunnel.status)):
        state = hass.states.get(entity_id)
        assert state
        unknown = (STATE_UNAVAILABLE, STATE_UNKNOWN)
        known = () if blind else (truth, "expiring")
        assert state.state in (*known, *unknown), entity_id


def assert_well(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """Assert that all is known again, and as it must be."""
    for entity_id in (STATUS, TUNNEL):
        state = hass.states.get(entity_id)
        assert state
        assert state.state not in (STATE_UNAVAILABLE, STATE_UNKNOWN), entity_id
    drift = hass.states.get(DRIFT)
    assert drift
    assert drift.state == "off"
    refs = [rule.ref for rule in zone_of(sandbox).rules]
    assert refs.count(BLOCK_REF) == refs.count(SKIP_REF) == 1
    assert len(records_of(sandbox)) == 1
