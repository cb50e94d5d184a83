"""Tests of the checks: what stops devices although the rules let them in is told, and fixed if it can be."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.http.config import ConfData, async_get_and_load_store
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import (
    ALL_PERMISSIONS,
    AccessApplication,
    AccessPolicy,
    Plan,
    Rule,
    Setting,
)
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    companion,
    issues,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import Client, begin_repair, confirm_repair
from tests.faults import Faults

CHECKS_EVERY = timedelta(hours=6)
HTTPS_SERVICE = "https://homeassistant.local:8123"


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    sandbox: Sandbox,
    hass_admin_user: MockUser,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of somebody who opens the repairs of a healthy home, hours later."""
    assert issues(hass) == {}
    sandbox.journal.clear()
    assert await async_setup_component(hass, "repairs", {})
    session = await hass.auth.async_create_refresh_token(
        hass_admin_user,
        "https://example.org/app",
        access_token_expiration=2 * CHECKS_EVERY,
    )
    return await hass_client(hass.auth.async_create_access_token(session))


def setting(name: str, value: str) -> Callable[[Sandbox], None]:
    """Return a trouble: a zone setting that somebody changed."""

    def change(sandbox: Sandbox) -> None:
        zone_of(sandbox).settings[name] = Setting(value, now())

    return change


def bot_fight_mode(sandbox: Sandbox) -> None:
    """Switch Bot Fight Mode on, and more."""
    zone_of(sandbox).bot_management = {"fight_mode": True, "enable_js": False}


def config_of(sandbox: Sandbox) -> dict[str, Any]:
    """Return the configuration of the tunnel."""
    config = sandbox.state.tunnels[sandbox.tunnel_id].config
    assert config is not None
    return config


def no_catch_all(sandbox: Sandbox) -> None:
    """Take the tunnel's last rule away."""
    config_of(sandbox)["ingress"].pop()


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


def challenge_abroad(sandbox: Sandbox) -> None:
    """Challenge visitors from abroad, before our rules."""
    rule = Rule("managed_challenge", 'not ip.src.country in {"DE"}', "Abroad")
    zone_of(sandbox).rules.insert(0, rule)


def log_in(sandbox: Sandbox) -> None:
    """Put Access before every hostname of the zone."""
    access = sandbox.state.accounts[sandbox.account_id].access
    policy = AccessPolicy(
        "Family", "allow", [{"email_domain": {"domain": "a.example"}}]
    )
    destinations = [{"type": "public", "uri": "*.example.com"}]
    application = AccessApplication("Everything", destinations, [policy])
    access.applications[application.id] = application


def world(sandbox: Sandbox) -> Any:
    """Return everything at Cloudflare that could have been changed."""
    zone = zone_of(sandbox)
    return deepcopy(
        (
            {name: changed.value for name, changed in zone.settings.items()},
            zone.bot_management,
            zone.rules,
            zone.associations,
            zone.dns_records,
            sandbox.state.tunnels[sandbox.tunnel_id].config,
            sandbox.state.accounts[sandbox.account_id].access,
        )
    )


def placeholders(hass: HomeAssistant, key: str) -> dict[str, str]:
    """Return the placeholders of an issue."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[key])
    assert issue
    assert issue.translation_placeholders
    return issue.translation_placeholders


ZONE_WIDE = {"target": "example.com", "value": "``", "detail": "``"}
FIXABLE = [
    pytest.param(
        setting("websockets", "off"),
        "check_websockets_off",
        ZONE_WIDE,
        setting("websockets", "on"),
        id="websockets",
    ),
    pytest.param(
        setting("0rtt", "on"),
        "check_zero_rtt_on",
        ZONE_WIDE,
        setting("0rtt", "off"),
        id="0-RTT",
    ),
    pytest.param(
        setting("min_tls_version", "1.3"),
        "check_tls_1_3_only",
        ZONE_WIDE,
        setting("min_tls_version", "1.2"),
        id="TLS 1.3",
    ),
    pytest.param(
        bot_fight_mode,
        "check_bot_fight_mode",
        ZONE_WIDE,
        lambda sandbox: zone_of(sandbox).bot_management.update(fight_mode=False),
        id="Bot Fight Mode",
    ),
    pytest.param(
        no_catch_all,
        "check_no_catch_all",
        {"target": "home", "value": "``", "detail": "``"},
        lambda sandbox: config_of(sandbox)["ingress"].append(
            {"service": "http_status:404"}
        ),
        id="last rule",
    ),
]


async def test_healthy_home(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An ordinary home lab has no repair, and nothing is changed in it."""
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
    """While a zone does not change, its surroundings are not read again."""
    sandbox.journal.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert not any("/settings/" in item.path for item in sandbox.journal.requests)

    challenge_abroad(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert any("/settings/" in item.path for item in sandbox.journal.requests)


@pytest.mark.parametrize(("trouble", "key", "told", "fixed"), FIXABLE)
async def test_what_can_be_fixed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    trouble: Callable[[Sandbox], None],
    key: str,
    told: dict[str, str],
    fixed: Callable[[Sandbox], None],
) -> None:
    """The repair names the trouble, changes only that once confirmed, and closes."""
    trouble(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass).keys() == {key}
    assert placeholders(hass, key) == told
    assert sandbox.journal.writes == []
    before = world(sandbox)

    flow = await begin_repair(client, issues(hass)[key])
    assert flow["step_id"] == "confirm"
    assert flow["description_placeholders"] == told
    assert world(sandbox) == before

    done = await confirm_repair(client, flow)
    await settle(hass)

    assert done["type"] == "create_entry"
    assert len(sandbox.journal.writes) == 1
    after = world(sandbox)
    assert after != before
    assert issues(hass) == {}
    # Everything else is as it was.
    trouble(sandbox)
    assert world(sandbox) == before
    fixed(sandbox)
    assert world(sandbox) == after
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass) == {}


