"""Rulesets of a zone, and their rules."""

from typing import Any

from sandbox.state import FIREWALL_PHASE, TRANSFORM_PHASE, Rule, Ruleset

from ..envelope import Answer, ApiError, Problem, microseconds
from .routing import Call, Routes
from .rules import PHASES, Terms, check_together, new_rule, redefined

routes = Routes()

_CREATABLE = (
    ("zone", FIREWALL_PHASE),
    ("custom", FIREWALL_PHASE),
    ("zone", TRANSFORM_PHASE),
)

_RULESETS = "/zones/{zone_id}/rulesets"
_RULESET = "/zones/{zone_id}/rulesets/{ruleset_id}"
_VERSIONS = "/zones/{zone_id}/rulesets/{ruleset_id}/versions"
_RULES = "/zones/{zone_id}/rulesets/{ruleset_id}/rules"
_RULE = "/zones/{zone_id}/rulesets/{ruleset_id}/rules/{rule_id}"
_ENTRYPOINT = "/zones/{zone_id}/rulesets/phases/{phase}/entrypoint"


@routes.get(_RULESETS)
async def list_rulesets(call: Call) -> Answer:
    """List the rulesets, without their rules."""
    return Answer([_summary(ruleset) for ruleset in call.zone.rulesets.values()])


@routes.post(_RULESETS)
async def create_ruleset(call: Call) -> Answer:
    """Create a phase's ruleset; a zone has at most one for each phase."""
    body = _known(call, "name", "kind", "phase", "description", "rules")
    kind, phase = str(body.get("kind")), str(body.get("phase"))
    if (kind, phase) not in _CREATABLE:
        message = f"the sandbox creates no {kind} rulesets of the {phase} phase"
        raise ApiError(501, Problem(None, message))
    if kind == "zone" and call.zone.entrypoint(phase):
        raise ApiError(
            400,
            Problem(
                20217,
                "'zone' is not a valid value for kind because exceeded maximum number "
                f"of zone rulesets for phase {phase}",
                "/kind",
            ),
        )
    ruleset = Ruleset(
        phase,
        name=body.get("name") or "default",
        description=body.get("description") or "",
        kind=kind,
    )
    ruleset.rules = _new_rules(call, ruleset, body.get("rules"))
    if _is_dry_run(call):
        return Answer(None)
    return Answer(ruleset_json(call.zone.add_ruleset(ruleset)))


@routes.get(_RULESET)
async def get_ruleset(call: Call) -> Answer:
    """Return one ruleset with its rules."""
    return Answer(ruleset_json(_ruleset(call)))


@routes.put(_RULESET)
async def replace_ruleset(call: Call) -> Answer:
    """Replace all rules; a rule sent with the id or ref of an old one keeps its identity."""
    return _replace(call, _ruleset(call))


@routes.delete(_RULESET)
async def delete_ruleset(call: Call) -> Answer:
    """Delete a ruleset with all its rules."""
    ruleset = _ruleset(call)
    if not _is_dry_run(call):
        del call.zone.rulesets[ruleset.id]
    return Answer(None, status=204)


@routes.get(_VERSIONS)
async def list_versions(call: Call) -> Answer:
    """List a ruleset's versions, without their rules."""
    ruleset = _ruleset(call)
    return Answer([_summary(each) for each in (*ruleset.earlier, ruleset)])


@routes.get(f"{_VERSIONS}/{{version}}")
async def get_version(call: Call) -> Answer:
    """Return one version of a ruleset with its rules."""
    ruleset = _ruleset(call)
    for version in (*ruleset.earlier, ruleset):
        if str(version.version) == call.ids["version"]:
            return Answer(ruleset_json(version))
    # GUESS: the code and text.
    raise ApiError(404, Problem(None, "could not find version"))


@routes.get(_ENTRYPOINT)
async def get_entrypoint(call: Call) -> Answer:
    """Return a phase's ruleset."""
    phase = call.ids["phase"]
    ruleset = call.zone.entrypoint(phase)
    if ruleset is None:
        message = f"could not find entrypoint ruleset in the {phase} phase"
        raise ApiError(404, Problem(10003, message))
    return Answer(ruleset_json(ruleset))


@routes.put(_ENTRYPOINT)
async def replace_entrypoint(call: Call) -> Answer:
    """Replace all rules of a phase; create its ruleset if there is none."""
    phase = call.ids["phase"]
    if phase not in PHASES:
        message = f"the sandbox has no rules of the {phase} phase"
        raise ApiError(501, Problem(None, message))
    return _replace(call, call.zone.entrypoint(phase) or Ruleset(phase, version=0))


@routes.post(_RULES)
async def create_rule(call: Call) -> Answer:
    """Add a rule, by default as the last one."""
    ruleset = _ruleset(call)
    definition, position = _without_position(call)
    rule = new_rule(definition, _terms(call, ruleset))
    return _publish(call, ruleset, _placed(ruleset.rules, rule, position or {}))


@routes.patch(_RULE)
async def replace_rule(call: Call) -> Answer:
    """Replace a rule's whole definition; if only a position is sent, move the rule."""
    ruleset, old = _ruleset(call), _rule(call)
    definition, position = _without_position(call)
    moves_only = position is not None and not definition
    rule = old if moves_only else redefined(old, definition, _terms(call, ruleset))
    rules = [rule if each is old else each for each in ruleset.rules]
    if position is not None:
        rules = _placed([each for each in rules if each is not rule], rule, position)
    return _publish(call, ruleset, rules)


@routes.delete(_RULE)
async def delete_rule(call: Call) -> Answer:
    """Delete a rule."""
    ruleset, rule = _ruleset(call), _rule(call)
    return _publish(call, ruleset, [each for each in ruleset.rules if each is not rule])


