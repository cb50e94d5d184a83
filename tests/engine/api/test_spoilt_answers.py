"""Tests that an answer with one spoilt value raises an EngineError or is read, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any, Final, override

from aiohttp import ClientSession
import httpx  # noqa: TID251  # the SDK takes only a client of httpx, and no other can be scripted
from hypothesis import given, strategies as st
import pytest

from custom_components.cloudflare_mtls.engine.access.logins import fold_logins
from custom_components.cloudflare_mtls.engine.access.observation import (
    AccessObservation,
    OwnIds,
    find_own,
)
from custom_components.cloudflare_mtls.engine.access.observe import observe_access
from custom_components.cloudflare_mtls.engine.access.plan import (
    Occasion,
    make_login_plan,
    plan_login_removal,
)
from custom_components.cloudflare_mtls.engine.access.verdict import Visitor, would_pass
from custom_components.cloudflare_mtls.engine.api.access_models import (
    AccessApplication,
    AccessGroup,
    AccessPolicy,
    Organization,
)
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import EngineError
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import (
    Observation,
    Ruleset,
    Setting,
    TunnelConfiguration,
)
from custom_components.cloudflare_mtls.engine.blocked_requests import (
    BlockedRequestsQuery,
)
from custom_components.cloudflare_mtls.engine.certificates.facts import (
    read_certificates,
)
from custom_components.cloudflare_mtls.engine.checks.origin import check_tunnel
from custom_components.cloudflare_mtls.engine.checks.surroundings import (
    Surroundings,
    ZoneSurroundings,
)
from custom_components.cloudflare_mtls.engine.checks.zone import check_zone
from custom_components.cloudflare_mtls.engine.rules.marks import SKIP_REF
from custom_components.cloudflare_mtls.engine.sync.dry_runs import SkipDryRuns
from custom_components.cloudflare_mtls.engine.sync.observe import observe
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from sandbox import Sandbox
from sandbox.api.request import PREFIX
from sandbox.seed import ACCOUNT_ID, TUNNEL_ID, ZONE_ID
from sandbox.state import AccessUser, BlockedRequest, LoginRow
from tests.engine.access.helpers import HOME, OWNER, Home, settings
from tests.engine.builders import HOST, OTHER, protected, published, wanting
from tests.engine.searching import NIGHTLY, search
from tests.sandbox.example_requests import SKIP, prepare
from tests.sandbox.helpers import Api
from tests.sandbox.recordings import RECORDED, needs_recordings
from tests.spoiling import every_spoilt, spoilt

from .test_every_recording import READINGS

TOKEN: Final = "cfut_" + 40 * "x"
VERIFY: Final = "/user/tokens/verify"

LOGIN: Final = settings(
    OWNER,
    countries=frozenset({"DE", "AT"}),
    open_paths=frozenset({"/api/webhook/"}),
)

type Use = Callable[[CloudflareClient], Awaitable[Any]]


async def _read_certificates(client: CloudflareClient) -> None:
    read_certificates(await client.client_certificates.list(ZONE_ID))


def _blocked(client: CloudflareClient) -> Awaitable[Any]:
    until = datetime.now(UTC)
    return BlockedRequestsQuery(client).blocked(
        ZONE_ID, [HOST], until - timedelta(hours=1), until
    )


async def _observe(client: CloudflareClient) -> None:
    """Read and judge everything that decides who gets in."""
    observation = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    await SkipDryRuns().find_skippable(client, ZONE_ID, observation.ruleset)
    _judge(observation, await client.access_applications.list(ACCOUNT_ID))


async def _observe_access(client: CloudflareClient) -> None:
    """Read and judge everything that decides who gets through Access."""
    _judge_access(await observe_access(client, ACCOUNT_ID, tunnel_ids=[TUNNEL_ID]))


def _judge_access(seen: AccessObservation) -> None:
    own = find_own(seen, LOGIN, OwnIds())
    make_login_plan(seen, own, LOGIN, Occasion.SET_UP, [HOST])
    plan_login_removal(seen, own, LOGIN)
    for application in seen.applications:
        would_pass(application.policies, seen.groups, Visitor(email=OWNER))


async def _logins(client: CloudflareClient) -> None:
    until = datetime.now(UTC)
    since = until - timedelta(hours=1)
    read = await client.access_logins.list(ACCOUNT_ID, since, until)
    fold_logins(read.rows)


def _judge(
    observation: Observation, applications: tuple[AccessApplication, ...] = ()
) -> None:
    hostnames = (protected(HOST, "/api/webhook/"), protected(OTHER))
    around = ZoneSurroundings(settings={Setting.SECURITY_LEVEL: "under_attack"})
    make_plan(observation, wanting(*hostnames))
    check_zone(
        observation,
        Surroundings(applications=applications, zones={ZONE_ID: around}),
        hostnames,
        computers=True,
    )
    for configuration in observation.configurations.values():
        check_tunnel(configuration, "home", hostnames)


USES: Mapping[str, Use] = {
    "token": lambda client: client.verify_token(),
    "zones": lambda client: client.zones.list(),
    "tunnels": lambda client: client.tunnels.list(ACCOUNT_ID),
    "tunnel": lambda client: client.tunnels.find(ACCOUNT_ID, TUNNEL_ID),
    "connector token": lambda client: client.tunnels.get_token(ACCOUNT_ID, TUNNEL_ID),
    "connectors": lambda client: client.connectors.list(ACCOUNT_ID, TUNNEL_ID),
    "zone": lambda client: client.zones.get(ZONE_ID),
    "records": lambda client: client.dns.list(ZONE_ID),
    "rules": lambda client: client.rulesets.get(ZONE_ID),
    "associations": lambda client: client.hostname_associations.get(ZONE_ID),
    "configuration": lambda client: client.tunnels.get_configuration(
        ACCOUNT_ID, TUNNEL_ID
    ),
    "applications": lambda client: client.access_applications.list(ACCOUNT_ID),
    "certificates": _read_certificates,
    "setting": lambda client: client.zone_settings.get(ZONE_ID, Setting.WEBSOCKETS),
    "IP Access rules": lambda client: client.ip_access_rules.list_allowing(ZONE_ID),
    "routes": lambda client: client.worker_routes.list(ZONE_ID),
    "certificates of the edge": lambda client: client.certificate_packs.list_names(
        ZONE_ID
    ),
    "bots": lambda client: client.bot_management.get_fight_mode(ZONE_ID),
    "blocked requests": _blocked,
    "observation": _observe,
    "login hostname": _observe_access,
    "logins": _logins,
    "people": lambda client: client.access_users.list(ACCOUNT_ID),
}


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return what runs coroutines for a test that cannot be one itself."""
    with asyncio.Runner() as running:
        yield running


