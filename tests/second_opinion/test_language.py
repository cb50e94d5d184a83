"""The second opinion knows the language: examples of the reference, and everything that Cloudflare's parser takes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
import pytest

from tests.engine.searching import search

from . import paths
from .evaluator import Situation, compiled
from .expressions import EXPRESSIONS, is_accepted
from .handshakes import Handshake
from .parser import NotUnderstoodError, parse
from .requests import Reading, Request, fields_of, host_readings, request_readings
from .values import Content

_REQUEST = Request(
    host="www.example.com",
    path="/blog/first-post",
    query="filter=waf&filter=botm&filter=cdn",
    headers=(("accept", "application/json"), ("cookie", "key=a; other=b")),
    address="113.10.0.2",
    country="DE",
)


def _fields(**changes: Any) -> Mapping[str, Content]:
    return next(iter(fields_of(replace(_REQUEST, **changes))))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('http.host eq "www.example.com"', True),
        ('http.host eq "WWW.example.com"', False),
        ('upper(http.host) == "WWW.EXAMPLE.COM"', True),
        ('http.host contains 77:77:77:2e', True),
        ('http.host eq "\\x77\\167w.example.com"', True),
        ('http.host eq r"\\x77ww.example.com"', False),
        ('http.host wildcard "WWW.*.com"', True),
        ('http.host strict wildcard "WWW.*.com"', False),
        ('http.host wildcard "www.*"', True),
        ('http.host wildcard "example"', False),
        ('http.host matches "^www"', True),
        ('http.host in {"a" "www.example.com"}', True),
        ('http.host lt "x"', True),
        ("len(http.host) eq 15", True),
        ("len(http.host) in {1 10..20}", True),
        ('substring(http.host, 4, 11) eq "example"', True),
        ('substring(http.host, 0, -4) eq "www.example"', True),
        ('concat(http.host, ":", "1") eq "www.example.com:1"', True),
        ('remove_bytes(http.host, "\\x2e\\x77") eq "examplecom"', True),
        ('starts_with(http.request.uri.path, "/blog")', True),
        ('ends_with(http.request.uri, "cdn")', True),
        ('http.request.headers["accept"][0] eq "application/json"', True),
        ('any(http.request.headers["accept"][*] == "text/plain")', False),
        ('any(lower(http.request.headers.names[*])[*] == "accept")', True),
        ('len(http.request.uri.args["filter"][1]) eq 4', True),
        ('all(len(http.request.uri.args["filter"][*])[*] in {3 4})', True),
        ('all(not len(http.request.uri.args["filter"][*])[*] in {3 4})', False),
        ('any((http.request.uri.args["filter"][*] eq "waf" or http.request.uri.args["filter"][*] eq "x"))', True),
        ('http.request.uri.args["order"][0] eq "waf"', False),
        ('not http.request.uri.args["order"][0] eq "waf"', True),
        ('http.request.cookies["other"][0] eq "b"', True),
        ("ip.src in {113.10.0.0/24}", True),
        ("ip.src in {2001:db8::/32 113.10.0.1..113.10.0.3}", True),
        ("ip.src in {1.0.0.0..1.0.0.9}", False),
        ('ip.src.country in {"DE" "FR"} and ip.src.asnum eq 0xfbf4', True),
        ("ssl and not cf.tls_client_auth.cert_verified", True),
        # "and" binds tighter than "xor", and that tighter than "or".
        ("ssl or ssl xor ssl and ssl", True),
        ("ssl xor ssl and not ssl", True),
        ("notssl or!ssl", False),
        ('http.host in $names', False),
    ],
)  # fmt: skip
def test_examples(expression: str, expected: bool) -> None:
    assert is_accepted(expression)
    assert compiled(expression)(Situation(_fields())) is expected


@pytest.mark.parametrize(
    ("expression", "changes", "expected"),
    [
        ('url_decode(http.request.uri.path) eq "/John Doe"', {"path": "/John%20Doe"}, True),
        ('url_decode(http.request.uri.path) eq "/John Doe"', {"path": "/John+Doe"}, True),
        ('url_decode(http.request.uri.path) eq "/%20"', {"path": "/%2520"}, True),
        ("cf.tls_client_auth.cert_verified", {"handshake": Handshake(presented=True, verified=True)}, True),
    ],
)  # fmt: skip
def test_examples_of_other_requests(
    expression: str, changes: dict[str, Any], expected: bool
) -> None:
    assert compiled(expression)(Situation(_fields(**changes))) is expected


@pytest.mark.parametrize(
    "expression",
    ['http.host eq "a\\n"', "ssl eq true", 'http.host wildcard "**"', "true", 'http.host\teq "x"', "ip.src in {1.2.3.4/8}",
     'any(http.host eq "x")', 'http.request.headers.names[*] eq "x"', "", 'http.host["x"] eq "y"'],
)  # fmt: skip
def test_what_is_none_of_the_language(expression: str) -> None:
    with pytest.raises(NotUnderstoodError):
        parse(expression)


@given(expression=EXPRESSIONS)
@search(300)
def test_everything_that_is_drawn_is_understood(expression: str) -> None:
    parse(expression)


@pytest.mark.parametrize(
    "module",
    ["language", "literals", "parser", "values", "evaluator", "paths", "requests"],
)
def test_it_shares_no_code_with_what_it_judges(module: str) -> None:
    """The language and the requests know neither the engine nor the sandbox."""
    source = Path(__file__).with_name(f"{module}.py").read_text("utf-8")
    assert "custom_components" not in source
    assert "sandbox" not in source


def test_a_host_is_read_in_every_way() -> None:
    assert set(host_readings("Ha.example.:8443")) == {
        "Ha.example.:8443", "Ha.example.", "Ha.example:8443", "Ha.example",
        "ha.example.:8443", "ha.example.", "ha.example:8443", "ha.example",
    }  # fmt: skip


def test_a_path_is_read_in_every_way() -> None:
    """Examples of Cloudflare's page on URL normalisation."""
    request = Request(host="a", path="/%68ello//pa\\th/./x/../y")
    assert [reading.path for reading in request_readings(request)] == [
        "/%68ello//pa\\th/./x/../y",
        "/hello//pa%5Cth/y",
        "/hello/pa/th/y",
    ]
    assert Reading("a", "/hello/pa/th/y") in list(request_readings(request))


