"""Rule expressions: checked by Cloudflare's own parser, evaluated here.

The parser that Cloudflare publishes decides which expressions are valid, but it cannot
evaluate them. A smaller parser of ours reads the same text into a tree. It raises
`UnsupportedError` for constructs that it does not know; it never guesses.
"""

from dataclasses import dataclass

from octorules_wirefilter import parse_expression

from .errors import InvalidError, UnsupportedError
from .evaluation import Request, evaluate
from .fields import BOOLEAN_FIELDS, STRING_FIELDS
from .parser import Parser
from .tokens import without_outer_parentheses
from .tree import Comparison, Field, Function, Node, Operator, Value

__all__ = [
    "BOOLEAN_FIELDS",
    "STRING_FIELDS",
    "Expression",
    "InvalidError",
    "Request",
    "UnsupportedError",
    "Value",
    "ValueExpression",
    "constructs",
    "parse",
    "parse_value",
    "without_outer_parentheses",
]


@dataclass(frozen=True)
class Expression:
    """A parsed expression, ready for evaluation."""

    root: Node

    def matches(self, request: Request) -> bool:
        """Return whether a request matches."""
        return bool(evaluate(self.root, request))


def parse(text: str) -> Expression:
    """Parse an expression, or raise InvalidError or UnsupportedError."""
    constructs(text)
    return Expression(Parser(text).parse())


@dataclass(frozen=True)
class ValueExpression:
    """A parsed expression for a text."""

    root: Field | Function

    def of(self, request: Request) -> bytes:
        """Return the text for a request, nothing where a field has no value."""
        value = evaluate(self.root, request)
        assert isinstance(value, bytes)
        return value


def parse_value(text: str) -> ValueExpression:
    """Parse an expression for a text, or raise InvalidError or UnsupportedError.

    The published parser reads conditions only, so it gets one with the text on its left.
    """
    match parse(f'{text} eq ""').root:
        case Comparison(Field() | Function() as left, Operator.EQ, ""):
            return ValueExpression(left)
    raise InvalidError(f"Filter parsing error: {text} is a condition")


def constructs(text: str) -> frozenset[str]:
    """Return the operators, functions and fields of an expression, or raise InvalidError."""
    try:
        facts = parse_expression(text)
    except UnicodeEncodeError:
        # GUESS: the error. JSON can hold lone surrogates, which the parser does not take.
        raise InvalidError("Filter parsing error: the expression is no text") from None
    if error := facts.get("error"):
        raise InvalidError(error)
    return frozenset((*facts["operators"], *facts["functions"], *facts["fields"]))
