"""The custom rules of a zone, applied to one request."""

from collections.abc import Iterable
from functools import lru_cache

from .expressions import Request, parse
from .state import Rule

STOPPING = frozenset({"block", "challenge", "js_challenge", "managed_challenge"})

# The edge asks the same few expressions for every request.
_parsed = lru_cache(maxsize=256)(parse)


def stopping_rule(rules: Iterable[Rule], request: Request) -> Rule | None:
    """Return the rule that stops a request, if one does."""
    for rule in rules:
        if not rule.enabled or not _parsed(rule.expression).matches(request):
            continue
        if rule.action in STOPPING:
            return rule
        if _ends_the_rules(rule):
            return None
    return None


def _ends_the_rules(rule: Rule) -> bool:
    """Tell whether a rule skips all that follow; other skips change nothing here."""
    parameters = rule.action_parameters or {}
    return rule.action == "skip" and "current" in (
        parameters.get("ruleset"),
        parameters.get("phase"),
    )
