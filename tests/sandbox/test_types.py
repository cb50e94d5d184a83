"""Check requests and answers against the types that Cloudflare generates for its SDK."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from cloudflare import DefaultAsyncHttpxClient
from cloudflare.types.shared import ErrorData, ResponseInfo
from pydantic import BaseModel
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.models import Setting
from custom_components.cloudflare_mtls.engine.certificates.keys import (
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

from .contract import CONTRACTS, REGISTERED, UNTYPED, Key, endpoint_of, request_problems
from .example_requests import prepare
from .helpers import Api, Reply
from .strict import Problem, problems


class Deviation(NamedTuple):
    """A known deviation of the real API from the SDK's types."""

    source: int | str
    """The number of its explanation in DIFFERENCES, in the README of the recorded answers, or
    where else people reported it."""
    path: str
    """A part of the paths that the deviation affects."""
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
        "cloudflare/cf-terraforming#201, rapid7/insightconnect-plugins#1638",
        "/firewall/access_rules",
        {
            f"{result}.{name}"
            for result in ("result", "result[]")
            for name in (
                "paused: unknown",
                "scope.name: unknown",
                "scope.type: a string, not <class 'NoneType'>",
            )
        },
    ),
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
    *(
        Deviation(
            45,
            path,
            {
                f"{result}.{name}: unknown"
                for result in ("result", "result[]")
                for name in names
            },
        )
        for path, names in (
            ("/access/apps", ("policies[].uid", "policies[].reusable")),
            ("/access/groups", ("created_at", "updated_at", "uid")),
        )
    ),
    Deviation(45, "/access/policies", {"result.uid: unknown", "result[].uid: unknown"}),
    Deviation(
        45,
        "/apps/{application_id}/policies",
        {"result.uid: unknown", "result[].uid: unknown", "result.reusable: unknown"},
    ),
    Deviation(
        47,
        "/access/logs",
        {
            f"result[].{name}: unknown"
            for name in ("app_name", "app_type", "country", "user_id")
        },
    ),
    Deviation(
        48,
        "/access/organizations",
        {"result.created_at: unknown", "result.updated_at: unknown"},
    ),
    Deviation(
        55,
        "/access/identity_providers",
        {
            f"{result}.{name}: unknown"
            for result in ("result", "result[]")
            for name in ("uid", "version")
        },
    ),
    Deviation(55, "/identity_providers", {"result.config.redirect_url: unknown"}),
)
REQUEST_DEVIATIONS = (
    Deviation(30, "/configurations", {"config.ingress[].hostname: missing"}),
    Deviation(
        31,
        "/configurations",
        {"config.warp-routing: unknown", "config.x-dashboard: unknown"},
    ),
    Deviation(
        "cloudflare 5.9.0: the types of an application's own policies lack what a policy is",
        "/apps/{application_id}/policies",
        {
            "app_id: missing",
            *(
                f"{name}: unknown"
                for name in ("decision", "exclude", "include", "name", "require")
            ),
        },
    ),
)


class Page(BaseModel):
    """The SDK's type of `result_info`."""

    page: int | None = None
    per_page: int | None = None


def unexplained(
    key: Key, found: Iterable[Problem], deviations: Iterable[Deviation] = DEVIATIONS
) -> list[str]:
    """Return the problems that no deviation explains, as sorted text."""
    explained = set[str]().union(
        *(each.problems for each in deviations if each.path in key.path)
    )
    return sorted({str(problem) for problem in found} - explained)


def answer_problems(key: Key, body: Any) -> set[Problem]:
    """Return the problems of a successful answer, in envelope and result."""
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
    """Send an endpoint's example; return the problems of the request, and the answer."""
    prepared = await prepare(api)
    example = CONTRACTS[key].example(prepared)
    client = api.with_token(example.token or api.token)
    path = key.path.format_map({**prepared.ids, **example.ids})
    reply = await client.request(key.method, path, example.body, example.query)
    return request_problems(key, example.query, example.body), reply


def test_every_endpoint_has_types() -> None:
    """Each endpoint is in exactly one of the two tables, which contain nothing else."""
    assert not CONTRACTS.keys() & UNTYPED
    assert set(REGISTERED) == CONTRACTS.keys() | UNTYPED.keys()
    assert all(UNTYPED.values()), "a reason is missing"


