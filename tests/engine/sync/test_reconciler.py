"""Syncs of the hostnames of an account, and what is known afterwards."""

import asyncio
from dataclasses import replace
import json
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    NotFound,
    PlanChanged,
    RateLimited,
    TokenRejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import Ruleset
from custom_components.cloudflare_mtls.engine.certificates.fetch import CertificateList
from custom_components.cloudflare_mtls.engine.rules.adoption import MadeByHand
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.marks import SKIP_REF
from custom_components.cloudflare_mtls.engine.rules.skippable import Skippable
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.pins import Pins
from custom_components.cloudflare_mtls.engine.sync.reconciler import Extent, Reconciler
from custom_components.cloudflare_mtls.engine.sync.settings import (
    Found,
    HostnameSettings,
    Layout,
)
from sandbox import Sandbox
from sandbox.faults import Fault as ApiFault, FaultKind
from sandbox.state import Rule
from tests.common import add_certificate, fingerprint_of
from tests.engine.builders import (
    ACCOUNT_ID,
    HOST,
    NEIGHBOUR,
    OTHER,
    TUNNEL_ID,
    ZONE_ID,
    protected,
    trust,
)
from tests.engine.servers import Fault, FaultyProxy, ScriptedApi, envelope

EXTENT = Extent(hostnames={HOST})
SERVED = "home.example.com"
GONE_ZONE = "20000000000000000000000000000dea"
FORMER, REMOVED = (f"7e000000-0000-4000-8000-0000000000{n}" for n in ("f0", "de"))


def settings(
    hostname: str = HOST, *, zone_id: str = ZONE_ID, **more: Any
) -> HostnameSettings:
    """Return the settings of a hostname."""
    return HostnameSettings(
        zone_id=zone_id, protected=protected(hostname, **more), keep_in_sync=True
    )


def reconciler(client: CloudflareClient, pins: Pins | None = None) -> Reconciler:
    """Return the reconciler of an account with one protected hostname."""
    return Reconciler(
        client=client, account_id=ACCOUNT_ID, hostnames=(settings(),), pins=pins
    )


