"""Tests of what connectors say of themselves, and what that means for a hostname."""

from contextlib import suppress
from dataclasses import replace
import json
from time import process_time
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
from custom_components.cloudflare_mtls.engine.api.models import Connector
from custom_components.cloudflare_mtls.engine.tunnels.reports import (
    ConnectorReport,
    Readiness,
    RuleState,
    updated,
    worst_rule_state,
)

HOSTNAME = "ha-mobile.example.com"
HOME = {"hostname": HOSTNAME, "path": None, "service": "http://homeassistant:8123"}
OTHER = "http://192.168.1.20:80"
CATCH_ALL = {"hostname": "", "path": None, "service": "http_status:404"}
METRICS = """\
# TYPE build_info gauge
build_info{goversion="go1.26.4",revision="2026-08-20",type="",version="2026.8.2"} 1
"""


def report(*rules: dict[str, Any], connections: int = 4) -> ConnectorReport:
    """Return the report of a connector with these rules and a catch-all."""
    return ConnectorReport.parse(
        Readiness(connector_id="c1", connections=connections),
        b'{"tunnelID":"t1","connectorID":"c1"}',
        json.dumps(
            {"version": -1, "config": {"ingress": [*rules, CATCH_ALL]}}
        ).encode(),
        METRICS,
    )


def test_what_is_read() -> None:
    found = report(HOME)
    assert (found.tunnel_id, found.version) == ("t1", "2026.8.2")
    assert [rule.hostname for rule in found.ingress] == [HOSTNAME, None]
    assert Readiness.parse(
        b'{"status":503,"readyConnections":0,"connectorId":"c"}'
    ) == (Readiness(connector_id="c", connections=0))


@pytest.mark.parametrize("metrics", ["", "build_info 1", 'x{version="1"} 1'])
def test_version_that_is_not_told(metrics: str) -> None:
    found = ConnectorReport.parse(
        Readiness(connector_id="c", connections=1),
        b'{"tunnelID":"t"}',
        b'{"version":-1,"config":{}}',
        metrics,
    )
    assert found.version is None
    assert found.rule_state(HOSTNAME) is RuleState.MISSING


@pytest.mark.parametrize(
    ("rules", "state"),
    [
        ([HOME], RuleState.SERVED),
        ([], RuleState.MISSING),
        ([{**HOME, "service": "http_status:404"}], RuleState.MISSING),
        ([{**HOME, "hostname": "other.example.com"}], RuleState.MISSING),
        ([{**HOME, "hostname": HOSTNAME.upper()}], RuleState.SERVED),
        ([{**HOME, "hostname": "*.example.com"}], RuleState.SERVED),
        ([{**HOME, "hostname": "*.example.com", "service": OTHER}], RuleState.SERVED),
        (
            [{**HOME, "hostname": "*.example.com", "service": OTHER}, HOME],
            RuleState.SHADOWED,
        ),
        ([{**HOME, "hostname": "*.example.com"}, HOME], RuleState.SERVED),
        (
            [{**HOME, "hostname": "*.example.com", "service": "http_status:403"}, HOME],
            RuleState.MISSING,
        ),
        ([HOME, {**HOME, "hostname": "*.example.com"}], RuleState.SERVED),
        # Rules for some paths only, and one for all of them that is written as an expression.
        ([{**HOME, "path": "^/api", "service": OTHER}, HOME], RuleState.SERVED),
        ([{**HOME, "path": "^/api"}], RuleState.MISSING),
        ([{**HOME, "path": "^/.*"}], RuleState.SERVED),
        (
            [{**HOME, "hostname": "", "path": ".*", "service": OTHER}, HOME],
            RuleState.SHADOWED,
        ),
        # Expressions that nobody can read decide nothing where it makes no difference.
        ([{**HOME, "path": r"(?i)\pL(", "service": OTHER}, HOME], RuleState.SERVED),
        ([{**HOME, "path": "/" * 201, "service": OTHER}, HOME], RuleState.SERVED),
        ([{**HOME, "path": "(api|auth)"}], None),
        ([{**HOME, "hostname": "", "path": "[a-z]", "service": OTHER}, HOME], None),
    ],
)
def test_rules(rules: list[dict[str, Any]], state: RuleState | None) -> None:
    assert report(*rules).rule_state(HOSTNAME) is state


