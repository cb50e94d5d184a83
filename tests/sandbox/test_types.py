"""Requests and answers against the types that Cloudflare generates for its own SDK."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from cloudflare import DefaultAsyncHttpxClient
from cloudflare.types.shared import ErrorData, ResponseInfo
from pydantic import BaseModel
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.models import Setting
from custom_components.cloudflare_mtls.engine.certificates.credentials import (
    KeyType,
    make_signing_request,
)
from custom_components.cloudflare_mtls.engine.certificates.signing import (
    issue_certificate,
)
from custom_components.cloudflare_mtls.engine.sync.apply import apply_plan
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.observe import observe
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import (
    Layout,
    ProtectedHostname,
)
from sandbox import Sandbox
from sandbox.seed import SERVICE

from .contract import (
    CONTRACTS,
    REGISTERED,
    UNTYPED,
    Key,
    endpoint_of,
    prepare,
    wrong_in_request,
)
from .helpers import Api, Reply
from .strict import Problem, problems


class Deviation(NamedTuple):
    """What the real API does, or takes, although the SDK's types say otherwise."""

    number: int
    """Which of the DIFFERENCES explains it, in the README of the recorded answers."""
    path: str
    """A part of the paths that it concerns."""
    problems: set[str]


DEVIATIONS = (
    Deviation(5, "/tokens/verify", {"messages[].type: unknown"}),
    Deviation(19, "/rulesets", {"result.source: unknown", "result[].source: unknown"}),
    Deviation(20, "/rulesets", {"result.rules: missing"}),
    Deviation(
        29, "/cfd_tunnel", {"result.credentials_file: unknown", "result.token: unknown"}
    ),
    Deviation(30, "/configurations", {"result.config.ingress[].hostname: missing"}),
    Deviation(
        31,
        "/configurations",
        {"result.config.warp-routing: unknown", "result.config.x-dashboard: unknown"},
    ),
    Deviation(34, "/connections", {"result[].ha_status: unknown"}),
    Deviation(34, "/connectors", {"result.ha_status: unknown"}),
    Deviation(
        35,
        "",
        {
            "result_info.count: unknown",
            "result_info.total_count: unknown",
            "result_info.total_pages: unknown",
        },
    ),
    Deviation(
        39,
        "/access/apps",
        {
            f"{result}.{name}: unknown"
            for result in ("result", "result[]")
            for name in ("created_at", "updated_at", "uid")
        },
    ),
)
REQUEST_DEVIATIONS = (
    Deviation(30, "/configurations", {"config.ingress[].hostname: missing"}),
    Deviation(
        31,
        "/configurations",
        {"config.warp-routing: unknown", "config.x-dashboard: unknown"},
    ),
)


class Page(BaseModel):
    """What the SDK knows of a page, in the class that it reads lists with."""

    page: int | None = None
    per_page: int | None = None


def unexplained(
    key: Key, found: Iterable[Problem], deviations: Iterable[Deviation] = DEVIATIONS
) -> list[str]:
    """Return the problems that no deviation explains, as a failure shows them."""
    explained = set[str]().union(
        *(each.problems for each in deviations if each.path in key.path)
    )
    return sorted({str(problem) for problem in found} - explained)


def wrong_in_answer(key: Key, body: Any) -> set[Problem]:
    """Return what is wrong with a good answer, envelope and result."""
    if body is None:
        return set()
    found = {
        Problem(name, "missing or unknown")
        for name in body.keys() ^ {"result", "success", "errors", "messages"}
        if name != "result_info"
    }
    return found.union(
        problems(body["result"], CONTRACTS[key].answer, "result"),
        problems(body["messages"], list[ResponseInfo], "messages"),
        problems(body["errors"], list[ErrorData], "errors"),
        problems(body.get("result_info", {}), Page, "result_info"),
    )


async def ask(api: Api, key: Key) -> tuple[set[Problem], Reply]:
    """Send an endpoint's example; return what is wrong with it, and the answer."""
    prepared = await prepare(api)
    example = CONTRACTS[key].example(prepared)
    client = api.with_token(example.token or api.token)
    path = key.path.format_map({**prepared.ids, **example.ids})
    reply = await client.request(key.method, path, example.body, example.query)
    return wrong_in_request(key, example.query, example.body), reply


def test_every_endpoint_has_types() -> None:
    """An endpoint is in one of the two tables, and nothing else is."""
    assert not CONTRACTS.keys() & UNTYPED
    assert set(REGISTERED) == CONTRACTS.keys() | UNTYPED.keys()
    assert all(UNTYPED.values()), "say why"


def key_id(key: Key) -> str:
    """Name an endpoint in a test's id."""
    return f"{key.method} {key.path}"


@pytest.mark.parametrize("key", CONTRACTS, ids=key_id)
async def test_endpoint(api: Api, key: Key) -> None:
    """What the SDK may send is understood, and what it gets is what it knows."""
    in_request, reply = await ask(api, key)
    assert unexplained(key, in_request, REQUEST_DEVIATIONS) == []
    assert reply.status in (200, 201, 204), reply.body
    assert (reply.status == 204) == (CONTRACTS[key].answer is None)
    assert unexplained(key, wrong_in_answer(key, reply.body)) == []


