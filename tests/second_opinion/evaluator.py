"""Decides whether a request meets an expression: yes or no, once it is settled how the reference is read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
import operator
from typing import Any, Final

from .language import (
    Call,
    Combination,
    Comparison,
    Constant,
    Each,
    NamedList,
    Negation,
    Quantifier,
    Test,
    Truth,
    Value,
)
from .parser import parse
from .values import APPLY, MISSING, Content


@dataclass(frozen=True)
class Situation:
    """The fields of one request, and how questions are answered that the reference leaves open.

    Those are: whether a missing value differs from a literal, whether "all" holds of no
    elements, and which of the lists that are kept elsewhere contain what is looked up.
    """

    fields: Mapping[str, Content]
    missing_differs: bool = False
    all_of_nothing: bool = True
    listed: frozenset[str] = frozenset()


type _Answer = bool | list[bool]
type _Decide = Callable[[Situation], _Answer]
type _Read = Callable[[Situation], Content]

_JOIN: Final[Mapping[str, Callable[[Iterable[Any]], bool]]] = {
    "and": all,
    "or": any,
    "xor": lambda answers: sum(answers) % 2 == 1,
}
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "and": lambda content, literal: content & literal != 0,
    "contains": lambda content, literal: literal in content,
    "pattern": lambda content, pattern: pattern.search(content) is not None,
}


@lru_cache(maxsize=5000)
def compiled(expression: str) -> Callable[[Situation], bool]:
    """Return what decides an expression.

    Raises NotUnderstoodError.
    """
    decide = _test(parse(expression))
    return lambda situation: bool(decide(situation))


def _test(test: Test) -> _Decide:
    match test:
        case Comparison():
            return _comparison(test)
        case Truth(value):
            return _truth(value)
        case Negation(inner):
            decide = _test(inner)
            return lambda situation: _opposite(decide(situation))
        case Quantifier(every, inner):
            return _quantifier(_test(inner), every=every)
        case Combination(joined, inner):
            return _combination(joined, [_test(each) for each in inner])


def _opposite(answer: _Answer) -> _Answer:
    return [not each for each in answer] if isinstance(answer, list) else not answer


def _quantifier(decide: _Decide, *, every: bool) -> _Decide:
    def quantified(situation: Situation) -> bool:
        answers = decide(situation)
        assert isinstance(answers, list)
        if not answers:
            return every and situation.all_of_nothing
        return all(answers) if every else any(answers)

    return quantified


def _combination(joined: str, decides: Sequence[_Decide]) -> _Decide:
    join = _JOIN[joined]

    def combined(situation: Situation) -> _Answer:
        answers = (decide(situation) for decide in decides)
        first = next(answers)
        if isinstance(first, list):
            # As many elements as the shortest has.
            columns = zip(first, *answers, strict=False)
            return [join(column) for column in columns]
        return join(chain((first,), answers))

    return combined


def _comparison(test: Comparison) -> _Decide:
    read = _value(test.value)
    compare = _compare(test)
    is_difference = test.operator == "ne"

    def compared(situation: Situation) -> _Answer:
        content = read(situation)
        if test.value.is_mapped:
            return [compare(each, situation) for each in _elements(content)]
        if content is MISSING:
            return is_difference and situation.missing_differs
        return compare(content, situation)

    return compared


def _compare(test: Comparison) -> Callable[[Any, Situation], bool]:
    operand = test.operand
    if isinstance(operand, NamedList):
        name = operand.name
        return lambda _content, situation: name in situation.listed
    if isinstance(operand, frozenset):
        return lambda content, _situation: content in operand
    if isinstance(operand, tuple):
        spans = operand
        return lambda content, _situation: any(
            type(span.first) is type(content) and span.first <= content <= span.last  # type: ignore[operator]  # of one type
            for span in spans
        )
    compare = _COMPARE[test.operator]
    if test.operator in ("lt", "le", "gt", "ge"):
        # Addresses of different versions have no order.
        return lambda content, _situation: (
            type(content) is type(operand) and compare(content, operand)
        )
    return lambda content, _situation: compare(content, operand)


def _truth(value: Value) -> _Decide:
    read = _value(value)

    def true(situation: Situation) -> _Answer:
        content = read(situation)
        if isinstance(content, list):
            return [each is True for each in content]
        return content is True

    return true


def _value(value: Value) -> _Read:
    if isinstance(value.source, Call):
        read = _call(value.source)
    else:
        name = value.source
        read = lambda situation: situation.fields[name]  # noqa: E731  # the other branch is a call
    if not value.steps:
        return read
    if not value.is_mapped:
        return lambda situation: _picked(read(situation), value.steps)
    return lambda situation: _mapped(read(situation), value.steps)


def _picked(content: Content, steps: Sequence[str | int | Each]) -> Content:
    for step in steps:
        content = _step(content, step)
    return content


def _step(content: Content, step: str | int | Each) -> Content:
    if isinstance(step, int) and isinstance(content, Sequence):
        return content[step] if step < len(content) else MISSING
    if isinstance(step, str) and isinstance(content, Mapping):
        return content.get(step, MISSING)
    return MISSING


def _mapped(content: Content, steps: Sequence[str | int | Each]) -> list[Content]:
    contents = [content]
    for step in steps:
        if isinstance(step, Each):
            contents = [each for outer in contents for each in _elements(outer)]
        else:
            stepped = [_step(each, step) for each in contents]
            contents = [each for each in stepped if each is not MISSING]
    return contents


def _elements(content: Content) -> Sequence[Content]:
    if isinstance(content, Mapping):
        return list(content.values())
    return content if isinstance(content, list) else []


def _call(call: Call) -> _Read:
    reads = [_argument(argument) for argument in call.arguments]
    apply = APPLY[call.function]
    first = call.arguments[0]
    is_mapped = isinstance(first, Value) and first.is_mapped

    def called(situation: Situation) -> Content:
        contents = [read(situation) for read in reads]
        if is_mapped:
            return [apply(each, *contents[1:]) for each in _elements(contents[0])]
        if MISSING in contents:
            return MISSING
        return apply(*contents)

    return called


def _argument(argument: Value | Constant | Test) -> _Read:
    if isinstance(argument, Constant):
        constant = argument.value
        return lambda _situation: constant
    assert isinstance(argument, Value)
    return _value(argument)
