"""Apply a zone's custom rules to a request."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from .expressions import Request, parse
from .state import Rule, Ruleset

STOPPING = frozenset({"block", "challenge", "js_challenge", "managed_challenge"})

# The edge evaluates the same few expressions for every request.
_parsed = lru_cache(maxsize=256)(parse)


@dataclass(frozen=True)
class Verdict:
    """The result of the custom rules: which rule stops a request, or what it may skip."""

    stopped_by: Rule | None
    skipped: frozenset[str]
    """The products and phases that skip rules named."""


def judge(
    rules: Iterable[Rule],
    request: Request,
    rulesets: Mapping[str, Ruleset] | None = None,
) -> Verdict:
    """Apply the rules in order until one stops the request or skips the rest.

    The rulesets, by id, are those that a rule may execute.
    """
    skipped: set[str] = set()
    last = _last(rules, request, rulesets or {}, skipped)
    stopping = last if last and last.action in STOPPING else None
    return Verdict(stopping, frozenset(skipped))


def matches(rule: Rule, request: Request) -> bool:
    """Return whether a rule applies to a request."""
    return rule.enabled and _parsed(rule.expression).matches(request)


def _last(
    rules: Iterable[Rule],
    request: Request,
    rulesets: Mapping[str, Ruleset],
    skipped: set[str],
) -> Rule | None:
    """Return the rule that stops a request or skips the rest of the phase, if one does."""
    for rule in rules:
        if not matches(rule, request):
            continue
        if rule.action in STOPPING:
            return rule
        parameters = rule.action_parameters or {}
        if rule.action == "skip":
            skipped.update(parameters.get("products", ()), parameters.get("phases", ()))
            if parameters.get("phase") == "current":
                return rule
            if parameters.get("ruleset") == "current":
                return None
        if rule.action == "execute" and parameters["id"] in rulesets:
            executed = rulesets[parameters["id"]].rules
            if last := _last(executed, request, rulesets, skipped):
                return last
    return None
