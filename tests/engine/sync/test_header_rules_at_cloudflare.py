"""The header rule at the sandbox: read seldom, tried once, and no obstacle whatever fails."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from custom_components.cloudflare_mtls.engine import moment
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    EngineError,
    Permission,
    PermissionMissing,
    RateLimited,
    Rejected,
    TokenRejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import (
    Ruleset as ObservedRuleset,
)
from custom_components.cloudflare_mtls.engine.rules.header_rule import (
    header_parameters,
    told_marks,
)
from custom_components.cloudflare_mtls.engine.rules.marks import HEADER_REF
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.apply import Outcome, apply_plan
from custom_components.cloudflare_mtls.engine.sync.header_rules import (
    HeaderRules,
    HeaderView,
)
from custom_components.cloudflare_mtls.engine.sync.reconciler import (
    Extent,
    Reconciler,
    ZoneView,
)
from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from sandbox.state import ALL_PERMISSIONS, TRANSFORM_PHASE, Plan, Rule, Ruleset
from tests.engine.builders import BUILD_UP, HOST, OTHER, TEAR_DOWN, ZONE_ID, names
from tests.engine.rules.test_header_rule import MARK, header_rule
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
    sandbox.journal.clear()
    sync = await again.sync(EXTENT)
    assert sync.zones[ZONE_ID].applied == ()
    # Where ours is, nobody has to try whether it is taken.
    assert dry_runs(sandbox) == 0
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
        await reconciler(client).header_rules.look(client, ZONE_ID, anew=True)
    rejected = CloudflareClient("cfut_" + "x" * 40, base_url=sandbox.api_url)
    with pytest.raises(TokenRejected):
        await reconciler(rejected).header_rules.look(rejected, ZONE_ID, anew=True)


async def write(engine: Reconciler) -> Outcome:
    """Look at the zone, and carry out what is to be done."""
    view = await engine.look(ZONE_ID, anew=True)
    plan = engine.plan_for(view, Accepted(), EXTENT)
    return await apply_plan(engine.client, view.observation, plan)


async def test_nothing_keeps_it_from_being_written_and_deleted(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """What Cloudflare answers is what was wanted."""
    engine = reconciler(client)
    written = await write(engine)
    assert names(written.applied) == [*BUILD_UP, "create header_rule"]
    assert written.header_error is None
    gone = replace(engine, hostnames=(), removed=(settings(),))
    deleted = await write(gone)
    assert names(deleted.applied) == [*TEAR_DOWN, "delete header_rule"]
    assert deleted.header_error is None
    assert refs(sandbox) == []


@pytest.mark.parametrize(
    ("method", "desired"),
    [
        ("create_rule", {}),
        ("edit_rule", {"hostnames": (settings(), settings(OTHER))}),
        ("delete_rule", {"hostnames": (), "removed": (settings(),)}),
    ],
)
async def test_answer_that_does_not_show_what_was_written(
    sandbox: Sandbox,
    client: CloudflareClient,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    desired: Mapping[str, object],
) -> None:
    """The rule does not count as written; all else does, and what was known stays known."""
    sandbox.state.zones[ZONE_ID].add_ruleset(Ruleset(TRANSFORM_PHASE))
    engine = reconciler(client)
    if method != "create_rule":
        await write(engine)
    known = await client.header_rulesets.get(ZONE_ID)

    async def as_before(*_: object) -> ObservedRuleset:
        return known

    monkeypatch.setattr(client.header_rulesets, method, as_before)
    outcome = await write(replace(engine, **desired))  # type: ignore[arg-type]
    assert outcome.error is None
    assert isinstance(outcome.header_error, Unavailable)
    assert names(outcome.applied)
    assert not any("header_rule" in name for name in names(outcome.applied))
    assert outcome.observation.header_rules == known


async def test_last_step_that_is_refused_waits_for_it(
    client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are sent at the same time, and what was written is told."""
    create = client.header_rulesets.create

    async def slowly(zone_id: str, rule: Mapping[str, object]) -> ObservedRuleset:
        await asyncio.sleep(0.01)
        return await create(zone_id, rule)

    async def refuse(*_: object) -> object:
        raise Rejected(1, "no")

    monkeypatch.setattr(client.header_rulesets, "create", slowly)
    monkeypatch.setattr(client.dns, "create", refuse)
    engine = reconciler(client)
    outcome = await write(engine)
    assert isinstance(outcome.error, Rejected)
    assert names(outcome.applied) == [*BUILD_UP[:-1], "create header_rule"]
    told_of = outcome.observation.header_rules
    assert told_of is not None
    assert told_marks(told_of) == {HOST: engine.header_rules.mark}


async def test_what_the_edge_tells_is_understood_while_the_rules_cannot_be_read(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Nobody writes them meanwhile."""
    engine = reconciler(client)
    await engine.sync(EXTENT)
    marks = {HOST: engine.header_rules.mark}
    assert engine.header_rules.marks == marks
    fault = Fault(FaultKind.SERVER_ERROR, "GET", PHASE, times=None)
    sandbox.faults.add(fault)
    view = await engine.look(ZONE_ID, anew=True)
    assert not view.takes_header_rule
    assert told(view) == marks
    assert engine.header_rules.marks == marks


@pytest.mark.parametrize(
    "error", [PermissionMissing(Permission.HEADER_RULES_EDIT), Rejected(1, "no")]
)
async def test_rules_are_known_although_ours_is_not_taken(
    sandbox: Sandbox,
    client: CloudflareClient,
    monkeypatch: pytest.MonkeyPatch,
    error: EngineError,
) -> None:
    """The token may only read, or the zone's plan has no such rules."""
    theirs = Rule("rewrite", "ssl", action_parameters=HEADERS, ref="theirs")
    sandbox.state.zones[ZONE_ID].add_ruleset(Ruleset(TRANSFORM_PHASE, [theirs]))

    async def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(client.header_rulesets, "dry_run", refuse)
    view = await HeaderRules().look(client, ZONE_ID, anew=True)
    assert not view.is_writable
    assert view.ruleset is not None
    assert [rule.ref for rule in view.ruleset.rules] == ["theirs"]


def test_marks_of_all_zones() -> None:
    """Each zone may have a rule of another Home Assistant; of one that cannot be read, nothing is told."""
    known = HeaderRules()
    assert known.marks == {}
    another = header_parameters("a-mark-of-another-home")
    for zone_id, rule in (
        ("a", header_rule(HOST, OTHER)),
        ("b", header_rule("home.example.net", parameters=another)),
    ):
        ruleset = ObservedRuleset(id="rs", rules=(rule,))
        known.keep(zone_id, HeaderView(ruleset=ruleset, is_writable=True))
    known.keep("c", HeaderView())
    assert known.marks == {
        HOST: MARK,
        OTHER: MARK,
        "home.example.net": "a-mark-of-another-home",
    }