def test_rule_that_nobody_can_read_makes_no_other_one_right() -> None:
    """Requests may go to either connector."""
    served, unknown = report(HOME), report({**HOME, "path": "(api|auth)"})
    assert worst_rule_state([served, unknown], HOSTNAME) is None
    assert worst_rule_state([unknown, report()], HOSTNAME) is RuleState.MISSING


def test_expression_that_takes_for_ever() -> None:
    """Nobody waits for it: Python's search would take many minutes for four levels of these."""
    deep = "(" * 30 + "x?" + "){250}" * 30 + "y"
    before = process_time()
    assert report({**HOME, "path": deep}).rule_state(HOSTNAME) is None
    assert process_time() - before < 0.1


def test_as_many_expressions_as_there_may_be() -> None:
    """None of them is compiled, and none is looked at for each other one."""
    rules = [{**HOME, "path": f"^/a{{{number}}}x?"} for number in range(999)]
    rules = [{**rule, "hostname": "*.example.com"} for rule in rules]
    found = report(*rules)
    before = process_time()
    assert found.rule_state(HOSTNAME) is None
    assert process_time() - before < 0.1


def test_more_rules_than_anybody_writes() -> None:
    """A program that tells so many is no connector, or wants to keep Home Assistant busy."""
    with pytest.raises(Unavailable, match="ingress"):
        report(*[HOME] * 1000)


def test_who_takes_the_requests() -> None:
    wildcard = {**HOME, "hostname": "*.example.com", "service": OTHER}
    assert report(wildcard, HOME).shadowing(HOSTNAME) == "*.example.com"
    everything = {**HOME, "hostname": "", "path": ".*", "service": OTHER}
    assert report(everything, HOME).shadowing(HOSTNAME) == "*"
    nobody = replace(report(), ingress=())
    assert nobody.shadowing(HOSTNAME) == ""


def test_worst_of_several_connectors() -> None:
    """The edge sends requests to any of them; one without a connection gets none."""
    served, missing = report(HOME), report()
    shadowed = report({**HOME, "hostname": "*.example.com", "service": OTHER}, HOME)
    assert worst_rule_state([served, missing, shadowed], HOSTNAME) is RuleState.MISSING
    assert worst_rule_state([served, shadowed], HOSTNAME) is RuleState.SHADOWED
    assert worst_rule_state([served, report(connections=0)], HOSTNAME) is (
        RuleState.SERVED
    )
    assert worst_rule_state([report(connections=0)], HOSTNAME) is None
    assert worst_rule_state([], HOSTNAME) is None


def connector(key: str, version: str = "2026.1.0") -> Connector:
    """Return a connector as Cloudflare lists it."""
    return Connector(
        id=key, version=version, connections=2, locations=frozenset({"fra06"})
    )


def test_what_connectors_say_is_newer() -> None:
    """Cloudflare's list is a minute old: what a connector says replaces what is in it."""
    here = report()
    (same,) = updated([connector("c1")], [here])
    assert (same.version, same.connections) == ("2026.8.2", 4)
    assert same.locations == {"fra06"}

    elsewhere, new = updated([connector("c2")], [here])
    assert (elsewhere.id, new.id) == ("c2", "c1")

    (restarted,) = updated(
        [connector("c0")],
        [
            here.in_place_of(
                replace(here, readiness=Readiness(connector_id="c0", connections=4))
            )
        ],
    )
    assert restarted.id == "c1"
    assert updated([connector("c1")], [here.after_its_end()]) == ()


@given(st.binary(max_size=200))
def test_nonsense(content: bytes) -> None:
    """Whatever answers at an address that a person typed, it is a report or no answer."""
    with suppress(Unavailable):
        readiness = Readiness.parse(content)
        ConnectorReport.parse(readiness, content, content, "")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=6,
)


@given(_JSON, st.sampled_from(["hostname", "path", "service"]))
def test_one_value_that_is_spoilt(value: Any, key: str) -> None:
    with suppress(Unavailable):
        report({**HOME, key: value}).rule_state(HOSTNAME)