async def test_sync_returns_the_observation_of_a_new_read(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """It does so after writing, and if there was nothing to write."""
    for writes in (6, 0):
        sandbox.journal.clear()
        sync = (await reconciler(client).sync(EXTENT)).zones[ZONE_ID]
        assert sync.error is None
        assert sync.left.in_sync
        assert len(sync.applied) == len(sandbox.journal.writes) == writes
        looks = [item.path for item in sandbox.journal.requests]
        assert looks.count(f"/zones/{ZONE_ID}") == 1

        seen = await reconciler(client).look(ZONE_ID)
        known, found = sync.view.observation, seen.observation
        assert sync.view.skippable == seen.skippable
        assert set(known.records) == set(found.records)
        assert (known.ruleset, known.associations, known.configurations) == (
            found.ruleset,
            found.associations,
            found.configurations,
        )


async def test_what_is_to_be_done_before_the_first_write(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """It is done before anything is written, and not where nothing may be."""
    done: list[int] = []

    async def begin() -> None:
        done.append(len(sandbox.journal.writes))

    engine = reconciler(client)
    sync = await engine.sync(replace(EXTENT, confirmed={}), begin)
    assert isinstance(sync.zones[ZONE_ID].error, PlanChanged)
    assert done == []
    await engine.sync(EXTENT, begin)
    assert done == [0]
    assert sandbox.journal.writes


async def test_confirmed_plan_is_carried_out_and_no_other(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """If another one is needed by now, it is returned, and nothing is written."""
    engine = reconciler(client)
    plan = await engine.plan(ZONE_ID, EXTENT)
    for confirmed in ({}, {ZONE_ID: replace(plan, steps=plan.steps[:-1])}):
        sync = (await engine.sync(replace(EXTENT, confirmed=confirmed))).zones[ZONE_ID]
        assert isinstance(sync.error, PlanChanged)
        assert sync.left == plan
        assert sync.view == await engine.look(ZONE_ID)
        assert sandbox.journal.writes == []
    for applied in (plan.steps, ()):
        confirmed = {ZONE_ID: plan}
        sync = (await engine.sync(replace(EXTENT, confirmed=confirmed))).zones[ZONE_ID]
        assert sync.error is None
        assert sync.applied == applied


async def test_offer_takes_over_all_that_was_made_by_hand(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    engine = reconciler(client)
    assert await engine.offer(ZONE_ID, {HOST}) == await engine.plan(ZONE_ID, EXTENT)
    rule = Rule(
        "block", f'http.host eq "{HOST}" and not cf.tls_client_auth.cert_verified'
    )
    sandbox.state.zones[ZONE_ID].rules.append(rule)

    offer = await engine.offer(ZONE_ID, {HOST})

    assert offer.adoptable == {MadeByHand(id=rule.id)}
    assert offer.takes_over
    assert not (await engine.plan(ZONE_ID, EXTENT)).takes_over


async def test_offer_accepts_only_what_is_pinned(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A person confirms the very rules that are written."""
    pins = Pins(
        zone_ids=[ZONE_ID],
        trust=trust(),
        run_blocking=asyncio.to_thread,
        everywhere=True,
    )
    engine = reconciler(client, pins)
    offer = await engine.offer(ZONE_ID, {HOST})
    assert offer == await engine.plan(ZONE_ID, EXTENT)
    assert offer == (await engine.preview(EXTENT)).left[ZONE_ID]
    assert offer != await reconciler(client).offer(ZONE_ID, {HOST})


async def test_preview_writes_nothing(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """It returns the observation that the plan was made for."""
    engine = reconciler(client)
    preview = (await engine.preview(EXTENT)).zones[ZONE_ID]
    assert preview.left.steps == (await engine.plan(ZONE_ID, EXTENT)).steps
    assert preview.view == await reconciler(client).look(ZONE_ID)
    assert sandbox.journal.writes == []


@pytest.mark.parametrize(
    ("fault", "error", "looks_again"),
    [(Fault.LIMITED, RateLimited, False), (Fault.LOST, Unavailable, True)],
)
async def test_only_a_write_that_may_have_happened_is_looked_for(
    sandbox: Sandbox,
    unsteady: CloudflareClient,
    proxy: FaultyProxy,
    fault: Fault,
    error: type[Exception],
    looks_again: bool,
) -> None:
    """A rate-limited write did not happen; do not spend another request on reading."""
    engine = reconciler(unsteady)
    await engine.look(ZONE_ID)
    proxy.writes, proxy.fails_at, proxy.fault = 0, 0, fault
    sandbox.journal.clear()
    sync = (await engine.sync(EXTENT)).zones[ZONE_ID]

    assert isinstance(sync.error, error)
    assert sync.applied == ()
    looks = [
        item for item in sandbox.journal.requests if item.path == f"/zones/{ZONE_ID}"
    ]
    assert len(looks) == 1 + looks_again
    assert len(sync.left.steps) == (5 if looks_again else 6)


async def test_rate_limited_sync_goes_on_where_it_stopped(
    unsteady: CloudflareClient, proxy: FaultyProxy
) -> None:
    """What was written before is known without another look."""
    engine = reconciler(unsteady)
    plan = await engine.plan(ZONE_ID, EXTENT)
    proxy.writes, proxy.fails_at, proxy.fault = 0, 2, Fault.LIMITED
    sync = (await engine.sync(EXTENT)).zones[ZONE_ID]
    assert isinstance(sync.error, RateLimited)
    assert sync.applied == plan.steps[:2]
    assert sync.left.steps == plan.steps[2:]


async def test_zone_is_looked_at_with_all_tunnels_that_may_serve_it(
    client: CloudflareClient,
) -> None:
    """Those of other zones decide nothing in it."""
    engine = replace(
        reconciler(client),
        hostnames=(
            settings(),
            settings(NEIGHBOUR, zone_id=GONE_ZONE, tunnel_id="elsewhere"),
        ),
        removed=(settings(OTHER, tunnel_id=REMOVED),),
        former=(settings(tunnel_id=FORMER),),
    )
    seen = (await engine.look(ZONE_ID)).observation
    assert seen.configurations.keys() == {TUNNEL_ID}
    assert seen.gone_tunnels == {FORMER, REMOVED}
    assert seen.unread_tunnels == frozenset()


async def test_hostname_that_a_person_took_out_of_a_file(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Only then its rule goes."""
    await reconciler(client).sync(EXTENT)
    sandbox.state.tunnels[TUNNEL_ID].config_src = "local"
    engine = replace(reconciler(client), hostnames=(), removed=(settings(),))
    await engine.sync(EXTENT)
    left = [item.expression for item in sandbox.state.zones[ZONE_ID].rules]
    assert HOST in str(left)
    await replace(engine, released=frozenset({(HOST, TUNNEL_ID)})).sync(EXTENT)
    left = [item.expression for item in sandbox.state.zones[ZONE_ID].rules]
    assert HOST not in str(left)


async def test_former_tunnels_are_read_once_the_hostname_is_removed(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """One that Cloudflare manages by now has no file; until the removal, nobody asks."""
    sandbox.state.add_tunnel("Cabin", id=FORMER)
    engine = replace(reconciler(client), files={HOST: {FORMER}})
    seen = (await engine.look(ZONE_ID)).observation
    assert seen.configurations.keys() == {TUNNEL_ID}
    engine = replace(engine, hostnames=(), removed=(settings(),))
    seen = (await engine.look(ZONE_ID)).observation
    assert seen.configurations.keys() == {TUNNEL_ID, FORMER}


@pytest.mark.parametrize(
    ("layouts", "has_rule", "asks"),
    [
        ({HOST: Layout.SKIP_AND_BLOCK}, False, True),
        ({HOST: Layout.BLOCK_ONLY}, False, False),
        ({HOST: Layout.BLOCK_ONLY, OTHER: Layout.SKIP_AND_BLOCK}, False, True),
        ({HOST: Layout.BLOCK_ONLY}, True, True),
    ],
)
async def test_what_may_be_skipped_is_asked_only_for_a_skip_rule(
    sandbox: Sandbox,
    client: CloudflareClient,
    layouts: dict[str, Layout],
    has_rule: bool,
    asks: bool,
) -> None:
    """One that is there may be written for another Home Assistant; one layout has none."""
    if has_rule:
        rule = Rule("skip", "ssl", ref=SKIP_REF, action_parameters={"phases": []})
        sandbox.state.zones[ZONE_ID].rules.append(rule)
    hostnames = tuple(settings(name, layout=item) for name, item in layouts.items())
    engine = replace(reconciler(client), hostnames=hostnames)
    sandbox.journal.clear()

    view = await engine.look(ZONE_ID)

    dry_runs = [
        item
        for item in sandbox.journal.requests
        if item.query.get("dry_run") and '"skip"' in json.dumps(item.body)
    ]
    assert bool(dry_runs) is asks
    assert bool(view.skippable) is asks
    assert view.skippable <= frozenset(Skippable)
    # Another reconciler of the client does not ask again.
    sandbox.journal.clear()
    assert await replace(engine, removed=()).look(ZONE_ID) == view
    assert not any(item.query.get("dry_run") for item in sandbox.journal.requests)


async def test_zone_that_is_gone_stops_no_other(client: CloudflareClient) -> None:
    """It is told with what Cloudflare says of it."""
    for zone_ids in ((GONE_ZONE, ZONE_ID), (ZONE_ID, GONE_ZONE)):
        first, second = zone_ids
        engine = replace(
            reconciler(client),
            hostnames=(settings(zone_id=first), settings(OTHER, zone_id=second)),
        )
        ended = await engine.sync(Extent(hostnames={HOST, OTHER}))
        assert ended.zones.keys() == {ZONE_ID}
        assert ended.left[ZONE_ID].in_sync
        assert ended.unseen.keys() == {GONE_ZONE}
        assert isinstance(ended.unseen[GONE_ZONE], NotFound)


async def test_zones_that_are_left_at_a_pause_are_unseen(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Each is told with what kept it from being looked at; what was seen before stays known."""
    zone_ids = [f"{number}0000000000000000000000000000000" for number in range(1, 5)]
    gone, seen, limited, left = zone_ids
    sandbox.state.add_zone("example.net", id=seen)
    engine = replace(
        reconciler(client),
        hostnames=tuple(settings(f"{item}.{HOST}", zone_id=item) for item in zone_ids),
    )
    sandbox.faults.add(ApiFault(FaultKind.RATE_LIMITED, "GET", f"/zones/{limited}"))

    ended = await engine.preview(
        Extent(hostnames={item.hostname for item in engine.hostnames})
    )

    assert ended.zones.keys() == {seen}
    assert {key: type(error) for key, error in ended.unseen.items()} == {
        gone: NotFound,
        limited: RateLimited,
        left: RateLimited,
    }
    assert not any(left in item.path for item in sandbox.journal.requests)


async def test_look_that_fails_leaves_nothing_under_way(
    client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header rules are read to the end, though the zone is gone."""
    read: list[str] = []

    async def gone(*_: object) -> object:
        raise NotFound(1, "gone")

    async def slowly(*_: object) -> Ruleset:
        await asyncio.sleep(0.01)
        read.append("header rules")
        return Ruleset()

    for resource in (client.zones, client.rulesets, client.hostname_associations):
        monkeypatch.setattr(resource, "get", gone)
    monkeypatch.setattr(client.dns, "list", gone)
    monkeypatch.setattr(client.header_rulesets, "get", slowly)
    with pytest.raises(NotFound):
        await replace(reconciler(client), hostnames=()).look(ZONE_ID)
    assert read == ["header rules"]


async def test_refused_token_and_pause_stop_all_zones(api: ScriptedApi) -> None:
    """Every other zone would end in the same way."""
    engine = reconciler(CloudflareClient("token", base_url=api.url))
    api.answers = lambda _: envelope(401, code=1000)
    api.verifies = lambda: envelope(401, code=1000)
    with pytest.raises(TokenRejected):
        await engine.preview(EXTENT)
    api.answers = lambda _: envelope(429, code=10429)
    with pytest.raises(RateLimited):
        await engine.sync(EXTENT)


async def test_pins_are_read_for_each_sync(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Both rules accept the certificates that are active by then, and no others."""
    confirmed: dict[str, str | None] = {}
    pins = Pins(
        zone_ids=[ZONE_ID],
        trust=trust(confirmed=confirmed),
        run_blocking=asyncio.to_thread,
        everywhere=True,
    )
    engine = reconciler(client, pins)
    for number in range(2):
        certificate = await add_certificate(sandbox, certificate_id=f"phone{number}")
        fingerprint = fingerprint_of(certificate)
        confirmed[fingerprint] = None
        assert (await engine.sync(EXTENT)).in_sync
        rules = sandbox.state.zones[ZONE_ID].rules[:2]
        assert all(fingerprint in rule.expression for rule in rules)


@pytest.mark.parametrize("everywhere", [False, True])
async def test_certificates_are_listed_where_the_rules_need_them(
    sandbox: Sandbox, client: CloudflareClient, everywhere: bool
) -> None:
    """For all hostnames, or for one that is limited, which may be about to be removed."""
    pins = Pins(
        zone_ids=[ZONE_ID],
        trust=trust(confirmed={"print": "phone"}, device_ids={"phone"}),
        run_blocking=asyncio.to_thread,
        everywhere=everywhere,
    )
    nothing = CertificateList(certificates=(), read_zones=frozenset(), failed={})
    limited = settings(OTHER).limited_to({"phone"})
    listed = Accepted(
        everywhere=frozenset({"print"}) if everywhere else None,
        of_device={"phone": frozenset({"print"})},
    )
    for engine, lists in (
        (reconciler(client), False),
        (replace(reconciler(client), hostnames=(limited,)), True),
        (reconciler(client, pins), everywhere),
        (replace(reconciler(client, pins), hostnames=(settings(), limited)), True),
        (replace(reconciler(client, pins), removed=(limited,)), True),
    ):
        assert engine.lists_certificates is lists
        is_listed = lists and engine.pins is not None
        expected = listed if is_listed else Accepted()
        assert engine.accepted(nothing) == expected
        sandbox.journal.clear()
        assert await engine.read_accepted() == expected
        # Elsewhere, nobody is asked for them.
        assert bool(sandbox.journal.requests) is is_listed


@pytest.mark.parametrize(
    ("extent", "opened"),
    [
        (Extent(hostnames={SERVED, HOST}, remove=True, opens=True), True),
        (Extent(hostnames={SERVED, HOST}, remove=True), False),
        (Extent(hostnames={HOST}, remove=True, opens=True), False),
    ],
    ids=["as a person said", "removed", "another one"],
)
async def test_hostname_that_was_served_before(
    sandbox: Sandbox, client: CloudflareClient, extent: Extent, opened: bool
) -> None:
    """It is opened again where a person said so of it; what is ours is always taken down."""
    adopted = settings(SERVED, found=Found.ADOPTED)
    engine = replace(reconciler(client), hostnames=(settings(), adopted))
    (await engine.sync(Extent(hostnames={HOST, SERVED}))).raise_if_stopped()
    if SERVED not in extent.hostnames:
        engine = replace(engine, hostnames=(settings(),), removed=(adopted,))

    ended = await engine.sync(extent)

    ended.raise_if_stopped()
    (observation,) = ended.observations
    assert bool(exposed(observation, SERVED)) is opened
    assert exposed(observation, HOST) is None
    assert HOST not in {item.name for item in observation.records}
