"""Recorded answers about rulesets and custom rules."""

from typing import Any

from sandbox.seed import FOREIGN_RULE_ID
from sandbox.state import FIREWALL_PHASE, TRANSFORM_PHASE, Ruleset
from tests.sandbox.recordings import RECORDED, Answered

from .paths import ENTRYPOINT, RULESETS
from .stage import Stage, replay


async def _rules(stage: Stage) -> str:
    [ruleset] = stage.zone.rulesets
    return f"{RULESETS}/{ruleset}/rules"


@replay("rs-01")
async def _(stage: Stage) -> Answered:
    answered = await stage.ask("GET", RULESETS)
    assert answered.body["result"][0]["source"] == "firewall_custom"
    return answered


@replay(
    "rs-03",
    allowed={"result.rules: missing": "without rules the key is left out, as in rs-19"},
)
async def _(stage: Stage) -> Answered:
    ruleset = stage.zone.add_ruleset(Ruleset(TRANSFORM_PHASE))
    return await stage.ask("GET", f"{RULESETS}/{ruleset.id}")


@replay("rs-05")
async def _(stage: Stage) -> Answered:
    stage.zone.rulesets.clear()
    return await stage.ask("GET", ENTRYPOINT)


@replay("rs-08", words={"http_ratelimit": FIREWALL_PHASE})
async def _(stage: Stage) -> Answered:
    body = {"kind": "zone", "name": "default", "phase": FIREWALL_PHASE, "rules": []}
    return await stage.ask("POST", RULESETS, body)


@replay("rs-09a")
async def _(stage: Stage) -> Answered:
    body = {"action": "block", "expression": 'http.host matches "^a"'}
    return await stage.ask("POST", await _rules(stage), body, query={"dry_run": "true"})


@replay("rs-10")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", ENTRYPOINT, token=stage.token_without("waf"))


@replay("rs-12")
async def _(stage: Stage) -> Answered:
    body = {"action": "skip", "action_parameters": {"ruleset": "current"}}
    return await stage.ask("PATCH", f"{await _rules(stage)}/{FOREIGN_RULE_ID}", body)


@replay("rs-13")
async def _(stage: Stage) -> Answered:
    body = {"action": "block", "expression": "URI Path contains /"}
    return await stage.ask("POST", await _rules(stage), body)


@replay("rs-14")
async def _(stage: Stage) -> Answered:
    return await stage.ask("PUT", ENTRYPOINT, RECORDED["rs-14"].request["body"])


@replay("rs-16", partial=True)
async def _(stage: Stage) -> Answered:
    [ruleset] = stage.zone.rulesets
    body: dict[str, Any] = {"rules": []}
    return await stage.ask("PUT", f"{RULESETS}/{ruleset}", body)


@replay("rs-17")
async def _(stage: Stage) -> Answered:
    path = f"/accounts/{32 * '0'}/cfd_tunnel/wrong/configurations"
    return await stage.ask("PUT", path, {"config": {}})


@replay("rs-18")
async def _(stage: Stage) -> Answered:
    return await stage.ask("GET", "/zones/{zone}/firewall/rules")
