"""The checks that Cloudflare makes before it accepts custom rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.clock import now
from sandbox.expressions import (
    InvalidError,
    UnsupportedError,
    constructs,
    parse,
    without_outer_parentheses,
)
from sandbox.state import (
    FIREWALL_PHASE,
    ORIGIN_PHASE,
    REDIRECT_PHASE,
    TRANSFORM_PHASE,
    Plan,
    Rule,
)

from ..envelope import ApiError, Problem
from .header_changes import check_header_changes
from .routing import check_kinds

PHASES = (REDIRECT_PHASE, ORIGIN_PHASE, FIREWALL_PHASE, TRANSFORM_PHASE)
QUOTAS = {Plan.FREE: 5, Plan.PRO: 20, Plan.BUSINESS: 100, Plan.ENTERPRISE: 1000}
# GUESS: redirect and origin rules have the quota of transform rules, each phase its own.
_OTHER_QUOTAS = {Plan.FREE: 10, Plan.PRO: 25, Plan.BUSINESS: 50, Plan.ENTERPRISE: 300}
MAX_EXPRESSION = 4096

_ACTIONS = {
    REDIRECT_PHASE: ("redirect",),
    ORIGIN_PHASE: ("route",),
    FIREWALL_PHASE: (
        "block",
        "challenge",
        "execute",
        "js_challenge",
        "log",
        "managed_challenge",
        "skip",
    ),
    TRANSFORM_PHASE: ("rewrite",),
}
_WRITABLE = {
    "action": str,
    "action_parameters": dict,
    "description": str,
    "enabled": bool,
    "expression": str,
    "logging": dict,
    "ref": str,
}
# GUESS: these keys of an answer may be sent back; they are ignored.
_READ_ONLY = {"id", "version", "last_updated", "categories"}
_REGULAR_EXPRESSIONS = {
    "matches": "operator Matches",
    "regex_replace": "function regex_replace",
}
_SKIP = {
    "ruleset": {"current"},
    "phase": {"current"},
    "phases": {
        "http_ratelimit",
        "http_request_sbfm",
        "http_request_firewall_managed",
    },
    "products": {
        "zoneLockdown",
        "uaBlock",
        "bic",
        "hot",
        "securityLevel",
        "rateLimit",
        "waf",
    },
}


@dataclass(frozen=True)
class Terms:
    """The conditions for accepting a rule: plan, and choices of the sandbox's switches."""

    plan: Plan
    strips_parentheses: bool
    refused_skips: frozenset[str] = frozenset()
    phase: str = FIREWALL_PHASE
    executable: frozenset[str] = frozenset()
    """The ids of the rulesets that a rule may execute."""


def new_rule(body: Any, terms: Terms, pointer: str = "") -> Rule:
    """Create a rule from a request body, or refuse it."""
    values = _values(body)
    if values.get("action_parameters") and not values.get("action"):
        raise _refused(None, "action is required for action parameters", pointer)
    expression = values.get("expression", "")
    _check_expression(expression, terms, f"{pointer}/expression")
    if terms.strips_parentheses:
        values["expression"] = without_outer_parentheses(expression)
    rule = Rule(**({"action": ""} | values))
    _check_action(rule, terms, pointer)
    return rule


def redefined(old: Rule, body: Any, terms: Terms) -> Rule:
    """Return an existing rule with a new definition; its id and, if unchanged, version stay."""
    new = new_rule(body, terms)
    # GUESS: without a ref in the body, the old one stays.
    ref = new.ref if "ref" in body else old.ref
    definition = replace(
        new, id=old.id, ref=ref, version=old.version, last_updated=old.last_updated
    )
    if definition == old:
        return old
    return replace(definition, version=old.version + 1, last_updated=now())


def check_together(
    rules: Iterable[Rule], plan: Plan, phase: str, elsewhere: int = 0
) -> None:
    """Refuse a list of rules that exceeds the quota or uses a ref twice.

    The quota is for the phase: rules in its other rulesets count as well.
    """
    rules = list(rules)
    count = len(rules) + elsewhere
    quota = (QUOTAS if phase == FIREWALL_PHASE else _OTHER_QUOTAS)[plan]
    if count > quota:
        raise _refused(
            50001,
            f"exceeded the maximum number of rules in the phase {phase}: "
            f"{count} out of {quota}",
        )
    refs = [rule.ref for rule in rules]
    for ref in refs:
        if refs.count(ref) > 1:
            # GUESS: the text.
            raise _refused(20023, f"the ref '{ref}' is used by more than one rule")


