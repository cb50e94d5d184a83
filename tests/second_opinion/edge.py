"""What the edge does with a request: the custom rules, in their order, and what each action means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain, combinations, product
from typing import Any, Final

from custom_components.cloudflare_mtls.engine.api.models import Rule, Ruleset

from .evaluator import Situation, compiled
from .language import (
    Call,
    Combination,
    Comparison,
    Constant,
    NamedList,
    Negation,
    Quantifier,
    Test,
    Truth,
    Value,
)
from .parser import parse
from .requests import Request, fields_of


class Effect(Enum):
    """What becomes of a request that meets a rule."""

    STOPPED = "stopped"
    PASSED_ON = "passed on"
    # The rest of the rules is not evaluated, or it is not certain that it is.
    MAY_BE_THROUGH = "may be through"


# What a skip rule can skip without skipping custom rules.
_HARMLESS: Final[Mapping[str, frozenset[str]]] = {
    "phases": frozenset(
        {"http_ratelimit", "http_request_sbfm", "http_request_firewall_managed"}
    ),
    "products": frozenset(
        {"zoneLockdown", "uaBlock", "bic", "hot", "securityLevel", "rateLimit", "waf"}
    ),
}


def effect(rule: Rule, ruleset: Ruleset) -> Effect:
    """Return what a rule does to a request that meets its expression."""
    match rule.action:
        case "block":
            return Effect.STOPPED
        case "log":
            return Effect.PASSED_ON
        case "skip":
            return _effect_of_skip(rule.action_parameters, ruleset)
        case _:
            # A visitor who solves a challenge passes, and the rules behind it are not evaluated; an
            # executed ruleset may skip the rest of the phase; of other actions nothing is known.
            return Effect.MAY_BE_THROUGH


def _effect_of_skip(parameters: Mapping[str, Any], ruleset: Ruleset) -> Effect:
    for key, skipped in parameters.items():
        match key:
            case "phases" | "products":
                harmless = set(skipped) <= _HARMLESS[key]
            case "rulesets" | "rules":
                # Meant for managed rules; what they do to custom ones is not written.
                harmless = not {ruleset.id, "current"} & set(skipped)
            case _:
                harmless = False
        if not harmless:
            return Effect.MAY_BE_THROUGH
    return Effect.PASSED_ON


@dataclass(frozen=True)
class Edge:
    """A zone's custom rules, ready to judge requests."""

    rules: tuple[Rule, ...]
    ruleset: Ruleset
    open_questions: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, ruleset: Ruleset) -> Edge:
        """Return the edge of a zone with these rules."""
        enabled = tuple(rule for rule in ruleset.rules if rule.enabled)
        trees = [parse(rule.expression) for rule in enabled]
        return cls(enabled, ruleset, tuple(_open_questions(trees)))

    def lets_through(self, request: Request) -> bool:
        """Return whether a request passes the rules in any way to read it."""
        return any(
            self.passes(Situation(fields, **answers))
            for fields in fields_of(request)
            for answers in self.open_questions
        )

    def passes(self, situation: Situation) -> bool:
        """Return whether a request passes the rules in one way to read it."""
        for rule in self.rules:
            if compiled(rule.expression)(situation):
                now = effect(rule, self.ruleset)
                if now is not Effect.PASSED_ON:
                    return now is Effect.MAY_BE_THROUGH
        return True


type Node = Test | Value | Constant


def nodes(node: Node) -> Iterable[Node]:
    """Yield a part of an expression and everything in it."""
    yield node
    for inner in _inner(node):
        yield from nodes(inner)


def _inner(node: Node) -> Sequence[Node]:
    match node:
        case Comparison(value) | Truth(value):
            return (value,)
        case Negation(test) | Quantifier(_, test):
            return (test,)
        case Combination(_, tests):
            return tests
        case Value(Call(_, arguments)):
            return arguments
    return ()


def _open_questions(trees: Iterable[Test]) -> Iterable[dict[str, Any]]:
    """Yield all answers to what the reference leaves open, as far as the expressions touch it."""
    found = [node for tree in trees for node in nodes(tree)]
    comparisons = [node for node in found if isinstance(node, Comparison)]
    lists = sorted({
        item.operand.name for item in comparisons if isinstance(item.operand, NamedList)
    })  # fmt: skip
    may_miss = any(item.operator == "ne" for item in comparisons)
    asks_for_all = any(isinstance(node, Quantifier) and node.every for node in found)
    for missing_differs, all_of_nothing, listed in product(
        (False, True) if may_miss else (False,),
        (True, False) if asks_for_all else (True,),
        chain.from_iterable(
            combinations(lists, size) for size in range(len(lists) + 1)
        ),
    ):
        yield {
            "missing_differs": missing_differs,
            "all_of_nothing": all_of_nothing,
            "listed": frozenset(listed),
        }
