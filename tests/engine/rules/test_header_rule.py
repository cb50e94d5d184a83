"""What the header rule tells, and when it is believed to be ours."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Rule, Ruleset
from custom_components.cloudflare_mtls.engine.rules.expressions import MAX_LENGTH
from custom_components.cloudflare_mtls.engine.rules.header_rule import (
    CERTIFICATE_HEADER,
    MARK_HEADER,
    header_expression,
    header_parameters,
    mark_of,
    told_marks,
    with_header_mark,
)
from custom_components.cloudflare_mtls.engine.rules.marks import HEADER_REF
from sandbox.expressions import parse
from tests.engine.builders import HOST, OTHER

MARK = "a-mark-that-nobody-knows"


def header_rule(*hostnames: str, parameters: object = None, **changes: Any) -> Rule:
    """Return an observed header rule."""
    whole: dict[str, Any] = {
        "id": "h1",
        "ref": HEADER_REF,
        "action": "rewrite",
        "expression": header_expression(hostnames or (HOST,)),
        "description": "",
        "enabled": True,
        "action_parameters": header_parameters(MARK)
        if parameters is None
        else parameters,
    }
    return Rule(**whole | changes)


@pytest.mark.parametrize("host", [HOST, f"{HOST.upper()}:8443", f"{HOST}."])
@pytest.mark.parametrize("path", ["/", "/api/webhook/x"])
def test_every_request_to_a_hostname_is_told_of(host: str, path: str) -> None:
    """A request that the rule missed could bring forged headers."""
    expression = parse(header_expression({OTHER, HOST}))
    assert expression.matches({"http.host": host, "http.request.uri.path": path})
    assert not expression.matches({"http.host": "nas.example.com"})


def test_as_many_hostnames_as_fit() -> None:
    hostnames = [f"home{number}.example.com" for number in range(200)]
    expression = header_expression(hostnames)
    assert MAX_LENGTH - 60 < len(expression) <= MAX_LENGTH
    assert header_expression([]) == ""
    parse(expression)


def test_last_hostname_may_fill_the_rule() -> None:
    """Not one character more."""
    first = "home.example.com"
    room = MAX_LENGTH - len(header_expression([first, ""]))
    expression = header_expression([first, "x" * room])
    assert len(expression) == MAX_LENGTH
    assert header_expression([first, "x" * (room + 1)]) == header_expression([first])


def test_mark_and_hostnames_are_read_back() -> None:
    ruleset = Ruleset(id="rs", rules=(header_rule(HOST, OTHER),))
    assert told_marks(ruleset) == {HOST: MARK, OTHER: MARK}


def test_names_of_headers_may_come_back_in_another_case() -> None:
    headers = header_parameters(MARK)["headers"]
    lowered = {"headers": {name.lower(): item for name, item in headers.items()}}
    assert mark_of(header_rule(parameters=lowered)) == MARK


def changed(name: str, **change: Any) -> dict[str, Any]:
    """Return the parameters with one header changed."""
    headers = header_parameters(MARK)["headers"]
    return {"headers": {**headers, name: change}}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"headers": None},
        {"headers": []},
        {"headers": {}},
        {"headers": {MARK_HEADER: "set", CERTIFICATE_HEADER: None}},
        {**header_parameters(MARK), "uri": {}},
        changed(MARK_HEADER, operation="add", value=MARK),
        changed(MARK_HEADER, operation="set", expression="http.host"),
        changed(MARK_HEADER, operation="set", value=7),
        changed(MARK_HEADER, operation="set", value="1"),
        changed(MARK_HEADER, operation="set", value=f"{MARK} "),
        changed(CERTIFICATE_HEADER, operation="remove"),
        changed(CERTIFICATE_HEADER, operation="set", value="ab" * 32),
        changed(CERTIFICATE_HEADER, operation="set", expression="http.user_agent"),
        changed("X-More", operation="remove"),
    ],
)
def test_rule_that_does_anything_else_is_not_believed(parameters: object) -> None:
    """Then nobody knows who wrote the headers."""
    rule = header_rule(parameters=parameters)
    assert mark_of(rule) is None
    assert told_marks(Ruleset(id="rs", rules=(rule,))) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"enabled": False},
        {"has_other_conditions": True},
        {"action": "block"},
        {"ref": "theirs"},
        {"expression": "not an expression ("},
    ],
)
def test_rule_that_is_not_at_work_is_not_believed(changes: dict[str, Any]) -> None:
    assert told_marks(Ruleset(id="rs", rules=(header_rule(**changes),))) == {}


def test_lost_mark_is_given_back_to_the_rule_that_does_what_ours_does() -> None:
    """Another one, which does something else with headers, gets none; nor does a second one."""
    foreign = header_rule(
        parameters={"headers": {"X-A": {"operation": "remove"}}}, id="f", ref="f"
    )
    lost = header_rule(id="ours", ref="ours")
    second = replace(lost, id="second", ref="second")
    marked = with_header_mark(Ruleset(id="rs", rules=(foreign, lost, second)))
    assert [rule.ref for rule in marked.rules] == ["f", HEADER_REF, "second"]
    assert [rule.lost_mark for rule in marked.rules] == [False, True, False]
    assert told_marks(marked) == {HOST: MARK}
    assert with_header_mark(marked) == marked
    unmarked = Ruleset(id="rs", rules=(foreign,))
    assert with_header_mark(unmarked) == unmarked
