"""Tests of what decides beside the custom rules: before them, in their place, or in the origin's place."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.state import (
    ALL_PERMISSIONS,
    FIREWALL_PHASE,
    ORIGIN_PHASE,
    REDIRECT_PHASE,
    TRANSFORM_PHASE,
    AccessApplication,
    AccessPolicy,
    IpAccessRule,
    Plan,
    Ruleset,
    Worker,
    WorkerRoute,
    Zone,
)

from .helpers import HOME, NAS, Api, Origin, Reply, protect, status, visitor

type Status = Callable[[], Awaitable[int]]

RULES = "/zones/{zone}/firewall/access_rules/rules"
ROUTES = "/zones/{zone}/workers/routes"
RULESETS = "/zones/{zone}/rulesets"
SKIP_PHASE = {"phase": "current"}
SKIP_RULESET = {"ruleset": "current"}


@pytest.fixture
def zone(sandbox: Sandbox, origin: Origin) -> Zone:
    """Return a zone with our block rule for a hostname that leads to an origin."""
    protect(sandbox)
    return sandbox.state.zones[sandbox.zone_id]


@pytest.fixture
def visit(sandbox: Sandbox, zone: Zone, tmp_path: Path) -> Status:
    """Return what visits the hostname without a certificate."""
    return lambda: status(sandbox, tmp_path)


# IP Access rules


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("ip", "203.0.113.24"),
        ("ip_range", "203.0.113.0/24"),
        ("asn", "AS64496"),
        ("country", "DE"),
    ],
)
@pytest.mark.parametrize("scope", ["zone", "account", "user"])
async def test_allowed_visitor_meets_no_custom_rule(
    sandbox: Sandbox, zone: Zone, visit: Status, scope: str, target: str, value: str
) -> None:
    """A rule at any level lets a visitor from there in, and no event tells of it."""
    assert await visit() == 403
    [event] = sandbox.state.blocked
    account = sandbox.state.accounts[sandbox.account_id]
    holders = {"zone": zone, "account": account, "user": sandbox.state}
    rule = IpAccessRule("whitelist", target, value)
    holders[scope].ip_access_rules.append(rule)  # type: ignore[attr-defined]
    assert await visit() == 200
    assert sandbox.state.blocked == [event]


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("ip", "203.0.113.25"),
        ("ip_range", "198.51.100.0/24"),
        ("asn", "AS64500"),
        ("country", "AT"),
        ("ip6", "2001:db8::1"),
    ],
)
async def test_other_visitors_meet_the_custom_rules(
    zone: Zone, visit: Status, target: str, value: str
) -> None:
    """An allowing rule for others changes nothing."""
    zone.ip_access_rules.append(IpAccessRule("whitelist", target, value))
    assert await visit() == 403


@pytest.mark.parametrize(
    ("mode", "source"), [("block", "country"), ("managed_challenge", "country")]
)
async def test_stopping_rule(
    sandbox: Sandbox, zone: Zone, visit: Status, mode: str, source: str
) -> None:
    """It opens nothing, and an allowing one goes before it."""
    zone.rules.clear()
    zone.ip_access_rules.append(IpAccessRule(mode, "country", "DE"))
    assert await visit() == 403
    [event] = sandbox.state.blocked
    assert (event.source, event.action) == (source, mode)
    zone.ip_access_rules.append(IpAccessRule("whitelist", "ip", "203.0.113.24"))
    assert await visit() == 200


async def add(api: Api, path: str = RULES, **body: Any) -> Reply:
    """Add an IP Access rule."""
    configuration = {"target": "country", "value": "DE"}
    body = {"mode": "whitelist", "configuration": configuration, **body}
    return await api.request("POST", path, body)


async def test_life_of_an_access_rule(api: Api) -> None:
    """It is created, listed, changed and deleted."""
    rule = (await add(api, notes="Home")).result
    assert (await api.get(RULES)).result == [rule]
    assert (await add(api)).code == 10009
    path = f"{RULES}/{rule['id']}"
    changed = (await api.request("PATCH", path, {"mode": "block"})).result
    assert (changed["mode"], changed["notes"]) == ("block", "Home")
    assert (await api.get(RULES, mode="whitelist")).result == []
    assert (await api.request("DELETE", path)).result == {"id": rule["id"]}
    assert (await api.request("DELETE", path)).status == 404
    assert (await api.get(RULES)).result == []


async def test_list_of_a_zone_has_the_inherited_rules(
    sandbox: Sandbox, api: Api
) -> None:
    """Each rule says what it was made for; that of the account has its own list too."""
    account_rules = "/accounts/{account}/firewall/access_rules/rules"
    await add(api)
    await add(api, account_rules)
    sandbox.state.ip_access_rules.append(IpAccessRule("whitelist", "country", "DE"))
    listed = (await api.get(RULES)).result
    assert [each["scope"]["type"] for each in listed] == [
        "zone",
        "organization",
        "user",
    ]
    assert (await api.get(account_rules)).result == [listed[1]]


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "allow"},
        {"configuration": {"target": "ip", "value": "DE"}},
        {"configuration": {"target": "ip_range", "value": "203.0.113.24/99"}},
        {"configuration": {"target": "country", "value": "Germany"}},
        {"configuration": {"target": "asn", "value": "64496"}},
        {"configuration": {"target": "planet", "value": "AS1"}},
        {"configuration": None},
    ],
)
async def test_invalid_access_rules(api: Api, body: dict[str, Any]) -> None:
    """A mode or place that is not known is refused."""
    assert (await add(api, **body)).status == 400


# Custom rulesets


async def execute(api: Api, *rules: dict[str, Any]) -> Reply:
    """Create a custom ruleset, and have it executed before all other rules."""
    body = {"name": "More", "kind": "custom", "phase": FIREWALL_PHASE}
    custom = (await api.request("POST", RULESETS, {**body, "rules": rules})).result
    assert custom["kind"] == "custom"
    [entrypoint] = [
        each for each in (await api.get(RULESETS)).result if each["kind"] == "zone"
    ]
    return await api.request(
        "POST",
        f"{RULESETS}/{entrypoint['id']}/rules",
        {
            "action": "execute",
            "expression": "ssl",
            "action_parameters": {"id": custom["id"]},
            "position": {"before": ""},
        },
    )


@pytest.mark.parametrize(
    ("parameters", "expected"), [(SKIP_PHASE, 200), (SKIP_RULESET, 403)]
)
async def test_executed_skip(
    api: Api, visit: Status, parameters: dict[str, Any], expected: int
) -> None:
    """Skipping the rest of the phase ends our rules, of the ruleset only its own."""
    skip = {"action": "skip", "expression": "ssl", "action_parameters": parameters}
    assert (await execute(api, skip)).status == 200
    assert await visit() == expected


async def test_executed_block(zone: Zone, api: Api, visit: Status) -> None:
    """A custom ruleset can also stop a request, and counts towards the quota."""
    zone.rules[-1].enabled = False
    assert await visit() == 200
    block = {"action": "block", "expression": "ssl"}
    assert (await execute(api, block)).status == 200
    assert await visit() == 403
    reply = await execute(api, {**block, "expression": 'http.host eq "a"'})
    assert "6 out of 5" in reply.message


async def test_ruleset_to_execute_must_be_there(api: Api, zone: Zone) -> None:
    """Neither an unknown ruleset nor the one that the rule stands in can be executed."""
    ruleset = zone.entrypoint()
    assert ruleset
    for target in ("unknown", ruleset.id):
        body = {
            "action": "execute",
            "expression": "ssl",
            "action_parameters": {"id": target},
        }
        path = f"{RULESETS}/{ruleset.id}/rules"
        assert (await api.request("POST", path, body)).status == 400


# Redirect and origin rules


def entrypoint(phase: str) -> str:
    """Return the path of a phase's ruleset."""
    return f"{RULESETS}/phases/{phase}/entrypoint"


