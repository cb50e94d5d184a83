"""Syncs of the hostnames of an account, and what is known afterwards."""

import asyncio
from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    PlanChanged,
    RateLimited,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.rules.adoption import MadeByHand
from custom_components.cloudflare_mtls.engine.sync.pins import Pins
from custom_components.cloudflare_mtls.engine.sync.reconciler import Extent, Reconciler
from custom_components.cloudflare_mtls.engine.sync.settings import HostnameSettings
from sandbox import Sandbox
from sandbox.state import Rule
from tests.common import add_certificate, fingerprint_of
from tests.engine.builders import ACCOUNT_ID, HOST, ZONE_ID, protected, trust
from tests.engine.servers import Fault, FaultyProxy

EXTENT = Extent(hostnames={HOST})


def reconciler(client: CloudflareClient, pins: Pins | None = None) -> Reconciler:
    """Return the reconciler of an account with one protected hostname."""
    settings = HostnameSettings(
        zone_id=ZONE_ID, protected=protected(), keep_in_sync=True
    )
    return Reconciler(
        client=client, account_id=ACCOUNT_ID, hostnames=(settings,), pins=pins
    )


async def test_sync_returns_the_observation_of_a_new_read(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """It does so after writing, and if there was nothing to write."""
    for writes in (5, 0):
        sandbox.journal.clear()
        sync = (await reconciler(client).sync(EXTENT)).zones[ZONE_ID]
        assert sync.error is None
        assert sync.left.in_sync
        assert len(sync.applied) == len(sandbox.journal.writes) == writes

        seen = await reconciler(client).look(ZONE_ID)
        known, found = sync.view.observation, seen.observation
        assert sync.view.skippable == seen.skippable
        assert set(known.records) == set(found.records)
        assert (known.ruleset, known.associations, known.configurations) == (
            found.ruleset,
            found.associations,
            found.configurations,
        )


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


async def test_preview_writes_nothing(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """It returns the observation that the plan was made for."""
    preview = (await reconciler(client).preview(EXTENT)).zones[ZONE_ID]
    assert preview.left.steps == (await reconciler(client).plan(ZONE_ID, EXTENT)).steps
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
    assert len(sync.left.steps) == (4 if looks_again else 5)


async def test_pins_are_read_for_each_sync(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Both rules accept the certificates that are active by then, and no others."""
    confirmed: dict[str, str | None] = {}
    pins = Pins(
        zone_ids=[ZONE_ID],
        needed_zone_ids=[ZONE_ID],
        trust=trust(confirmed=confirmed),
        run_blocking=asyncio.to_thread,
    )
    engine = reconciler(client, pins)
    for number in range(2):
        certificate = await add_certificate(sandbox, certificate_id=f"phone{number}")
        fingerprint = fingerprint_of(certificate)
        confirmed[fingerprint] = None
        await engine.sync(EXTENT)
        rules = sandbox.state.zones[ZONE_ID].rules[:2]
        assert all(fingerprint in rule.expression for rule in rules)
