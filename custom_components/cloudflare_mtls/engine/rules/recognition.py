"""Recognises our two rules where another tool took their marks away (pure)."""

from dataclasses import replace

from ..api.models import Rule, Ruleset
from .admissions import read_admissions
from .expressions import block_expression, skip_expression
from .marks import BLOCK_REF, SKIP_REF
from .parser import same_expression


def with_marks(ruleset: Ruleset) -> Ruleset:
    """Return the ruleset with our refs on the rules that are written as only we write them.

    Where a rule has our ref, no other one gets it. Source: a tool that replaces the whole list
    leaves the refs out, and Cloudflare then gives each rule a new one.
    """
    for ref in (BLOCK_REF, SKIP_REF):
        if ruleset.by_ref(ref) is None:
            ruleset = _with_mark(ruleset, ref)
    return ruleset


def _with_mark(ruleset: Ruleset, ref: str) -> Ruleset:
    ours = next((rule for rule in ruleset.rules if _is_written_by_us(rule, ref)), None)
    return replace(
        ruleset,
        rules=tuple(
            replace(rule, ref=ref, lost_mark=True) if rule is ours else rule
            for rule in ruleset.rules
        ),
    )


def _is_written_by_us(rule: Rule, ref: str) -> bool:
    action, write = {
        BLOCK_REF: ("block", block_expression),
        SKIP_REF: ("skip", skip_expression),
    }[ref]
    if rule.action != action or rule.has_other_conditions:
        return False
    admissions = read_admissions(rule.expression)
    return bool(admissions) and same_expression(rule.expression, write(admissions))