async def test_deviations_are_real(api: Api) -> None:
    """No deviation is listed that does not occur."""
    seen: set[tuple[str, str]] = set()
    for key in CONTRACTS:
        async with Sandbox() as sandbox:
            _, reply = await ask(Api(sandbox, api.session, sandbox.token), key)
            seen |= {(key.path, str(each)) for each in wrong_in_answer(key, reply.body)}
    # The last rule's end leaves a ruleset without rules.
    path = "/zones/{zone}/rulesets/phases/http_request_firewall_custom/entrypoint"
    api.sandbox.state.zones[api.sandbox.zone_id].rules.clear()
    key = Key("GET", "/zones/{zone_id}/rulesets/phases/{phase}/entrypoint")
    found = wrong_in_answer(key, (await api.get(path)).body)
    seen |= {(key.path, str(each)) for each in found}
    for deviation in DEVIATIONS:
        here = {problem for path, problem in seen if deviation.path in path}
        assert not deviation.problems - here


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/zones/unknown", None),
        ("GET", "/zones/{zone}/client_certificates/unknown", None),
        ("POST", "/zones/{zone}/rulesets", {"kind": "zone", "rules": [{}]}),
        ("POST", "/accounts/{account}/cfd_tunnel", {"name": "home"}),
        ("PUT", "/accounts/{account}/cfd_tunnel/{tunnel}/configurations", {}),
    ],
)
async def test_refusals(api: Api, method: str, path: str, body: Any) -> None:
    """An error is what the SDK reads errors with."""
    reply = await api.request(method, path, body)
    assert reply.status >= 400
    assert reply.body.keys() == {"result", "success", "errors", "messages"}
    assert not problems(reply.body["errors"], list[ErrorData])


async def test_error_chain(api: Api) -> None:
    """The cause of a refused record is where the SDK has no place for it: 3."""
    record = {"type": "A", "name": "new", "content": "nonsense", "ttl": 1}
    reply = await api.request("POST", "/zones/{zone}/dns_records", record)
    assert problems(reply.body["errors"], list[ErrorData]) == {
        Problem("[].error_chain", "unknown")
    }


# What the integration sends


@asynccontextmanager
async def integration(sandbox: Sandbox) -> AsyncIterator[CloudflareClient]:
    """Return the integration's client."""
    async with DefaultAsyncHttpxClient() as http_client:
        yield CloudflareClient(
            sandbox.token, base_url=sandbox.api_url, http_client=http_client
        )


async def in_place(work: Callable[..., Any], *arguments: Any) -> Any:
    """Do blocking work at once."""
    return work(*arguments)


async def bring_about(
    client: CloudflareClient, sandbox: Sandbox, desired: DesiredZone
) -> None:
    """Plan and apply until nothing is left to do."""
    for _ in range(2):
        observed = await observe(
            client, sandbox.account_id, sandbox.zone_id, [sandbox.tunnel_id]
        )
        plan = make_plan(observed, desired)
        outcome = await apply_plan(client, observed, plan)
        assert outcome.error is None
    assert plan.in_sync


@pytest.mark.parametrize("empty", [False, True], ids=["with rules", "without any"])
@pytest.mark.parametrize("layout", Layout)
async def test_what_the_integration_sends(
    sandbox: Sandbox, layout: Layout, empty: bool
) -> None:
    """Build up, change, mint, revoke, tear down: all of it fits the SDK's types."""
    zone = sandbox.state.zones[sandbox.zone_id]
    if empty:
        zone.rulesets.clear()
        zone.associations = None
    first, second = (
        ProtectedHostname(
            hostname=f"{name}.example.com",
            tunnel_id=sandbox.tunnel_id,
            service=SERVICE,
            layout=layout,
            exempt_paths=("/api/webhook/",),
        )
        for name in ("home-mobile", "second-mobile")
    )
    async with integration(sandbox) as client:
        await client.verify_token()
        await client.zones.list()
        await client.tunnels.list(sandbox.account_id)
        await client.connectors.list(sandbox.account_id, sandbox.tunnel_id)
        ruleset = await client.rulesets.get(sandbox.zone_id)
        await client.rulesets.dry_run(sandbox.zone_id, ruleset, {"action": "block"})
        for setting in Setting:
            value = await client.zone_settings.get(sandbox.zone_id, setting)
            await client.zone_settings.edit(sandbox.zone_id, setting, value)
        await client.bot_management.get_fight_mode(sandbox.zone_id)
        await client.bot_management.put_fight_mode(sandbox.zone_id, enabled=False)
        await client.access_applications.list(sandbox.account_id)
        await bring_about(client, sandbox, DesiredZone(hostnames=(first,)))
        zone.rules[-1].enabled = False
        zone.rules.reverse()
        await bring_about(client, sandbox, DesiredZone(hostnames=(first, second)))
        signing = make_signing_request("Phone", "01J0DEVICE", KeyType.EC_P256)
        certificate, _ = await issue_certificate(
            client, sandbox.zone_id, signing, 365, in_place
        )
        await client.client_certificates.list(sandbox.zone_id)
        await client.client_certificates.revoke(sandbox.zone_id, certificate.id)
        await bring_about(
            client, sandbox, DesiredZone(hostnames=(first,), removed=(second,))
        )
        await bring_about(client, sandbox, DesiredZone(removed=(first,)))

    wrong = {}
    asked = set()
    for entry in sandbox.journal.requests:
        assert entry.status < 400 or entry.status == 404, entry
        key = endpoint_of(entry.method, entry.path)
        asked.add(key)
        found = wrong_in_request(key, entry.query, entry.body)
        if left := unexplained(key, found, REQUEST_DEVIATIONS):
            wrong[key] = left
    assert not wrong
    assert len(asked) >= 23, sorted(asked)
