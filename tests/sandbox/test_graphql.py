"""Firewall events over GraphQL."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cloudflare import AsyncCloudflare
import pytest

from sandbox import Sandbox
from sandbox.clock import Delays, now
from sandbox.seed import FOREIGN_RULE_ID
from sandbox.state import Plan

from .helpers import HOME, NAS, Api, Reply, visitor

EVENTS = """
query Events($zone: string!, $filter: FirewallEventsAdaptiveFilter_InputObject!) {
  viewer { zones(filter: {zoneTag: $zone}) {
    firewallEventsAdaptive(filter: $filter, limit: 3, orderBy: [datetime_DESC]) {
      action source ruleId datetime rayName clientIP clientCountryName clientAsn
      clientRequestHTTPHost clientRequestHTTPMethodName clientRequestPath
      clientRequestQuery clientRequestHTTPProtocol userAgent kind matchIndex
      edgeResponseStatus originResponseStatus
    }
  } }
}
"""


async def ask(api: Api, query: str, **variables: Any) -> Reply:
    """Send a query."""
    variables = {"zone": api.sandbox.zone_id} | variables
    body = {"query": query, "variables": variables}
    reply = await api.request("POST", "/graphql", body)
    assert reply.status == 200
    return reply


async def events(api: Api, query: str = EVENTS, **wanted: Any) -> list[dict[str, Any]]:
    """Return the events that match a filter."""
    reply = await ask(api, query, filter=wanted)
    assert reply.body["errors"] is None
    [zone] = reply.body["data"]["viewer"]["zones"]
    found: list[dict[str, Any]] = zone["firewallEventsAdaptive"]
    return found


def ago(**time: float) -> str:
    """Return a time in the past as text."""
    return f"{now() - timedelta(**time):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
async def blocked(sandbox: Sandbox, tmp_path: Path) -> None:
    """Let the edge stop four requests, a minute apart."""
    [rule] = sandbox.state.zones[sandbox.zone_id].rules
    rule.expression = "ssl"
    async with visitor(sandbox, tmp_path) as guest:
        for number, host in enumerate((HOME, HOME, NAS, HOME)):
            if number == 3:
                rule.action = "managed_challenge"
            headers = {"User-Agent": f"App/{number}"}
            await guest.request("POST", host, f"/api/{number}?a=b", headers=headers)
            sandbox.clock.advance(timedelta(minutes=1))


@pytest.mark.usefixtures("blocked")
async def test_an_event(api: Api) -> None:
    """An event has all the fields of the request that the edge stopped."""
    [event] = await events(api, clientRequestHTTPHost=NAS)
    assert event.pop("rayName")
    assert now() - datetime.fromisoformat(event.pop("datetime")) < timedelta(minutes=3)
    assert event == {
        "action": "block",
        "clientAsn": "64496",
        "clientCountryName": "DE",
        "clientIP": "203.0.113.24",
        "clientRequestHTTPHost": NAS,
        "clientRequestHTTPMethodName": "POST",
        "clientRequestHTTPProtocol": "HTTP/1.1",
        "clientRequestPath": "/api/2",
        "clientRequestQuery": "?a=b",
        "edgeResponseStatus": 403,
        "kind": "firewall",
        "matchIndex": 0,
        "originResponseStatus": 0,
        "ruleId": FOREIGN_RULE_ID,
        "source": "firewallCustom",
        "userAgent": "App/2",
    }


@pytest.mark.usefixtures("blocked")
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["3", "2", "1"]),
        ({"clientRequestHTTPHost": HOME}, ["3", "1", "0"]),
        ({"action": "block", "clientRequestHTTPHost": HOME}, ["1", "0"]),
        ({"action_in": ["managed_challenge", "log"]}, ["3"]),
        ({"action_neq": "block"}, ["3"]),
        ({"ruleId": FOREIGN_RULE_ID}, ["3", "2", "1"]),
        ({"ruleId": "0" * 32}, []),
        ({"clientRequestPath_like": "%/1"}, ["1"]),
        ({"OR": [{"userAgent": "App/0"}, {"userAgent": "App/2"}]}, ["2", "0"]),
        ({"AND": [{"userAgent": "App/0"}, {"userAgent": "App/2"}]}, []),
    ],
)
async def test_filters(api: Api, wanted: dict[str, Any], expected: list[str]) -> None:
    """An event matches if all conditions of the filter do; the newest three are returned."""
    found = await events(api, **wanted)
    assert [event["userAgent"].removeprefix("App/") for event in found] == expected


@pytest.mark.usefixtures("blocked")
async def test_times(api: Api) -> None:
    """Events can be filtered by a start and an end."""
    found = await events(api, datetime_geq=ago(seconds=150), datetime_leq=now_text())
    assert [event["userAgent"] for event in found] == ["App/3", "App/2"]
    found = await events(api, datetime_lt=ago(seconds=210))
    assert [event["userAgent"] for event in found] == ["App/0"]


def now_text() -> str:
    """Return the time as text."""
    return ago()


@pytest.mark.usefixtures("blocked")
async def test_order_and_limit(api: Api) -> None:
    """Events are sorted as the query says; a limit out of bounds is refused."""
    query = EVENTS.replace("datetime_DESC", "action_DESC, datetime_ASC")
    found = await events(api, query)
    assert [event["userAgent"] for event in found] == ["App/3", "App/0", "App/1"]
    for limit in ("0", "10001"):
        query = EVENTS.replace("limit: 3", f"limit: {limit}")
        [error] = (await ask(api, query, filter={})).body["errors"]
        assert "limit must be positive number" in error["message"]


@pytest.mark.usefixtures("blocked")
async def test_events_come_late(sandbox: Sandbox, api: Api) -> None:
    """With a delay, the newest events are missing."""
    sandbox.state.delays = Delays(events=150)
    assert [event["userAgent"] for event in await events(api)] == ["App/1", "App/0"]


async def test_settings(sandbox: Sandbox, api: Api) -> None:
    """The limits of the data set are the same on every plan."""
    query = """query($zone: String!) { viewer { zones(filter: {zoneTag: $zone}) {
      zoneTag settings { firewallEventsAdaptive {
        enabled maxDuration maxNumberOfFields maxPageSize notOlderThan } } } } }"""
    for plan in (Plan.FREE, Plan.PRO):
        sandbox.state.zones[sandbox.zone_id].plan = plan
        [zone] = (await ask(api, query)).body["data"]["viewer"]["zones"]
        assert zone["zoneTag"] == sandbox.zone_id
        limits = zone["settings"]["firewallEventsAdaptive"]
        assert (limits["enabled"], limits["notOlderThan"]) == (True, 2_678_400)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"datetime_geq": ago(days=32)}, "cannot request data older than 4w3d"),
        (
            {"datetime_geq": ago(days=30), "datetime_leq": ago(days=-1)},
            "cannot request a time range wider than 4w2d",
        ),
    ],
)
async def test_too_far_back(api: Api, wanted: dict[str, str], message: str) -> None:
    """Only events of the last month can be read."""
    body = (await ask(api, EVENTS, filter=wanted)).body
    [error] = body["errors"]
    assert (body["data"], error["message"]) == (None, message)
    assert error["path"] == ["viewer", "zones", "0", "firewallEventsAdaptive"]
    assert error["extensions"]["code"] == "quota"


async def test_groups_are_not_on_free(sandbox: Sandbox, api: Api) -> None:
    """The data set of groups is refused on Free."""
    query = EVENTS.replace("firewallEventsAdaptive(", "firewallEventsAdaptiveGroups(")
    start, _, end = query.partition("{\n      action")
    query = start + "{ count }" + end.partition("}")[2]
    [error] = (await ask(api, query, filter={})).body["errors"]
    zone = sandbox.zone_id
    assert error["message"] == f"zone '{zone}' does not have access to the path"


@pytest.mark.parametrize("query", ["{", "{ nothing }", "query($a: Foo) { viewer }", ""])
async def test_bad_queries(api: Api, query: str) -> None:
    """Errors of a query come with HTTP status 200."""
    body = (await ask(api, query)).body
    assert (body["data"], bool(body["errors"][0]["message"])) == (None, True)


async def test_permissions(sandbox: Sandbox, api: Api) -> None:
    """Zones out of reach are missing; an invalid token gets an error in the API's envelope."""
    other = sandbox.state.add_zone("example.net")
    narrow = api.with_token(sandbox.state.add_token(zones={other.id}))
    reply = await ask(narrow, EVENTS, filter={})
    assert reply.body == {"data": {"viewer": {"zones": []}}, "errors": None}
    blind = api.with_token(sandbox.state.add_token(permissions={"zone:read"}))
    [error] = (await ask(blind, EVENTS, filter={})).body["errors"]
    assert "are not authorized" in error["message"]
    assert error["extensions"]["code"] == "authz"
    stranger = api.with_token("cfut_" + "x" * 40)
    reply = await stranger.request("POST", "/graphql", {"query": EVENTS})
    assert (reply.status, reply.code) == (403, 10000)


async def test_a_query_is_no_write(sandbox: Sandbox, api: Api) -> None:
    """The journal does not count a query as a write, although it is a POST."""
    await ask(api, EVENTS, filter={})
    assert sandbox.journal.writes == []


@pytest.mark.usefixtures("blocked")
async def test_official_sdk(sandbox: Sandbox) -> None:
    """Cloudflare's SDK has no resource for GraphQL, but can post a query."""
    official: Any = AsyncCloudflare(
        api_token=sandbox.token, base_url=sandbox.api_url, max_retries=0
    )
    async with official as client:
        variables = {"zone": sandbox.zone_id, "filter": {"action": "block"}}
        answer = await client.post(
            "/graphql", cast_to=object, body={"query": EVENTS, "variables": variables}
        )
    [zone] = answer["data"]["viewer"]["zones"]
    assert len(zone["firewallEventsAdaptive"]) == 3