def ruleset_json(ruleset: Ruleset) -> dict[str, Any]:
    """Return a ruleset as the API writes it; without rules, the key `rules` is missing."""
    body = _summary(ruleset)
    if ruleset.rules:
        body["rules"] = [_rule_json(rule) for rule in ruleset.rules]
    return body


def _summary(ruleset: Ruleset) -> dict[str, Any]:
    # GUESS: only the rulesets of custom rules have a source.
    source = {"source": "firewall_custom"} if ruleset.phase == FIREWALL_PHASE else {}
    return {
        "id": ruleset.id,
        "name": ruleset.name,
        "description": ruleset.description,
        **source,
        "kind": ruleset.kind,
        "version": str(ruleset.version),
        "last_updated": microseconds(ruleset.last_updated),
        "phase": ruleset.phase,
    }


def _rule_json(rule: Rule) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": rule.id,
        "version": str(rule.version),
        "action": rule.action,
        "expression": rule.expression,
        "last_updated": microseconds(rule.last_updated),
        "ref": rule.ref,
        "enabled": rule.enabled,
    }
    if rule.description is not None:
        body["description"] = rule.description
    if rule.action_parameters is not None:
        body["action_parameters"] = rule.action_parameters
    if rule.action == "skip":
        body["logging"] = rule.logging or {"enabled": True}
    return body


def _replace(call: Call, ruleset: Ruleset) -> Answer:
    body = _known(call, "name", "description", "rules")
    rules = _new_rules(call, ruleset, body.get("rules"))
    if _is_dry_run(call):
        return Answer(None)
    ruleset.replace_rules(rules)
    ruleset.description = body.get("description", ruleset.description)
    return Answer(ruleset_json(call.zone.add_ruleset(ruleset)))


def _publish(call: Call, ruleset: Ruleset, rules: list[Rule]) -> Answer:
    _check_together(call, ruleset, rules)
    if _is_dry_run(call):
        return Answer(None)
    ruleset.replace_rules(rules)
    return Answer(ruleset_json(ruleset))


def _new_rules(call: Call, ruleset: Ruleset, bodies: Any) -> list[Rule]:
    terms = _terms(call, ruleset)
    rules = [
        _kept_or_new(body, ruleset.rules, terms, f"/rules/{index}")
        for index, body in enumerate(bodies or [])
    ]
    _check_together(call, ruleset, rules)
    return rules


def _check_together(call: Call, ruleset: Ruleset, rules: list[Rule]) -> None:
    """Refuse rules of one ruleset that exceed the phase's quota, or use a ref twice."""
    elsewhere = sum(
        len(each.rules)
        for each in call.zone.rulesets.values()
        if each.phase == ruleset.phase and each.id != ruleset.id
    )
    check_together(rules, call.zone.plan, ruleset.phase, elsewhere)


def _kept_or_new(body: Any, old: list[Rule], terms: Terms, pointer: str) -> Rule:
    if isinstance(body, dict):
        for rule in old:
            if rule.id == body.get("id") or rule.ref == body.get("ref"):
                return redefined(rule, body, terms)
    return new_rule(body, terms, pointer)


def _terms(call: Call, ruleset: Ruleset) -> Terms:
    switches = call.state.switches
    executable = {
        each.id for each in call.zone.rulesets.values() if each.kind == "custom"
    }
    return Terms(
        call.zone.plan,
        switches.strips_parentheses,
        frozenset(switches.refused_skips),
        ruleset.phase,
        # GUESS: a custom ruleset executes no other.
        frozenset(executable if ruleset.kind == "zone" else ()),
    )


def _placed(rules: list[Rule], rule: Rule, position: Any) -> list[Rule]:
    """Return the rules with another one inserted at a position."""
    ids = [each.id for each in rules]
    match list(position.items()) if isinstance(position, dict) else None:
        case []:
            index = len(ids)
        case [("before", str(anchor))] if anchor in ("", *ids):
            index = ids.index(anchor) if anchor else 0
        case [("after", str(anchor))] if anchor in ("", *ids):
            index = ids.index(anchor) + 1 if anchor else len(ids)
        case [("index", int(number))] if 1 <= number <= len(ids) + 1:
            index = number - 1
        case _:
            # GUESS: the code and text.
            raise ApiError(400, Problem(None, "invalid position", "/position"))
    return [*rules[:index], rule, *rules[index:]]


def _without_position(call: Call) -> tuple[dict[str, Any], Any]:
    body = dict(call.object())
    position = body.pop("position", None)
    return body, position


def _known(call: Call, *keys: str) -> dict[str, Any]:
    body = call.object(name=str, description=str, rules=list)
    for key in body:
        if key not in keys:
            raise ApiError(400, Problem(None, f'invalid JSON: unknown field "{key}"'))
    return body


def _is_dry_run(call: Call) -> bool:
    match call.query.get("dry_run"):
        case None:
            return False
        case "true":
            return True
    # GUESS: the text.
    raise ApiError(400, Problem(None, "invalid value for dry_run"))


def _ruleset(call: Call) -> Ruleset:
    ruleset = call.zone.rulesets.get(call.ids["ruleset_id"])
    if ruleset is None:
        # GUESS: the code and text.
        raise ApiError(404, Problem(None, "could not find ruleset"))
    return ruleset


def _rule(call: Call) -> Rule:
    for rule in _ruleset(call).rules:
        if rule.id == call.ids["rule_id"]:
            return rule
    # GUESS: the code and text.
    raise ApiError(404, Problem(None, "could not find rule"))