@pytest.mark.parametrize(
    "path",
    ["/", "/api/webhook", "/API/webhook/x", "/api/webhook/../x", "/api/webhook/%2e%2e/x", "/api/webhook/..%2fx",
     "/api/webhook/..\\x", "/api/webhook/x/../../y", "/api/webhook//../../y", "/x/../api/y"],
)  # fmt: skip
def test_a_path_is_outside_if_it_resolves_to_one_for_anybody(path: str) -> None:
    assert paths.is_outside(path, ("/api/webhook/",))


@pytest.mark.parametrize(
    "path", ["/api/webhook/", "/api/webhook/x", "/api/webhook/x/../y", "/api/webhook/%41", "/x/../api/webhook/y", "//api/webhook/x"]
)  # fmt: skip
def test_a_path_is_inside_if_it_resolves_to_one_for_everybody(path: str) -> None:
    assert not paths.is_outside(path, ("/local/", "/api/webhook/"))


@pytest.mark.parametrize(
    ("path", "outside"),
    [
        ("/auth/token", False),
        ("/x/../auth/token", False),
        ("//auth/token", False),
        ("/auth/token/", True),
        ("/auth/tokenx", True),
        ("/auth/token/..", True),
        ("/auth/token%2f..%2fx", True),
        ("/auth/token\\", True),
        ("/AUTH/token", True),
    ],
)
def test_a_path_without_a_slash_at_its_end_is_itself_alone(
    path: str, outside: bool
) -> None:
    assert paths.is_outside(path, ("/local/", "/auth/token")) is outside