async def test_redirect_rule(
    sandbox: Sandbox, api: Api, zone: Zone, tmp_path: Path
) -> None:
    """It answers before the custom rules do, and lets nobody in."""
    target = {"target_url": {"value": "https://example.net/"}, "status_code": 301}
    rule = {
        "action": "redirect",
        "expression": f'http.host eq "{HOME}"',
        "action_parameters": {"from_value": target},
    }
    put = await api.request("PUT", entrypoint(REDIRECT_PHASE), {"rules": [rule]})
    assert put.status == 200
    async with visitor(sandbox, tmp_path) as guest:
        answer = await guest.get(HOME, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (301, "https://example.net/")
    assert sandbox.state.blocked == []


async def test_origin_rule_leads_to_another_host(
    sandbox: Sandbox, api: Api, zone: Zone, tmp_path: Path
) -> None:
    """Another hostname of the zone can be sent on in the name of the protected one."""
    assert await status(sandbox, tmp_path, host=NAS) == 502
    rule = {
        "action": "route",
        "expression": f'http.host eq "{NAS}"',
        "action_parameters": {"host_header": HOME},
    }
    refused = await api.request("PUT", entrypoint(ORIGIN_PHASE), {"rules": [rule]})
    assert "not entitled" in refused.message
    zone.plan = Plan.ENTERPRISE
    put = await api.request("PUT", entrypoint(ORIGIN_PHASE), {"rules": [rule]})
    assert put.status == 200
    async with visitor(sandbox, tmp_path) as guest:
        assert (await guest.get(NAS)).status == 200
        assert (await guest.get(HOME)).status == 403


@pytest.mark.parametrize("phase", [REDIRECT_PHASE, ORIGIN_PHASE, TRANSFORM_PHASE])
async def test_other_phases_have_permissions_of_their_own(
    sandbox: Sandbox, api: Api, phase: str
) -> None:
    """The permission for custom rules does not suffice, and theirs alone does."""
    theirs = {
        REDIRECT_PHASE: "redirects:edit",
        ORIGIN_PHASE: "origin_rules:edit",
        TRANSFORM_PHASE: "transform:edit",
    }
    sandbox.state.zones[sandbox.zone_id].add_ruleset(Ruleset(phase))
    waf, own = (
        api.with_token(sandbox.state.add_token(permissions=[permission]))
        for permission in ("waf:edit", theirs[phase])
    )
    assert (await waf.get(entrypoint(phase))).status == 403
    assert (await own.get(entrypoint(phase))).status == 200
    [ruleset] = [
        each
        for each in sandbox.state.zones[sandbox.zone_id].rulesets.values()
        if each.phase == phase
    ]
    assert (await waf.get(f"{RULESETS}/{ruleset.id}")).status == 403
    assert (await own.get(f"{RULESETS}/{ruleset.id}")).status == 200


async def test_phase_that_the_sandbox_does_not_have(api: Api) -> None:
    """It says so, rather than keep rules that it does not apply."""
    reply = await api.request("PUT", entrypoint("http_ratelimit"), {"rules": []})
    assert reply.status == 501


# Access, Workers and the cache


async def test_access_bypass_is_no_way_past_the_custom_rules(
    sandbox: Sandbox, zone: Zone, visit: Status
) -> None:
    """Nobody has to log in, and everybody still needs a certificate."""
    access = sandbox.state.accounts[sandbox.account_id].access
    everybody = AccessPolicy("Everybody", "bypass", [{"everyone": {}}])
    destinations = [{"type": "public", "uri": HOME}]
    application = AccessApplication("Open", destinations, [everybody])
    access.applications[application.id] = application
    assert await visit() == 403
    zone.rules[-1].enabled = False
    assert await visit() == 200


def run_worker(sandbox: Sandbox, worker: Worker, pattern: str) -> None:
    """Have a Worker run for a pattern."""
    sandbox.state.accounts[sandbox.account_id].workers["script"] = worker
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.worker_routes.append(WorkerRoute(pattern, "script"))


async def page(sandbox: Sandbox, directory: Path, host: str) -> tuple[int, str]:
    """Visit a hostname, and return status and text."""
    async with visitor(sandbox, directory) as guest:
        answer = await guest.get(host)
        return answer.status, await answer.text()


@pytest.mark.parametrize("pattern", [f"{HOME}/*", "*.example.com/*", "*example.com/*"])
async def test_worker_comes_after_the_custom_rules(
    sandbox: Sandbox, zone: Zone, tmp_path: Path, pattern: str
) -> None:
    """It answers in the origin's place, but nobody whom a rule stops."""
    run_worker(sandbox, Worker(answer="I am a Worker"), pattern)
    assert (await page(sandbox, tmp_path, HOME))[0] == 403
    zone.rules[-1].enabled = False
    assert await page(sandbox, tmp_path, HOME) == (200, "I am a Worker")


async def test_worker_of_another_hostname_reaches_the_origin(
    sandbox: Sandbox, zone: Zone, tmp_path: Path
) -> None:
    """What it fetches from its own zone meets no custom rule."""
    run_worker(sandbox, Worker(fetches=HOME), f"{NAS}/*")
    assert (await page(sandbox, tmp_path, HOME))[0] == 403
    assert (await page(sandbox, tmp_path, NAS))[0] == 200


@pytest.mark.parametrize(
    ("pattern", "script"),
    [
        (f"{HOME}/api/*", "script"),
        ("*.example.net/*", "script"),
        (f"{HOME}/*", None),
        (f"{HOME}/*", "gone"),
    ],
)
async def test_where_no_worker_runs(
    sandbox: Sandbox, zone: Zone, tmp_path: Path, pattern: str, script: str | None
) -> None:
    """The most specific route decides, and one without a script runs none."""
    zone.rules[-1].enabled = False
    run_worker(sandbox, Worker(), "*.example.com/*")
    zone.worker_routes.append(WorkerRoute(pattern, script))
    assert (await page(sandbox, tmp_path, HOME))[0] == 200


async def test_life_of_a_route(api: Api, sandbox: Sandbox) -> None:
    """It is created, listed and deleted; a pattern is of the zone, and there once."""
    body = {"pattern": "blog.example.com/*", "script": "blog"}
    route = (await api.request("POST", ROUTES, body)).result
    assert (await api.request("POST", ROUTES, body)).status == 409
    away = {"pattern": "blog.example.net/*", "script": "blog"}
    assert (await api.request("POST", ROUTES, away)).status == 400
    assert (await api.get(ROUTES)).result == [route]
    path = f"{ROUTES}/{route['id']}"
    assert (await api.request("DELETE", path)).status == 200
    assert (await api.request("DELETE", path)).status == 404
    token = sandbox.state.add_token(permissions=ALL_PERMISSIONS - {"workers:edit"})
    assert (await api.with_token(token).get(ROUTES)).status == 403


async def test_cached_page_comes_after_the_custom_rules(
    sandbox: Sandbox, zone: Zone, tmp_path: Path
) -> None:
    """Nobody whom a rule stops gets a page from the cache."""
    zone.cached_pages[f"{HOME}/"] = "Yesterday's page"
    assert (await page(sandbox, tmp_path, HOME))[0] == 403
    zone.rules[-1].enabled = False
    async with visitor(sandbox, tmp_path) as guest:
        answer = await guest.get(HOME)
    assert answer.headers["CF-Cache-Status"] == "HIT"
    assert await answer.text() == "Yesterday's page"
