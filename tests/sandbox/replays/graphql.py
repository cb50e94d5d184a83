"""Recorded answers of the GraphQL API."""

from datetime import timedelta
from typing import Any

from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import Plan
from tests.sandbox.recordings import RECORDED, Answered

from .stage import Stage, replay

_EVENTS = """query($zone: string!, $filter: FirewallEventsAdaptiveFilter_InputObject!) {
  viewer { zones(filter: {zoneTag: $zone}) {
    firewallEventsAdaptive(filter: $filter, limit: 5) { action ruleId } } } }"""


async def _graphql(
    stage: Stage, query: str, token: str | None = None, **variables: Any
) -> Answered:
    body = {"query": query, "variables": {"zone": stage.sandbox.zone_id, **variables}}
    return await stage.ask("POST", "/graphql", body, token=token)


@replay("gq-02")
async def _(stage: Stage) -> Answered:
    # The shape alone is compared: the limits themselves are wider since October 2026.
    stage.zone.plan = Plan.BUSINESS
    return await _graphql(
        stage,
        "query($zone: string!) { viewer { zones(filter: {zoneTag: $zone}) { settings {"
        " firewallEventsAdaptive { enabled maxDuration maxNumberOfFields maxPageSize"
        " notOlderThan } } } } }",
    )


_TIMESTAMP = "left out of the recording; gq-03 has it"


@replay(
    "gq-04",
    words={"1w1d": "4w3d"},
    allowed={
        "errors[].path: not recorded": _TIMESTAMP,
        "errors[].extensions.timestamp: not recorded": _TIMESTAMP,
    },
)
async def _(stage: Stage) -> Answered:
    too_long_ago = (now() - timedelta(days=32)).isoformat()
    return await _graphql(stage, _EVENTS, filter={"datetime_geq": too_long_ago})


@replay(
    "gq-06",
    words={"0aa6db79…": Sandbox.zone_id},
    allowed={
        "errors[].path: not recorded": _TIMESTAMP,
        "errors[].extensions: not recorded": _TIMESTAMP,
    },
)
async def _(stage: Stage) -> Answered:
    groups = _EVENTS.replace("Adaptive(", "AdaptiveGroups(").replace(
        "action ruleId", "count"
    )
    return await _graphql(stage, groups, filter={})


@replay("gq-07")
async def _(stage: Stage) -> Answered:
    token = stage.sandbox.state.add_token(zones=())
    answered = await _graphql(stage, _EVENTS, token, filter={})
    assert answered.body == RECORDED["gq-07"].response
    return answered


@replay("gq-08")
async def _(stage: Stage) -> Answered:
    answered = await _graphql(stage, _EVENTS, "cfut_" + 40 * "x", filter={})
    assert "data" not in answered.body
    return answered
