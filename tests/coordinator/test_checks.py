"""Tests of the checks: what stops devices although our rules let them in is reported, if Home Assistant can see it."""

from collections.abc import Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import DnsRecord, IpAccessRule, Rule, WorkerRoute
from tests.common import (
    CHECKS_EVERY,
    EDGE_EVERY,
    HOSTNAME,
    companion,
    issues,
    placeholders,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.coordinator.causes import (
    ZONE_WIDE,
    bot_fight_mode,
    change_setting,
    log_in,
    no_catch_all,
)
from tests.dialogs import Client, begin_repair, confirm_repair
from tests.limited import LIMITED, set_up_two_pairs


def pause(sandbox: Sandbox) -> None:
    """Pause Cloudflare."""
    zone_of(sandbox).paused = True


def move_away(sandbox: Sandbox) -> None:
    """Move the domain to other nameservers."""
    zone_of(sandbox).status = "moved"


def block_all(sandbox: Sandbox) -> None:
    """Block everything at the hostname, before our rules."""
    rule = Rule("block", f'http.host eq "{HOSTNAME}"', "Away `for` a while")
    zone_of(sandbox).rules.insert(0, rule)


def block_abroad(sandbox: Sandbox) -> None:
    """Block visitors from abroad, before our rules."""
    rule = Rule("block", 'not ip.src.country in {"DE"}', "Abroad")
    zone_of(sandbox).rules.insert(0, rule)


def allow(*places: tuple[str, str]) -> Callable[[Sandbox], None]:
    """Return a function that allows visitors from these places."""

    def add(sandbox: Sandbox) -> None:
        zone_of(sandbox).ip_access_rules += [
            IpAccessRule("whitelist", target, value) for target, value in places
        ]

    return add


def allow_in_account(sandbox: Sandbox) -> None:
    """Allow an address for all domains of the account."""
    account = sandbox.state.accounts[sandbox.account_id]
    account.ip_access_rules.append(IpAccessRule("whitelist", "ip", "198.51.100.7"))


def run_workers(sandbox: Sandbox) -> None:
    """Run a Worker at the blog."""
    zone_of(sandbox).worker_routes += [
        WorkerRoute("blog.example.com/*", "blog"),
        WorkerRoute("blog.example.com/feed", None),
    ]


async def test_healthy_home(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An ordinary home has no repair, and nothing is changed in it."""
    assert reported(hass) == set()
    sandbox.journal.clear()

    await wait_for_refresh(hass, freezer, CHECKS_EVERY)

    assert reported(hass) == set()
    assert sandbox.journal.writes == []
    looked = [item.path for item in sandbox.journal.requests]
    assert sum("/settings/" in path for path in looked) == 5
    assert sum(path.endswith("/bot_management") for path in looked) == 1
    assert sum(path.endswith("/access/apps") for path in looked) == 1


async def test_nothing_is_asked_in_between(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The settings of a zone without changes are not read again at every refresh."""
    sandbox.journal.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert not any("/settings/" in item.path for item in sandbox.journal.requests)

    block_abroad(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert any("/settings/" in item.path for item in sandbox.journal.requests)


async def test_delegated_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Where its visitors get to is not known any more, and a repair of its own tells why."""
    servers = DnsRecord("NS", HOSTNAME, "ns1.example.net")
    zone_of(sandbox).add_dns_record(servers)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"exposed_unfixable", "check_delegated"}
    told = {"target": HOSTNAME, "value": HOSTNAME, "detail": "–"}
    assert placeholders(hass, "check_delegated") == told
    assert servers.id in zone_of(sandbox).dns_records

    del zone_of(sandbox).dns_records[servers.id]
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()


async def test_zone_that_is_closer_to_the_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Cloudflare serves the hostname from there, so nothing here protects it; names only alike do not."""
    for name in ("mobile.example.com", "another-home-mobile.example.com"):
        sandbox.state.add_zone(name)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == set()

    closer = sandbox.state.add_zone(HOSTNAME)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert "check_other_zone" in reported(hass)
    told = {"target": HOSTNAME, "value": HOSTNAME, "detail": "–"}
    assert placeholders(hass, "check_other_zone") == told

    del sandbox.state.zones[closer.id]
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == set()


@pytest.mark.parametrize(
    ("cause", "key", "told", "severity"),
    [
        (pause, "check_zone_paused", ZONE_WIDE, "error"),
        (move_away, "check_zone_inactive", ZONE_WIDE, "error"),
        (
            block_all,
            "check_rule_blocks",
            {"target": HOSTNAME, "value": "block", "detail": "Away 'for' a while"},
            "error",
        ),
        (
            block_abroad,
            "check_rule_may_block",
            {"target": HOSTNAME, "value": "block", "detail": "Abroad"},
            "warning",
        ),
        (
            log_in,
            "check_access_login",
            {"target": HOSTNAME, "value": "*.example.com", "detail": "Everything"},
            "error",
        ),
        (
            allow(("country", "AT"), ("asn", "AS64500")),
            "check_ip_access_allow",
            {
                "target": "example.com",
                "value": "AS64500, AT",
                "detail": HOSTNAME,
            },
            "error",
        ),
        (
            allow_in_account,
            "check_ip_access_allow",
            {
                "target": "example.com",
                "value": "198.51.100.7",
                "detail": HOSTNAME,
            },
            "error",
        ),
        (
            allow(*(("ip", f"192.0.2.{number}") for number in range(1, 8))),
            "check_ip_access_allow",
            {
                "target": "example.com",
                "value": "192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, +2",
                "detail": HOSTNAME,
            },
            "error",
        ),
        (
            run_workers,
            "check_workers",
            {
                "target": "example.com",
                "value": "blog.example.com/*",
                "detail": HOSTNAME,
            },
            "warning",
        ),
    ],
)
async def test_problem_that_only_a_person_can_fix(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    cause: Callable[[Sandbox], None],
    key: str,
    told: dict[str, str],
    severity: str,
) -> None:
    """The repair names it; things that are not ours are not changed."""
    whole = zone_of(sandbox)
    rules, access = list(whole.rules), sandbox.state.accounts[sandbox.account_id].access
    applications = dict(access.applications)
    cause(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)

    assert issues(hass).keys() == {key}
    assert placeholders(hass, key) == told
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[key])
    assert issue
    assert not issue.is_fixable
    assert issue.severity == severity
    assert sandbox.journal.writes == []

    whole.paused, whole.status = False, "active"
    whole.rules[:] = rules
    access.applications = applications
    whole.ip_access_rules.clear()
    sandbox.state.accounts[sandbox.account_id].ip_access_rules.clear()
    whole.worker_routes.clear()
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass) == {}


@pytest.mark.parametrize(
    ("position", "hostname", "stops"),
    [
        (0, LIMITED, True),
        (2, LIMITED, False),
        (2, HOSTNAME, True),
        (4, HOSTNAME, False),
    ],
)
async def test_rule_ahead_of_a_further_pair(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    position: int,
    hostname: str,
    stops: bool,
) -> None:
    """What counts is where the pair of a hostname stands, not the first one."""
    await set_up_two_pairs(hass, sandbox)
    rules = zone_of(sandbox).rules
    assert [LIMITED in item.expression for item in rules[:4]] == [
        True,
        True,
        False,
        False,
    ]
    rules.insert(position, Rule("block", f'http.host eq "{hostname}"', "Away"))
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert ("check_rule_blocks" in issues(hass)) == stops
    if stops:
        assert placeholders(hass, "check_rule_blocks")["target"] == hostname


ENFORCED = "binary_sensor.home_mobile_example_com_enforced"


@pytest.mark.parametrize("key", ["check_ip_access_allow", "check_workers"])
async def test_way_past_the_rules_that_is_widened_after_it_was_ignored(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    key: str,
) -> None:
    """A person accepts it as it is; later the same one, by its id, leads more visitors past."""
    allow(("ip", "198.51.100.7"))(sandbox)
    run_workers(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    ir.async_ignore_issue(hass, DOMAIN, issues(hass)[key], True)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[key])
    assert issue
    assert issue.dismissed_version

    rule, route = zone_of(sandbox).ip_access_rules[0], zone_of(sandbox).worker_routes[0]
    rule.target, rule.value = "country", "AT"
    route.pattern = "*.example.com/*"
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[key])
    assert issue
    assert issue.dismissed_version is None


