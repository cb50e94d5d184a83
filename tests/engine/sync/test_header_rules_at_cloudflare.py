"""The header rule at the sandbox: read seldom, tried once, and no obstacle whatever fails."""

from dataclasses import replace
from datetime import timedelta

import pytest

from custom_components.cloudflare_mtls.engine import moment
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    RateLimited,
    TokenRejected,
)
from custom_components.cloudflare_mtls.engine.rules.header_rule import told_marks
from custom_components.cloudflare_mtls.engine.rules.marks import HEADER_REF
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.reconciler import Extent, ZoneView
from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from sandbox.state import ALL_PERMISSIONS, TRANSFORM_PHASE, Plan, Rule, Ruleset
from tests.engine.builders import HOST, ZONE_ID
from tests.engine.sync.test_reconciler import EXTENT, reconciler, settings

PHASE = f"*/phases/{TRANSFORM_PHASE}/*"
HEADERS = {"headers": {"X-A": {"operation": "remove"}}}


def refs(sandbox: Sandbox) -> list[str]:
    """Return the refs of the zone's header rules."""
    return [rule.ref for rule in sandbox.state.zones[ZONE_ID].rules_of(TRANSFORM_PHASE)]


def reads(sandbox: Sandbox) -> int:
    """Return how often the header rules were read, and forget all requests."""
    found = [
        item
        for item in sandbox.journal.requests
        if item.method == "GET" and TRANSFORM_PHASE in item.path
    ]
    sandbox.journal.clear()
    return len(found)


def dry_runs(sandbox: Sandbox) -> int:
    """Return how often a header rule was tried."""
    return sum(
        "rewrite" in str(item.body) and "dry_run" in item.query
        for item in sandbox.journal.requests
    )


def told(view: ZoneView) -> dict[str, str]:
    """Return the hostnames whose requests are told of, with the mark."""
    ruleset = view.observation.header_rules
    return told_marks(ruleset) if ruleset else {}