def key_id(key: Key) -> str:
    """Return the test id of an endpoint."""
    return f"{key.method} {key.path}"


@pytest.mark.parametrize("key", CONTRACTS, ids=key_id)
async def test_endpoint(api: Api, key: Key) -> None:
    """The sandbox accepts the example, and the answer matches the SDK's types."""
    in_request, reply = await ask(api, key)
    assert unexplained(key, in_request, REQUEST_DEVIATIONS) == []
    assert reply.status in (200, 201, 202, 204), reply.body
    assert (reply.status == 204) == (CONTRACTS[key].answer is None)
    assert unexplained(key, answer_problems(key, reply.body)) == []


async def test_deviations_are_real(api: Api) -> None:
    """Every listed deviation occurs."""
    seen: set[tuple[str, str]] = set()
    for key in CONTRACTS:
        async with Sandbox() as sandbox:
            _, reply = await ask(Api(sandbox, api.session, sandbox.token), key)
            seen |= {(key.path, str(each)) for each in answer_problems(key, reply.body)}
    # One deviation needs a ruleset without rules.
    path = "/zones/{zone}/rulesets/phases/http_request_firewall_custom/entrypoint"
    api.sandbox.state.zones[api.sandbox.zone_id].rules.clear()
    key = Key("GET", "/zones/{zone_id}/rulesets/phases/{phase}/entrypoint")
    found = answer_problems(key, (await api.get(path)).body)
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
    """Errors match the SDK's type of errors."""
    reply = await api.request(method, path, body)
    assert reply.status >= 400
    assert reply.body.keys() == {"result", "success", "errors", "messages"}
    assert not problems(reply.body["errors"], list[ErrorData])


async def test_error_chain(api: Api) -> None:
    """The cause of a refused record is in a key that the SDK does not know: DIFFERENCES 3."""
    record = {"type": "A", "name": "new", "content": "nonsense", "ttl": 1}
    reply = await api.request("POST", "/zones/{zone}/dns_records", record)
    assert problems(reply.body["errors"], list[ErrorData]) == {
        Problem("[].error_chain", "unknown")
    }


# Requests of the integration


@asynccontextmanager
async def integration(sandbox: Sandbox) -> AsyncIterator[CloudflareClient]:
    """Yield the engine's client of the sandbox's API."""
    async with DefaultAsyncHttpxClient() as http_client:
        yield CloudflareClient(
            sandbox.token, base_url=sandbox.api_url, http_client=http_client
        )


async def run_directly[*ArgumentsT, ResultT](
    work: Callable[[*ArgumentsT], ResultT], *arguments: *ArgumentsT
) -> ResultT:
    """Run blocking work directly, not in an executor."""
    return work(*arguments)


async def sync(
    client: CloudflareClient, sandbox: Sandbox, desired: DesiredZone
) -> None:
    """Plan and apply twice; the second plan has to be in sync."""
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
    """All requests match the SDK's types: set up, change, create, revoke, tear down."""
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
        await client.ip_access_rules.list_allowing(sandbox.zone_id)
        await client.worker_routes.list(sandbox.zone_id)
        await client.certificate_packs.list_names(sandbox.zone_id)
        await client.access_applications.list(sandbox.account_id)
        await sync(client, sandbox, DesiredZone(hostnames=(first,)))
        zone.rules[-1].enabled = False
        zone.rules.reverse()
        await sync(client, sandbox, DesiredZone(hostnames=(first, second)))
        signing = make_signing_request("Phone", "01J0DEVICE", KeyType.EC_P256)
        certificate, _ = await issue_certificate(
            client, sandbox.zone_id, signing, 365, run_directly
        )
        await client.client_certificates.list(sandbox.zone_id)
        await client.client_certificates.revoke(sandbox.zone_id, certificate.id)
        await sync(client, sandbox, DesiredZone(hostnames=(first,), removed=(second,)))
        await sync(client, sandbox, DesiredZone(removed=(first,)))

    unexplained_by_key = {}
    asked = set()
    for entry in sandbox.journal.requests:
        assert entry.status < 400 or entry.status == 404, entry
        key = endpoint_of(entry.method, entry.path)
        asked.add(key)
        found = request_problems(key, entry.query, entry.body)
        if left := unexplained(key, found, REQUEST_DEVIATIONS):
            unexplained_by_key[key] = left
    assert not unexplained_by_key
    assert len(asked) >= 25, sorted(asked)
