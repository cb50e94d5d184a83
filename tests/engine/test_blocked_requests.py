"""Tests of how blocked requests are queried, and how the answers are read."""

from datetime import timedelta
import json
from string.templatelib import Template
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    EngineError,
    Permission,
    PermissionMissing,
    RateLimited,
    Rejected,
    TokenRejected,
    TooMuchAsked,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.graphql_errors import query_error
from custom_components.cloudflare_mtls.engine.api.transport import Transport
from custom_components.cloudflare_mtls.engine.blocked_requests import (
    BlockedRequests,
    BlockedRequestsQuery,
)
from custom_components.cloudflare_mtls.engine.probe import USER_AGENT
from sandbox import Sandbox
from sandbox.api.firewall_events import _Zone
from sandbox.clock import now
from sandbox.state import BlockedRequest

HOST = "home.example.com"
MISSING = Permission.ANALYTICS_READ
# In seconds, as Cloudflare gives its limits.
DAY = 86_400


def block(sandbox: Sandbox, ago: timedelta, **changes: Any) -> None:
    """Have a request blocked some time ago."""
    request: dict[str, Any] = {
        "time": now() - ago,
        "rule_id": "rule",
        "ref": "",
        "host": HOST,
        "path": "/auth",
        "method": "GET",
        "user_agent": "curl/8",
        "country": "DE",
        "action": "block",
        "ip": "203.0.113.24",
    }
    sandbox.state.blocked.append(BlockedRequest(**request | changes))


async def ask(
    client: CloudflareClient, hours: float = 24, *hostnames: str
) -> BlockedRequests:
    """Query the blocked requests of the last hours."""
    events = BlockedRequestsQuery(client)
    until = now()
    since = until - timedelta(hours=hours)
    return await events.blocked(Sandbox.zone_id, hostnames or (HOST,), since, until)


def limit(monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
    """Have the zone's plan allow something other than usual."""
    begin = _Zone.__init__

    def changed(self: Any, *arguments: Any) -> None:
        begin(self, *arguments)
        self._limits.update(limits)

    monkeypatch.setattr(_Zone, "__init__", changed)


async def test_blocked_requests_of_a_hostname(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The newest comes first, and the visitor's address is not queried."""
    block(sandbox, timedelta(hours=2), path="/first")
    block(sandbox, timedelta(hours=1), source="botFight", rule_id="", country="")
    block(sandbox, timedelta(hours=1), host="nas.example.com")
    block(sandbox, timedelta(hours=1), action="log")

    found = await ask(client)

    assert [
        (item.path, item.service, item.rule_id, item.country, item.hostname)
        for item in found.requests
    ] == [
        ("/auth", "Bot Fight Mode", None, None, HOST),
        ("/first", "Custom rules", "rule", "DE", HOST),
    ]
    assert [entry.path for entry in sandbox.journal.requests] == ["/graphql"] * 2
    assert not sandbox.journal.writes
    assert "clientIP" not in json.dumps(
        [entry.body for entry in sandbox.journal.requests]
    )


async def test_limits_are_queried_once(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The limits of a zone's plan do not change from call to call."""
    events = BlockedRequestsQuery(client)
    for _ in range(3):
        await events.blocked(Sandbox.zone_id, [HOST], now() - timedelta(hours=1), now())
    assert len(sandbox.journal.requests) == 4


async def test_one_query_for_several_hostnames(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """One query covers a zone's hostnames, with every port that Cloudflare proxies."""
    block(sandbox, timedelta(hours=1), host=f"{HOST}:8443")
    block(sandbox, timedelta(hours=1), host="nas.example.com.")
    block(sandbox, timedelta(hours=1), host="vpn.example.com")
    found = await ask(client, 24, HOST, "nas.example.com")
    assert {item.hostname for item in found.requests} == {HOST, "nas.example.com"}
    assert len(sandbox.journal.requests) == 2


@pytest.mark.parametrize(
    "hostile", ['"}) {secrets} #', "\\", '""" } query Q {a}', "$zone", "a\nb"]
)
async def test_hostname_is_no_part_of_the_query(
    sandbox: Sandbox, client: CloudflareClient, hostile: str
) -> None:
    """What is asked for stands in the variables: the query is the same for every hostname."""
    await ask(client)
    await ask(client, 24, hostile)
    _, events, _, other = (entry.body for entry in sandbox.journal.requests)
    assert other["query"] == events["query"]
    assert hostile in other["variables"]["filter"]["clientRequestHTTPHost_in"]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"user_agent": USER_AGENT, "path": "/"}, False),
        ({"user_agent": USER_AGENT, "path": "/auth"}, True),
        ({"user_agent": USER_AGENT, "path": "/", "method": "POST"}, True),
        ({"user_agent": f"{USER_AGENT}/2", "path": "/"}, True),
    ],
)
async def test_our_own_visits_are_left_out(
    sandbox: Sandbox, client: CloudflareClient, changes: dict[str, str], shown: bool
) -> None:
    """A request that differs from our visits is shown, even with their user agent."""
    block(sandbox, timedelta(hours=1), **changes)
    assert bool((await ask(client)).requests) is shown


