"""Plans for tunnels whose ingress rules are in a file beside cloudflared, which nobody can read."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import Conflict
from custom_components.cloudflare_mtls.engine.api.models import Observation
from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.marks import BLOCK_REF, SKIP_REF
from custom_components.cloudflare_mtls.engine.sync.apply import apply_plan
from custom_components.cloudflare_mtls.engine.sync.observe import observe
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from sandbox import Sandbox
from sandbox.seed import ACCOUNT_ID
from tests.engine.builders import (
    BUILD_UP,
    HOST,
    ONE,
    OTHER,
    TUNNEL_ID,
    ZONE_ID,
    admits,
    after,
    block_rule,
    configuration,
    in_sync,
    names,
    observed,
    protected,
    record,
    refs,
    serves,
    settled,
    skip,
    skip_rule,
    states,
    wanting,
)

FORMER_TUNNEL = "7e000000-0000-4000-8000-0000000000aa"
OFF = wanting(protected(published=False))
GONE = wanting(removed=[protected()])
STILL_IN_FILE = Problem(code=ProblemCode.STILL_IN_FILE, target=HOST, detail=TUNNEL_ID)


def protected_here(*, ours: bool = True) -> Observation:
    """Return a zone whose local tunnel serves a protected hostname, as far as anybody knows."""
    return observed(
        rules=[skip_rule(), block_rule()],
        records=[record(ours=ours)],
        associations=[HOST],
        is_local=True,
    )


def admitted(observation: Observation) -> object:
    """Return whom the block rule lets past."""
    rule = observation.ruleset.by_ref(BLOCK_REF)
    return read_admissions(rule.expression) if rule else None


def test_rules_come_first_and_the_record_last() -> None:
    """The ingress rule is up to a person, and no problem of the plan."""
    world = observed(is_local=True)
    plan = make_plan(world, ONE)
    assert names(plan.steps) == [*BUILD_UP[:3], "create dns_record"]
    assert plan.problems == ()
    assert not any(exposed(state, HOST) for state in states(world, plan))
    assert make_plan(after(world, plan), ONE).in_sync


def test_hostname_that_an_app_serves_already_is_closed_first() -> None:
    """Its record leads to the tunnel, so it counts as reaching the server."""
    world = observed(records=[record(ours=False)], is_local=True)
    plan = make_plan(world, ONE)
    assert [item.hostname for item in plan.exposures] == [HOST]
    assert names(plan.steps) == BUILD_UP[:3]
    assert not exposed(after(world, plan), HOST)


def test_nothing_leads_there_while_another_rule_lets_everybody_past() -> None:
    """Nobody knows what the file says, so no record is created."""
    everybody = skip("ssl", "skip-all")
    # Our rules are written ahead of it, unless that is not possible.
    world = observed(rules=[everybody], is_local=True)
    for state in states(world, make_plan(world, ONE)):
        assert not exposed(state, HOST)


def test_off_lets_nobody_in_whatever_the_file_says() -> None:
    """The record goes, and the rule makes no exception for certificates."""
    world = protected_here()
    plan = make_plan(world, OFF)
    done = after(world, plan)
    assert names(plan.steps) == [
        "delete skip_rule",
        "update block_rule",
        "delete dns_record",
    ]
    assert admitted(done) == {HOST: admits(pinned=[])}
    assert make_plan(done, OFF).in_sync


def test_off_where_the_record_is_somebody_elses() -> None:
    """An app creates it again at its next start; the rule is enough."""
    world = protected_here(ours=False)
    plan = make_plan(world, OFF)
    assert names(plan.steps) == ["delete skip_rule", "update block_rule"]
    assert plan.problems == ()
    assert make_plan(after(world, plan), OFF).in_sync


def test_on_again() -> None:
    """Everything is as it was, and the rule admits certificates before the record leads there."""
    off = settled(protected_here(), OFF)
    plan = make_plan(off, ONE)
    assert names(plan.steps) == [
        "update block_rule",
        "create skip_rule",
        "create dns_record",
    ]
    assert admitted(after(off, plan)) == {HOST: admits()}


def test_removed_hostname_stays_blocked_while_the_file_may_name_it() -> None:
    """Somebody who adds a record for it, as apps do, would open it otherwise."""
    world = protected_here()
    plan = make_plan(world, GONE)
    done = after(world, plan)
    assert plan.problems == (STILL_IN_FILE,)
    assert done.records == ()
    assert done.associations == ()
    assert refs(done) == [BLOCK_REF]
    assert admitted(done) == {HOST: admits(pinned=[])}
    came_back = replace(done, records=(record(ours=False),))
    assert not exposed(came_back, HOST, admits(pinned=[]))
    assert names(make_plan(done, GONE).steps) == []


def test_person_says_that_the_file_names_it_no_more() -> None:
    """Then nothing of it is left."""
    left = settled(protected_here(), GONE)
    done = settled(left, replace(GONE, released=frozenset({(HOST, TUNNEL_ID)})))
    assert refs(done) == []


def in_file(tunnel_id: str) -> Problem:
    """Return what is told of a tunnel whose file may name the hostname."""
    return Problem(code=ProblemCode.STILL_IN_FILE, target=HOST, detail=tunnel_id)


def problems_of(observation: Observation, **more: Any) -> tuple[Problem, ...]:
    """Return what keeps the rule of a removed hostname."""
    desired = wanting(removed=[protected()], **more)
    left = settled(observation, desired)
    plan = make_plan(left, desired)
    assert plan.is_down
    assert refs(left) == ([BLOCK_REF] if plan.problems else [])
    return plan.problems


FILES = {HOST: {FORMER_TUNNEL}}


def test_removed_hostname_stays_blocked_while_the_file_of_a_former_tunnel_may_name_it() -> (
    None
):
    """That tunnel's next start may lead the hostname home again, as the present one's may."""
    world = in_sync()
    assert problems_of(world) == ()
    assert problems_of(world, files=FILES) == (in_file(FORMER_TUNNEL),)
    assert problems_of(protected_here(), files=FILES) == (
        STILL_IN_FILE,
        in_file(FORMER_TUNNEL),
    )


def test_each_file_is_asked_for() -> None:
    """What a person says of one tunnel's file says nothing of another one's."""
    both = {HOST: {TUNNEL_ID, FORMER_TUNNEL}}
    own, former = (HOST, TUNNEL_ID), (HOST, FORMER_TUNNEL)
    world, elsewhere = protected_here(), frozenset({(OTHER, FORMER_TUNNEL)})
    assert problems_of(world, files=both, released=frozenset({own})) == (
        in_file(FORMER_TUNNEL),
    )
    assert problems_of(world, files=both, released=frozenset({former})) == (
        STILL_IN_FILE,
    )
    assert problems_of(world, files=both, released=frozenset({own, former})) == ()
    assert problems_of(in_sync(), files=FILES, released=elsewhere) == (
        in_file(FORMER_TUNNEL),
    )


def test_file_of_a_former_tunnel_that_could_not_be_read_or_is_gone() -> None:
    """Its lines may be used for another tunnel."""
    world = in_sync()
    unread = replace(world, unread_tunnels=frozenset({FORMER_TUNNEL}))
    gone = replace(world, gone_tunnels=frozenset({FORMER_TUNNEL}))
    assert problems_of(unread, files=FILES) == (in_file(FORMER_TUNNEL),)
    assert problems_of(gone, files=FILES) == (in_file(FORMER_TUNNEL),)


def test_file_of_a_former_tunnel_that_cloudflare_manages_by_now() -> None:
    """Cloudflared reads its rules from there, and no file counts."""
    world = in_sync()
    configurations = {**world.configurations, FORMER_TUNNEL: configuration()}
    assert problems_of(replace(world, configurations=configurations), files=FILES) == ()


def test_file_of_a_former_tunnel_changes_nothing_for_a_protected_hostname() -> None:
    assert make_plan(in_sync(), wanting(protected(), files=FILES)).in_sync


def test_person_says_so_while_a_record_still_leads_there() -> None:
    """It may be wrong: the rule stays, and the record is named."""
    left = replace(settled(protected_here(), GONE), records=(record(ours=False),))
    plan = make_plan(left, replace(GONE, released=frozenset({(HOST, TUNNEL_ID)})))
    assert [item.code for item in plan.problems] == [ProblemCode.STILL_REACHABLE]
    assert refs(after(left, plan)) == [BLOCK_REF]


@pytest.mark.parametrize(
    ("ingress", "led", "is_told"),
    [
        pytest.param(
            [serves(HOST), serves("nas.example.com", "http://nas")], {}, True, id="home"
        ),
        pytest.param(
            [serves("nas.example.com"), serves(None, "http://nas")],
            {},
            False,
            id="another service",
        ),
        pytest.param(
            [serves(HOST)],
            {"kind": "A", "content": "192.0.2.1"},
            False,
            id="another server",
        ),
    ],
)
def test_what_still_leads_to_a_removed_hostname(
    ingress: list[Any], led: dict[str, Any], *, is_told: bool
) -> None:
    """Only what reaches the hostname's own service by a tunnel is its owner's business here."""
    world = observed(
        rules=[block_rule()], records=[record(ours=False, **led)], ingress=ingress
    )
    plan = make_plan(world, GONE)
    told = ProblemCode.STILL_REACHABLE in {item.code for item in plan.problems}
    assert told is is_told


def test_tunnel_that_could_not_be_read_may_be_a_local_one() -> None:
    """The rule of a removed hostname does not come and go with Cloudflare's answers."""
    left = settled(protected_here(), GONE)
    unread = replace(
        left, local_tunnels=frozenset(), unread_tunnels=frozenset({TUNNEL_ID})
    )
    plan = make_plan(unread, GONE)
    assert names(plan.steps) == []
    assert plan.problems == (
        Problem(code=ProblemCode.TUNNEL_UNREAD, target=HOST, detail=TUNNEL_ID),
    )


