"""Read an expression, already accepted by Cloudflare's parser, into a tree."""

from .errors import UnsupportedError
from .fields import FIELDS, FUNCTIONS, Type
from .literals import literal, members, regular_expression
from .tokens import Kind, Token, tokens
from .tree import (
    Combination,
    Combiner,
    Comparison,
    Field,
    Function,
    Literal,
    Member,
    Membership,
    Node,
    Not,
    Operator,
    Value,
)

_SIGNS = {
    "==": Operator.EQ,
    "!=": Operator.NE,
    "<": Operator.LT,
    "<=": Operator.LE,
    ">": Operator.GT,
    ">=": Operator.GE,
    "~": Operator.MATCHES,
}
_COMBINERS = {
    "or": Combiner.OR,
    "||": Combiner.OR,
    "xor": Combiner.XOR,
    "^^": Combiner.XOR,
    "and": Combiner.AND,
    "&&": Combiner.AND,
}


class Parser:
    """A recursive descent parser for valid expressions."""

    def __init__(self, text: str) -> None:
        """Split a valid expression into tokens; the next one is last in the list."""
        self._rest = list(tokens(text))[::-1]

    def parse(self) -> Node:
        """Read the whole expression."""
        node = self._combination(tuple(Combiner))
        if self._rest:
            raise UnsupportedError(f"'{self._rest[-1].text}'")
        return node

    def _next(self) -> str:
        return self._rest[-1].text if self._rest else ""

    def _take(self) -> Token:
        if not self._rest:
            raise UnsupportedError("an unfinished expression")
        return self._rest.pop()

    def _accept(self, *texts: str) -> bool:
        if self._next() not in texts:
            return False
        self._take()
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise UnsupportedError(f"'{self._next()}' instead of '{text}'")

    def _combination(self, combiners: tuple[Combiner, ...]) -> Node:
        if not combiners:
            return self._negation()
        combiner, *tighter = combiners
        node = self._combination(tuple(tighter))
        while _COMBINERS.get(self._next()) is combiner:
            self._take()
            node = Combination(node, combiner, self._combination(tuple(tighter)))
        return node

    def _negation(self) -> Node:
        if self._accept("not", "!"):
            return Not(self._negation())
        if self._accept("("):
            node = self._combination(tuple(Combiner))
            self._expect(")")
            return node
        return self._condition()

    def _condition(self) -> Node:
        left = self._operand()
        if left.type is Type.BOOLEAN:
            return left
        if self._accept("in"):
            return Membership(left, self._members(left.type))
        comparator = self._comparator()
        return Comparison(
            left, comparator, self._compared_literal(left.type, comparator)
        )

    def _operand(self) -> Field | Function:
        name = self._take().text
        if not self._accept("("):
            if name not in FIELDS:
                raise UnsupportedError(f"the field {name}")
            return Field(name, FIELDS[name])
        if name not in FUNCTIONS:
            raise UnsupportedError(f"the function {name}()")
        arguments = [self._argument()]
        while self._accept(","):
            arguments.append(self._argument())
        self._expect(")")
        return Function(name, FUNCTIONS[name], tuple(arguments))

    def _argument(self) -> Node:
        if self._rest and self._rest[-1].kind in (Kind.RAW, Kind.QUOTED):
            return Literal(literal(Type.STRING, self._take()))
        return self._operand()

    def _comparator(self) -> Operator:
        text = self._take().text
        if text == "strict":
            text = f"strict {self._take().text}"
        if text in _SIGNS:
            return _SIGNS[text]
        if text not in Operator:
            raise UnsupportedError(f"the operator {text}")
        return Operator(text)

    def _compared_literal(self, kind: Type, comparator: Operator) -> Value:
        token = self._take()
        if comparator is Operator.MATCHES:
            return regular_expression(token)
        return literal(kind, token)

    def _members(self, kind: Type) -> tuple[Member, ...]:
        if not self._accept("{"):
            raise UnsupportedError(f"the list {self._next()}")
        found: list[Member] = []
        while not self._accept("}"):
            found += members(kind, self._take())
        return tuple(found)