async def test_texts_of_visitors_are_cleaned(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """They are cut, and characters that cannot be printed are removed."""
    block(
        sandbox,
        timedelta(hours=1),
        path=f"/a\x1b[2J\u202e{'b' * 500}?token=secret",
        user_agent="c\n\0" * 500,
        method="M" * 99,
        source="new\nthing" * 20,
        country="DE\r",
    )
    (found,) = (await ask(client)).requests
    assert found.path == f"/a[2J{'b' * 195}"
    assert found.user_agent == "c" * 200 or len(found.user_agent) <= 200
    for text in (found.path, found.user_agent, found.method, found.service):
        assert text.isprintable()
        assert len(text) <= 200
    assert found.country == "DE"


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({}, 168),
        ({"maxDuration": 3 * DAY}, 168),
        ({"maxDuration": DAY, "notOlderThan": DAY}, 24),
    ],
    ids=["a month", "in parts", "a day"],
)
async def test_as_far_back_as_cloudflare_allows(
    sandbox: Sandbox,
    client: CloudflareClient,
    monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, int],
    told: int,
) -> None:
    """Cloudflare says how far back it answers, and for how long a time at once."""
    limit(monkeypatch, **limits)
    hours = 168
    for hour in range(1, 240):
        block(sandbox, timedelta(hours=hour, minutes=-5), path=f"/{hour}")
    found = await ask(client, hours)
    assert [item.path for item in found.requests] == [
        f"/{hour}" for hour in range(1, told + 1)
    ]
    assert now() - found.since < timedelta(hours=told, seconds=30)
    assert len(sandbox.journal.requests) <= 10


