"""A device's certificate never passes at a hostname for other devices: tested at a real TLS edge."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from aiohttp import ClientSession, web
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.rules.marks import pair_of
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.apply import apply_plan
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.observe import observe
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from sandbox import Sandbox
from tests.common import fingerprint_of
from tests.engine.builders import (
    ACCOUNT_ID,
    HOST,
    OTHER,
    SERVICE,
    TUNNEL_ID,
    ZONE_ID,
    protected,
    wanting,
)
from tests.sandbox.helpers import Api, Identity, Visitor, create_certificate, visitor

# The phone renews its certificate meanwhile; the laptop belongs to no device of this home.
NAMES: Final = ("phone", "phone's next", "tablet", "laptop")
FORMS: Final = ("{0}", "{0}:8443", "{0}.", "{0}:cloud")

type Passing = frozenset[tuple[str, str, str]]


@pytest.fixture
async def origin(sandbox: Sandbox) -> AsyncIterator[None]:
    """Run an origin that answers everybody."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="home")

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sandbox.state.origins[SERVICE] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield
    await runner.cleanup()


@pytest.fixture
async def identities(sandbox: Sandbox) -> dict[str, Identity]:
    """Return a valid certificate for each name."""
    async with ClientSession() as session:
        api = Api(sandbox, session, sandbox.token)
        return {name: (await create_certificate(api, name))[1] for name in NAMES}


async def passing(visitors: dict[str, Visitor], hostnames: Iterable[str]) -> Passing:
    """Return who gets in where, by which form of the hostname."""
    found = set()
    for name, client in visitors.items():
        for hostname in hostnames:
            for form in FORMS:
                host = form.format(hostname)
                answer = await client.get(hostname, "/", headers={"Host": host})
                assert answer.status in (200, 403, 404, 418, 530)
                if answer.status == 200:
                    found.add((name, hostname, host))
    return frozenset(found)


def permitted(
    found: Passing, desired: DesiredZone, fingerprints: dict[str, str]
) -> Passing:
    """Return those that the settings let in."""
    pins = {item.hostname: desired.accepted.at(item) for item in desired.hostnames}
    return frozenset(
        (name, hostname, host)
        for name, hostname, host in found
        if (pinned := pins[hostname]) is None or fingerprints[name] in pinned
    )


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("pins", [False, True], ids=["any", "pinned"])
async def test_no_step_of_any_change_lets_another_device_in(
    sandbox: Sandbox,
    client: CloudflareClient,
    origin: None,
    identities: dict[str, Identity],
    tmp_path: Path,
    layout: Layout,
    pins: bool,
) -> None:
    """Limiting, swapping, renewing, widening, the last device that goes, and the take-down."""
    fingerprints = {
        name: fingerprint_of(item.certificate) for name, item in identities.items()
    }
    old, new, tablet = (fingerprints[name] for name in NAMES[:3])

    def desired(devices: list[str] | None, *phones: str) -> DesiredZone:
        of_device = {"phone": frozenset(phones), "tablet": frozenset({tablet})}
        known = frozenset({*phones, tablet})
        return replace(
            wanting(
                protected(HOST, layout=layout),
                protected(OTHER, layout=layout, devices=devices),
            ),
            accepted=Accepted(everywhere=known if pins else None, of_device=of_device),
        )

    changes = [
        desired(None, old),
        desired(["phone"], old),
        desired(["phone"], old, new),
        desired(["phone"], new),
        desired(["tablet"], new),
        desired(["phone", "tablet"], new),
        desired([], new),
        desired(["phone"], new),
        desired(None, new),
    ]
    await try_changes(sandbox, client, identities, tmp_path, changes)


def more(name: str, number: int) -> frozenset[str]:
    """Return the fingerprints of so many other certificates of a device."""
    return frozenset(f"{name}{item:0>63}" for item in range(number))


@pytest.mark.parametrize("layout", list(Layout))
async def test_no_step_of_a_split_lets_another_device_in(
    sandbox: Sandbox,
    client: CloudflareClient,
    origin: None,
    identities: dict[str, Identity],
    tmp_path: Path,
    layout: Layout,
) -> None:
    """The rules become too long for one pair, hostnames move, swap their devices, and go."""
    old, new, tablet = (
        fingerprint_of(identities[name].certificate) for name in NAMES[:3]
    )

    def desired(
        phones: int, tablets: int, *limited: str, phone: str = old
    ) -> DesiredZone:
        return wanting(
            protected(HOST, layout=layout, devices=limited[:1]),
            protected(OTHER, layout=layout, devices=limited[1:]),
            of_device={
                "phone": more("a", phones) | {phone},
                "tablet": more("b", tablets) | {tablet},
            },
        )

    changes = [
        desired(20, 20, "phone", "tablet"),
        desired(20, 40, "phone", "tablet"),
        desired(20, 40, "tablet", "phone"),
        desired(45, 40, "tablet", "phone", phone=new),
        desired(5, 5, "phone", "tablet", phone=new),
        desired(50, 50, "phone", "tablet", phone=new),
    ]
    await try_changes(sandbox, client, identities, tmp_path, changes)
    rules = sandbox.state.zones[ZONE_ID].rules
    assert {2} <= {pair_of(rule.ref) for rule in rules}


async def try_changes(
    sandbox: Sandbox,
    client: CloudflareClient,
    identities: dict[str, Identity],
    directory: Path,
    changes: list[DesiredZone],
) -> None:
    """Make one change after the other, step by step; nobody may get in who must not."""
    fingerprints = {
        name: fingerprint_of(item.certificate) for name, item in identities.items()
    }
    async with AsyncExitStack() as stack:
        visitors = {}
        for name, identity in identities.items():
            folder = directory / name
            folder.mkdir()
            visitors[name] = await stack.enter_async_context(
                visitor(sandbox, folder, identity)
            )
        await sync(sandbox, client, changes[0])
        for before, after in pairwise(changes):
            allowed = permitted(
                everything := await passing(visitors, (HOST, OTHER)),
                before,
                fingerprints,
            )
            assert everything == allowed
            observation = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
            plan = make_plan(observation, after)
            assert plan.steps
            for step in plan.steps:
                observation = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
                one = replace(plan, steps=(step,))
                assert (await apply_plan(client, observation, one)).error is None
                found = await passing(visitors, (HOST, OTHER))
                # Whoever passes was let in before, or is from now on.
                assert found <= everything | permitted(found, after, fingerprints)
            assert found == permitted(found, after, fingerprints)


async def sync(
    sandbox: Sandbox, client: CloudflareClient, desired: DesiredZone
) -> None:
    """Bring the zone to what is desired."""
    observation = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    outcome = await apply_plan(client, observation, make_plan(observation, desired))
    assert outcome.error is None
