"""Parses rule expressions of Cloudflare's rules language into trees (pure)."""

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
import re
from typing import Final

from .tree import (
    Call,
    Combination,
    Comparison,
    Field,
    Literal,
    Node,
    Not,
    Opaque,
    Operand,
)


def same_expression(one: str, other: str) -> bool:
    """Return whether two expressions differ at most in spaces and needless parentheses.

    Source: the Rulesets API rewrites expressions; it strips outer parentheses.
    """
    try:
        return parse(one) == parse(other)
    except ValueError:
        return one == other


@lru_cache(maxsize=1024)
def parse(expression: str) -> Node:
    """Return the expression as a tree; raise ValueError if it has what is not known here.

    Source: Cloudflare's rules language, operators and their precedence.
    """
    return _Parser(expression).read()


_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*")
    | r(?P<fence>\#*)"(?P<raw>.*?)"(?P=fence)
    | (?P<opaque>(?:[0-9]|::)[0-9A-Fa-f.:/]*)
    | (?P<negation>not)  # "notssl" is "not ssl" to Cloudflare.
    | (?P<name>[A-Za-z_][\w.]*(?:\[(?:"(?:[^"\\]|\\.)*"|[0-9]+|\*)\])*)
    | (?P<list>\$[\w.]+)
    | (?P<symbol>&&|\|\||\^\^|==|!=|<=|>=|[!<>~(){},])
    )""",
    re.VERBOSE | re.DOTALL,
)

# Any other escape is the code of a character, which is not known here.
_ESCAPE: Final = re.compile(r"\\(.)")
_SYNONYMS: Final = {
    "&&": "and",
    "||": "or",
    "^^": "xor",
    "!": "not",
    "==": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "~": "matches",
}
_COMPARISONS: Final = frozenset(
    {"eq", "ne", "lt", "le", "gt", "ge", "contains", "matches", "wildcard"}
)
# From the operator that binds least to the one that binds most.
_COMBINATIONS: Final = ("or", "xor", "and")

_MAX_DEPTH: Final = 50


@dataclass(frozen=True)
class _Token:
    text: str
    literal: Literal | None = None


class _Parser:
    """A recursive descent parser of one expression."""

    def __init__(self, expression: str) -> None:
        self._tokens = deque(_tokens(expression))
        self._depth = 0

    def read(self) -> Node:
        node = self._combination(0)
        if self._tokens:
            raise ValueError(self._tokens[0].text)
        return node

    def _combination(self, level: int) -> Node:
        if level == len(_COMBINATIONS):
            return self._condition()
        operator = _COMBINATIONS[level]
        nodes = [self._combination(level + 1)]
        while self._accept(operator):
            nodes.append(self._combination(level + 1))
        return nodes[0] if len(nodes) == 1 else Combination(operator, tuple(nodes))

    def _condition(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        try:
            if self._accept("not"):
                return Not(self._condition())
            if self._accept("("):
                node = self._combination(0)
                self._expect(")")
                return node
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Node:
        left = self._operand()
        if self._accept("in"):
            if self._tokens and self._tokens[0].text.startswith("$"):
                return Comparison(left, "in", (Opaque(self._next().text),))
            return Comparison(left, "in", self._set())
        strict = "strict " if self._accept("strict") else ""
        if self._tokens and self._tokens[0].text in _COMPARISONS:
            operator = strict + self._next().text
            return Comparison(left, operator, (self._literal(),))
        return left

    def _operand(self) -> Operand:
        token = self._next()
        if token.literal is not None:
            return token.literal
        if not token.text[:1].isalpha():
            raise ValueError(token.text)
        if not self._accept("("):
            return Field(token.text)
        arguments = [self._combination(0)]
        while self._accept(","):
            arguments.append(self._combination(0))
        self._expect(")")
        return Call(token.text, tuple(arguments))

    def _set(self) -> tuple[Literal, ...]:
        self._expect("{")
        values = []
        while not self._accept("}"):
            values.append(self._literal())
        return tuple(sorted(values, key=repr))

    def _literal(self) -> Literal:
        token = self._next()
        if token.literal is None:
            raise ValueError(token.text)
        return token.literal

    def _next(self) -> _Token:
        if not self._tokens:
            raise ValueError("ends too early")
        return self._tokens.popleft()

    def _accept(self, text: str) -> bool:
        found = bool(self._tokens) and self._tokens[0].text == text
        if found:
            self._tokens.popleft()
        return found

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise ValueError(f"no {text}")


def _tokens(expression: str) -> list[_Token]:
    tokens = []
    place = 0
    expression = expression.rstrip()
    while place < len(expression):
        if (match := _TOKEN.match(expression, place)) is None:
            raise ValueError(expression[place:])
        place = match.end()
        if (string := match["string"]) is not None:
            tokens.append(_Token("", _ESCAPE.sub(_unescaped, string[1:-1])))
        elif (raw := match["raw"]) is not None:
            tokens.append(_Token("", raw))
        elif (opaque := match["opaque"]) is not None:
            tokens.append(_Token("", Opaque(opaque)))
        else:
            text = match[str(match.lastgroup)]
            tokens.append(_Token(_SYNONYMS.get(text, text)))
    return tokens


def _unescaped(match: re.Match[str]) -> str:
    if match[1] not in '\\"':
        raise ValueError(match[0])
    return match[1]