async def test_more_than_a_page(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another query reads the rest, and no request is listed twice."""
    limit(monkeypatch, maxPageSize=5)
    for number in range(17):
        # Two requests in each second.
        block(sandbox, timedelta(hours=1, seconds=number // 2), path=f"/{number}")
    found = await ask(client)
    assert sorted(item.path for item in found.requests) == sorted(
        f"/{number}" for number in range(17)
    )


async def test_more_than_ten_pages(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ten queries the newest requests are returned, with the time from which on they are complete."""
    limit(monkeypatch, maxPageSize=5)
    for number in range(500):
        block(sandbox, timedelta(minutes=number + 1), path=f"/{number}")
    found = await ask(client)
    assert len(sandbox.journal.requests) == 10
    assert [item.path for item in found.requests] == [
        f"/{number}" for number in range(len(found.requests))
    ]
    assert found.since > now() - timedelta(hours=2)


async def test_a_second_that_holds_more_than_a_page(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query continues with the seconds before it."""
    limit(monkeypatch, maxPageSize=5)
    time = now().replace(microsecond=0) - timedelta(hours=1)
    for number in range(12):
        block(sandbox, timedelta(), time=time, path=f"/{number}")
    block(sandbox, timedelta(hours=2), path="/before")
    found = await ask(client)
    assert len(found.requests) == 6
    assert found.requests[-1].path == "/before"


@pytest.mark.parametrize(
    "claimed", [{"notOlderThan": 864_000}, {"maxDuration": 864_000}], ids=str
)
async def test_plan_that_allows_less_than_it_says(
    sandbox: Sandbox,
    client: CloudflareClient,
    monkeypatch: pytest.MonkeyPatch,
    claimed: dict[str, int],
) -> None:
    """If Cloudflare refuses the range, a smaller one is queried."""
    limit(monkeypatch, maxDuration=DAY, notOlderThan=DAY)
    block(sandbox, timedelta(hours=1))
    begin = _Zone.__init__

    def changed(self: Any, *arguments: Any) -> None:
        begin(self, *arguments)
        self.settings = {"firewallEventsAdaptive": {**self._limits, **claimed}}

    monkeypatch.setattr(_Zone, "__init__", changed)
    found = await ask(client, 168)
    assert len(found.requests) == 1
    assert found.since > now() - timedelta(hours=25)
    assert len(sandbox.journal.requests) <= 10


async def test_data_set_that_the_plan_lacks(
    client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call raises an error, because an empty list would mean zero."""
    limit(monkeypatch, enabled=False)
    with pytest.raises(Rejected, match="no firewall events"):
        await ask(client)


@pytest.mark.parametrize("limits", [{"notOlderThan": 0}, {"maxPageSize": None}])
async def test_limits_that_make_no_sense(
    client: CloudflareClient, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any]
) -> None:
    """Such limits raise an error."""
    limit(monkeypatch, **limits)
    with pytest.raises(EngineError):
        await ask(client)


async def test_plan_that_allows_no_time_at_all(
    client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a query the call raises an error, because an empty list would mean zero."""
    limit(monkeypatch, notOlderThan=30)
    with pytest.raises(Unavailable):
        await ask(client)


async def test_token_without_access(sandbox: Sandbox) -> None:
    """The permission is missing, the zone is out of reach, or the token is unknown."""
    other = sandbox.state.add_zone("example.net")
    for token, error in (
        (sandbox.state.add_token(permissions={"zone:read"}), PermissionMissing),
        (sandbox.state.add_token(zones={other.id}), PermissionMissing),
        ("cfut_" + "x" * 40, TokenRejected),
    ):
        with pytest.raises(error) as caught:
            await ask(CloudflareClient(token, base_url=sandbox.api_url))
        if isinstance(caught.value, PermissionMissing):
            assert caught.value.permission is MISSING


@pytest.mark.parametrize(
    ("message", "code", "error"),
    [
        ("zones '[a]' are not authorized", "authz", PermissionMissing),
        ("not authorized for that account", None, PermissionMissing),
        ("no", "authz", PermissionMissing),
        (
            "rate limiter budget depleted, try again after 5 minutes",
            None,
            RateLimited,
        ),
        ("cannot request data older than 2678400s", None, TooMuchAsked),
        ("cannot request a time range wider than 1w1d", "quota", TooMuchAsked),
        ("too many queries in progress", None, Unavailable),
        ("unable to execute query", None, Unavailable),
        ("zone 'a' does not have access to the path", None, Rejected),
        ("limit must be positive number", "quota", Rejected),
        ("", None, Rejected),
        (None, None, Unavailable),
    ],
)
def test_errors(
    message: str | None, code: str | None, error: type[EngineError]
) -> None:
    """Cloudflare's errors have messages, but no numbers."""
    found = query_error({"message": message, "extensions": {"code": code}}, MISSING)
    assert type(found) is error
    assert type(query_error("nonsense", MISSING)) is Unavailable


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("cannot request data older than 2678400s", 2_678_400),
        ("cannot request data older than 1w1d", 691_200),
        (
            'account "a" cannot request a time range wider than 13w2d, but your query '
            "time range spans 38w2d15h32m42s924ms",
            8_035_200,
        ),
    ],
)
def test_durations(message: str, seconds: int) -> None:
    """Durations are numbers of seconds, or text in Go's format."""
    found = query_error({"message": message}, MISSING)
    assert isinstance(found, TooMuchAsked)
    assert found.seconds == seconds


async def test_pause_of_queries_holds_for_queries_only(
    client: CloudflareClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rate limit of queries pauses queries, and no other calls."""

    async def answer(*_: Any, **__: Any) -> Any:
        message = "rate limiter budget depleted, try again after 5 minutes"
        return {"data": None, "errors": [{"message": message}]}

    with monkeypatch.context() as patched:
        patched.setattr(Transport, "_send", answer)
        with pytest.raises(RateLimited) as caught:
            await ask(client)
    assert caught.value.retry_after == 300
    with pytest.raises(RateLimited):
        await ask(client)
    assert sandbox.journal.requests == []
    assert await client.zones.list()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": None, "errors": None},
        {"data": {"viewer": None}},
        {
            "data": {"viewer": {"zones": [{}]}},
            "errors": [{"message": "busy, try again"}],
        },
        {"data": {"viewer": {"zones": None}}},
        {"data": {"viewer": {"zones": [{"settings": {}}]}}},
        {"errors": "no"},
    ],
    ids=json.dumps,
)
async def test_malformed_answers(
    client: CloudflareClient, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    """An incomplete answer raises an error, because an empty list would mean zero."""

    async def send(*_: Any, **__: Any) -> Any:
        return answer

    monkeypatch.setattr(Transport, "_send", send)
    with pytest.raises(Unavailable):
        await ask(client)


async def test_authentication_error_with_status_200(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is read like that of any other request, with any HTTP status."""
    send = Transport._send  # noqa: SLF001

    async def answer(
        transport: Transport, method: str, path: Template, **rest: Any
    ) -> Any:
        if path.strings == ("/graphql",):
            return {
                "success": False,
                "errors": [{"code": 10000, "message": "Authentication error"}],
            }
        return await send(transport, method, path, **rest)

    monkeypatch.setattr(Transport, "_send", answer)
    with pytest.raises(PermissionMissing):
        await ask(client)
    del sandbox.state.tokens[sandbox.token]
    with pytest.raises(TokenRejected):
        await ask(client)
