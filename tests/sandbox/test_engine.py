"""Compare the rule engine with an independent evaluator and with Cloudflare's own parser."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from random import Random
import re
from typing import Any

from hypothesis import HealthCheck, example, given, settings, strategies as st
from octorules_wirefilter import get_schema_info, parse_expression
import pytest

from sandbox.expressions import InvalidError, UnsupportedError, parse, tree as nodes

from .expression_texts import write
from .expression_trees import Condition, Request, holds, octets
from .random_expressions import BOOLEANS, NUMBERS, STRINGS, conditions, requests

many_examples = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
styles = st.randoms(use_true_random=False)


@given(tree=conditions, request=requests, style=styles)
@many_examples
def test_evaluation(tree: Condition, request: Request, style: Random) -> None:
    """Both evaluate a random expression the same way for a random request."""
    text = write(tree, style)
    assert "error" not in parse_expression(text), text
    assert parse(text).matches(request) is holds(tree, request), text


@given(tree=conditions, style=styles)
@many_examples
def test_content(tree: Condition, style: Random) -> None:
    """Cloudflare's parser finds the same fields, functions and literals."""
    text = write(tree, style)
    assert content_by_engine(text) == content_by_cloudflare(text), text


# The constructs that Cloudflare accepts and the sandbox cannot evaluate, with its messages.
KNOWN_UNSUPPORTED = {
    "an empty expression": r"an unfinished expression",
    "a field of which the sandbox knows nothing": r"the field (?P<field>[\w.]+)",
    "a word glued to the next": (
        r"(the field )?'?(not|and|or|xor|in)[\w.]+'?|the function not\w+\(\)"
    ),
    "a part of a field": r"(the field )?[\w.]*\[.*|'\['|the operator \[",
    "a function": r"the function (?P<function>\w+)\(\)",
    "a list of the account": r"the list \$\S*",
    "a literal": r"the literal .*",
    "a mask": r"the operator (&|bitwise_and)",
    "a regular expression": r"the regular expression .*",
}
FIELDS = {field["name"]: field["type"] for field in get_schema_info()["fields"]}
FUNCTIONS = set(get_schema_info()["functions"])

WORDS = [
    *STRINGS, *NUMBERS, *BOOLEANS, "ip.src", "cf.waf.score", "http.request.headers",
    "eq", "ne", "==", "!=", "<", ">=", "in", "contains", "wildcard", "strict wildcard",
    "matches", "~", "and", "or", "xor", "not", "!", "&&", "||", "^^", "&", "(", ")", "{",
    "}", ",", "..", "/", "[", "]", "*", '"', '"a"', '"*"', 'r"b"', 'r#"c"#', "\\", "1",
    "64496", "-7", "0x1F", "10.0.0.1", "10.0.0.0/8", "::1", "61:62", "$list", "lower(",
    "upper(", "len(", "concat(", "starts_with(", "ends_with(", "any(", "url_decode(",
]  # fmt: skip

LITERALS = {"STRING": 'eq "a"', "INT": "in {1 3..5}", "IP": "eq ::1", "BOOL": ""}
simple = st.sampled_from(
    sorted(name for name, kind in FIELDS.items() if kind in LITERALS)
)
unusual = simple.map(lambda name: f"{name} {LITERALS[FIELDS[name]]}") | st.sampled_from(
    [
        "notssl",
        "ssl andssl",
        "http.host eq 61:62:63",
        "http.host in $names",
        "ip.src.asnum & 1",
        'url_decode(http.host) eq "a"',
        'http.request.headers["a"][0] eq "b"',
        'any(http.request.headers["a"][*] eq "b")',
        'http.host matches "(?<name>a)"',
    ]
)
random_words = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Return a valid expression, possibly damaged in one or two places."""
    text = write(draw(conditions), draw(styles))
    if draw(st.booleans()):
        sign = draw(st.sampled_from(["and", "or", "xor", "&&"]))
        text = f"{draw(unusual)} {sign} ({text})"
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 3)))
        put = draw(
            st.sampled_from(["", " ", *WORDS]) | st.text('aB10."\\(){}', max_size=2)
        )
        text = text[:start] + put + text[end:]
    return text


@dataclass(frozen=True)
class Verdict:
    """The engine's answer to a text: accepted, and if unsupported, why."""

    accepted: bool
    unsupported: str | None = None


