"""Request header transform rules: what the API accepts, and what the edge does with headers."""

from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.api.header_changes import MAX_CHANGES
from sandbox.state import TRANSFORM_PHASE, Plan, Rule, Ruleset, Zone

from .helpers import HOME, Api, Identity, Reply, create_certificate, protect, visitor

RULESETS = "/zones/{zone}/rulesets"
ENTRYPOINT = f"{RULESETS}/phases/{TRANSFORM_PHASE}/entrypoint"
FINGERPRINT = "cf.tls_client_auth.cert_fingerprint_sha256"
HEADERS = {
    "X-Rule": {"operation": "set", "value": "1"},
    "X-Certificate": {"operation": "set", "expression": FINGERPRINT},
}
RULE = {"action": "rewrite", "expression": "ssl", "ref": "ours"}


@pytest.fixture
def zone(sandbox: Sandbox) -> Zone:
    """Return the seeded zone."""
    return sandbox.state.zones[sandbox.zone_id]


async def put(api: Api, headers: dict[str, Any], **changes: Any) -> Reply:
    """Write one rule as the only one of the phase."""
    rule = {**RULE, "action_parameters": {"headers": headers}, **changes}
    return await api.request("PUT", ENTRYPOINT, {"rules": [rule]})


@pytest.fixture
async def ruled(api: Api, zone: Zone) -> Ruleset:
    """Write a rule that tells the certificate, and return the ruleset."""
    assert (await put(api, HEADERS)).status == 200
    ruleset = zone.entrypoint(TRANSFORM_PHASE)
    assert ruleset is not None
    return ruleset


async def headers_at_origin(
    sandbox: Sandbox,
    directory: Path,
    identity: Identity | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, str]:
    """Visit the protected hostname, and return the headers that the origin got."""
    async with visitor(sandbox, directory, identity) as guest:
        answer = await guest.get(HOME, headers=headers or {})
        assert answer.status == 200
        seen: dict[str, str] = (await answer.json())["headers"]
        return seen


# The API


async def test_created_like_other_rules(api: Api, zone: Zone) -> None:
    """A zone has no ruleset of the phase at first; it is created, extended and read like others."""
    missing = await api.get(ENTRYPOINT)
    assert (missing.status, missing.code) == (404, 10003)
    rule = {**RULE, "action_parameters": {"headers": HEADERS}}
    body = {"name": "default", "kind": "zone", "phase": TRANSFORM_PHASE}
    dry = await api.request(
        "POST", RULESETS, body | {"rules": [rule]}, {"dry_run": "true"}
    )
    assert (dry.status, dry.result) == (200, None)
    created = await api.request("POST", RULESETS, body | {"rules": [rule]})
    [first] = created.result["rules"]
    assert first["action_parameters"] == {"headers": HEADERS}
    path = f"{RULESETS}/{created.result['id']}/rules"
    again = await api.request("POST", path, rule)
    assert (again.status, again.code) == (400, 20023)
    second = await api.request("POST", path, rule | {"ref": "second"})
    assert [each["ref"] for each in second.result["rules"]] == ["ours", "second"]
    assert (await api.get(ENTRYPOINT)).result == second.result


async def test_permission_of_the_phase(sandbox: Sandbox, api: Api) -> None:
    """Without it, reading and creating are refused as recorded: 403, without a code."""
    token = sandbox.state.add_token(permissions=["waf:edit"])
    waf = api.with_token(token)
    body = {"kind": "zone", "phase": TRANSFORM_PHASE, "rules": []}
    for reply in (
        await waf.get(ENTRYPOINT),
        await waf.request("POST", RULESETS, body, {"dry_run": "true"}),
    ):
        assert (reply.status, reply.code) == (403, None)
        assert reply.message == "request is not authorized"


async def test_custom_rulesets_are_of_another_phase(api: Api) -> None:
    """The sandbox says so, rather than keep rules that it does not apply."""
    body = {"name": "More", "kind": "custom", "phase": TRANSFORM_PHASE}
    assert (await api.request("POST", RULESETS, body)).status == 501


@pytest.mark.parametrize(
    ("plan", "quota"), [(Plan.FREE, 10), (Plan.PRO, 25), (Plan.BUSINESS, 50)]
)
async def test_quota(api: Api, zone: Zone, plan: Plan, quota: int) -> None:
    """A plan has its own number of rules for the phase; custom rules do not count."""
    zone.plan = plan
    ruleset = zone.add_ruleset(
        Ruleset(
            TRANSFORM_PHASE,
            [
                Rule("rewrite", "ssl", action_parameters={"headers": HEADERS})
                for _ in range(quota)
            ],
        )
    )
    rule = {**RULE, "action_parameters": {"headers": HEADERS}}
    path = f"{RULESETS}/{ruleset.id}/rules"
    for query in ({"dry_run": "true"}, {}):
        reply = await api.request("POST", path, rule, query)
        assert (reply.status, reply.code) == (400, 50001)
        assert reply.message == (
            "exceeded the maximum number of rules in the phase "
            f"http_request_late_transform: {quota + 1} out of {quota}"
        )