async def _fill(sandbox: Sandbox) -> None:
    """Add certificates, an Access application, a skip rule and a blocked request."""
    async with ClientSession() as session:
        api = Api(sandbox, session, sandbox.token)
        prepared = await prepare(api)
        path = f"/zones/{ZONE_ID}/rulesets/{prepared.ids['ruleset_id']}/rules"
        for body in (SKIP, {**SKIP, "ref": SKIP_REF}):
            assert (await api.request("POST", path, body)).status == 200
    access = sandbox.state.accounts[ACCOUNT_ID].access
    access.people.log += [
        LoginRow(True, "a", "Home", HOME, "onetimepin", OWNER, "u", "DE", "::1")
    ]
    user = AccessUser(OWNER, access_seat=True)
    access.people.users[user.id] = user
    client = CloudflareClient(sandbox.token, base_url=sandbox.api_url)
    assert (await Home(client, mobile=()).set_up(LOGIN)).undoing is None
    sandbox.state.blocked.append(
        BlockedRequest(
            time=datetime.now(UTC) - timedelta(minutes=5),
            rule_id="",
            ref="",
            host=HOST,
            path="/",
            method="GET",
            user_agent="curl",
            country="DE",
            action="block",
        )
    )


async def _answers_of_the_sandbox(use: Use) -> dict[str, Any]:
    """Return the body of each answer that a call gets from the sandbox, by path."""
    bodies: dict[str, Any] = {}
    async with (
        Sandbox() as sandbox,
        httpx.AsyncClient(transport=_Keeping(bodies)) as http_client,
    ):
        await _fill(sandbox)
        await use(
            CloudflareClient(
                sandbox.token, base_url=sandbox.api_url, http_client=http_client
            )
        )
    return bodies


class _Body(httpx.AsyncByteStream):
    """A body that is read as it would come over the network."""

    def __init__(self, content: bytes) -> None:
        """Take the whole body."""
        self._content = content

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        yield self._content


class _Keeping(httpx.AsyncHTTPTransport):
    """Keeps the body of each answer."""

    def __init__(self, bodies: dict[str, Any]) -> None:
        """Take where to keep them, by what was asked for."""
        super().__init__()
        self._bodies = bodies

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return its answer unread."""
        response = await super().handle_async_request(request)
        content = await response.aread()
        self._bodies[_asked(request)] = json.loads(content)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=_Body(content)
        )


def _json(status: int, body: object) -> httpx.Response:
    content = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    return httpx.Response(status, headers=headers, stream=_Body(content))


def _asked(request: httpx.Request) -> str:
    """Return what a request asks for: the path, and for GraphQL also the query's name."""
    path = request.url.path.removeprefix(PREFIX)
    if path == "/graphql":
        path += json.loads(request.content)["query"].partition("(")[0]
    return path


