"""Requests that the edge blocked, as the firewall events show them.

Visitors' addresses are personal, so they are not queried.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from .api.client import CloudflareClient
from .api.errors import (
    EngineError,
    Permission,
    PermissionMissing,
    Rejected,
    TooMuchAsked,
    Unavailable,
)
from .api.json_fields import Fields, malformed
from .probe import USER_AGENT

_PERMISSION: Final = Permission.ANALYTICS_READ

# Cloudflare allows 300 queries in five minutes.
_MAX_QUERIES: Final = 10
# Reading more events at once would block the event loop.
_MAX_PAGE: Final = 2000
# How much Cloudflare's clock may differ from ours, and the time that a request takes.
_GRACE: Final = timedelta(minutes=1)
_ZERO: Final = timedelta()
# Seconds.
_YEAR: Final = 366 * 86_400

# A challenge stops a companion app as well, because the app cannot solve it.
_STOPPING: Final = (
    "block",
    "challenge",
    "jschallenge",
    "js_challenge",
    "managed_challenge",
    "drop",
)
# The ports that Cloudflare proxies, which visitors may append to the host.
# Source: developers.cloudflare.com, Network ports.
_PORTS: Final = (
    80,
    443,
    2052,
    2053,
    2082,
    2083,
    2086,
    2087,
    2095,
    2096,
    8080,
    8443,
    8880,
)

# The dashboard's names for what stopped a request; an unknown one is shown as it comes.
_SERVICES: Final = {
    "firewallCustom": "Custom rules",
    "firewallrules": "Custom rules",
    "firewallManaged": "Managed rules",
    "waf": "Managed rules",
    "ratelimit": "Rate limiting rules",
    "botFight": "Bot Fight Mode",
    "sbfm": "Super Bot Fight Mode",
    "bic": "Browser Integrity Check",
    "hot": "Hotlink Protection",
    "securityLevel": "Security Level",
    "securitylevel": "Security Level",
    "zoneLockdown": "Zone Lockdown",
    "uaBlock": "User Agent Blocking",
    "country": "IP Access rules",
    "ip": "IP Access rules",
    "ipRange": "IP Access rules",
    "asn": "IP Access rules",
    "l7ddos": "HTTP DDoS attack protection",
}

_LIMITS_QUERY: Final = """query Limits($zone: string!) {
  viewer { zones(filter: {zoneTag: $zone}) {
    settings { firewallEventsAdaptive { enabled maxDuration maxPageSize notOlderThan } }
  } }
}"""
_EVENTS_QUERY: Final = """query Events(
  $zone: string!, $limit: Int!, $filter: FirewallEventsAdaptiveFilter_InputObject!
) {
  viewer { zones(filter: {zoneTag: $zone}) {
    firewallEventsAdaptive(filter: $filter, limit: $limit, orderBy: [datetime_DESC]) {
      datetime clientCountryName clientRequestHTTPHost clientRequestHTTPMethodName
      clientRequestPath userAgent ruleId source
    }
  } }
}"""


@dataclass(frozen=True, kw_only=True)
class BlockedRequest:
    """A request that the edge blocked; a stranger wrote its texts."""

    time: datetime
    hostname: str
    country: str | None
    method: str
    path: str
    user_agent: str
    rule_id: str | None
    service: str

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of firewallEventsAdaptive."""
        if (time := fields.time("datetime")) is None:
            raise malformed("datetime")
        source = _plain(fields.optional_text("source"), 40)
        path, _, _ = (fields.optional_text("clientRequestPath") or "").partition("?")
        return cls(
            time=time,
            hostname=_hostname(fields.optional_text("clientRequestHTTPHost") or ""),
            country=_plain(fields.optional_text("clientCountryName"), 8) or None,
            method=_plain(fields.optional_text("clientRequestHTTPMethodName"), 16),
            path=_plain(path, 200),
            user_agent=_plain(fields.optional_text("userAgent"), 200),
            rule_id=fields.optional_text("ruleId") or None,
            service=_SERVICES.get(source, source),
        )

    @property
    def is_our_visit(self) -> bool:
        """Return whether it looks like a visit of our probe."""
        asked = (self.method, self.path, self.user_agent)
        return asked == ("GET", "/", USER_AGENT)


@dataclass(frozen=True, kw_only=True)
class BlockedRequests:
    """The blocked requests since a time, the newest first.

    Cloudflare samples them: of very many requests it shows only some.
    """

    requests: tuple[BlockedRequest, ...]
    since: datetime


