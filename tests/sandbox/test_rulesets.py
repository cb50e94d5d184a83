"""Rulesets and custom rules."""

from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.seed import FOREIGN_RULE_ID
from sandbox.state import FIREWALL_PHASE, Plan

from .helpers import Api, Reply

RULESETS = "/zones/{zone}/rulesets"
ENTRYPOINT = f"{RULESETS}/phases/{FIREWALL_PHASE}/entrypoint"
RULE = {"action": "block", "expression": "ssl", "description": "ours", "ref": "ours"}


async def rules_path(api: Api) -> str:
    """Return the path of the zone's custom rules."""
    return f"{RULESETS}/{(await api.get(ENTRYPOINT)).result['id']}/rules"


async def add(api: Api, dry_run: bool = False, **changes: Any) -> Reply:
    """Add a rule."""
    query = {"dry_run": "true"} if dry_run else {}
    return await api.request("POST", await rules_path(api), RULE | changes, query)


def refs(reply: Reply) -> list[str]:
    """Return the refs of an answer's rules, in order."""
    return [rule["ref"] for rule in reply.result["rules"]]


async def test_reading(api: Api) -> None:
    """The seeded rule can be read by phase and by ruleset id; lists have no rules."""
    entrypoint = (await api.get(ENTRYPOINT)).result
    [rule] = entrypoint["rules"]
    assert (rule["id"], rule["ref"]) == (FOREIGN_RULE_ID, "block-other-countries")
    assert isinstance(rule["version"], str)
    assert entrypoint == (await api.get(f"{RULESETS}/{entrypoint['id']}")).result
    [listed] = (await api.get(RULESETS)).result
    assert listed == {k: v for k, v in entrypoint.items() if k != "rules"}
    assert (await api.get(f"{RULESETS}/unknown")).status == 404


async def test_no_entrypoint_yet(sandbox: Sandbox, api: Api) -> None:
    """A missing entrypoint has its own error code; it can only be created once."""
    sandbox.state.zones[sandbox.zone_id].rulesets.clear()
    reply = await api.get(ENTRYPOINT)
    assert (reply.status, reply.code) == (404, 10003)
    body = {"name": "default", "kind": "zone", "phase": FIREWALL_PHASE, "rules": [RULE]}
    dry = await api.request("POST", RULESETS, body, {"dry_run": "true"})
    assert (dry.status, dry.result) == (200, None)
    created = await api.request("POST", RULESETS, body)
    assert (await api.get(ENTRYPOINT)).result == created.result
    again = await api.request("POST", RULESETS, body)
    assert (again.status, again.code) == (400, 20217)
    assert again.body["errors"][0]["source"] == {"pointer": "/kind"}


async def test_write_answers_with_the_ruleset(api: Api) -> None:
    """A write returns the new ruleset; only the changed rules get a new version."""
    before = (await api.get(ENTRYPOINT)).result
    after = (await add(api)).result
    assert int(after["version"]) == int(before["version"]) + 1
    assert after["rules"][0] == before["rules"][0]
    new = after["rules"][1]
    assert (new["enabled"], new["version"], new["ref"]) == (True, "1", "ours")
    assert after == (await api.get(ENTRYPOINT)).result
    unnamed = (await add(api, ref=None)).result["rules"][2]
    assert unnamed["ref"] == unnamed["id"]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ({"before": ""}, ["new", "foreign", "ours"]),
        ({"after": ""}, ["foreign", "ours", "new"]),
        ({"before": FOREIGN_RULE_ID}, ["new", "foreign", "ours"]),
        ({"after": FOREIGN_RULE_ID}, ["foreign", "new", "ours"]),
        ({"index": 1}, ["new", "foreign", "ours"]),
        ({"index": 2}, ["foreign", "new", "ours"]),
        ({"index": 3}, ["foreign", "ours", "new"]),
        ({}, ["foreign", "ours", "new"]),
    ],
)
async def test_position(
    sandbox: Sandbox, api: Api, position: dict[str, Any], expected: list[str]
) -> None:
    """A rule is added at, and moved to, the given position."""
    sandbox.state.zones[sandbox.zone_id].rules[0].ref = "foreign"
    await add(api)
    added = await add(api, ref="new", position=position)
    assert refs(added) == expected

    rule = next(rule for rule in added.result["rules"] if rule["ref"] == "new")
    path = f"{await rules_path(api)}/{rule['id']}"
    await api.request("PATCH", path, {"position": {"index": 2}})
    moved = await api.request("PATCH", path, {"position": position})
    assert refs(moved) == expected
    assert rule in moved.result["rules"]