async def _answered(use: Use, bodies: Mapping[str, Any], status: int = 200) -> None:
    """Have a call answered with these bodies; raise whatever it raises."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = _asked(request)
        if asked == VERIFY and asked not in bodies:
            active = {"success": True, "result": {"id": "t", "status": "active"}}
            return _json(200, active)
        return _json(status, bodies.get(asked, bodies.get("*")))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client:
        client = CloudflareClient(
            TOKEN, base_url="http://cloudflare.invalid", http_client=http_client
        )
        await use(client)


@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize(
    "name", sorted(USES.keys() - {"observation", "login hostname"})
)
def test_each_value_of_each_answer(name: str, runner: asyncio.Runner) -> None:
    """A value of another kind, in another value, or missing: an EngineError, or well read."""
    bodies = runner.run(_answers_of_the_sandbox(USES[name]))
    runner.run(_answered(USES[name], bodies))
    for asked, body in bodies.items():
        for other in every_spoilt(body):
            with suppress(EngineError):
                runner.run(_answered(USES[name], {**bodies, asked: other}))


@pytest.mark.usefixtures("socket_enabled")
def test_judgement_of_each_value(runner: asyncio.Runner) -> None:
    """Rules and ingress rules that could be read can be judged, and a plan be made of them."""
    bodies = runner.run(_answers_of_the_sandbox(_observe))
    [rules] = [bodies[asked] for asked in bodies if asked.endswith("/entrypoint")]
    [ingress] = [bodies[asked] for asked in bodies if asked.endswith("/configurations")]
    for other in every_spoilt(rules["result"]):
        with suppress(EngineError):
            _judge(replace(published(), ruleset=Ruleset.parse(Fields(other))))
    for other in every_spoilt(ingress["result"]):
        with suppress(EngineError):
            configuration = TunnelConfiguration.parse(TUNNEL_ID, Fields(other))
            _judge(replace(published(), configurations={TUNNEL_ID: configuration}))


@pytest.mark.usefixtures("socket_enabled")
def test_judgement_of_each_value_of_access(runner: asyncio.Runner) -> None:
    """A plan can be made of whatever could be read of Access."""
    bodies = runner.run(_answers_of_the_sandbox(_observe_access))
    [applications, policies, groups] = [
        body["result"]
        for name in ("apps", "policies", "groups")
        for asked, body in bodies.items()
        if asked.endswith(f"/access/{name}")
    ]
    team = Organization(auth_domain="team.cloudflareaccess.com")
    for others in every_spoilt(
        {"apps": applications[-1:], "policies": policies[-1:], "groups": groups[-1:]}
    ):
        with suppress(EngineError):
            fields = Fields(others)
            _judge_access(
                AccessObservation(
                    organization=team,
                    applications=tuple(
                        map(AccessApplication.parse, fields.objects("apps"))
                    ),
                    policies=tuple(map(AccessPolicy.parse, fields.objects("policies"))),
                    groups=tuple(map(AccessGroup.parse, fields.objects("groups"))),
                )
            )


@pytest.mark.nightly
@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize("name", USES)
def test_spoilt_answers_at_length(name: str, runner: asyncio.Runner) -> None:
    """Any other value is an EngineError as well, or is read."""
    _search(USES[name], runner, examples=NIGHTLY, again=False)


def _search(use: Use, runner: asyncio.Runner, *, examples: int, again: bool) -> None:
    bodies = runner.run(_answers_of_the_sandbox(use))
    runner.run(_answered(use, bodies))
    one_spoilt = st.sampled_from(list(bodies)).flatmap(
        lambda asked: spoilt(bodies[asked]).map(lambda other: {**bodies, asked: other})
    )

    @search(examples, again=again)
    @given(one_spoilt)
    def answered(others: Mapping[str, Any]) -> None:
        with suppress(EngineError):
            runner.run(_answered(use, others))

    answered()


@needs_recordings
@pytest.mark.parametrize("number", READINGS)
def test_spoilt_recording(number: str, runner: asyncio.Runner) -> None:
    """The same for every answer that was recorded, refusals included."""
    reading, recording = READINGS[number], RECORDED[number]
    body = recording.response
    if reading.as_list:
        body = {**body, "result": [body["result"]]}
    status = recording.status or reading.status

    @search(50)
    @given(spoilt(body))
    def answered(other: Any) -> None:
        with suppress(EngineError):
            runner.run(_answered(reading.use, {"*": other}, status))

    answered()