@dataclass(frozen=True, kw_only=True)
class _Limits:
    """How much a query may ask for on a zone's plan."""

    widest: timedelta
    oldest: timedelta
    page: int

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read the settings of firewallEventsAdaptive; raise Rejected where the plan has no events."""
        if not fields.flag("enabled", default=False):
            raise Rejected(None, "the zone's plan has no firewall events")
        widest = fields.number("maxDuration")
        oldest = fields.number("notOlderThan")
        page = fields.number("maxPageSize")
        if not (widest and oldest and page) or min(widest, oldest, page) < 0:
            raise malformed("settings")
        # Enterprise plans keep events for years; we never ask for more than one.
        return cls(
            widest=timedelta(seconds=min(widest, _YEAR)),
            oldest=timedelta(seconds=min(oldest, _YEAR)),
            page=min(page, _MAX_PAGE),
        )

    def after(self, refusal: TooMuchAsked) -> Self:
        """Return the limits that a refusal leaves."""
        allowed = timedelta(seconds=min(refusal.seconds, _YEAR))
        if refusal.too_old:
            known = self.oldest
            return replace(
                self, oldest=allowed if _ZERO < allowed < known else known * 0.9
            )
        known = self.widest
        return replace(self, widest=allowed if _ZERO < allowed < known else known / 2)


class BlockedRequestsQuery:
    """Queries blocked requests, and remembers what each zone's plan allows."""

    def __init__(self, client: CloudflareClient) -> None:
        """Begin without limits of any zone."""
        self._client = client
        self._limits: dict[str, _Limits] = {}

    async def blocked(
        self,
        zone_id: str,
        hostnames: Collection[str],
        since: datetime,
        until: datetime,
    ) -> BlockedRequests:
        """Return the blocked requests to the hostnames between two times, as far as possible.

        Makes ten queries at most, from the newest events back, so older ones may be missing;
        the result says how far it reaches. Raises EngineError.

        Source: POST /graphql, firewallEventsAdaptive and its settings.
        """
        search = _Search(zone_id, hostnames, since, until)
        if zone_id not in self._limits:
            search.asked += 1
            await self.find_limits(zone_id)
        refusal: EngineError = Unavailable("no time that may be asked for")
        while not search.is_over(self._limits[zone_id]):
            limits_now = self._limits[zone_id]
            search.asked += 1
            try:
                zone = await self._ask(
                    _EVENTS_QUERY,
                    zone_id,
                    limit=limits_now.page,
                    filter=search.filter(limits_now),
                )
            except TooMuchAsked as err:
                self._limits[zone_id] = limits_now.after(err)
                refusal = err
                continue
            search.take(
                [
                    BlockedRequest.parse(item)
                    for item in zone.objects("firewallEventsAdaptive", required=True)
                ],
                limits_now,
            )
        if not search.answered:
            raise refusal
        return BlockedRequests(
            requests=tuple(item for item in search.found if not item.is_our_visit),
            since=search.reached,
        )

    async def find_limits(self, zone_id: str) -> None:
        """Find out how much a query may ask for on the zone's plan; raise EngineError.

        Source: POST /graphql, settings of firewallEventsAdaptive.
        """
        zone = await self._ask(_LIMITS_QUERY, zone_id)
        if (settings := zone.object("settings")) is None or (
            limits := settings.object("firewallEventsAdaptive")
        ) is None:
            raise malformed("settings")
        self._limits[zone_id] = _Limits.parse(limits)

    async def _ask(self, document: str, zone_id: str, **variables: Any) -> Fields:
        """Return the answer for a zone; Cloudflare leaves out a zone that the token may not read."""
        variables = {"zone": zone_id, **variables}
        data = await self._client.graphql.query(document, variables, _PERMISSION)
        if (viewer := data.object("viewer")) is None:
            raise malformed("viewer")
        zones = viewer.objects("zones", required=True)
        if not zones:
            raise PermissionMissing(_PERMISSION)
        return zones[0]


class _Search:
    """How far back one call has come, beginning with the newest events."""

    def __init__(
        self,
        zone_id: str,
        hostnames: Collection[str],
        since: datetime,
        until: datetime,
    ) -> None:
        self._hosts = sorted(_hosts(hostnames))
        self._since = since
        self._until = until
        self.asked = 0
        self.answered = False
        self.reached = until
        self.found: list[BlockedRequest] = []

    def is_over(self, limits: _Limits) -> bool:
        """Return whether no further query is needed or allowed."""
        return self.asked >= _MAX_QUERIES or self.reached <= self._earliest(limits)

    def filter(self, limits: _Limits) -> dict[str, Any]:
        """Return the filter of the next query."""
        return {
            "datetime_geq": _text(self._start(limits)),
            "datetime_leq": _text(self.reached),
            "clientRequestHTTPHost_in": self._hosts,
            "action_in": list(_STOPPING),
        }

    def take(self, page: list[BlockedRequest], limits: _Limits) -> None:
        """Add a page; after a full one, its last second is queried again, because it may go on."""
        self.answered = True
        start = self._start(limits)
        if len(page) >= limits.page and (last := page[-1].time) > start:
            rest = [item for item in page if item.time > last]
            # Of a second with more events than a page holds, only one page is kept.
            self.found += rest or page
            self.reached = last if rest else last - timedelta(seconds=1)
            return
        self.found += page
        # Both bounds of a query are included.
        self.reached = start - timedelta(seconds=1)
        if start <= self._earliest(limits):
            self.reached = start

    def _earliest(self, limits: _Limits) -> datetime:
        return max(self._since, self._until - limits.oldest + _GRACE)

    def _start(self, limits: _Limits) -> datetime:
        return max(self._earliest(limits), self.reached - limits.widest + _GRACE)


def _hosts(hostnames: Iterable[str]) -> Iterator[str]:
    """Yield each way in which visitors may write these hosts."""
    for hostname in hostnames:
        yield hostname
        yield f"{hostname}."
        yield from (f"{hostname}:{port}" for port in _PORTS)


def _hostname(host: str) -> str:
    return host.partition(":")[0].lower().rstrip(".")


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _plain(text: str | None, length: int) -> str:
    """Return the printable beginning of a text that a stranger wrote."""
    return "".join(char for char in text or "" if char.isprintable())[:length]
