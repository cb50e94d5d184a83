"""Tests of the trees that expressions are read as."""

import re

import pytest

from custom_components.cloudflare_mtls.engine.rules.parser import parse, same_expression
from custom_components.cloudflare_mtls.engine.rules.tree import (
    Call,
    Combination,
    Comparison,
    Field,
    Node,
    Not,
    Opaque,
)

A, B, C, D = map(Field, "abcd")
HOST = Field("http.host")


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("ssl", Field("ssl")),
        (" ( ( ssl ) ) \n", Field("ssl")),
        ("notssl", Not(Field("ssl"))),
        ("not not a", Not(Not(A))),
        ("!a && b", Combination("and", (Not(A), B))),
        ("a and b and c", Combination("and", (A, B, C))),
        (
            "a or b xor c and d",
            Combination("or", (A, Combination("xor", (B, Combination("and", (C, D)))))),
        ),
        (
            "(a || b) ^^ c",
            Combination("xor", (Combination("or", (A, B)), C)),
        ),
        ('http.host eq "x"', Comparison(HOST, "eq", ("x",))),
        ('http.host=="x"', Comparison(HOST, "eq", ("x",))),
        ('http.host != "x"', Comparison(HOST, "ne", ("x",))),
        ('http.host ~ r"x\\."', Comparison(HOST, "matches", ("x\\.",))),
        ('http.host eq r##"a"#b"##', Comparison(HOST, "eq", ('a"#b',))),
        ('http.host eq "a\\"\\\\b"', Comparison(HOST, "eq", ('a"\\b',))),
        ('http.host wildcard "x*"', Comparison(HOST, "wildcard", ("x*",))),
        (
            'http.host strict wildcard "x*"',
            Comparison(HOST, "strict wildcard", ("x*",)),
        ),
        ('http.host contains "x"', Comparison(HOST, "contains", ("x",))),
        ("a < 1", Comparison(A, "lt", (Opaque("1"),))),
        ("a <= 1", Comparison(A, "le", (Opaque("1"),))),
        ("a > 1", Comparison(A, "gt", (Opaque("1"),))),
        ("a >= 1", Comparison(A, "ge", (Opaque("1"),))),
        ("a ge ::1", Comparison(A, "ge", (Opaque("::1"),))),
        ('http.host in {"b" "a"}', Comparison(HOST, "in", ("a", "b"))),
        ("a in {}", Comparison(A, "in", ())),
        (
            "a in {10.0.0.0/8 1}",
            Comparison(A, "in", (Opaque("1"), Opaque("10.0.0.0/8"))),
        ),
        ("a in $home.ips", Comparison(A, "in", (Opaque("$home.ips"),))),
        ('a["x y"][*][0]', Field('a["x y"][*][0]')),
        (
            'lower(a) eq "x"',
            Comparison(Call("lower", (A,)), "eq", ("x",)),
        ),
        ('f(a, "x", 1)', Call("f", (A, "x", Opaque("1")))),
        (
            "any(f(a))",
            Call("any", (Call("f", (A,)),)),
        ),
        ("any(a and not b)", Call("any", (Combination("and", (A, Not(B))),))),
        (
            "f(a or b, c or d)",
            Call("f", (Combination("or", (A, B)), Combination("or", (C, D)))),
        ),
    ],
)
def test_tree(expression: str, tree: Node) -> None:
    assert parse(expression) == tree


@pytest.mark.parametrize(
    ("expression", "stopped_at"),
    [
        ("", "ends too early"),
        ("a and", "ends too early"),
        ("a in", "no {"),
        ("a eq", "ends too early"),
        ("a b", "b"),
        ("a eq b", "b"),
        ("(a", "no )"),
        ("f(a", "no )"),
        ("a in $x y", "y"),
        ("a in x", "no {"),
        ('a in "x"', "no {"),
        ('a in r"x"', "no {"),
        ("a in 1", "no {"),
        (") and a", ")"),
        ("a ; b", " ; b"),
        ('a eq "\\x"', "\\x"),
        ("not " * 51 + "a", "nested too deeply"),
        ("(not a) or " + "not " * 51 + "a", "nested too deeply"),
    ],
)
def test_what_cannot_be_read(expression: str, stopped_at: str) -> None:
    """The error says where reading stopped."""
    with pytest.raises(ValueError, match=f"^{re.escape(stopped_at)}$"):
        parse(expression)


def test_as_deep_as_an_expression_may_be() -> None:
    tree = parse("not " * 49 + "a")
    assert parse("a or " + "not " * 49 + "a") == Combination("or", (A, tree))
    for _ in range(49):
        assert isinstance(tree, Not)
        tree = tree.node
    assert tree == A


def test_conditions_side_by_side_are_not_nested() -> None:
    assert parse(" or ".join(["(not a)"] * 60)) == Combination("or", (Not(A),) * 60)


@pytest.mark.parametrize(
    ("other", "is_same"),
    [("(a) and (b)", True), ("a && b", True), ("b and a", False), ("a and ;", False)],
)
def test_same_expression(other: str, is_same: bool) -> None:
    assert same_expression("a and b", other) is is_same


def test_same_text_that_cannot_be_read() -> None:
    assert same_expression("a ;", "a ;")
    assert not same_expression("a ;", "(a ;)")
