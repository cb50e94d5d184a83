"""Tests of what others do at Cloudflare that lets strangers in: it is told at once, and fixed if it may be."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import DnsRecord, Rule
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    SKIP_REF,
    act,
    issues,
    placeholders,
    records_of,
    reported,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import Client, begin_repair, confirm_repair

DRIFT = "binary_sensor.home_mobile_example_com_drift"
ENFORCED = "binary_sensor.home_mobile_example_com_enforced"
ENDS = {"ruleset": "current"}
EVERYBODY = "everybody on the internet"
ANY_CERTIFICATE = "everybody with a certificate that Cloudflare doesn't accept"
FINGERPRINT = "cf.tls_client_auth.cert_fingerprint_sha256"

FOREIGN_RULES = {
    "text behind the colon": (
        Rule("skip", 'http.host contains "cloud"', action_parameters=ENDS),
        EVERYBODY,
    ),
    "bytes in hex": (
        Rule("skip", "http.host contains 68:61:2d", action_parameters=ENDS),
        EVERYBODY,
    ),
    "climbing path": (
        Rule(
            "skip",
            'starts_with(http.request.uri.path, "/api/webhook/")',
            action_parameters=ENDS,
        ),
        EVERYBODY,
    ),
    "certificate of another authority": (
        Rule(
            "skip",
            f'{FINGERPRINT} ne "" and not cf.tls_client_auth.cert_verified',
            action_parameters=ENDS,
        ),
        ANY_CERTIFICATE,
    ),
    "skip of the phase": (
        Rule("skip", "ssl", action_parameters={"phase": "current"}),
        EVERYBODY,
    ),
    "execute": (Rule("execute", "ssl", action_parameters={"id": "x"}), EVERYBODY),
    "allow": (Rule("allow", "ssl"), EVERYBODY),
}
foreign_rule = pytest.mark.parametrize(
    ("rule", "who"), FOREIGN_RULES.values(), ids=FOREIGN_RULES
)


@pytest.fixture
def keep_in_sync() -> bool:
    """Return whether drift is fixed without asking; tests may override it."""
    return False


@pytest.fixture
def settings(settings: dict[str, Any], keep_in_sync: bool) -> dict[str, Any]:
    """Return the settings of a hostname with an exempt path."""
    return {
        **settings,
        "exempt_paths": ["/api/webhook/"],
        "keep_in_sync": keep_in_sync,
    }


@pytest.fixture
async def home(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, sandbox: Sandbox
) -> Sandbox:
    """Return the home lab, with the hostname in sync."""
    await act(hass, loaded_entry, "sync")
    assert reported(hass) == set()
    return sandbox


def put_first(sandbox: Sandbox, rule: Rule) -> None:
    """Put somebody's rule ahead of ours, as the dashboard does."""
    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    entrypoint.rules.insert(0, rule)


def refs(sandbox: Sandbox) -> list[str]:
    """Return the refs of the zone's rules, in order."""
    return [rule.ref for rule in zone_of(sandbox).rules]


@foreign_rule
async def test_rule_ahead_of_ours_is_told_within_one_refresh(
    hass: HomeAssistant,
    home: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    rule: Rule,
    who: str,
) -> None:
    """A person who keeps nothing in sync is told, and the repair moves our rules ahead."""
    put_first(home, rule)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"exposed"}
    assert placeholders(hass, "exposed")["who"] == who
    assert state_of(hass, DRIFT) == "on"
    assert home.journal.writes == []

    flow = await begin_repair(client, issues(hass)["exposed"])
    assert (await confirm_repair(client, flow))["type"] == "create_entry"
    await hass.async_block_till_done()
    assert refs(home)[:2] == [SKIP_REF, BLOCK_REF]
    assert rule in zone_of(home).rules
    assert reported(hass) == set()
    assert state_of(hass, DRIFT) == "off"


@foreign_rule
@pytest.mark.parametrize("keep_in_sync", [True])
async def test_rule_ahead_of_ours_is_fixed_where_that_was_chosen(
    hass: HomeAssistant,
    home: Sandbox,
    freezer: FrozenDateTimeFactory,
    rule: Rule,
    who: str,
) -> None:
    put_first(home, rule)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert refs(home)[:2] == [SKIP_REF, BLOCK_REF]
    assert rule in zone_of(home).rules
    assert reported(hass) == set()


async def test_rule_for_another_hostname_is_no_exposure(
    hass: HomeAssistant, home: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """It stands ahead of ours, which is told, but no stranger gets past ours by it."""
    expression = 'http.host eq "nas.example.com"'
    put_first(home, Rule("skip", expression, action_parameters=ENDS))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"drift"}


@pytest.mark.parametrize(
    "expression",
    ["ip.src in {198.51.100.0/24}", "cf.tls_client_auth.cert_revoked"],
    ids=["network", "revoked"],
)
async def test_rule_that_no_visit_from_here_meets(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    home: Sandbox,
    freezer: FrozenDateTimeFactory,
    expression: str,
) -> None:
    """Visits without a certificate are blocked as before, and yet somebody gets in."""
    await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert state_of(hass, ENFORCED) == "on"
    put_first(home, Rule("skip", expression, action_parameters=ENDS))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "exposed" in reported(hass)
    assert state_of(hass, ENFORCED) == "off"
    verified = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert verified["enforced"] is False

    zone_of(home).rules.pop(0)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "on"


async def test_record_past_cloudflare_is_told(
    hass: HomeAssistant, home: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """The record is somebody else's, so Home Assistant leaves it, and says so."""
    zone = zone_of(home)
    zone.dns_records.pop(records_of(home)[0].id)
    around = DnsRecord("A", HOSTNAME, "192.0.2.1", proxied=False)
    zone.add_dns_record(around)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"exposed_unfixable", "problem_record_in_the_way"}
    assert around.id in zone.dns_records


@pytest.mark.parametrize("keep_in_sync", [True])
async def test_ingress_rule_in_capitals_is_rewritten(
    hass: HomeAssistant, home: Sandbox, freezer: FrozenDateTimeFactory
) -> None:
    """Cloudflared compares letter by letter."""
    ingress = home.state.tunnels[home.tunnel_id].ingress
    own = next(rule for rule in ingress if rule.get("hostname") == HOSTNAME)
    own["hostname"] = HOSTNAME.title()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    hostnames = [rule.get("hostname") for rule in home.state.tunnels[home.tunnel_id].ingress]  # fmt: skip
    assert hostnames.count(HOSTNAME) == 1
    assert HOSTNAME.title() not in hostnames
    assert reported(hass) == set()