@pytest.mark.parametrize(
    "position",
    [{"index": 0}, {"index": 9}, {"before": "unknown"}, {"index": 1, "before": ""}, 1],
)
async def test_bad_position(api: Api, position: Any) -> None:
    """Invalid positions are refused."""
    assert (await add(api, position=position)).status == 400


async def test_patch_replaces(api: Api) -> None:
    """PATCH replaces the whole rule: keys that are not sent are removed, or required."""
    added = (await add(api)).result["rules"][1]
    path = f"{await rules_path(api)}/{added['id']}"
    reply = await api.request("PATCH", path, {"enabled": False})
    assert (reply.status, reply.code) == (400, 20125)
    reply = await api.request(
        "PATCH", path, {"action_parameters": {"ruleset": "current"}}
    )
    assert reply.message == "action is required for action parameters"

    body = {"action": "block", "expression": "not ssl"}
    replaced = (await api.request("PATCH", path, body)).result["rules"][1]
    assert ("description" in replaced, replaced["expression"]) == (False, "not ssl")
    assert (replaced["id"], replaced["ref"]) == (added["id"], "ours")
    assert replaced["version"] == "2"
    assert (
        await api.request("PATCH", f"{await rules_path(api)}/x", body)
    ).status == 404


async def test_delete(api: Api) -> None:
    """After the last rule is deleted, the key `rules` is missing."""
    path = f"{await rules_path(api)}/{FOREIGN_RULE_ID}"
    reply = await api.request("DELETE", path)
    assert (reply.status, "rules" in reply.result) == (200, False)
    assert "rules" not in (await api.get(ENTRYPOINT)).result
    assert (await api.request("DELETE", path)).status == 404


async def test_quota(sandbox: Sandbox, api: Api) -> None:
    """On Free, a zone can have five rules, disabled ones included; on Pro, more."""
    for number in range(4):
        reply = await add(api, ref=f"r{number}", enabled=False)
    for dry_run in (True, False):
        reply = await add(api, dry_run)
        assert (reply.status, reply.code) == (400, 50001)
        assert reply.message == (
            "exceeded the maximum number of rules in the phase "
            "http_request_firewall_custom: 6 out of 5"
        )
    sandbox.state.zones[sandbox.zone_id].plan = type(
        sandbox.state.zones[sandbox.zone_id].plan
    ).PRO
    assert (await add(api)).status == 200