def verdict(text: str) -> Verdict:
    """Parse a text with the engine; any error other than its own two fails the test."""
    try:
        parse(text)
    except InvalidError:
        return Verdict(accepted=False)
    except UnsupportedError as error:
        return Verdict(accepted=True, unsupported=_known(str(error)))
    return Verdict(accepted=True)


def _known(reason: str) -> str:
    for name, pattern in KNOWN_UNSUPPORTED.items():
        if found := re.fullmatch(pattern, reason, re.DOTALL):
            named = found.groupdict()
            if named.get("field") and named["field"] not in FIELDS:
                continue
            if named.get("function") and named["function"] not in FUNCTIONS:
                continue
            return name
    raise AssertionError(f"an unexpected reason: {reason}")


def test_acceptance() -> None:
    """The engine accepts what Cloudflare's parser accepts, and finds the same content.

    It names constructs that it cannot evaluate. The search has to cover all kinds of texts.
    """
    seen: Counter[str] = Counter()

    @given(text=random_words | mutated())
    @example("ssl")
    @example("(ssl")
    @many_examples
    def search(text: str) -> None:
        answer = verdict(text)
        assert answer.accepted == ("error" not in parse_expression(text))
        if answer == Verdict(accepted=True):
            assert content_by_engine(text) == content_by_cloudflare(text)
        seen[answer.unsupported or str(answer.accepted)] += 1

    search()
    assert min(seen["True"], seen["False"]) > 20, seen
    assert len(seen) > 4, seen


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("", "an empty expression"),
        ("cf.waf.score lt 5", "a field of which the sandbox knows nothing"),
        ("ssl andssl", "a word glued to the next"),
        ("notssl", "a word glued to the next"),
        ('http.request.headers["a"][0] eq "b"', "a part of a field"),
        ('url_decode(http.host) eq "a"', "a function"),
        ("http.host in $names", "a list of the account"),
        ("ip.src.asnum in {1-2}", "a literal"),
        ("ip.src.asnum & 1", "a mask"),
        ('http.host matches "(?<name>a)"', "a regular expression"),
    ],
)
def test_unsupported_constructs(expression: str, kind: str) -> None:
    """Each construct that the sandbox refuses is valid at Cloudflare, and is named."""
    assert "error" not in parse_expression(expression)
    assert verdict(expression).unsupported == kind


# The content that both parsers find in an expression

type Facts = dict[str, set[Any]]


def content_by_cloudflare(text: str) -> Facts:
    """Return the content that Cloudflare's parser finds."""
    found = parse_expression(text)
    return {
        "fields": set(found["fields"]),
        "functions": set(found["functions"]),
        "strings": set(found["string_literals"]),
        "regexes": set(found["regex_literals"]),
        "numbers": set(found["int_literals"]),
        "addresses": set(found["ip_literals"]),
    }


def content_by_engine(text: str) -> Facts:
    """Return the content that the engine finds, in the same form."""
    facts: Facts = {kind: set() for kind in content_by_cloudflare("")}
    for kind, value in _facts(parse(text).root):
        facts[kind].add(value)
    return facts


def _facts(node: Any) -> Iterator[tuple[str, Any]]:
    match node:
        case nodes.Field(name):
            yield "fields", name
        case nodes.Function(name, _, arguments):
            yield "functions", name
            for argument in arguments:
                yield from _facts(argument)
        case nodes.Not(operand):
            yield from _facts(operand)
        case nodes.Combination(left, _, right):
            yield from _facts(left)
            yield from _facts(right)
        case nodes.Comparison(left, nodes.Operator.MATCHES, right):
            yield from _facts(left)
            yield "regexes", right
        case nodes.Comparison(left, _, right):
            yield from _facts(left)
            yield from _literal(right)
        case nodes.Membership(left, members):
            yield from _facts(left)
            for member in members:
                yield from _literal(member)
        case nodes.Literal(value):
            yield from _literal(value)