async def test_visitors_who_are_let_past_the_rules(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A visit from here is blocked; the entity knows better until the rule is gone."""
    assert state_of(hass, ENFORCED) == "on"
    allow(("country", "AT"))(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert state_of(hass, ENFORCED) == "off"
    [issue_id] = issues(hass).values()
    ir.async_ignore_issue(hass, DOMAIN, issue_id, True)

    allow(("country", "CH"))(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert placeholders(hass, "check_ip_access_allow")["value"] == "AT, CH"
    issue = ir.async_get(hass).async_get_issue(DOMAIN, [*issues(hass).values()][0])
    assert issue
    assert issue.dismissed_version is None, "one more rule is no longer ignored"
    assert state_of(hass, ENFORCED) == "off"

    zone_of(sandbox).ip_access_rules.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "on"
    assert issues(hass) == {}


@pytest.mark.parametrize(
    "mode", ["block", "challenge", "js_challenge", "managed_challenge"]
)
async def test_rules_that_only_stop_visitors(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    mode: str,
) -> None:
    """An IP Access rule of another action opens nothing."""
    zone_of(sandbox).ip_access_rules.append(IpAccessRule(mode, "country", "AT"))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert issues(hass) == {}
    assert state_of(hass, ENFORCED) == "on"


async def test_under_attack_mode_with_skip_rule(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Our skip rule lets devices past it, so there is no repair."""
    change_setting("security_level", "under_attack")(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass) == {}


class TestOneRule:
    """A zone with our block rule alone."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the settings for a zone with few free rules."""
        return {**settings, "layout": "block_only"}

    async def test_under_attack_mode(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Devices meet the challenge; the repair goes back to the usual level."""
        change_setting("security_level", "under_attack")(sandbox)
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)
        assert issues(hass).keys() == {"check_under_attack"}
        assert placeholders(hass, "check_under_attack") == {
            "target": "example.com",
            "value": "–",
            "detail": f"{HOSTNAME}",
        }

        flow = await begin_repair(client, issues(hass)["check_under_attack"])
        assert (await confirm_repair(client, flow))["type"] == "create_entry"
        await settle(hass)

        assert zone_of(sandbox).settings["security_level"].value == "medium"
        assert len(sandbox.journal.writes) == 1
        assert issues(hass) == {}


class TestComputer:
    """A computer among the companion devices."""

    @pytest.fixture(params=["macos", "windows", "linux", "chromeos"])
    def devices(self, request: pytest.FixtureRequest) -> list[ConfigSubentryDataWithId]:
        """Return a computer."""
        return [companion(name="Desk", system=request.param)]

    async def test_http3(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Its browser may not send the certificate: a warning that can be ignored."""
        assert "check_http3_on" in reported(hass)
        issue_id = issues(hass)["check_http3_on"]
        issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
        assert issue
        assert issue.severity is ir.IssueSeverity.WARNING
        assert not issue.is_fixable
        ir.async_ignore_issue(hass, DOMAIN, issue_id, True)
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)
        issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
        assert issue
        assert issue.dismissed_version

        change_setting("http3", "off")(sandbox)
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)
        assert "check_http3_on" not in reported(hass)


class TestUnpublished:
    """A hostname that a person took off the internet."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a hostname that is not published."""
        return {**settings, "published": False}

    async def test_nobody_is_stopped(
        self, hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
    ) -> None:
        """No device is meant to reach it, so nothing is read or reported."""
        bot_fight_mode(sandbox)
        no_catch_all(sandbox)
        await setup_integration(hass, entry)
        assert reported(hass) == set()
        assert not any("/settings/" in item.path for item in sandbox.journal.requests)