@pytest.mark.parametrize(
    ("trouble", "key", "told", "severity"),
    [
        (pause, "check_zone_paused", ZONE_WIDE, "error"),
        (move_away, "check_zone_inactive", ZONE_WIDE, "error"),
        (
            block_all,
            "check_rule_blocks",
            {"target": HOSTNAME, "value": "`block`", "detail": "`Away 'for' a while`"},
            "error",
        ),
        (
            challenge_abroad,
            "check_rule_may_block",
            {"target": HOSTNAME, "value": "`managed_challenge`", "detail": "`Abroad`"},
            "warning",
        ),
        (
            log_in,
            "check_access_login",
            {"target": HOSTNAME, "value": "`*.example.com`", "detail": "`Everything`"},
            "error",
        ),
    ],
)
async def test_what_only_a_person_can_put_right(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    trouble: Callable[[Sandbox], None],
    key: str,
    told: dict[str, str],
    severity: str,
) -> None:
    """The repair names it; what is not ours is not changed."""
    whole = zone_of(sandbox)
    rules, access = list(whole.rules), sandbox.state.accounts[sandbox.account_id].access
    trouble(sandbox)
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
    access.applications.clear()
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass) == {}


async def test_under_attack_mode_with_skip_rule(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Our skip rule lets devices past it, so there is no repair."""
    setting("security_level", "under_attack")(sandbox)
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
        setting("security_level", "under_attack")(sandbox)
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)
        assert issues(hass).keys() == {"check_under_attack"}
        assert placeholders(hass, "check_under_attack") == {
            "target": "example.com",
            "value": "``",
            "detail": f"`{HOSTNAME}`",
        }

        flow = await begin_repair(client, issues(hass)["check_under_attack"])
        assert (await confirm_repair(client, flow))["type"] == "create_entry"
        await settle(hass)

        assert zone_of(sandbox).settings["security_level"].value == "medium"
        assert len(sandbox.journal.writes) == 1
        assert issues(hass) == {}


class TestComputer:
    """A computer among the companion devices."""

    @pytest.fixture
    def devices(self) -> list[ConfigSubentryDataWithId]:
        """Return a computer."""
        return [companion(name="Desk", system="linux")]

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

        setting("http3", "off")(sandbox)
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)
        assert "check_http3_on" not in reported(hass)


class TestHttpsOrigin:
    """An origin with a certificate that no public authority signed."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return a service over HTTPS, at a port of Home Assistant's without TLS."""
        return {**settings, "service": HTTPS_SERVICE}

    async def test_certificate(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
        hass_client: ClientSessionGenerator,
    ) -> None:
        """The repair names scheme and certificate, and only our own rule is changed."""
        assert reported(hass) == {"check_origin_certificate", "check_origin_scheme"}
        assert placeholders(hass, "check_origin_scheme") == {
            "target": HOSTNAME,
            "value": f"`{HTTPS_SERVICE}`",
            "detail": "`http://homeassistant.local:8123`",
        }
        assert placeholders(hass, "check_origin_certificate") == {
            "target": HOSTNAME,
            "value": f"`{HTTPS_SERVICE}`",
            "detail": "`home`",
        }
        before = deepcopy(config_of(sandbox))
        assert await async_setup_component(hass, "repairs", {})
        client = await hass_client()
        sandbox.journal.clear()

        flow = await begin_repair(client, issues(hass)["check_origin_certificate"])
        assert (await confirm_repair(client, flow))["type"] == "create_entry"
        await settle(hass)

        assert reported(hass) == {"check_origin_scheme"}
        assert len(sandbox.journal.writes) == 1
        for rule in before["ingress"]:
            if rule.get("hostname") == HOSTNAME:
                rule["originRequest"] = {"noTLSVerify": True}
        assert config_of(sandbox) == before
        # This does not count as drift.
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert len(sandbox.journal.writes) == 1


class TestOtherPort:
    """A service that leads to another port than Home Assistant's."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the port that Home Assistant had before."""
        return {**settings, "service": "http://localhost:80"}

    async def test_port(
        self, hass: HomeAssistant, loaded_entry: MockConfigEntry
    ) -> None:
        """The repair names the right service; it is a warning, as a reverse proxy may be there."""
        assert reported(hass) == {"check_origin_port"}
        assert placeholders(hass, "check_origin_port") == {
            "target": HOSTNAME,
            "value": "`http://localhost:80`",
            "detail": "`http://localhost:8123`",
        }


class TestUnpublished:
    """A hostname that a person took off the internet."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a hostname that is not published."""
        return {**settings, "published": False}

    async def test_nobody_is_stopped(
        self, hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
    ) -> None:
        """Nobody is meant to reach it, so nothing is read or reported."""
        bot_fight_mode(sandbox)
        no_catch_all(sandbox)
        await setup_integration(hass, entry)
        assert reported(hass) == set()
        assert not any("/settings/" in item.path for item in sandbox.journal.requests)


@pytest.mark.parametrize(
    "configured",
    [
        {"use_x_forwarded_for": True, "trusted_proxies": []},
        {"use_x_forwarded_for": False, "trusted_proxies": ["127.0.0.1"]},
    ],
    ids=["no proxies", "no headers"],
)
async def test_proxies_that_are_not_trusted(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    configured: ConfData,
) -> None:
    """A server that refuses all requests from the tunnel has a repair that leads to its settings."""
    store = await async_get_and_load_store(hass)
    store.stable.update(configured)

    await setup_integration(hass, entry)

    assert reported(hass) == {"check_proxy_not_trusted"}
    assert placeholders(hass, "check_proxy_not_trusted")["target"] == HOSTNAME
    issue_id = issues(hass)["check_proxy_not_trusted"]
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.learn_more_url == "homeassistant://config/network"


async def test_store_of_the_server_that_changed(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """If the store cannot be read, a server with trusted proxies has no repair."""
    assert await async_setup_component(hass, "http", {})
    hass.data["http"] = object()
    await setup_integration(hass, entry)
    assert reported(hass) == set()


@pytest.mark.parametrize(
    ("missing", "named", "left"),
    [
        (
            {"settings:edit"},
            ["Zone / Zone Settings / Read"],
            {"check_bot_fight_mode", "check_access_login"},
        ),
        (
            {"bots:edit"},
            ["Zone / Bot Management / Read"],
            {"check_websockets_off", "check_access_login"},
        ),
        (
            {"access_apps:edit"},
            # Cloudflare says that there are none.
            [],
            {"check_websockets_off", "check_bot_fight_mode"},
        ),
        (
            {"settings:edit", "bots:edit", "access_apps:edit"},
            ["Zone / Bot Management / Read", "Zone / Zone Settings / Read"],
            set(),
        ),
    ],
    ids=["settings", "bots", "Access", "all"],
)
async def test_permissions_are_optional(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
    missing: set[str],
    named: list[str],
    left: set[str],
) -> None:
    """Without a permission one check is off, and only the diagnostics say so."""
    for trouble in (setting("websockets", "off"), bot_fight_mode, log_in):
        trouble(sandbox)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - missing

    await setup_integration(hass, entry)

    assert reported(hass) == left
    diagnostics = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert diagnostics["checks"] == {
        "found": sorted(item.removeprefix("check_") for item in left),
        "not_permitted": named,
    }
    token.permissions = ALL_PERMISSIONS
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == {
        "check_websockets_off",
        "check_bot_fight_mode",
        "check_access_login",
    }


async def test_one_refusal_is_enough(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """A token that may not read the settings is not asked for each of them."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"settings:edit"}
    await setup_integration(hass, entry)
    asked = {
        item.path for item in sandbox.journal.requests if "/settings/" in item.path
    }
    assert len(asked) == 1


async def test_plan_without_a_setting(
    hass: HomeAssistant, faults: Faults, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """A setting that the zone does not have has no repair."""
    zone_of(sandbox).plan = Plan.PRO
    faults.refuse("GET", "/settings/0rtt", 400, 1003, "Undefined zone setting: 0rtt")
    setting("websockets", "off")(sandbox)
    await setup_integration(hass, entry)
    assert reported(hass) == {"check_websockets_off"}


async def test_what_cannot_be_seen_has_not_got_better(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """While Cloudflare does not answer, the repair stays; the next look comes soon."""
    setting("websockets", "off")(sandbox)
    await setup_integration(hass, entry)
    assert reported(hass) == {"check_websockets_off"}
    faults.unavailable("GET", "/settings/")

    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == {"check_websockets_off"}

    faults.clear()
    setting("websockets", "on")(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY + timedelta(seconds=1))
    assert reported(hass) == set()


@pytest.mark.parametrize(("trouble", "key", "told", "fixed"), FIXABLE)
async def test_permission_to_look_only(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
    trouble: Callable[[Sandbox], None],
    key: str,
    told: dict[str, str],
    fixed: Callable[[Sandbox], None],
) -> None:
    """The dialog names the missing permission; nothing is changed, and the repair stays."""
    trouble(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = frozenset(
        item.replace("edit", "read") for item in ALL_PERMISSIONS
    )
    before = world(sandbox)

    aborted = await confirm_repair(
        client, await begin_repair(client, issues(hass)[key])
    )

    assert aborted["type"] == "abort"
    assert aborted["reason"] == "permission_missing"
    assert aborted["description_placeholders"]["permission"].endswith("/ Edit")
    assert world(sandbox) == before
    assert issues(hass).keys() == {key}


@pytest.mark.parametrize("path", ["/settings/websockets$", "/bot_management$"])
@pytest.mark.parametrize("method", ["GET", "*"])
async def test_pause_that_cloudflare_asks_for(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    freezer: FrozenDateTimeFactory,
    method: str,
    path: str,
) -> None:
    """The dialog says how long to wait; the pause is kept, and nothing is changed."""
    setting("websockets", "off")(sandbox)
    bot_fight_mode(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    before = world(sandbox)
    key = "check_websockets_off" if "websockets" in path else "check_bot_fight_mode"
    flow = await begin_repair(client, issues(hass)[key])
    faults.limit(77, method, path)

    aborted = await confirm_repair(client, flow)

    assert aborted["reason"] == "rate_limited"
    assert aborted["description_placeholders"]["seconds"] == "77"
    assert world(sandbox) == before
    assert key in issues(hass)
    sandbox.journal.clear()
    await hass.config_entries.async_entries(DOMAIN)[
        0
    ].runtime_data.protection.async_refresh()
    assert sandbox.journal.requests == []


@pytest.mark.parametrize("key", ["check_websockets_off", "check_no_catch_all"])
async def test_cloudflare_that_does_not_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    client: Client,
    freezer: FrozenDateTimeFactory,
    key: str,
) -> None:
    """The dialog ends with an explanation, and can be opened again."""
    setting("websockets", "off")(sandbox)
    no_catch_all(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    flow = await begin_repair(client, issues(hass)[key])
    faults.unavailable("*", "/(settings|configurations)")

    aborted = await confirm_repair(client, flow)

    assert aborted["reason"] == "unavailable"
    assert sandbox.journal.writes == []
    faults.clear()
    done = await confirm_repair(client, await begin_repair(client, issues(hass)[key]))
    assert done["type"] == "create_entry"
    await settle(hass)
    assert key not in issues(hass)


async def test_trouble_that_somebody_else_ended(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was fixed meanwhile is not changed, whenever the dialog notices."""
    setting("websockets", "off")(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    issue_id = issues(hass)["check_websockets_off"]
    first, second = (
        await begin_repair(client, issue_id),
        await begin_repair(client, issue_id),
    )
    setting("websockets", "on")(sandbox)

    assert (await confirm_repair(client, first))["type"] == "create_entry"
    assert (await confirm_repair(client, second))["type"] == "create_entry"

    assert sandbox.journal.writes == []
    assert issues(hass) == {}


async def test_account_that_is_not_connected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A repair of an account that is not loaded says so."""
    setting("websockets", "off")(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    issue_id = issues(hass)["check_websockets_off"]
    await hass.config_entries.async_unload(loaded_entry.entry_id)

    assert (await begin_repair(client, issue_id))["reason"] == "entry_not_loaded"


async def test_repairs_go_with_their_account(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A removed account has no repairs."""
    setting("websockets", "off")(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert issues(hass)
    await hass.config_entries.async_remove(loaded_entry.entry_id)
    assert issues(hass) == {}
