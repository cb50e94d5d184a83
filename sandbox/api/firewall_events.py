"""Firewall events: the requests that the edge stopped, over GraphQL."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
import operator
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLResolveInfo,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import VariablesInAllowedPositionRule

from sandbox.clock import now
from sandbox.ingress import plain_host
from sandbox.state import BlockedRequest, Plan, State, Zone

from ..envelope import Answer, seconds
from .routing import Call, Routes

routes = Routes()

_FIELDS = {
    "action": "String",
    "clientASNDescription": "String",
    "clientAsn": "String",
    "clientCountryName": "String",
    "clientIP": "String",
    "clientRequestHTTPHost": "String",
    "clientRequestHTTPMethodName": "String",
    "clientRequestHTTPProtocol": "String",
    "clientRequestPath": "String",
    "clientRequestQuery": "String",
    "datetime": "Time",
    "edgeResponseStatus": "Int",
    "kind": "String",
    "matchIndex": "Int",
    "originResponseStatus": "Int",
    "rayName": "String",
    "ref": "String",
    "ruleId": "String",
    "source": "String",
    "userAgent": "String",
}
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "_neq": operator.ne,
    "_gt": operator.gt,
    "_geq": operator.ge,
    "_lt": operator.lt,
    "_leq": operator.le,
    "_in": lambda value, wanted: value in wanted,
    # GUESS: a percent sign matches any text.
    "_like": lambda value, wanted: fnmatchcase(value, wanted.replace("%", "*")),
}

type _Info = GraphQLResolveInfo[object]


def _filters() -> str:
    return "\n".join(
        f"{name}{suffix}: {f'[{kind}!]' if suffix == '_in' else kind}"
        for name, kind in _FIELDS.items()
        for suffix in _OPERATORS
    )


# Cloudflare also has a type `string` and accepts either for the other; so the rule that
# compares types of variables is left out of the validation.
_SCHEMA = build_schema(f"""
scalar Time
scalar string
type Query {{ viewer: Viewer! }}
type Viewer {{ zones(filter: ZoneFilter_InputObject, limit: Int): [Zone!]! }}
input ZoneFilter_InputObject {{ zoneTag: String, zoneTag_in: [String!] }}
type Zone {{
  zoneTag: String!
  settings: Settings!
  firewallEventsAdaptive(
    filter: FirewallEventsAdaptiveFilter_InputObject
    limit: Int
    orderBy: [FirewallEventsAdaptiveOrderBy!]
  ): [FirewallEvent!]!
  firewallEventsAdaptiveGroups(
    filter: FirewallEventsAdaptiveFilter_InputObject
    limit: Int
    orderBy: [FirewallEventsAdaptiveOrderBy!]
  ): [FirewallEventGroup!]!
}}
type Settings {{ firewallEventsAdaptive: Limits! }}
type Limits {{
  enabled: Boolean!
  maxDuration: Int!
  maxNumberOfFields: Int!
  maxPageSize: Int!
  notOlderThan: Int!
}}
type FirewallEvent {{ {" ".join(f"{name}: {kind}" for name, kind in _FIELDS.items())} }}
type FirewallEventGroup {{ count: Int!, dimensions: FirewallEvent! }}
enum FirewallEventsAdaptiveOrderBy {{
  {" ".join(f"{name}_ASC {name}_DESC" for name in _FIELDS)}
}}
input FirewallEventsAdaptiveFilter_InputObject {{
  AND: [FirewallEventsAdaptiveFilter_InputObject!]
  OR: [FirewallEventsAdaptiveFilter_InputObject!]
  {_filters()}
}}
""")
_RULES = [
    rule for rule in specified_rules if rule is not VariablesInAllowedPositionRule
]


@routes.post("/graphql")
async def query(call: Call) -> Answer:
    """Answer a query; errors of the query have HTTP status 200 too."""
    body = call.object(variables=dict)
    try:
        document = parse(str(body.get("query")))
    except GraphQLError as error:
        return _refused([error])
    if errors := validate(_SCHEMA, document, _RULES):
        return _refused(errors)
    result = execute_sync(
        _SCHEMA,
        document,
        root_value={"viewer": _Viewer(call)},
        variable_values=body.get("variables"),
    )
    if result.errors:
        return _refused(result.errors)
    return Answer({"data": result.data, "errors": None}, bare=True)


def _refused(errors: list[GraphQLError]) -> Answer:
    return Answer(
        {"data": None, "errors": [_error_json(error) for error in errors]}, bare=True
    )


def _error_json(error: GraphQLError) -> dict[str, Any]:
    body: dict[str, Any] = {"message": error.message}
    if error.path:
        body["path"] = [str(part) for part in error.path]
    timestamp = seconds(now())
    body["extensions"] = {**(error.extensions or {}), "timestamp": timestamp}
    return body


class _Viewer:
    """The root of a query: what the token may see."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def zones(self, _: _Info, **arguments: Any) -> list[_Zone]:
        """Return the zones that the query asks for and the token reaches."""
        wanted = arguments.get("filter") or {}
        tags = [wanted["zoneTag"]] if "zoneTag" in wanted else wanted.get("zoneTag_in")
        state, token = self._call.state, self._call.token
        zones = [
            zone
            for zone in state.zones.values()
            if token.reaches_zone(zone) and (tags is None or zone.id in tags)
        ]
        if zones and not token.allows("analytics:read"):
            names = " ".join(zone.id for zone in zones)
            raise _error(f"zones '[{names}]' are not authorized", "authz")
        return [_Zone(state, zone) for zone in zones]