def _literal(value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case nodes.Range(first, last):
            yield from _literal(first)
            yield from _literal(last)
        case str():
            # The parser decodes octets to text for its output.
            yield "strings", octets(value).decode("utf-8", "replace")
        case int():
            yield "numbers", value
        case IPv4Network() | IPv6Network() if value.num_addresses == 1:
            yield "addresses", str(value.network_address)
        case _:
            yield "addresses", str(value)


# Details that are easily misread


@pytest.mark.parametrize(
    "expression",
    [
        # Octal numbers, unless there is a minus.
        "ip.src.asnum eq 010",
        "ip.src.asnum in {-0777}",
        # Networks and an address that leave out zero octets at the end.
        "ip.src in {10/8}",
        "ip.src in {10.1/16}",
        "ip.src in {10.1.2}",
        "ip.src in {010.1.2.0/024 ::/0}",
    ],
)
def test_unusual_literals(expression: str) -> None:
    """The engine reads unusual literals as Cloudflare does."""
    assert "error" not in parse_expression(expression)
    assert content_by_engine(expression) == content_by_cloudflare(expression)


@pytest.mark.parametrize("escaped", [r"\xc3\xa4", r"\303\244", r"\xff", r"a\x80"])
def test_octets(escaped: str) -> None:
    """Each escape stands for an octet: two of them make an ä."""
    text = f'http.host eq "{escaped}"'
    assert content_by_engine(text) == content_by_cloudflare(text)


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        (r'eq "\xc3\xa4"', "ä", True),
        (r'contains "\xa4"', "ä", True),
        (r'wildcard "*\xa4"', "ä", True),
        (r'matches "\xa4$"', "ä", True),
        (r'eq "\xff"', "\udcff", True),
        (r'eq "\xff"', "ÿ", False),
        ("eq 68:6F", "ho", True),
        ('in {"" 68:6f68:6d}', "ho", True),
        ('in {"" 68:6f68:6d}', "hm", True),
        ('in {68:6f"b"}', "b", True),
        ("in {68:6f68:6d}", "hohm", False),
    ],
)
def test_comparing_octets(expression: str, value: str, expected: bool) -> None:
    """Values are compared as octets, not as characters."""
    parsed = parse(f"http.host {expression}")
    assert parsed.matches({"http.host": value}) is expected


def test_lone_surrogates() -> None:
    """A lone surrogate, which JSON can contain, is refused as invalid."""
    with pytest.raises(InvalidError):
        parse('http.host eq "\ud800"')


@pytest.mark.parametrize(
    ("regex", "value", "expected"),
    [
        ("^a.c$", "abc", True),
        ("(?i)HOST", "my-host", True),
        ("(?is)^A.B$", "a\nb", True),
        (r"^\d+$", "123", True),
        (r"^[^\d\]]{2,3}?$", "ab", True),
        (r"^(?:a|\.b)+\z", "a.b", True),
        ("^a$", "a\n", False),
        (r"^a\z", "a\n", False),
        ("^.$", "ä", False),
        ("^..$", "ä", True),
        ("^ä+$", "ää", True),
        (r"^\d$", "٣", False),
        (r"^\w$", "ä", False),
    ],
)
def test_regular_expressions(regex: str, value: str, expected: bool) -> None:
    """Regular expressions work like Rust's on octets, not like Python's on characters.

    Cloudflare's parser shows that Unicode is off: it refuses patterns that need it.
    """
    refused = parse_expression(r'http.user_agent matches r"\pL"')["error"]
    assert "Unicode not allowed here" in refused
    parsed = parse(f'http.user_agent matches r"{regex}"')
    assert parsed.matches({"http.user_agent": value}) is expected


@pytest.mark.parametrize(
    "regex",
    [
        # Python does not have these, or reads them differently.
        "^[[:alpha:]]$",
        "[a&&b]",
        "^a*+a$",
        "a{2}{3}",
        "a{ 2 , 3 }",
        "^*",
        "(?m)^a$",
        "(?<name>a)",
        "(?i-u)a",
        r"\<a",
        r"\x{41}",
    ],
)
def test_unsupported_regular_expressions(regex: str) -> None:
    """Cloudflare accepts these, and the engine names them as unsupported."""
    expression = f'http.host matches r"{regex}"'
    assert "error" not in parse_expression(expression)
    assert verdict(expression).unsupported == "a regular expression"
