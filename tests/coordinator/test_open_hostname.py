"""Tests of the repair for another hostname that leads to the same Home Assistant, open to everybody."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.clock import Delays
from sandbox.seed import SERVICE
from sandbox.state import AccessApplication, AccessGroup, AccessPolicy, DnsRecord
from tests.common import (
    CHECKS_EVERY,
    EDGE_EVERY,
    HOSTNAME,
    SECOND_LOOK,
    TUNNELS_EVERY,
    issues,
    placeholders,
    reported,
    settle,
    setup_integration,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.edge_conditions import ask_browsers_to_log_in
from tests.engine.access.helpers import HOME
from tests.faults import Faults
from tests.logins import MINUTES, application_at, begin, calls, login
from tests.metrics_servers import running_connector, watch
from tests.restarts import restarted, same_account
from tests.sandbox.helpers import visitor
from tests.test_switch import SWITCH

KEY = "check_open_hostname"
LIST_LAG = timedelta(seconds=46)


@pytest.fixture
def no_login(sandbox: Sandbox) -> None:
    """Have no login in front of the browser's hostname."""
    sandbox.state.accounts[sandbox.account_id].access.applications.clear()


@pytest.mark.usefixtures("no_login")
async def test_browsers_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is told until somebody locks it, and can be ignored."""
    await setup_integration(hass, entry)

    assert reported(hass) == {KEY}
    assert placeholders(hass, KEY) == {
        "target": "home.example.com",
        "value": SERVICE,
        "detail": HOSTNAME,
    }
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[KEY])
    assert issue
    assert (issue.severity, issue.is_fixable) == ("warning", False)

    ask_browsers_to_log_in(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == set()


@pytest.mark.usefixtures("no_login")
@pytest.mark.parametrize("service", ["ws", "tcp", "ssh", "bastion", "socks-proxy"])
async def test_another_scheme(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, service: str
) -> None:
    """A browser gets the page by `ws`; by the other schemes, cloudflared passes TCP on to the server."""
    (tunnel,) = sandbox.state.tunnels.values()
    address = SERVICE.partition("://")[2]
    led = service if service in ("bastion", "socks-proxy") else f"{service}://{address}"
    tunnel.config = {
        "ingress": [
            {**rule, "service": led} if rule.get("hostname") == HOME else rule
            for rule in tunnel.ingress
        ]
    }
    await setup_integration(hass, entry)
    assert reported(hass) == {KEY}
    assert placeholders(hass, KEY)["value"] == led


@pytest.mark.usefixtures("no_login")
async def test_protected_hostname_that_is_off(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The other one is open still, and closed once somebody locks it."""
    await setup_integration(hass, entry)
    await turn(hass, SWITCH, "off")
    for _ in range(2):
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == {KEY}
    ask_browsers_to_log_in(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == set()


@pytest.mark.parametrize(
    "behind",
    [
        [{"service": SERVICE}],
        [
            {"hostname": "*.example.com", "service": SERVICE},
            {"service": "http_status:404"},
        ],
    ],
    ids=["last rule", "wildcard"],
)
async def test_name_in_other_letters(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    tmp_path: Path,
    behind: list[dict[str, str]],
) -> None:
    """A rule for a name does not take it in capitals: the next one leads strangers home."""
    (tunnel,) = sandbox.state.tunnels.values()
    nas = {"hostname": "nas.example.com", "service": "http://192.168.1.20:5000"}
    tunnel.config = {"ingress": [nas, *behind]}
    zone_of(sandbox).rules.clear()
    await setup_integration(hass, entry)

    async with visitor(sandbox, tmp_path) as stranger:
        headers = {"Host": "NAS.example.com"}
        answer = await stranger.get("nas.example.com", "/", headers=headers)
        assert "403: Forbidden" in await answer.text()
    assert placeholders(hass, KEY)["target"] == "nas.example.com"


@pytest.mark.parametrize(
    ("record", "name"),
    [("www.example.com", "www.example.com"), ("*.example.com", "other.example.com")],
    ids=["name", "wildcard"],
)
@pytest.mark.parametrize("ingress", [None, "*.example.com"], ids=["last", "star"])
async def test_alias_of_the_browsers_hostname(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    tmp_path: Path,
    record: str,
    name: str,
    ingress: str | None,
) -> None:
    """Browsers have to log in at their hostname; its alias has no login, and leads to the same place."""
    ask_browsers_to_log_in(sandbox)
    (tunnel,) = sandbox.state.tunnels.values()
    # The only other name of the tunnel is the browsers' own.
    rules = [rule for rule in tunnel.ingress if rule.get("hostname") == HOME]
    led = {"service": SERVICE, **({"hostname": ingress} if ingress else {})}
    last = [] if ingress is None else [{"service": "http_status:404"}]
    tunnel.config = {"ingress": [*rules, led, *last]}
    zone = zone_of(sandbox)
    for key, item in list(zone.dns_records.items()):
        if item.name == "nas.example.com":
            del zone.dns_records[key]
    zone.add_dns_record(DnsRecord("CNAME", record, HOME, proxied=True))
    zone.rules.clear()
    await setup_integration(hass, entry)

    async with visitor(sandbox, tmp_path) as stranger:
        text = await (await stranger.get(name, "/auth/authorize")).text()
    assert "403: Forbidden" in text, "the sandbox's Home Assistant did not answer"
    assert reported(hass) == {KEY}
    assert placeholders(hass, KEY)["target"] == record


@pytest.mark.parametrize("last", [True, False], ids=["last rule", "star"])
async def test_deeper_name_below_a_wildcard(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    tmp_path: Path,
    *,
    last: bool,
) -> None:
    """All names of one level ask for a login; by any deeper one, everybody reaches Home Assistant."""
    access = sandbox.state.accounts[sandbox.account_id].access
    access.applications.clear()
    policy = AccessPolicy("Me", "allow", [{"email": {"email": "me@example.com"}}])
    at = [{"type": "public", "uri": "*.example.com"}]
    access.applications["all"] = AccessApplication("All", at, [policy], id="all")
    zone = zone_of(sandbox)
    content = f"{sandbox.tunnel_id}.cfargotunnel.com"
    zone.add_dns_record(DnsRecord("CNAME", "*.example.com", content, proxied=True))
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.config = {
        "ingress": [{"service": SERVICE}]
        if last
        else [
            {"hostname": "*.example.com", "service": SERVICE},
            {"service": "http_status:404"},
        ]
    }
    await setup_integration(hass, entry)
    async with visitor(sandbox, tmp_path) as stranger:
        asked = await stranger.get("other.example.com", "/auth/authorize")
        assert "403: Forbidden" not in await asked.text(), "a login is asked for there"
        answer = await stranger.get(
            "other.example.com", "/auth/authorize", headers={"Host": "a.b.example.com"}
        )
        text = await answer.text()
    assert "403: Forbidden" in text, "the sandbox's Home Assistant did not answer"
    # The login is in front of the companion apps' hostname, too.
    assert reported(hass) == {KEY, "check_access_login"}
    assert placeholders(hass, KEY)["target"] == "*.*.example.com"


@pytest.mark.usefixtures("no_login")
@pytest.mark.parametrize(
    ("uri", "passing"),
    [
        (
            HOME,
            {
                "include": [{"everyone": {}}],
                "exclude": [{"geo": {"country_code": "KP"}}],
            },
        ),
        (
            HOME,
            {
                "include": [{"everyone": {}}],
                "require": [{"geo": {"country_code": "DE"}}],
            },
        ),
        (HOME, {"include": [{"geo": {"country_code": "DE"}}]}),
        (HOME, {"include": [{"ip": {"ip": "0.0.0.0/0"}}, {"ip": {"ip": "::/0"}}]}),
        (HOME, {"include": [{"group": {"id": "all"}}]}),
        (f"{HOME}/*", {"include": [{"everyone": {}}]}),
    ],
    ids=[
        "but one country",
        "everyone in a country",
        "country",
        "every address",
        "group",
        "all paths",
    ],
)
async def test_login_that_strangers_pass(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    tmp_path: Path,
    uri: str,
    passing: dict[str, Any],
) -> None:
    """An application stands in front of the hostname, and asks them for nothing."""
    access = sandbox.state.accounts[sandbox.account_id].access
    ask_browsers_to_log_in(sandbox)
    access.groups["all"] = AccessGroup("All", [{"everyone": {}}], id="all")
    bypass = AccessPolicy("Past", "bypass", **passing)
    [application] = access.applications.values()
    if uri == HOME:
        application.policies.append(bypass)
    else:
        at = [{"type": "public", "uri": uri}]
        access.applications["all"] = AccessApplication("All", at, [bypass], id="all")
    await setup_integration(hass, entry)

    async with visitor(sandbox, tmp_path) as stranger:
        text = await (await stranger.get(HOME, "/auth/authorize")).text()
    assert "403: Forbidden" in text, "the sandbox's Home Assistant did not answer"
    assert reported(hass) == {KEY}


def add_tunnel(sandbox: Sandbox, *, is_local: bool) -> None:
    """Have a second tunnel of the account lead to the same Home Assistant."""
    tunnel = sandbox.state.add_tunnel("cellar")
    served = {"hostname": "cellar.example.com", "service": SERVICE}
    ingress = [served, {"service": "http_status:404"}]
    tunnel.config = None if is_local else {"ingress": ingress}
    content = f"{tunnel.id}.cfargotunnel.com"
    zone_of(sandbox).add_dns_record(
        DnsRecord("CNAME", "cellar.example.com", content, proxied=True)
    )


async def test_another_tunnel(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Every tunnel of the account is looked at."""
    add_tunnel(sandbox, is_local=False)
    await setup_integration(hass, entry)
    assert placeholders(hass, KEY)["target"] == "cellar.example.com"


@pytest.mark.parametrize("is_reloaded", [False, True], ids=["loaded", "reloaded"])
async def test_tunnels_that_may_not_be_listed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    is_reloaded: bool,
) -> None:
    """Then nobody knows which other tunnels there are, and what they had stays told."""
    add_tunnel(sandbox, is_local=False)
    await setup_integration(hass, entry)
    assert placeholders(hass, KEY)["target"] == "cellar.example.com"
    faults.refuse("GET", "/cfd_tunnel$", 403, 10000, "Authentication error")
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    if is_reloaded:
        assert await hass.config_entries.async_reload(entry.entry_id)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert placeholders(hass, KEY)["target"] == "cellar.example.com"


def change_something(sandbox: Sandbox) -> None:
    """Have the next look at the domain find something new, so that all is judged again."""
    record = DnsRecord("TXT", "example.com", f"v={len(zone_of(sandbox).dns_records)}")
    zone_of(sandbox).add_dns_record(record)


async def test_local_tunnel_whose_connector_tells(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Cloudflare does not know its rules; what was told once stays true until its file is another one."""
    add_tunnel(sandbox, is_local=True)
    [*_, tunnel] = sandbox.state.tunnels.values()
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == set()
    served = {"hostname": "cellar.example.com", "service": SERVICE}
    async with running_connector(tunnel, served) as connector:
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
        await watch(hass, loaded_entry, connector)
        assert placeholders(hass, KEY)["target"] == "cellar.example.com"

        connector.fall_silent()
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
        assert reported(hass) == {KEY}
        assert await hass.config_entries.async_reload(loaded_entry.entry_id)
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
        change_something(sandbox)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == {KEY}

        faults.refuse("GET", "/cfd_tunnel$", 403, 10000, "Authentication error")
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
        change_something(sandbox)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert KEY in reported(hass)
        faults.clear()
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

        await connector.restart()
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
        assert reported(hass) == set()


async def test_tunnel_that_says_nothing(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
) -> None:
    """One that is managed locally, or cannot be read, costs nothing else."""
    add_tunnel(sandbox, is_local=True)
    add_tunnel(sandbox, is_local=False)
    [*_, other] = sandbox.state.tunnels
    faults.unavailable("GET", f"{other}/configurations")
    sandbox.state.accounts[sandbox.account_id].access.applications.clear()

    await setup_integration(hass, entry)

    assert reported(hass) == {KEY}
    assert placeholders(hass, KEY)["target"] == "home.example.com"


async def test_tunnel_that_cannot_be_read_any_more(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was told of it stays told, until somebody sees that it leads nowhere."""
    add_tunnel(sandbox, is_local=False)
    [*_, other] = sandbox.state.tunnels
    await setup_integration(hass, entry)
    assert placeholders(hass, KEY)["target"] == "cellar.example.com"
    [issue_id] = issues(hass).values()
    ir.async_ignore_issue(hass, DOMAIN, issue_id, True)

    faults.unavailable("GET", f"{other}/configurations")
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    await hass.config_entries.async_reload(entry.entry_id)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue
    assert issue.dismissed_version

    faults.clear()
    sandbox.state.tunnels[other].config = {
        "ingress": [{"service": "http_status:404"}],
    }
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == set()


async def test_tunnel_that_appears(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """One that cannot be read is looked at again half a minute later."""
    await setup_integration(hass, entry)
    assert reported(hass) == set()
    add_tunnel(sandbox, is_local=False)
    [*_, other] = sandbox.state.tunnels
    faults.unavailable("GET", f"{other}/configurations")
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == set()

    faults.clear()
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert placeholders(hass, KEY)["target"] == "cellar.example.com"


@pytest.mark.usefixtures("no_login")
@pytest.mark.parametrize("lag", [0, 30], ids=["at once", "listed late"])
async def test_login_that_is_set_up_here(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    lag: float,
) -> None:
    """The repair goes as soon as Cloudflare shows the login, and comes back as soon as it is gone."""
    await setup_integration(hass, entry)
    assert reported(hass) == {KEY}
    sandbox.state.delays = Delays(access_list=lag)
    assert (await begin(entry)).is_done
    await settle(hass)
    assert (reported(hass) == set()) is (lag == 0)
    await wait_for_refresh(hass, freezer, LIST_LAG)
    assert reported(hass) == set()

    await wait_for_refresh(hass, freezer, MINUTES - LIST_LAG)
    await wait_for_refresh(hass, freezer, LIST_LAG)
    assert reported(hass) == {KEY, "login_undone"}


@pytest.mark.usefixtures("no_login")
@pytest.mark.parametrize("devices", [[login()]], ids=["with login"])
async def test_login_that_is_ended_here(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    assert application_at(sandbox)
    assert reported(hass) == set()
    assert await loaded_entry.runtime_data.access.async_end(HOME)
    await settle(hass)
    assert reported(hass) == {KEY}


@pytest.mark.usefixtures("no_login")
async def test_few_calls_after_a_login_was_set_up(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The applications are looked at twice, and then as rarely as before."""
    await setup_integration(hass, entry)
    await begin(entry)
    await settle(hass)
    sandbox.journal.clear()
    for _ in range(5):
        await wait_for_refresh(hass, freezer, LIST_LAG)
    assert [each.path.rpartition("/")[2] for each in calls(sandbox)] == ["apps"]


async def test_applications_that_cannot_be_read_for_a_while(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Those that were read before count, and nothing else is read more often for that."""
    await setup_integration(hass, entry)
    faults.unavailable("GET", "/access/apps")
    await entry.runtime_data.checks.async_look_around_again()
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    sandbox.journal.clear()
    for _ in range(8):
        await wait_for_refresh(hass, freezer, MINUTES)

    assert entry.runtime_data.checks.last_update_success
    assert KEY not in reported(hass)
    paths = [each.path.rpartition("/")[2] for each in sandbox.journal.requests]
    assert paths.count("bot_management") <= 1


async def test_bypass_for_one_name_below_a_wildcard(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    tmp_path: Path,
) -> None:
    """All names ask for a login but one: everybody reaches Home Assistant by it."""
    access = sandbox.state.accounts[sandbox.account_id].access
    access.applications.clear()
    for uri, decision in (
        ("*.example.com", "allow"),
        ("*.*.example.com", "allow"),
        ("status.example.com", "bypass"),
    ):
        include = [{"email": {"email": "me@example.com"}}]
        policy = AccessPolicy(
            uri, decision, include if decision == "allow" else [{"everyone": {}}]
        )
        at = [{"type": "public", "uri": uri}]
        access.applications[uri] = AccessApplication(uri, at, [policy], id=uri)
    zone = zone_of(sandbox)
    zone.rules.clear()
    content = f"{sandbox.tunnel_id}.cfargotunnel.com"
    zone.add_dns_record(DnsRecord("CNAME", "*.example.com", content, proxied=True))
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.config = {
        "ingress": [
            {"hostname": "*.example.com", "service": SERVICE},
            {"service": "http_status:404"},
        ]
    }
    await setup_integration(hass, entry)
    async with visitor(sandbox, tmp_path) as stranger:
        answer = await stranger.get("status.example.com", "/auth/authorize")
        text = await answer.text()
    assert "403: Forbidden" in text, "the sandbox's Home Assistant did not answer"
    # The login is in front of the companion apps' hostname, too.
    assert reported(hass) == {KEY, "check_access_login"}
    assert placeholders(hass, KEY)["target"] == "status.example.com"


@pytest.mark.usefixtures("no_login")
@pytest.mark.parametrize("is_reloaded", [False, True], ids=["loaded", "reloaded"])
@pytest.mark.parametrize("is_refused", [False, True], ids=["away", "refused"])
async def test_access_that_cannot_be_read(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    is_reloaded: bool,
    is_refused: bool,
) -> None:
    """Nobody has seen that anybody locked the hostname: it stays told."""
    await setup_integration(hass, entry)
    assert reported(hass) == {KEY}
    if is_refused:
        faults.refuse("GET", "/access/apps", 403, 10000, "Authentication error")
    else:
        faults.unavailable("GET", "/access/apps")
    if is_reloaded:
        assert await hass.config_entries.async_reload(entry.entry_id)
    for interval in (CHECKS_EVERY, EDGE_EVERY, CHECKS_EVERY):
        await wait_for_refresh(hass, freezer, interval)
        assert KEY in reported(hass)


@pytest.mark.usefixtures("no_login", "hass_storage")
async def test_ignored_before_a_start_without_access(
    hass: HomeAssistant, entry: MockConfigEntry, faults: Faults
) -> None:
    """Who ignored it is not told again because Access could not be read for a while."""
    await setup_integration(hass, entry)
    issue_id = issues(hass)[KEY]
    ir.async_ignore_issue(hass, DOMAIN, issue_id, ignore=True)
    faults.unavailable("GET", "/access/apps")
    async with restarted(hass) as again:
        ir.async_get(again).issues[DOMAIN, issue_id] = replace(
            ir.async_get(hass).issues[DOMAIN, issue_id], active=False
        )
        await setup_integration(again, same_account(entry))
        await settle(again)
        issue = ir.async_get(again).async_get_issue(DOMAIN, issue_id)
        assert issue
        assert issue.dismissed_version