async def test_dry_run(sandbox: Sandbox, api: Api) -> None:
    """A dry run checks everything, stores nothing, and does not count as a write."""
    before = (await api.get(ENTRYPOINT)).result
    path = await rules_path(api)
    query = {"dry_run": "true"}
    sandbox.journal.clear()
    for method, where, body in (
        ("POST", path, RULE),
        ("PATCH", f"{path}/{FOREIGN_RULE_ID}", RULE),
        ("PATCH", f"{path}/{FOREIGN_RULE_ID}", {"position": {"index": 1}}),
        ("DELETE", f"{path}/{FOREIGN_RULE_ID}", None),
        ("PUT", ENTRYPOINT, {"rules": []}),
    ):
        reply = await api.request(method, where, body, query)
        assert (reply.status, reply.result) == (200, None)
    assert (await add(api, dry_run=True, expression="(")).status == 400
    assert sandbox.journal.writes == []
    assert (await api.get(ENTRYPOINT)).result == before
    assert (await api.request("POST", path, RULE, {"dry_run": "1"})).status == 400
    assert len(sandbox.journal.writes) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expression": ""}, 20125),
        ({"expression": "ssl eq"}, 20127),
        ({"expression": f'http.host eq "{"x" * 4096}"'}, 20166),
        ({"ref": "block-other-countries"}, 20023),
        ({"expression": 'http.host matches "a"'}, None),
        ({"action": "log"}, None),
        ({"action": "explode"}, None),
        ({"action_parameters": {"response": {"status_code": 404}}}, None),
        ({"logging": {"enabled": True}}, None),
        ({"action": "skip"}, None),
        ({"action": "skip", "action_parameters": {"ruleset": "all"}}, None),
        ({"action": "skip", "action_parameters": {"products": ["BIC"]}}, None),
        (
            {
                "action": "skip",
                "action_parameters": {"phase": "current", "ruleset": "current"},
            },
            None,
        ),
        ({"colour": "red"}, None),
        ({"enabled": "yes"}, None),
    ],
)
async def test_refused_rules(
    api: Api, change: dict[str, Any], code: int | None
) -> None:
    """Rules that Cloudflare refuses are refused with its codes."""
    reply = await add(api, **change)
    assert (reply.status, reply.code) == (400, code)


async def test_unsupported_expressions(api: Api) -> None:
    """The sandbox refuses an expression that it cannot evaluate, and names the field."""
    reply = await add(api, expression="cf.waf.score lt 5")
    assert (reply.status, "cf.waf.score" in reply.message) == (501, True)


@pytest.mark.parametrize(
    ("expression", "use"),
    [
        ('regex_replace(http.host, "a", "b") eq "x"', "function regex_replace"),
        ('any(http.request.headers["x"][*] matches "a")', "operator Matches"),
        ('cf.waf.score lt 5 and http.host matches "a"', "operator Matches"),
    ],
)
async def test_regular_expressions_of_better_plans(
    sandbox: Sandbox, api: Api, expression: str, use: str
) -> None:
    """The plan comes first: only a better one shows what the sandbox cannot evaluate."""
    reply = await add(api, expression=expression)
    assert (reply.status, reply.code) == (400, None)
    assert reply.message == (
        f"not entitled: the use of {use} is not allowed, "
        "a Business plan or a WAF Advanced plan is required"
    )
    sandbox.state.zones[sandbox.zone_id].plan = Plan.BUSINESS
    assert (await add(api, expression=expression)).status == 501


async def test_syntax_error_points_to_the_expression(api: Api) -> None:
    """The error has the parser's message and points to the expression."""
    reply = await add(api, expression="URI Path contains /")
    [error] = reply.body["errors"]
    assert error["message"] == (
        "'URI Path contains /' is not a valid value for expression because could not "
        "parse filter expression: Filter parsing error (1:1):\n"
        "URI Path contains /\n^^^ unknown identifier\n"
    )
    assert error["source"] == {"pointer": "/expression"}
    reply = await api.request(
        "PUT", ENTRYPOINT, {"rules": [RULE | {"expression": "("}]}
    )
    assert reply.body["errors"][0]["source"] == {"pointer": "/rules/0/expression"}


async def test_skip_rule(api: Api) -> None:
    """A skip rule logs by default, and its outer parentheses are stripped."""
    parameters = {"ruleset": "current", "products": ["bic", "securityLevel"]}
    reply = await add(
        api, action="skip", action_parameters=parameters, expression="(ssl and ssl)"
    )
    rule = reply.result["rules"][1]
    assert rule["action_parameters"] == parameters
    assert rule["logging"] == {"enabled": True}
    assert rule["expression"] == "ssl and ssl"


async def test_outer_parentheses_kept(sandbox: Sandbox, api: Api) -> None:
    """With the switch off, an expression is stored as it was sent."""
    sandbox.state.switches.strips_parentheses = False
    reply = await add(api, expression="(ssl)")
    assert reply.result["rules"][1]["expression"] == "(ssl)"


