"""Tests of the action `verify`: it visits a protected hostname at once, and returns the result."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, IpAccessRule, Rule
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    act,
    hostname_settings,
    reported,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.edge_conditions import Forgetting, challenge
from tests.faults import Faults

DRIFT = "binary_sensor.home_mobile_example_com_drift"
ENFORCED = "binary_sensor.home_mobile_example_com_enforced"
BLOCKED = {"status": 403, "verdict": "blocked"}


@pytest.fixture
def settings() -> dict[str, Any]:
    """Return a hostname that is kept in sync without the action."""
    return hostname_settings()


async def test_verify(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    forgets: Forgetting,
) -> None:
    """The action visits at once, and the sensor and the repair follow."""
    assert await act(hass, loaded_entry, "verify", hostname=HOSTNAME) == {
        "without_certificate": BLOCKED,
        "other_ports": {"8443": BLOCKED},
        "enforced": True,
        "stranger_at": None,
        "exposed_to": [],
        "reaches_home_assistant": None,
        "with_certificate": None,
    }

    forgets.now = True
    let_in = {"status": 403, "verdict": "let_in"}
    assert await act(hass, loaded_entry, "verify", hostname=HOSTNAME) == {
        "without_certificate": let_in,
        "other_ports": {"8443": let_in},
        "enforced": False,
        "stranger_at": None,
        "exposed_to": [],
        "reaches_home_assistant": None,
        "with_certificate": None,
    }
    assert state_of(hass, ENFORCED) == "off"
    assert reported(hass) == {"not_enforced"}

    challenge(sandbox)
    challenged = {"status": 403, "verdict": "challenged"}
    assert await act(hass, loaded_entry, "verify", hostname=HOSTNAME) == {
        "without_certificate": challenged,
        "other_ports": {"8443": challenged},
        "enforced": None,
        "stranger_at": None,
        "exposed_to": [],
        "reaches_home_assistant": None,
        "with_certificate": None,
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
        "stranger_at": None,
        "exposed_to": [],
        "reaches_home_assistant": None,
        "with_certificate": None,
    }


async def test_verify_reports_exposures(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The response names the visitors that get in, and the rule that lets them in."""
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


@pytest.mark.parametrize(
    "settings", [{**hostname_settings(), "keep_in_sync": False}], ids=["not kept in sync"]
)  # fmt: skip
async def test_verify_tells_of_now(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A rule that somebody put first a moment ago is named, and the repair is there at once."""
    await act(hass, loaded_entry, "sync")
    verified = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert verified["exposed_to"] == []

    entrypoint = zone_of(sandbox).entrypoint()
    assert entrypoint
    rule = Rule("skip", "ssl", "Mine first", action_parameters={"ruleset": "current"})
    entrypoint.rules.insert(0, rule)
    verified = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert verified["exposed_to"] == [
        {"visitor": "no_certificate", "rule": "Mine first"}
    ]
    assert reported(hass) == {"exposed"}
    assert state_of(hass, DRIFT) == "on"

    entrypoint.rules.remove(rule)
    verified = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert verified["exposed_to"] == []
    assert reported(hass) == set()


@pytest.mark.parametrize("refused", [True, False])
async def test_verify_where_the_rules_cannot_be_read(
    hass: HomeAssistant,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    refused: bool,
) -> None:
    """What was read before is not told of now: neither by the action nor by the entity."""
    if refused:
        faults.refuse("GET", "/entrypoint$", 403, 10000, "Authentication error")
    else:
        faults.unavailable("GET", "/entrypoint$")
    for _ in range(2):
        verified = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
        assert verified["exposed_to"] is None
        assert verified["enforced"] is True
        assert state_of(hass, DRIFT) in ("unavailable", "unknown")


@pytest.mark.parametrize("hostname", ["home.example.com", "evil.example.net", ""])
async def test_verify_an_unprotected_hostname(
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
    assert raised.value.translation_placeholders == {"hostname": hostname or "–"}
    assert sandbox.state.blocked == []


async def test_verify_has_a_response_only(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """A call has to use the response."""
    with pytest.raises(ServiceValidationError):
        await hass.services.async_call(
            DOMAIN,
            "verify",
            {"config_entry_id": loaded_entry.entry_id, "hostname": HOSTNAME},
            blocking=True,
        )


async def test_visitors_whom_an_access_rule_allows(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """They are read at once, and what a visit from here meets does not count."""
    zone_of(sandbox).ip_access_rules.append(IpAccessRule("whitelist", "country", "AT"))
    answer = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert answer["without_certificate"] == BLOCKED
    assert answer["enforced"] is False
    assert answer["exposed_to"] == [{"visitor": "allowed_visitor", "rule": "AT"}]
    assert state_of(hass, ENFORCED) == "off"
    assert reported(hass) == {"check_ip_access_allow"}

    zone_of(sandbox).ip_access_rules.clear()
    answer = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert (answer["enforced"], answer["exposed_to"]) == (True, [])
    assert state_of(hass, ENFORCED) == "on"
    assert reported(hass) == set()


async def test_access_rules_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """A failure leaves open who gets in; without the permission nobody looks."""
    faults.unavailable("GET", "/firewall/access_rules/")
    answer = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert answer["exposed_to"] is None

    faults.clear()
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"firewall:edit"}
    answer = await act(hass, loaded_entry, "verify", hostname=HOSTNAME)
    assert answer["exposed_to"] == []