class _Zone:
    """A zone with its events and the limits of its plan."""

    def __init__(self, state: State, zone: Zone) -> None:
        self._state = state
        self._zone = zone
        self.zoneTag = zone.id
        # GUESS: the limits of a page. Since October 2026 every plan keeps 31 days, and answers
        # for 30 of them at once.
        self._limits = {
            "enabled": True,
            "maxDuration": 2_592_000,
            "maxNumberOfFields": 30,
            "maxPageSize": 10_000,
            "notOlderThan": 2_678_400,
        }
        self.settings = {"firewallEventsAdaptive": self._limits}

    def firewallEventsAdaptive(
        self, _: _Info, **arguments: Any
    ) -> list[dict[str, Any]]:
        """Return the events that match the filter."""
        limit = arguments.get("limit", 100)
        if not 0 < limit <= self._limits["maxPageSize"]:
            most = self._limits["maxPageSize"]
            raise _error(
                f"limit must be positive number and not greater than {most}", "quota"
            )
        wanted = arguments.get("filter") or {}
        self._check_time(wanted)
        known = now() - timedelta(seconds=self._state.delays.events)
        events = [
            event
            for blocked in self._state.blocked
            if self._state.zone_of(plain_host(blocked.host)) is self._zone
            and blocked.time <= known
            and _matches(event := _event(blocked), wanted)
        ]
        # GUESS: the default order.
        for order in reversed(arguments.get("orderBy") or ["datetime_DESC"]):
            name, _, direction = order.rpartition("_")
            events.sort(key=operator.itemgetter(name), reverse=direction == "DESC")
        return events[:limit]

    def firewallEventsAdaptiveGroups(self, _: _Info, **__: Any) -> list[dict[str, Any]]:
        """Refuse: Free has no groups, and the sandbox does not implement them."""
        if self._zone.plan is Plan.FREE:
            raise _error(f"zone '{self._zone.id}' does not have access to the path")
        raise _error("the sandbox does not group events")

    def _check_time(self, wanted: Mapping[str, Any]) -> None:
        starts = [
            wanted[key] for key in ("datetime_geq", "datetime_gt") if key in wanted
        ]
        ends = [wanted[key] for key in ("datetime_leq", "datetime_lt") if key in wanted]
        if not starts:
            return
        start = _time(starts[0])
        oldest, widest = self._limits["notOlderThan"], self._limits["maxDuration"]
        # One minute of tolerance for the time that the request takes.
        if now() - start > timedelta(seconds=oldest + 60):
            raise _error(f"cannot request data older than {_days(oldest)}", "quota")
        if (_time(ends[0]) if ends else now()) - start > timedelta(seconds=widest + 60):
            message = f"cannot request a time range wider than {_days(widest)}"
            raise _error(message, "quota")


def _event(blocked: BlockedRequest) -> dict[str, Any]:
    return {
        "action": blocked.action,
        "clientASNDescription": "",
        "clientAsn": str(blocked.asnum),
        "clientCountryName": blocked.country,
        "clientIP": blocked.ip,
        "clientRequestHTTPHost": blocked.host,
        "clientRequestHTTPMethodName": blocked.method,
        "clientRequestHTTPProtocol": blocked.protocol,
        "clientRequestPath": blocked.path,
        "clientRequestQuery": f"?{blocked.query}" if blocked.query else "",
        "datetime": seconds(blocked.time),
        "edgeResponseStatus": 403,
        "kind": "firewall",
        "matchIndex": 0,
        "originResponseStatus": 0,
        "rayName": blocked.ray,
        "ref": blocked.ref,
        "ruleId": blocked.rule_id,
        "source": blocked.source,
        "userAgent": blocked.user_agent,
    }


def _matches(event: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(_satisfies(event, key, value) for key, value in wanted.items())


def _satisfies(event: Mapping[str, Any], key: str, wanted: Any) -> bool:
    match key:
        case "AND":
            return all(_matches(event, each) for each in wanted)
        case "OR":
            return any(_matches(event, each) for each in wanted)
    name, underscore, suffix = key.partition("_")
    value = event[name]
    if name == "datetime":
        value, wanted = _time(value), _time(wanted)
    return _OPERATORS[underscore + suffix](value, wanted)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _days(length: int) -> str:
    """Write a duration in weeks and days, as Cloudflare does: 1w1d."""
    weeks, days = divmod(length // 86_400, 7)
    return (f"{weeks}w" if weeks else "") + (f"{days}d" if days else "")


def _error(message: str, code: str | None = None) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code} if code else None)