def test_tunnel_that_is_gone_serves_nothing() -> None:
    """No connector can run it, so the rules of a removed hostname go."""
    left = settled(protected_here(), GONE)
    gone = replace(left, local_tunnels=frozenset(), gone_tunnels=frozenset({TUNNEL_ID}))
    assert refs(settled(gone, GONE)) == []


def test_tunnel_that_somebody_migrated() -> None:
    """Its rules are known from then on, and the file does not count any more."""
    migrated = replace(
        settled(protected_here(), GONE),
        local_tunnels=frozenset(),
        configurations={TUNNEL_ID: configuration(serves(OTHER))},
    )
    assert refs(settled(migrated, GONE)) == []
    served = replace(
        protected_here(),
        local_tunnels=frozenset(),
        configurations={TUNNEL_ID: configuration(serves(HOST), serves(None))},
    )
    assert make_plan(served, ONE).in_sync


def test_hostname_of_others_stays_as_it_is() -> None:
    """Off for one hostname means nothing for another one of the same rules."""
    both = wanting(protected(), protected(OTHER))
    world = settled(observed(is_local=True), both)
    off = wanting(protected(published=False), protected(OTHER))
    done = settled(world, off)
    assert admitted(done) == {HOST: admits(pinned=[]), OTHER: admits()}
    skip_expression = done.ruleset.by_ref(SKIP_REF)
    assert skip_expression and HOST not in skip_expression.expression
    assert any(item.name == OTHER for item in done.records)


