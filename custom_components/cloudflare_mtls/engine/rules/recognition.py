"""Recognises our rules where another tool took their marks away (pure)."""

from dataclasses import replace
from typing import Final

from ..api.models import Rule, Ruleset
from .admissions import read_admissions
from .expressions import block_expression, skip_expression
from .marks import block_ref, pair_described, pair_of, skip_ref
from .parser import same_expression

_REFS: Final = {"block": block_ref, "skip": skip_ref}
_EXPRESSIONS: Final = {"block": block_expression, "skip": skip_expression}


def with_marks(ruleset: Ruleset) -> Ruleset:
    """Return the ruleset with our refs on the rules that are written as only we write them.

    Its description tells which pair a rule belongs to. Where a rule has a ref, no other one gets
    it. Source: a tool that replaces the whole list leaves the refs out, and Cloudflare then gives
    each rule a new one.
    """
    refs = {rule.ref for rule in ruleset.rules}
    rules = []
    for rule in ruleset.rules:
        ref = _ref_by_description(rule)
        if ref and ref not in refs and _is_written_by_us(rule):
            refs.add(ref)
            rules.append(replace(rule, ref=ref, lost_mark=True))
        else:
            rules.append(rule)
    return replace(ruleset, rules=tuple(rules))


def _ref_by_description(rule: Rule) -> str | None:
    """Return the ref that a rule would have if it were ours and had lost it."""
    if pair_of(rule.ref) or rule.action not in _REFS:
        return None
    return _REFS[rule.action](pair_described(rule.description))


def _is_written_by_us(rule: Rule) -> bool:
    if rule.has_other_conditions:
        return False
    admissions = read_admissions(rule.expression)
    written = _EXPRESSIONS[rule.action](admissions)
    return bool(admissions) and same_expression(rule.expression, written)