def change(operation: str = "set", **values: Any) -> dict[str, Any]:
    """Return the change of a header."""
    return {"operation": operation, **values}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {f"X-{number}": change(value="1") for number in range(MAX_CHANGES + 1)},
        {"cf-cert-sha256": change(value="1")},
        {"X-CF-Mine": change(value="1")},
        {"CF-Connecting-IP": change(value="1")},
        {"X-Forwarded-For": change("remove")},
        {"Host": change(value="1")},
        {"X Y": change(value="1")},
        {"": change(value="1")},
        {"X-A": change()},
        {"X-A": change(value="")},
        {"X-A": change(value=1)},
        {"X-A": change(value="x" * 4097)},
        {"X-A": change(value="1", expression=FINGERPRINT)},
        {"X-A": change("remove", value="1")},
        {"X-A": change("append", value="1")},
        {"X-A": "1"},
        {"X-A": change(expression="ssl")},
        {"X-A": change(expression="cf.tls_client_auth.cert_verified")},
        {"X-A": change(expression='ssl or http.host eq "a" or http.host')},
        {"X-A": change(expression="no.such.field")},
    ],
)
async def test_refused_changes(api: Api, headers: dict[str, Any]) -> None:
    """Names of Cloudflare, unknown operations and what has no text as its value are refused."""
    assert (await put(api, headers)).status == 400


@pytest.mark.parametrize(
    ("headers", "expression", "expected"),
    [
        ({"CF-Connecting-IP": change("remove")}, "ssl", 200),
        (
            {"X-A": change("add", expression="concat(http.host, cf.tls_version)")},
            "ssl",
            200,
        ),
        ({"X-A": change(expression="to_string(ip.src.asnum)")}, "ssl", 501),
        ({"X-A": change(value="1")}, 'http.host matches "^a"', 400),
    ],
)
async def test_accepted_changes(
    api: Api, headers: dict[str, Any], expression: str, expected: int
) -> None:
    """What the sandbox cannot evaluate, it refuses in its own name."""
    assert (await put(api, headers, expression=expression)).status == expected


async def test_other_parameters(api: Api) -> None:
    """A rewrite of URIs is not emulated; a rule without headers, or of another action, is refused."""
    for parameters, expected in (
        ({"uri": {"path": {"value": "/"}}}, 501),
        ({}, 400),
        ({"headers": HEADERS, "else": 1}, 400),
    ):
        rule = {**RULE, "action_parameters": parameters}
        put_rule = await api.request("PUT", ENTRYPOINT, {"rules": [rule]})
        assert put_rule.status == expected
    blocked = await api.request(
        "PUT", ENTRYPOINT, {"rules": [RULE | {"action": "block"}]}
    )
    assert blocked.status == 400


# The edge


@pytest.mark.usefixtures("origin", "ruled")
async def test_certificate_is_told(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """The origin gets the fingerprint of the certificate that a visitor showed."""
    protect(sandbox)
    created, identity = await create_certificate(api)
    seen = await headers_at_origin(sandbox, tmp_path, identity)
    assert seen["X-Rule"] == "1"
    assert seen["X-Certificate"] == created["fingerprint_sha256"]


@pytest.mark.usefixtures("origin", "ruled")
async def test_set_overwrites_and_removes(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """What a visitor sends under these names is overwritten, and removed without a certificate."""
    protect(sandbox).enabled = False
    forged = {"x-rule": "9", "X-CERTIFICATE": "ab" * 32}
    seen = await headers_at_origin(sandbox, tmp_path, headers=forged)
    names = {name.lower(): value for name, value in seen.items()}
    assert names["x-rule"] == "1"
    assert "x-certificate" not in names
    created, identity = await create_certificate(api)
    seen = await headers_at_origin(sandbox, tmp_path, identity, forged)
    assert seen["X-Certificate"] == created["fingerprint_sha256"]


@pytest.mark.usefixtures("origin")
async def test_operations_in_order(
    sandbox: Sandbox, api: Api, zone: Zone, tmp_path: Path
) -> None:
    """A removed header is gone, an added one stands beside what came, and the last rule wins."""
    first = {
        "X-Gone": change("remove"),
        "X-More": change("add", value="ours"),
        "X-Last": change(value="first"),
    }
    await put(api, first)
    rules = zone.rules_of(TRANSFORM_PHASE)
    last = {"headers": {"X-Last": change(value="last")}}
    rules.append(Rule("rewrite", "ssl", action_parameters=last))
    off = {"headers": {"X-Last": change(value="off")}}
    rules.append(Rule("rewrite", "ssl", action_parameters=off, enabled=False))
    rules.append(Rule("rewrite", "not ssl", action_parameters=off))
    sent = {"X-Gone": "1", "X-More": "theirs", "X-Last": "theirs"}
    seen = await headers_at_origin(sandbox, tmp_path, headers=sent)
    assert "X-Gone" not in seen
    assert seen["X-Last"] == "last"
    assert seen["X-More"] == "theirs, ours"


@pytest.mark.usefixtures("origin", "ruled")
async def test_custom_rules_come_first(
    sandbox: Sandbox, zone: Zone, tmp_path: Path
) -> None:
    """They see what the visitor sent, and whoever they stop reaches no origin."""
    protect(sandbox)
    async with visitor(sandbox, tmp_path) as guest:
        assert (await guest.get(HOME)).status == 403
    assert sandbox.state.blocked[-1].source == "firewallCustom"


@pytest.mark.usefixtures("origin", "ruled")
async def test_websockets(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """The request that opens a WebSocket is told of as well."""
    protect(sandbox)
    created, identity = await create_certificate(api)
    async with (
        visitor(sandbox, tmp_path, identity) as guest,
        guest.session.ws_connect(guest.url(HOME, "/api/websocket")) as socket,
    ):
        await socket.send_str("headers")
        seen = await socket.receive_json()
    assert seen["X-Certificate"] == created["fingerprint_sha256"]
