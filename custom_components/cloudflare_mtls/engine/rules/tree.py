"""The nodes of a rule expression's tree (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Opaque:
    """A literal that is no text: a number, an address, a range, a list, or bytes in hex."""

    source: str


type Literal = str | Opaque


@dataclass(frozen=True)
class Field:
    """A field of the request."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function called with some operands."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Comparison:
    """A comparison of an operand with one value or a set of values."""

    left: Operand
    operator: str
    right: tuple[Literal, ...]


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    node: Node


@dataclass(frozen=True)
class Combination:
    """Several conditions combined with one operator: and, or, xor."""

    operator: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class HostPrefixes:
    """The condition that the host, in lower case, begins with one of these texts.

    No expression has it; `optimise` makes it.
    """

    prefixes: tuple[str, ...]


type Operand = Field | Call | Literal
type Node = Operand | Comparison | Not | Combination | HostPrefixes
