"""Every expression that can be built is one that Cloudflare accepts."""

from dataclasses import replace

from hypothesis import given, strategies as st
from octorules_wirefilter import parse_expression
import pytest

from custom_components.cloudflare_mtls.engine.rules.admissions import (
    Admission,
    read_admissions,
)
from custom_components.cloudflare_mtls.engine.rules.expressions import (
    block_expression,
    skip_expression,
)
from custom_components.cloudflare_mtls.engine.rules.parser import same_expression
from tests.engine.builders import admits
from tests.engine.searching import EXEMPT_PATHS, HOSTNAMES, search

PATHS = [
    (),
    ("/api/webhook/",),
    ("/api/webhook/", "/local/", "/a~b/c.d-e_f/"),
    ("/auth/token", "/local/", "/a~b/c.d-e_f"),
]


def refused(expression: str) -> str | None:
    """Return the error of Cloudflare's parser for an expression, if any."""
    error: str | None = parse_expression(expression).get("error")
    return error


@pytest.mark.parametrize("paths", PATHS)
@pytest.mark.parametrize("count", [1, 2, 20])
def test_cloudflare_parses_block(count: int, paths: tuple[str, ...]) -> None:
    hosts = {f"h{n}.example.com": admits(*paths) for n in range(count)}
    expression = block_expression(hosts)
    assert refused(expression) is None


@pytest.mark.parametrize("count", [1, 2, 20])
def test_cloudflare_parses_skip(count: int) -> None:
    hosts = {f"h{n}.example.com": admits() for n in range(count)}
    assert refused(skip_expression(hosts)) is None


FINGERPRINTS = st.text("0123456789abcdef", min_size=64, max_size=64)
PINS = st.none() | st.frozensets(FINGERPRINTS, max_size=3)


@given(
    st.lists(PINS, min_size=1, max_size=2).flatmap(
        lambda pins: st.dictionaries(
            HOSTNAMES,
            st.builds(
                Admission, exempt_paths=EXEMPT_PATHS, pinned=st.sampled_from(pins)
            ),
            min_size=1,
            max_size=8,
        )
    )
)
@search()
def test_fingerprints_are_read_back(admissions: dict[str, Admission]) -> None:
    block, skip = block_expression(admissions), skip_expression(admissions)
    assert refused(block) is None
    assert read_admissions(block) == admissions
    passing = {
        hostname: replace(admission, exempt_paths=())
        for hostname, admission in admissions.items()
        if admission.pinned != frozenset()
    }
    assert read_admissions(skip) == passing
    assert not passing or refused(skip) is None


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
@search()
def test_no_text_breaks_out_of_its_quotes(text: str) -> None:
    expression = block_expression({text: admits(text)})
    assert refused(expression) is None
    assert read_admissions(expression) == {text: admits(text)}


def test_where_no_certificate_is_good_everybody_is_blocked() -> None:
    """No skip rule is needed then."""
    nobody = {"a.example.com": admits(pinned=())}
    hosts = 'starts_with(lower(http.host), "a.example.com")'
    assert same_expression(block_expression(nobody), hosts)
    assert skip_expression(nobody) == ""


def test_order_of_hostnames_changes_nothing() -> None:
    one, other = {"b": admits(), "a": admits()}, {"a": admits(), "b": admits()}
    assert skip_expression(one) == skip_expression(other)
    assert block_expression(one) == block_expression(other)


def test_unreadable_expression_names_nobody() -> None:
    assert read_admissions('http.host in {"a.example.com"') == {}


@pytest.mark.parametrize(
    "expression",
    [
        'http.host in {"a.example.com"}',
        'starts_with(lower(http.host), "a.example.com")',
    ],
)
def test_nobody_is_read_where_no_certificate_is_asked_for(expression: str) -> None:
    """The rule blocks every visitor, so it accepts no certificate."""
    assert read_admissions(expression) == {"a.example.com": admits(pinned=())}


BLOCK = block_expression({"a.example.com": admits("/x/")})


@pytest.mark.parametrize(
    "rewritten",
    [
        BLOCK.replace(" ", "  "),
        f"({BLOCK})",
        f" (( {BLOCK} ))\n",
        BLOCK.replace(" and ", " && ").replace(" or ", " || ").replace("not ", "! "),
        BLOCK.replace("not ", "not"),
        BLOCK.replace('"a.example.com"', 'r"a.example.com"'),
        BLOCK.replace('"a.example.com"', 'r#"a.example.com"#'),
    ],
)
def test_same_meaning_is_the_same(rewritten: str) -> None:
    assert refused(rewritten.strip()) is None
    assert same_expression(BLOCK, rewritten)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (BLOCK, BLOCK.replace("/x/", "/")),
        (BLOCK, BLOCK.replace("a.example.com", "A.example.com")),
        (BLOCK, BLOCK.replace("starts_with", "ends_with")),
        (BLOCK, BLOCK.replace(" or cf.tls_client_auth.cert_revoked", "")),
        (BLOCK, BLOCK.replace(" or cf.", " and cf.")),
        (BLOCK, BLOCK.replace(") and (not", ") or (not")),
        (BLOCK, f"not ({BLOCK})"),
        ("not ssl and ssl", "not (ssl and ssl)"),
        ("ssl or ssl and ssl", "(ssl or ssl) and ssl"),
        ('http.host eq "a"', 'http.host ne "a"'),
        ('http.host eq "a"', 'http.host in {"a" "b"}'),
        ('http.host in {"a b"}', 'http.host in {"a" "b"}'),
        ('http.host wildcard "a"', 'http.host strict wildcard "a"'),
        (r'http.host eq "a\\b"', r'http.host eq r"a\\b"'),
        (r'http.host eq "\x41"', 'http.host eq "x41"'),
        (r'http.host eq "\101"', 'http.host eq "101"'),
    ],
)
def test_other_meaning_is_not_the_same(one: str, other: str) -> None:
    assert refused(one) is None
    assert refused(other) is None
    assert not same_expression(one, other)


def test_lists_have_no_order() -> None:
    assert same_expression('http.host in {"a" "b"}', 'http.host in { "b"  "a" }')


@pytest.mark.parametrize("unreadable", ['http.host eq "', "((ssl)", "a b", "@"])
def test_unreadable_expressions_are_compared_as_text(unreadable: str) -> None:
    assert same_expression(unreadable, unreadable)
    assert not same_expression(unreadable, "ssl")
    assert not same_expression(unreadable, f" {unreadable}")
