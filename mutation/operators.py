"""More ways to change code: mutmut's own operators never remove anything."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import libcst as cst
from mutmut.mutation import file_mutation
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import OPERATORS_TYPE, mutation_operators

Operator = Callable[[Any], Iterable[cst.CSTNode]]


def _change_text(node: cst.FormattedStringText) -> Iterable[cst.CSTNode]:
    yield node.with_changes(value=f"XX{node.value}XX")


def _negate_condition(node: cst.If) -> Iterable[cst.CSTNode]:
    test = node.test.with_changes(
        lpar=[cst.LeftParen(), *node.test.lpar], rpar=[*node.test.rpar, cst.RightParen()]
    )  # fmt: skip
    yield node.with_changes(test=cst.UnaryOperation(cst.Not(), test))


def _drop_filter(node: cst.CompFor) -> Iterable[cst.CSTNode]:
    for place in range(len(node.ifs)):
        yield node.with_changes(ifs=[*node.ifs[:place], *node.ifs[place + 1 :]])


def _drop_statement(node: cst.Expr) -> Iterable[cst.CSTNode]:
    if not isinstance(node.value, cst.SimpleString):
        yield cst.Pass()


def _drop_exit(node: cst.Return | cst.Continue) -> Iterable[cst.CSTNode]:
    if not (isinstance(node, cst.Return) and node.value):
        yield cst.Pass()


def _drop_guard(node: cst.MatchCase) -> Iterable[cst.CSTNode]:
    # Replace the guard by True instead of removing it: without a guard, a pattern that always
    # matches is a syntax error ahead of other cases.
    if node.guard:
        yield node.with_changes(guard=cst.Name("True"))


def _drop_alternative(node: cst.MatchOr) -> Iterable[cst.CSTNode]:
    for place in range(len(node.patterns)):
        left = [*node.patterns[:place], *node.patterns[place + 1 :]]
        last = left[-1].with_changes(separator=cst.MaybeSentinel.DEFAULT)
        yield (
            node.with_changes(patterns=[*left[:-1], last]) if left[1:] else last.pattern
        )


def _drop_operand(node: cst.BooleanOperation) -> Iterable[cst.CSTNode]:
    for operand in (node.left, node.right):
        yield operand.with_changes(
            lpar=[*node.lpar, *operand.lpar], rpar=[*operand.rpar, *node.rpar]
        )


def _drop_element(
    node: cst.Tuple | cst.List | cst.Set | cst.Dict,
) -> Iterable[cst.CSTNode]:
    if isinstance(node, cst.Tuple) and not node.lpar:
        # An except clause takes several types without parentheses, but not one.
        node = node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    for place in range(len(node.elements)):
        left = [*node.elements[:place], *node.elements[place + 1 :]]
        if left or not isinstance(node, cst.Set):
            yield node.with_changes(elements=left)


def _swap_precedence(node: cst.Dict | cst.BinaryOperation) -> Iterable[cst.CSTNode]:
    """Swap merged mappings, of which the later one wins."""
    if isinstance(node, cst.Dict):
        starred = [isinstance(item, cst.StarredDictElement) for item in node.elements]
        if any(starred) and len(starred) > 1:
            commas = [item.comma for item in node.elements]
            yield node.with_changes(
                elements=[
                    item.with_changes(comma=comma)
                    for item, comma in zip(node.elements[::-1], commas, strict=True)
                ]
            )
    elif isinstance(node.operator, cst.BitOr):
        yield node.with_changes(left=node.right, right=node.left)


def _swap_quantifier(node: cst.Call) -> Iterable[cst.CSTNode]:
    other = {"any": "all", "all": "any"}
    if isinstance(node.func, cst.Name) and node.func.value in other:
        yield node.with_changes(func=cst.Name(other[node.func.value]))


OPERATORS: OPERATORS_TYPE = [
    (cst.FormattedStringText, _change_text),
    (cst.If, _negate_condition),
    (cst.CompFor, _drop_filter),
    (cst.Expr, _drop_statement),
    (cst.Return, _drop_exit),
    (cst.Continue, _drop_exit),
    (cst.MatchCase, _drop_guard),
    (cst.MatchOr, _drop_alternative),
    (cst.BooleanOperation, _drop_operand),
    (cst.Tuple, _drop_element),
    (cst.List, _drop_element),
    (cst.Set, _drop_element),
    (cst.Dict, _drop_element),
    (cst.Dict, _swap_precedence),
    (cst.BinaryOperation, _swap_precedence),
    (cst.Call, _swap_quantifier),
]


def teach_mutmut() -> None:
    """Add these operators to mutmut, and make it mutate properties, which it skips."""
    assert isinstance(mutation_operators, list)
    mutation_operators.extend(OPERATORS)
    arrange = file_mutation.function_trampoline_arrangement
    skips = MutationVisitor._skip_node_and_children  # noqa: SLF001

    def skips_but_properties(self: MutationVisitor, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.TypeAlias):
            return True
        return not is_property(node) and skips(self, node)

    def arrange_but_properties(
        function: cst.FunctionDef, *rest: Any, **more: Any
    ) -> tuple[Any, Sequence[Any], Any, Any]:
        if not is_property(function):
            return arrange(function, *rest, **more)
        bare = function.with_changes(decorators=[])
        declared, (called, *copies), assigned, names = arrange(bare, *rest, **more)
        assert isinstance(called, cst.FunctionDef)
        called = called.with_changes(
            decorators=[*function.decorators, *called.decorators]
        )
        return declared, [called, *copies], assigned, names

    MutationVisitor._skip_node_and_children = skips_but_properties  # type: ignore[method-assign]  # noqa: SLF001
    file_mutation.function_trampoline_arrangement = arrange_but_properties


def is_property(node: cst.CSTNode) -> bool:
    """Return whether a function is a property, which mutmut would skip."""
    return isinstance(node, cst.FunctionDef) and any(
        isinstance(item.decorator, cst.Name) and item.decorator.value == "property"
        for item in node.decorators
    )