async def test_written_told_and_removed(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The rules of others in the phase come out as they were."""
    zone = sandbox.state.zones[ZONE_ID]
    theirs = Rule("rewrite", "ssl", action_parameters=HEADERS, ref="theirs")
    zone.add_ruleset(Ruleset(TRANSFORM_PHASE, [replace(theirs)]))
    engine = reconciler(client)
    sync = await engine.sync(EXTENT)
    assert sync.in_sync
    assert refs(sandbox) == ["theirs", HEADER_REF]
    assert told(sync.zones[ZONE_ID].view) == {HOST: engine.header_rules.mark}

    again = reconciler(client)
    sync = await again.sync(EXTENT)
    assert sync.zones[ZONE_ID].applied == ()
    # Another process has another mark of its own, and believes the one that is there.
    assert told(sync.zones[ZONE_ID].view) == {HOST: engine.header_rules.mark}

    gone = replace(again, hostnames=(), removed=(settings(),))
    assert (await gone.sync(EXTENT)).is_down
    assert zone.rules_of(TRANSFORM_PHASE) == [theirs]


async def test_first_rule_creates_the_ruleset(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    assert (await reconciler(client).sync(EXTENT)).in_sync
    assert refs(sandbox) == [HEADER_REF]


async def test_read_now_and_then_and_before_each_change(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It decides nothing, so that most looks can do without."""
    engine = reconciler(client)
    await engine.look(ZONE_ID)
    assert dry_runs(sandbox) == 1
    assert reads(sandbox) == 1
    await engine.look(ZONE_ID)
    assert reads(sandbox) == 0
    await engine.plan(ZONE_ID, EXTENT)
    assert dry_runs(sandbox) == 0
    assert reads(sandbox) == 1
    monotonic = moment.time.monotonic
    later = timedelta(minutes=75).total_seconds()
    monkeypatch.setattr(moment.time, "monotonic", lambda: monotonic() + later)
    await engine.look(ZONE_ID)
    assert dry_runs(sandbox) == 0
    assert reads(sandbox) == 1


@pytest.mark.parametrize("allowed", [None, "transform:read"])
async def test_without_the_permission_all_else_works(
    sandbox: Sandbox, allowed: str | None
) -> None:
    """One that may only read understands what is told, and neither writes nor reports anything."""
    full = CloudflareClient(sandbox.token, base_url=sandbox.api_url)
    permissions = ALL_PERMISSIONS - {"transform:edit"} | {*filter(None, [allowed])}
    token = sandbox.state.add_token(permissions=permissions)
    client = CloudflareClient(token, base_url=sandbox.api_url)
    engine = reconciler(client)
    sync = await engine.sync(EXTENT)
    assert sync.in_sync
    assert len(sync.zones[ZONE_ID].applied) == 5
    assert refs(sandbox) == []

    await reconciler(full).sync(EXTENT)
    view = await reconciler(client).look(ZONE_ID)
    assert (told(view) != {}) == (allowed is not None)
    gone = replace(reconciler(client), hostnames=(), removed=(settings(),))
    assert (await gone.sync(EXTENT)).is_down


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.SERVER_ERROR,
        FaultKind.UNSUCCESSFUL,
        FaultKind.RESET_AFTER,
        FaultKind.RESET_BEFORE,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_failures_stop_nothing(
    sandbox: Sandbox, client: CloudflareClient, method: str, kind: FaultKind
) -> None:
    """The hostname is set up, and the header rule is tried again at the next occasion."""
    zone = sandbox.state.zones[ZONE_ID]
    ruleset = zone.add_ruleset(Ruleset(TRANSFORM_PHASE))
    path = PHASE if method == "GET" else f"*/rulesets/{ruleset.id}/rules"
    engine = reconciler(client)
    if method == "POST":
        await engine.look(ZONE_ID)
    sandbox.faults.add(Fault(kind, method, path))
    sync = await engine.sync(EXTENT)
    assert sync.errors == ()
    assert sync.in_sync
    assert HOST in {record.name for record in zone.dns_records.values()}
    sync = await engine.sync(EXTENT)
    assert sync.in_sync
    assert refs(sandbox) == [HEADER_REF]


@pytest.mark.parametrize("refused", ["dry run", "write"])
async def test_refusals_are_not_tried_again_and_again(
    sandbox: Sandbox, client: CloudflareClient, refused: str
) -> None:
    """A plan that does not take the rule, or counts those of other phases, is asked seldom."""
    ruleset = sandbox.state.zones[ZONE_ID].add_ruleset(Ruleset(TRANSFORM_PHASE))
    engine = reconciler(client)
    if refused == "write":
        assert (await engine.look(ZONE_ID)).takes_header_rule
    path = f"*/rulesets/{ruleset.id}/rules"
    sandbox.faults.add(Fault(FaultKind.FORBIDDEN, "POST", path, times=None))
    sync = await engine.sync(EXTENT)
    assert sync.in_sync
    assert sync.errors == ()
    sandbox.journal.clear()
    view = await engine.look(ZONE_ID)
    assert not view.takes_header_rule
    assert engine.plan_for(view, Accepted(), EXTENT).in_sync
    assert dry_runs(sandbox) == reads(sandbox) == 0


async def test_full_list_is_told(sandbox: Sandbox, client: CloudflareClient) -> None:
    """Nothing is drift, and nothing is tried."""
    zone = sandbox.state.zones[ZONE_ID]
    assert zone.plan is Plan.FREE
    rules = [
        Rule("rewrite", "ssl", action_parameters=HEADERS, description=f"R{number}")
        for number in range(10)
    ]
    zone.add_ruleset(Ruleset(TRANSFORM_PHASE, rules))
    sync = await reconciler(client).sync(EXTENT)
    assert sync.in_sync
    full = sync.left[ZONE_ID].full_header_rules
    assert full is not None
    assert full.rules == ", ".join(f"R{number}" for number in range(10))
    zone.rules_of(TRANSFORM_PHASE).pop()
    sync = await reconciler(client).sync(Extent(hostnames={HOST}))
    assert sync.left[ZONE_ID].full_header_rules is None
    assert HEADER_REF in refs(sandbox)


async def test_dead_token_and_pause_are_raised(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """They are about more than header rules."""
    sandbox.faults.add(Fault(FaultKind.RATE_LIMITED, "GET", PHASE))
    with pytest.raises(RateLimited):
        await reconciler(client).look(ZONE_ID)
    rejected = CloudflareClient("cfut_" + "x" * 40, base_url=sandbox.api_url)
    with pytest.raises(TokenRejected):
        await reconciler(rejected).header_rules.look(rejected, ZONE_ID, anew=True)
