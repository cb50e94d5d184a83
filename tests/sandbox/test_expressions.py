"""The evaluator of rule expressions."""

from ipaddress import ip_address

import pytest

from sandbox.expressions import (
    InvalidError,
    Request,
    UnsupportedError,
    parse,
    without_outer_parentheses,
)

REQUEST: Request = {
    "cf.tls_client_auth.cert_verified": True,
    "cf.tls_client_auth.cert_revoked": False,
    "http.host": "Ha.example.com",
    "http.request.uri.path": "/api/a*b",
    "http.user_agent": 'say "hi" \\o/ ä',
    "ip.src": ip_address("203.0.113.24"),
    "ip.src.asnum": 64496,
    "ip.src.country": "DE",
    "ssl": True,
}
TRUE, FALSE = "cf.tls_client_auth.cert_verified", "cf.tls_client_auth.cert_revoked"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('ip.src.country eq "DE"', True),
        ('ip.src.country == "de"', False),
        ('ip.src.country ne "DE"', False),
        ('ip.src.country != "AT"', True),
        ('ip.src.country lt "DF"', True),
        ('ip.src.country < "DE"', False),
        ('ip.src.country le "DE"', True),
        ('ip.src.country <= "AT"', False),
        ('ip.src.country gt "DD"', True),
        ('ip.src.country > "DE"', False),
        ('ip.src.country ge "DE"', True),
        ('ip.src.country >= "US"', False),
        ("ip.src.asnum eq 64496", True),
        ("ip.src.asnum eq 0xFBF0", True),
        ("ip.src.asnum gt 64496", False),
        ("ip.src eq 203.0.113.24", True),
        ("ip.src ge 203.0.113.0", True),
        ("ip.src lt ::ffff", False),
        ('http.host contains "example"', True),
        ('http.host contains "EXAMPLE"', False),
        ('http.host matches "^H.\\.ex"', True),
        ('http.host ~ "^h"', False),
        ('http.user_agent matches "\\"hi\\""', True),
        ('http.host wildcard "ha.*.COM"', True),
        ('http.host wildcard "example"', False),
        ('http.host strict wildcard "Ha.*"', True),
        ('http.host strict wildcard "ha.*"', False),
        ('http.request.uri.path wildcard r"/api/a\\*b"', True),
        ('http.request.uri.path wildcard r"/api/\\*"', False),
    ],
)
def test_comparisons(expression: str, expected: bool) -> None:
    """Every operator, with a true and a false comparison."""
    assert parse(expression).matches(REQUEST) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('ip.src.country in {"AT" "DE"}', True),
        ('ip.src.country in {"AT" r"CH"}', False),
        ("ip.src.country in {}", False),
        ("ip.src.asnum in {1 64496}", True),
        ("ip.src.asnum in {1..9 64490..64500}", True),
        ("ip.src.asnum in {1..9}", False),
        ("ip.src in {10.0.0.0/8 203.0.113.0/24}", True),
        ("ip.src in {203.0.113.1..203.0.113.30}", True),
        ("ip.src in {203.0.113.24}", True),
        ("ip.src in {fe80::/10 10.0.0.1..10.0.0.9 192.0.2.1}", False),
    ],
)
def test_lists(expression: str, expected: bool) -> None:
    """Lists can contain strings, numbers, addresses, networks and ranges."""
    assert parse(expression).matches(REQUEST) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (TRUE, True),
        (f"not {TRUE}", False),
        (f"!{FALSE}", True),
        (f"not not {TRUE}", True),
        (f"{TRUE} and {FALSE}", False),
        (f"{TRUE} && {TRUE}", True),
        (f"{FALSE} or {TRUE}", True),
        (f"{FALSE} || {FALSE}", False),
        (f"{TRUE} xor {TRUE}", False),
        (f"{TRUE} ^^ {FALSE}", True),
        # The operators from tightest to loosest: not, and, xor, or.
        (f"not {FALSE} and {FALSE}", False),
        (f"not ({FALSE} and {FALSE})", True),
        (f"{TRUE} or {TRUE} and {FALSE}", True),
        (f"({TRUE} or {TRUE}) and {FALSE}", False),
        (f"{TRUE} xor {TRUE} and {FALSE}", True),
        (f"{TRUE} or {TRUE} xor {TRUE}", True),
        (f"({TRUE} or {TRUE}) xor {TRUE}", False),
        ('not ip.src.country in {"DE"} or ssl', True),
        ('not ip.src.country eq "DE"', False),
    ],
)
def test_combinations(expression: str, expected: bool) -> None:
    """Booleans, negation, and the precedence of the operators."""
    assert parse(expression).matches(REQUEST) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('lower(http.host) eq "ha.example.com"', True),
        ('upper(http.host) eq "HA.EXAMPLE.COM"', True),
        ('starts_with(http.host, "Ha")', True),
        ('starts_with(lower(http.host), "Ha")', False),
        ('not starts_with(http.request.uri.path, "/api/")', False),
        ('ends_with(http.host, ".com")', True),
        ("len(ip.src.country) eq 2", True),
        ('concat(ip.src.country, "-", http.host) eq "DE-Ha.example.com"', True),
        ('ends_with(concat(http.host, "x"), "mx")', True),
    ],
)
def test_functions(expression: str, expected: bool) -> None:
    """The functions that are available on every plan."""
    assert parse(expression).matches(REQUEST) is expected


@pytest.mark.parametrize(
    "text",
    [
        '"say \\"hi\\" \\\\o/ ä"',
        'r#"say "hi" \\o/ ä"#',
        'r##"say "hi" \\o/ ä"##',
        '"\\x73ay \\042hi\\" \\\\o/ ä"',
        "73:61:79:20:22:68:69:22:20:5c:6f:2f:20:c3:a4",
    ],
)
def test_strings(text: str) -> None:
    """Quoted and raw strings, with every kind of escape, and octets in hexadecimal."""
    assert parse(f"http.user_agent eq {text}").matches(REQUEST)


def test_length_counts_octets() -> None:
    """A character outside ASCII counts as more than one octet."""
    assert parse("len(http.user_agent) eq 15").matches(REQUEST)


@pytest.mark.parametrize(
    "expression",
    ["URI Path contains /", "ssl eq 1", "cf.tls_client_auth.cert_verifie", "(ssl"],
)
def test_what_cloudflare_refuses(expression: str) -> None:
    """Its own parser tells why."""
    with pytest.raises(InvalidError, match="Filter parsing error"):
        parse(expression)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("cf.waf.score lt 5", "the field cf.waf.score"),
        ('url_decode(http.host) eq "a"', r"the function url_decode\(\)"),
        ('any(http.request.headers["a"][*] eq "b")', r"the function any\(\)"),
        ('http.request.headers["a"][0] eq "b"', "the field http.request.headers"),
        ("http.host in $names", r"the list \$names"),
        ("ip.src.asnum & 1", "the operator &"),
        ("ssl andssl", "andssl"),
    ],
)
def test_what_the_sandbox_refuses(expression: str, named: str) -> None:
    """What is valid but unknown here is named, never guessed."""
    with pytest.raises(UnsupportedError, match=named):
        parse(expression)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("(ssl)", "ssl"),
        (" ( (ssl and ssl) ) ", "ssl and ssl"),
        ("(ssl) and (ssl)", "(ssl) and (ssl)"),
        ('(http.host eq ")")', 'http.host eq ")"'),
        ("not (ssl)", "not (ssl)"),
    ],
)
def test_outer_parentheses_are_stripped(sent: str, kept: str) -> None:
    """Only those that enclose everything."""
    assert without_outer_parentheses(sent) == kept
