"""How code is changed, besides mutmut's own ways: it takes nothing away."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import libcst as cst
from mutmut.mutation import file_mutation
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import OPERATORS_TYPE, mutation_operators

Operator = Callable[[Any], Iterable[cst.CSTNode]]


def _texts(node: cst.FormattedStringText) -> Iterable[cst.CSTNode]:
    yield node.with_changes(value=f"XX{node.value}XX")


def _conditions(node: cst.If) -> Iterable[cst.CSTNode]:
    test = node.test.with_changes(
        lpar=[cst.LeftParen(), *node.test.lpar], rpar=[*node.test.rpar, cst.RightParen()]
    )  # fmt: skip
    yield node.with_changes(test=cst.UnaryOperation(cst.Not(), test))


def _filters(node: cst.CompFor) -> Iterable[cst.CSTNode]:
    for place in range(len(node.ifs)):
        yield node.with_changes(ifs=[*node.ifs[:place], *node.ifs[place + 1 :]])


def _statements(node: cst.Expr) -> Iterable[cst.CSTNode]:
    if not isinstance(node.value, cst.SimpleString):
        yield cst.Pass()


def _exits(node: cst.Return | cst.Continue) -> Iterable[cst.CSTNode]:
    if not (isinstance(node, cst.Return) and node.value):
        yield cst.Pass()


def _guards(node: cst.MatchCase) -> Iterable[cst.CSTNode]:
    # Without any, a name that is always bound would be a syntax error ahead of another case.
    if node.guard:
        yield node.with_changes(guard=cst.Name("True"))


def _alternatives(node: cst.MatchOr) -> Iterable[cst.CSTNode]:
    for place in range(len(node.patterns)):
        left = [*node.patterns[:place], *node.patterns[place + 1 :]]
        last = left[-1].with_changes(separator=cst.MaybeSentinel.DEFAULT)
        yield (
            node.with_changes(patterns=[*left[:-1], last]) if left[1:] else last.pattern
        )


def _operands(node: cst.BooleanOperation) -> Iterable[cst.CSTNode]:
    for operand in (node.left, node.right):
        yield operand.with_changes(
            lpar=[*node.lpar, *operand.lpar], rpar=[*operand.rpar, *node.rpar]
        )


def _elements(
    node: cst.Tuple | cst.List | cst.Set | cst.Dict,
) -> Iterable[cst.CSTNode]:
    for place in range(len(node.elements)):
        left = [*node.elements[:place], *node.elements[place + 1 :]]
        if left or not isinstance(node, cst.Set):
            yield node.with_changes(elements=left)


def _precedence(node: cst.Dict | cst.BinaryOperation) -> Iterable[cst.CSTNode]:
    """Swap mappings of which the later one wins."""
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


def _quantifiers(node: cst.Call) -> Iterable[cst.CSTNode]:
    other = {"any": "all", "all": "any"}
    if isinstance(node.func, cst.Name) and node.func.value in other:
        yield node.with_changes(func=cst.Name(other[node.func.value]))


OPERATORS: OPERATORS_TYPE = [
    (cst.FormattedStringText, _texts),
    (cst.If, _conditions),
    (cst.CompFor, _filters),
    (cst.Expr, _statements),
    (cst.Return, _exits),
    (cst.Continue, _exits),
    (cst.MatchCase, _guards),
    (cst.MatchOr, _alternatives),
    (cst.BooleanOperation, _operands),
    (cst.Tuple, _elements),
    (cst.List, _elements),
    (cst.Set, _elements),
    (cst.Dict, _elements),
    (cst.Dict, _precedence),
    (cst.BinaryOperation, _precedence),
    (cst.Call, _quantifiers),
]


def teach_mutmut() -> None:
    """Have mutmut change code in these ways too, and properties, which it leaves alone."""
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
    """Tell whether mutmut would skip a function for being a property."""
    return isinstance(node, cst.FunctionDef) and any(
        isinstance(item.decorator, cst.Name) and item.decorator.value == "property"
        for item in node.decorators
    )