async def test_configuration_of_a_local_tunnel_is_never_written(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Cloudflare would take it for a migration, and the file would be ignored for good."""
    sandbox.state.tunnels[TUNNEL_ID].config_src = "local"
    seen = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    assert seen.local_tunnels == {TUNNEL_ID}
    outcome = await apply_plan(client, seen, make_plan(seen, ONE))
    assert outcome.error is None
    assert names(outcome.applied) == [*BUILD_UP[:3], "create dns_record"]
    assert not [
        write for write in sandbox.journal.writes if "configurations" in write.path
    ]


async def test_tunnel_that_is_said_to_be_managed_at_cloudflare(
    client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer has no configuration: that alone does not make it a local tunnel."""

    async def not_found(*_: str) -> None:
        return None

    monkeypatch.setattr(client.tunnels, "get_configuration", not_found)
    seen = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    assert seen.local_tunnels == frozenset()
    assert seen.unread_tunnels == {TUNNEL_ID}


@pytest.mark.parametrize("remotely_first", [True, False])
async def test_tunnel_that_changes_hands_while_a_plan_is_applied(
    sandbox: Sandbox, client: CloudflareClient, *, remotely_first: bool
) -> None:
    """Nothing is converted, and nothing leads to a hostname by a plan for another kind of tunnel."""
    tunnel = sandbox.state.tunnels[TUNNEL_ID]
    tunnel.config_src = "cloudflare" if remotely_first else "local"
    seen = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    plan = make_plan(seen, ONE)
    tunnel.config_src = "local" if remotely_first else "cloudflare"
    outcome = await apply_plan(client, seen, plan)
    if remotely_first:
        assert isinstance(outcome.error, Conflict)
        assert names(outcome.applied) == BUILD_UP[:3]
    else:
        assert outcome.error is None
        assert outcome.observation.local_tunnels == frozenset()
    assert not [
        write for write in sandbox.journal.writes if "configurations" in write.path
    ]
