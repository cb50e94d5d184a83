"""The tree of a rule expression (pure)."""

from dataclasses import dataclass

type Literal = str | int


@dataclass(frozen=True)
class Field:
    """A field of the request."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function of some operands."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Comparison:
    """An operand against one value or a set of them."""

    left: Operand
    operator: str
    right: tuple[Literal, ...]


@dataclass(frozen=True)
class Not:
    """The opposite."""

    node: Node


@dataclass(frozen=True)
class Combination:
    """Several conditions under one operator."""

    operator: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class HostPrefixes:
    """Whether the host, in lower case, begins with one of these."""

    prefixes: tuple[str, ...]


type Operand = Field | Call | Literal
type Node = Operand | Comparison | Not | Combination | HostPrefixes
