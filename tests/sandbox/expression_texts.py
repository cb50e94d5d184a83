"""The text form of rule expressions, in one of the many ways that Cloudflare's parser accepts."""

from random import Random
from typing import Any

from .expression_trees import (
    Apply,
    Bare,
    Compare,
    Condition,
    Field,
    In,
    Join,
    Not,
    Pattern,
    Regex,
    Span,
    octets,
)

_SIGNS = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "matches": "~",
    "and": "&&",
    "or": "||",
    "xor": "^^",
    "not": "!",
}
_PRECEDENCE = {"or": 0, "xor": 1, "and": 2, "not": 3}

NOT_UTF_8 = "\udcff"
"""Stands for an octet that is not UTF-8."""


def write(tree: Condition, random: Random, outer_precedence: int = 0) -> str:
    """Write a condition, with parentheses where needed and, at random, elsewhere."""
    match tree:
        case Join(operator, left, right):
            precedence = _PRECEDENCE[operator]
            text = _spaced(
                random,
                write(left, random, precedence),
                _sign(operator, random),
                write(right, random, precedence),
            )
        case Not(operand):
            precedence = _PRECEDENCE["not"]
            text = _spaced(
                random, _sign("not", random), write(operand, random, precedence)
            )
        case Bare(value):
            precedence, text = 9, _write_value(value, random)
        case In(left, members):
            precedence = 9
            listed = " ".join(_write_member(member, random) for member in members)
            text = f"{_write_value(left, random)} in {{{listed}}}"
        case Compare(left, operator, right):
            precedence = 9
            text = _spaced(
                random,
                _write_value(left, random),
                _sign(operator, random),
                _write_literal(right, random),
            )
    if precedence < outer_precedence or random.random() < 0.15:
        return f"( {text})" if random.random() < 0.3 else f"({text})"
    return text


def _spaced(random: Random, *parts: str) -> str:
    return random.choice((" ", " ", "  ", "\n", " \r\n")).join(parts)


def _sign(operator: str, random: Random) -> str:
    if operator in _SIGNS and random.random() < 0.4:
        return _SIGNS[operator]
    return operator


def _write_value(value: Any, random: Random) -> str:
    match value:
        case Field(name):
            return name
        case Apply(function, arguments):
            comma = random.choice((",", ", ", " , "))
            return f"{function}({comma.join(_write_value(each, random) for each in arguments)})"
    return _write_literal(value, random)


def _write_member(member: Any, random: Random) -> str:
    if isinstance(member, Span):
        return f"{_plain(member.first, random)}..{_plain(member.last, random)}"
    return _write_literal(member, random)


def _write_literal(literal: Any, random: Random) -> str:
    match literal:
        case Pattern(texts):
            escaped = (text.replace("\\", "\\\\").replace("*", "\\*") for text in texts)
            return _quoted("*".join(escaped), random)
        case Regex((at_start, at_end), pieces):
            body = "".join(kind + quantifier for kind, quantifier in pieces)
            text = f"{'^' if at_start else ''}{body}{'$' if at_end else ''}"
            return f'"{text}"' if random.random() < 0.5 else f'r"{text}"'
        case str():
            return _quoted(literal, random)
    return _plain(literal, random)


def _plain(literal: Any, random: Random) -> str:
    if isinstance(literal, int) and literal >= 0 and random.random() < 0.3:
        return f"0x{literal:X}"
    return str(literal)


def _quoted(text: str, random: Random) -> str:
    if NOT_UTF_8 not in text and random.random() < 0.3:
        hashes = "#" * (text.count("#") + 1)
        return f'r{hashes}"{text}"{hashes}'
    return f'"{"".join(_escaped(character, random) for character in text)}"'


def _escaped(character: str, random: Random) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character == NOT_UTF_8 or random.random() < 0.2:
        form = random.choice(("\\x{:02x}", "\\x{:02X}", "\\{:03o}"))
        return "".join(map(form.format, octets(character)))
    return character