async def test_put_entrypoint(sandbox: Sandbox, api: Api) -> None:
    """All rules are replaced; a rule with the same ref or id keeps its identity."""
    foreign = (await api.get(ENTRYPOINT)).result["rules"][0]
    sent = {key: foreign[key] for key in ("action", "expression", "ref")}
    put = (await api.request("PUT", ENTRYPOINT, {"rules": [RULE, sent]})).result
    assert put["rules"][1]["id"] == foreign["id"]
    by_id = {"id": put["rules"][0]["id"], "action": "block", "expression": "ssl"}
    put = (await api.request("PUT", ENTRYPOINT, {"rules": [by_id]})).result
    assert [rule["ref"] for rule in put["rules"]] == ["ours"]
    reply = await api.request("PUT", ENTRYPOINT, {"kind": "zone", "rules": []})
    assert reply.message == 'invalid JSON: unknown field "kind"'
    sandbox.state.zones[sandbox.zone_id].rulesets.clear()
    created = (await api.request("PUT", ENTRYPOINT, {"rules": [RULE]})).result
    assert created["version"] == "1"


async def test_put_ruleset(api: Api) -> None:
    """A ruleset can be replaced by its id too; a dry run changes nothing."""
    foreign = (await api.get(ENTRYPOINT)).result
    path = f"{RULESETS}/{foreign['id']}"
    body = {"rules": [RULE], "description": "mine"}
    dry = await api.request("PUT", path, body, {"dry_run": "true"})
    assert (dry.result, (await api.get(path)).result) == (None, foreign)
    put = (await api.request("PUT", path, body)).result
    assert (put["description"], refs_of(put)) == ("mine", ["ours"])
    assert put == (await api.get(ENTRYPOINT)).result
    assert (await api.request("PUT", f"{RULESETS}/unknown", body)).status == 404


def refs_of(ruleset: dict[str, Any]) -> list[str]:
    """Return the refs of a ruleset's rules, in order."""
    return [rule["ref"] for rule in ruleset["rules"]]


async def test_delete_ruleset(api: Api) -> None:
    """A deleted ruleset is gone with its rules; a dry run deletes nothing."""
    path = f"{RULESETS}/{(await api.get(ENTRYPOINT)).result['id']}"
    assert (await api.request("DELETE", path, query={"dry_run": "true"})).status == 204
    assert (await api.get(path)).status == 200
    assert (await api.request("DELETE", path)).status == 204
    assert (await api.get(ENTRYPOINT)).code == 10003
    assert (await api.request("DELETE", path)).status == 404


async def test_versions(sandbox: Sandbox, api: Api) -> None:
    """The version before each change can still be read."""
    first = (await api.get(ENTRYPOINT)).result
    versions = f"{RULESETS}/{first['id']}/versions"
    second = (await add(api)).result
    rule_path = f"{await rules_path(api)}/{FOREIGN_RULE_ID}"
    await api.request("PATCH", rule_path, RULE | {"ref": "changed"})
    listed = (await api.get(versions)).result
    assert [each["version"] for each in listed] == ["1", "2", "3"]
    assert "rules" not in listed[0]
    assert (await api.get(f"{versions}/1")).result == first
    assert (await api.get(f"{versions}/2")).result == second
    assert (await api.get(f"{versions}/3")).result == (await api.get(ENTRYPOINT)).result
    assert (await api.get(f"{versions}/4")).status == 404
    sandbox.state.zones[sandbox.zone_id].rulesets.clear()
    await api.request("PUT", ENTRYPOINT, {"rules": [RULE]})
    [ruleset] = sandbox.state.zones[sandbox.zone_id].rulesets.values()
    listed = (await api.get(f"{RULESETS}/{ruleset.id}/versions")).result
    assert [each["version"] for each in listed] == ["1"]


@pytest.mark.parametrize("path", ["firewall/rules", "filters", "rate_limits"])
async def test_removed_endpoints(api: Api, path: str) -> None:
    """The endpoints that rulesets replaced answer 410."""
    reply = await api.get(f"/zones/{{zone}}/{path}")
    assert (reply.status, "Rulesets API" in reply.message) == (410, True)
