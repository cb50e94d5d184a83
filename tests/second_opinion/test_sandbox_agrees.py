"""The sandbox decides as the second opinion does, or refuses to decide."""

from random import Random

from hypothesis import given, note
import pytest

from custom_components.cloudflare_mtls.engine.api.models import Rule, Ruleset
from tests.engine.builders import HOST, admits, rule
from tests.engine.searching import search

from . import sandbox_edge
from .edge import Edge
from .evaluator import Situation, compiled
from .expressions import EXPRESSIONS
from .intruders import requests_for
from .paths import is_sendable
from .requests import Request, fields_of
from .tunnel import reaches_an_origin
from .worlds import WORLDS, World

_CERTAIN = ({"ruleset": "current"}, {"phase": "current"}, {"products": ["bic"]})
# 20,000 expressions in a night, and 4,000 worlds.
_PARTS = 8
_EXPRESSIONS = 2500
_WORLDS = 500


def _some_requests(hostname: str, edge: Edge, number: int = 12) -> list[Request]:
    requests = list(requests_for(hostname, admits(), edge))
    return Random(repr(edge.rules)).sample(requests, number)


def _same_meaning(expression: str) -> None:
    edge = Edge.of(Ruleset(id="rs", rules=(rule("block", expression),)))
    for request in _some_requests(HOST, edge):
        for fields in fields_of(request):
            verdict = sandbox_edge.matches(expression, fields)
            note(f"{request} as {fields['http.host']!r}")
            if verdict is not None:
                assert verdict is compiled(expression)(Situation(fields))


@given(expression=EXPRESSIONS)
@search(200)
def test_an_expression_means_the_same(expression: str) -> None:
    _same_meaning(expression)


def _is_certain(each: Rule) -> bool:
    """Return whether the reference says what becomes of a request that meets a rule."""
    return each.action in ("block", "log") or (
        each.action == "skip" and each.action_parameters in _CERTAIN
    )


def _same_verdict(world: World) -> None:
    edge = Edge.of(world.observation.ruleset)
    certain = all(map(_is_certain, edge.rules))
    for request in _some_requests(world.hostname, edge):
        for fields in fields_of(request):
            verdict = sandbox_edge.lets_through(world.observation, fields)
            mine = edge.passes(Situation(fields))
            note(f"{request} as {fields['http.host']!r}: {verdict}, {mine}")
            if verdict is not None and (verdict or certain):
                assert verdict is mine


@given(world=WORLDS)
@search(100)
def test_rules_let_the_same_requests_through(world: World) -> None:
    _same_verdict(world)


def _same_origin(world: World) -> None:
    edge = Edge.of(world.observation.ruleset)
    for request in _some_requests(world.hostname, edge):
        note(str(request))
        # A real connector resets the stream of a path with a broken escape.
        if is_sendable(request.path) and sandbox_edge.reaches_an_origin(
            world.observation, request
        ):
            assert reaches_an_origin(world.observation, world.hostname, request)


@given(world=WORLDS)
@search(100)
def test_the_same_requests_come_to_an_origin(world: World) -> None:
    """Where the reference leaves it open, the second opinion takes them all to come there."""
    _same_origin(world)


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(_PARTS))
def test_the_sandbox_agrees_at_night(part: int) -> None:
    search(_EXPRESSIONS, again=False)(given(expression=EXPRESSIONS)(_same_meaning))()
    search(_WORLDS, again=False)(given(world=WORLDS)(_same_verdict))()
    search(_WORLDS, again=False)(given(world=WORLDS)(_same_origin))()
