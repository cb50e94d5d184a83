"""The nodes of a parsed expression."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from .fields import Type

type IPAddress = IPv4Address | IPv6Address
type Value = str | int | bool | IPAddress
"""Octets that are not UTF-8 are surrogates in a string."""


class Operator(StrEnum):
    """An operator that compares a value with one literal."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    CONTAINS = "contains"
    MATCHES = "matches"
    WILDCARD = "wildcard"
    STRICT_WILDCARD = "strict wildcard"


class Combiner(StrEnum):
    """An operator that combines two conditions; the loosest comes first."""

    OR = "or"
    XOR = "xor"
    AND = "and"


@dataclass(frozen=True)
class Field:
    """A property of the request."""

    name: str
    type: Type


@dataclass(frozen=True)
class Literal:
    """A literal string, number or address."""

    value: Value


@dataclass(frozen=True)
class Function:
    """A function with its arguments."""

    name: str
    type: Type
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Comparison:
    """A value compared with a literal."""

    left: Node
    operator: Operator
    right: Value


@dataclass(frozen=True)
class Range:
    """All values from one to another, both included."""

    first: Any
    last: Any


@dataclass(frozen=True)
class Membership:
    """A test whether a value is in a list."""

    left: Node
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Not:
    """A negation."""

    operand: Node


@dataclass(frozen=True)
class Combination:
    """Two conditions combined."""

    left: Node
    combiner: Combiner
    right: Node


type Node = Field | Literal | Function | Comparison | Membership | Not | Combination
type Member = Value | Range | IPv4Network | IPv6Network
