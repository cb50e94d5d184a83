"""Apply a zone's custom rules to a request."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from .expressions import Request, parse
from .state import Rule

STOPPING = frozenset({"block", "challenge", "js_challenge", "managed_challenge"})

# The edge evaluates the same few expressions for every request.
_parsed = lru_cache(maxsize=256)(parse)


@dataclass(frozen=True)
class Verdict:
    """The result of the custom rules: which rule stops a request, or what it may skip."""

    stopped_by: Rule | None
    skipped: frozenset[str]
    """The products and phases that skip rules named."""


def judge(rules: Iterable[Rule], request: Request) -> Verdict:
    """Apply the rules in order until one stops the request or skips the rest."""
    skipped: set[str] = set()
    for rule in rules:
        if not rule.enabled or not _parsed(rule.expression).matches(request):
            continue
        if rule.action in STOPPING:
            return Verdict(rule, frozenset(skipped))
        parameters = rule.action_parameters or {}
        if rule.action == "skip":
            skipped.update(parameters.get("products", ()), parameters.get("phases", ()))
            if "current" in (parameters.get("ruleset"), parameters.get("phase")):
                break
    return Verdict(None, frozenset(skipped))
