"""No prefix of a plan exposes a hostname: tested at a real TLS edge, not with our own reading of rules."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from aiohttp import ClientSession, web
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.sync.apply import apply_plan
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.observe import observe
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from sandbox import Sandbox
from sandbox.state import DnsRecord, Rule
from tests.engine.builders import (
    ACCOUNT_ID,
    HOST,
    SERVICE,
    TUNNEL_ID,
    ZONE_ID,
    protected,
    wanting,
)
from tests.sandbox.helpers import Api, Identity, create_certificate, visitor

ONE = wanting(protected())
NONE = wanting(removed=[protected()])
PATHS = ("/", "/api/webhook/x", "/auth/token")
# cloudflared leads the first ones to our ingress rule, and the others past it.
TAKEN = (HOST, f"{HOST}:8443", f"{HOST}:cloud")
FORMS = (*TAKEN, f"{HOST}.", HOST.upper())


@pytest.fixture
async def origin(sandbox: Sandbox) -> AsyncIterator[list[str]]:
    """Run an origin that records the requests that reach it."""
    came: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        came.append(request.host)
        return web.Response(text="home")

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    sandbox.state.origins[SERVICE] = url
    yield came
    await runner.cleanup()


@pytest.fixture
async def revoked(sandbox: Sandbox) -> Identity:
    """Return a revoked certificate."""
    async with ClientSession() as session:
        api = Api(sandbox, session, sandbox.token)
        result, identity = await create_certificate(api, "Lost phone")
        await api.request(
            "DELETE", f"/zones/{{zone}}/client_certificates/{result['id']}"
        )
    return identity  # fmt: skip


@pytest.fixture
async def good(sandbox: Sandbox) -> Identity:
    """Return a good certificate."""
    async with ClientSession() as session:
        _, identity = await create_certificate(
            Api(sandbox, session, sandbox.token), "Phone"
        )
    return identity


async def who_gets_in(
    sandbox: Sandbox, identity: Identity | None, directory: Path
) -> set[tuple[str, str]]:
    """Return the Host headers and paths that reach the origin."""
    reached = set()
    async with visitor(sandbox, directory, identity) as client:
        for form in FORMS:
            for path in PATHS:
                answer = await client.get(HOST, path, headers={"Host": form})
                assert answer.status in (200, 403, 404, 418, 530)
                if answer.status == 200:
                    reached.add((form, path))
    return reached


type Prepare = Callable[[Sandbox], object]


def nothing(_: Sandbox) -> None:
    """Leave the home lab as it is."""


def wildcards(sandbox: Sandbox) -> None:
    """Lead every hostname to Home Assistant."""
    zone = sandbox.state.zones[ZONE_ID]
    zone.add_dns_record(
        DnsRecord(
            "CNAME", "*.example.com", f"{TUNNEL_ID}.cfargotunnel.com", proxied=True
        )
    )
    ingress = sandbox.state.tunnels[TUNNEL_ID].ingress
    ingress.insert(0, {"hostname": "*.example.com", "service": SERVICE})
    ingress[-1]["service"] = SERVICE


def foreign_skip(sandbox: Sandbox) -> None:
    """Let visitors from one country skip all rules."""
    sandbox.state.zones[ZONE_ID].rules.insert(
        0,
        Rule(
            "skip", 'ip.src.country eq "DE"', action_parameters={"ruleset": "current"}
        ),
    )


def half_done(sandbox: Sandbox) -> None:
    """Publish the hostname without our rules, and with an association."""
    zone = sandbox.state.zones[ZONE_ID]
    assert zone.associations is not None
    zone.associations.append(HOST)
    wildcards(sandbox)
    foreign_skip(sandbox)


def full(sandbox: Sandbox) -> None:
    """Leave no rule free, and publish the hostname ourselves."""
    zone = sandbox.state.zones[ZONE_ID]
    zone.rules.extend(
        Rule("block", 'http.host eq "x"', ref=f"r{n}")
        for n in range(5 - len(zone.rules))
    )
    zone.add_dns_record(
        DnsRecord(
            "CNAME",
            HOST,
            f"{TUNNEL_ID}.cfargotunnel.com",
            proxied=True,
            comment="Home Assistant: Cloudflare mTLS",
        )
    )
    sandbox.state.tunnels[TUNNEL_ID].ingress.insert(
        0, {"hostname": HOST, "service": SERVICE}
    )


async def step_by_step(
    sandbox: Sandbox,
    client: CloudflareClient,
    desired: DesiredZone,
    identities: list[Identity | None],
    directory: Path,
) -> set[tuple[str, str]]:
    """Apply a plan one step at a time; no step may open what was closed before it."""
    observation = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    plan = make_plan(observation, desired)
    assert plan.steps
    open_before: set[tuple[str, str]] | None = None
    for step in (None, *plan.steps):
        if step is not None:
            observation = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
            one = replace(plan, steps=(step,))
            assert (await apply_plan(client, observation, one)).error is None
        open_now: set[tuple[str, str]] = set()
        for identity in identities:
            open_now |= await who_gets_in(sandbox, identity, directory)
        assert open_before is None or open_now <= open_before
        open_before = open_now
    return open_before or set()


WORLDS: dict[str, tuple[Prepare, DesiredZone]] = {
    "empty": (nothing, ONE),
    "block only": (nothing, wanting(protected(layout=Layout.BLOCK_ONLY))),
    "wildcards": (wildcards, ONE),
    "foreign skip": (foreign_skip, ONE),
    "half done": (half_done, ONE),
    "no free rule": (full, ONE),
}


@pytest.mark.parametrize(("prepare", "desired"), WORLDS.values(), ids=WORLDS)
async def test_build_up_and_tear_down_let_nobody_in(
    sandbox: Sandbox,
    client: CloudflareClient,
    origin: list[str],
    revoked: Identity,
    tmp_path: Path,
    prepare: Prepare,
    desired: DesiredZone,
) -> None:
    prepare(sandbox)
    strangers = [None, revoked]
    assert not await step_by_step(sandbox, client, desired, strangers, tmp_path)
    origin.clear()
    await step_by_step(sandbox, client, NONE, strangers, tmp_path)
    # Where wildcards lead to Home Assistant, the block rule outlives the hostname.
    assert not origin


@pytest.mark.parametrize(
    ("exempt_path", "reachable"),
    [
        ("/api/webhook/", {"/api/webhook/x"}),
        ("/auth/token", {"/auth/token"}),
        ("/api/webhook", set()),
        ("/auth/tok", set()),
    ],
)
async def test_only_exempt_paths_are_open(
    sandbox: Sandbox,
    client: CloudflareClient,
    origin: list[str],
    revoked: Identity,
    tmp_path: Path,
    exempt_path: str,
    reachable: set[str],
) -> None:
    desired = wanting(protected(HOST, exempt_path))
    observation = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    await apply_plan(client, observation, make_plan(observation, desired))
    for stranger in (None, revoked):
        reached = await who_gets_in(sandbox, stranger, tmp_path)
        assert reached == {(form, path) for form in TAKEN for path in reachable}
    assert len(origin) == 2 * len(TAKEN) * len(reachable)


async def test_good_certificate_gets_in(
    sandbox: Sandbox,
    client: CloudflareClient,
    origin: list[str],
    good: Identity,
    tmp_path: Path,
) -> None:
    observation = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    await apply_plan(client, observation, make_plan(observation, ONE))
    reached = await who_gets_in(sandbox, good, tmp_path)
    assert reached == {(form, path) for form in TAKEN for path in PATHS}
    assert origin