def _values(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _refused(None, "invalid JSON: a rule has to be an object")
    for key, value in body.items():
        if key in _READ_ONLY:
            continue
        if key not in _WRITABLE:
            raise _refused(None, f'invalid JSON: unknown field "{key}"')
        if value is not None and type(value) is not _WRITABLE[key]:
            # GUESS: the text.
            raise _refused(None, f'invalid JSON: wrong type of field "{key}"')
    return {key: body[key] for key in _WRITABLE if body.get(key) is not None}


def _check_expression(expression: str, terms: Terms, pointer: str) -> None:
    refused = f"'{expression}' is not a valid value for expression because"
    if not expression.strip():
        raise _refused(20125, f"{refused} the expression cannot be blank", pointer)
    if len(expression) > MAX_EXPRESSION:
        # GUESS: the text, and that 20166 is its code.
        raise _refused(20166, f"{refused} it is too long", pointer)
    try:
        used = constructs(expression)
        for name, use in _REGULAR_EXPRESSIONS.items():
            if name in used and terms.plan in (Plan.FREE, Plan.PRO):
                raise _not_entitled(use, "Business plan or a WAF Advanced plan")
        parse(expression)
    except InvalidError as error:
        # GUESS: the code; it is widely quoted but was never recorded.
        reason = f"could not parse filter expression: {error}"
        raise _refused(20127, f"{refused} {reason}", pointer) from None
    except UnsupportedError as error:
        message = f"the sandbox cannot evaluate {error}"
        raise ApiError(501, Problem(None, message, pointer)) from None


def _check_action(rule: Rule, terms: Terms, pointer: str) -> None:
    plan = terms.plan
    parameters = rule.action_parameters or {}
    if rule.action not in _ACTIONS[terms.phase]:
        # GUESS: the code and text.
        raise _refused(
            None,
            f"'{rule.action}' is not a valid value for action",
            f"{pointer}/action",
        )
    if rule.action == "log" and plan is not Plan.ENTERPRISE:
        raise _not_entitled("action log", "Enterprise plan")
    where = f"{pointer}/action_parameters"
    match rule.action:
        case "skip":
            return _check_skip(parameters, terms.refused_skips, where)
        case "execute":
            # GUESS: the text.
            if parameters.get("id") not in terms.executable:
                raise _refused(None, "could not find the ruleset to execute", where)
            return None
        case "redirect":
            return _check_redirect(parameters, where)
        case "route":
            return _check_route(parameters, plan, where)
        case "rewrite":
            return check_header_changes(parameters, where)
    if rule.logging is not None:
        # GUESS: only skip rules accept logging.
        raise _refused(None, "logging is not allowed for this action", pointer)
    if "response" in parameters and plan is Plan.FREE:
        raise _not_entitled("a custom block response", "Pro plan")
    if parameters.keys() - {"response"}:
        raise _refused(None, "invalid action parameters", pointer)
    return None


def _check_redirect(parameters: Mapping[str, Any], pointer: str) -> None:
    # GUESS: every text.
    check_kinds(parameters, from_value=dict)
    found = check_kinds(
        parameters.get("from_value") or {},
        target_url=dict,
        status_code=int,
        preserve_query_string=bool,
    )
    url = check_kinds(found.get("target_url") or {}, value=str, expression=str)
    if not url.get("value"):
        message = "the sandbox only redirects to a fixed address"
        raise ApiError(501, Problem(None, message, pointer))
    if found.get("status_code") not in (301, 302, 303, 307, 308):
        raise _refused(None, "invalid status_code", pointer)


def _check_route(parameters: Mapping[str, Any], plan: Plan, pointer: str) -> None:
    # GUESS: every text.
    check_kinds(parameters, host_header=str, origin=dict, sni=dict)
    origin = check_kinds(parameters.get("origin") or {}, host=str, port=int)
    if not parameters or parameters.keys() - {"host_header", "origin", "sni"}:
        raise _refused(None, "invalid action parameters", pointer)
    if plan is not Plan.ENTERPRISE and (
        parameters.keys() & {"host_header", "sni"} or "host" in origin
    ):
        raise _not_entitled("a host header or DNS override", "Enterprise plan")


def _check_skip(
    parameters: Mapping[str, Any], refused: frozenset[str], pointer: str
) -> None:
    # GUESS: every text; and that every plan accepts each of these phases and products.
    if not parameters or parameters.keys() - _SKIP.keys():
        raise _refused(None, "invalid action parameters", pointer)
    for key, value in parameters.items():
        values = value if isinstance(value, list) else [value]
        known = _SKIP[key] - refused
        if not all(isinstance(each, str) and each in known for each in values):
            raise _refused(None, f"invalid value for {key}", f"{pointer}/{key}")
    if "phase" in parameters and parameters.keys() - {"phase", "products"}:
        raise _refused(None, "phase goes with products only", pointer)


def _refused(code: int | None, message: str, pointer: str | None = None) -> ApiError:
    return ApiError(400, Problem(code, message, pointer or None))


def _not_entitled(use: str, plan: str) -> ApiError:
    # GUESS: the text, except for regular expressions.
    return ApiError(
        400,
        Problem(
            None,
            f"not entitled: the use of {use} is not allowed, a {plan} is required",
        ),
    )
