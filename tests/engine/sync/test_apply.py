"""Writing: as little as possible, in order, and safe wherever it stops."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    PermissionMissing,
    QuotaExceeded,
    RateLimited,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import Observation
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.marks import RECORD_COMMENT
from custom_components.cloudflare_mtls.engine.sync.apply import Outcome, apply_plan
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.observe import observe
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from sandbox import Sandbox
from sandbox.state import DnsRecord, Rule, State, Zone
from tests.engine.builders import (
    ACCOUNT_ID,
    BLOCK_REF,
    HOST,
    OTHER,
    SKIP_REF,
    TUNNEL_ID,
    ZONE_ID,
    names,
    protected,
    taking_over,
    wanting,
)
from tests.engine.servers import Fault, FaultyProxy

ONE = wanting(protected())
NONE = wanting(removed=[protected()])


async def look(client: CloudflareClient) -> Observation:
    """Read the zone."""
    return await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])


async def sync(client: CloudflareClient, desired: DesiredZone) -> tuple[Plan, Outcome]:
    """Read, plan and write once."""
    observation = await look(client)
    plan = make_plan(observation, desired)
    return plan, await apply_plan(client, observation, plan)


def the_zone(sandbox: Sandbox) -> Zone:
    """Return the sandbox's zone, to read and to edit."""
    return sandbox.state.zones[ZONE_ID]


def foreign(state: State) -> dict[str, Any]:
    """Return everything in the home lab that is not ours, in its order."""
    zone, tunnel = state.zones[ZONE_ID], state.tunnels[TUNNEL_ID]
    assert tunnel.config is not None
    things = {
        "rules": [rule for rule in zone.rules if rule.ref not in (BLOCK_REF, SKIP_REF)],
        "records": [item for item in zone.dns_records.values() if item.name != HOST],
        "associations": [name for name in zone.associations or () if name != HOST],
        "config": {
            **tunnel.config,
            "ingress": [
                rule for rule in tunnel.ingress if rule.get("hostname") != HOST
            ],
        },
    }
    return deepcopy(things)


def ours(zone: Zone) -> tuple[list[str], int, int]:
    """Return our rules, and how many records and associations the hostname has."""
    return (
        [rule.ref for rule in zone.rules if rule.ref in (BLOCK_REF, SKIP_REF)],
        sum(record.name == HOST for record in zone.dns_records.values()),
        (zone.associations or []).count(HOST),
    )


COMPLETE = ([SKIP_REF, BLOCK_REF], 1, 1)
GONE: tuple[list[str], int, int] = ([], 0, 0)


async def test_build_up_then_nothing_then_tear_down(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Five writes, then none; in the end everything foreign is as it was."""
    before = foreign(sandbox.state)

    plan, outcome = await sync(client, ONE)
    assert outcome.error is None
    assert outcome.applied == plan.steps
    # The observation from Cloudflare's answers equals a new one.
    seen = await look(client)
    told = outcome.observation
    assert set(told.records) == set(seen.records)
    assert replace(told, records=seen.records) == seen
    assert ours(the_zone(sandbox)) == COMPLETE
    assert len(sandbox.journal.writes) == len(plan.steps) == 5
    assert exposed(await look(client), HOST) is None

    sandbox.journal.clear()
    plan, outcome = await sync(client, ONE)
    assert plan.in_sync
    assert outcome.applied == ()
    assert outcome.error is None
    assert not sandbox.journal.writes

    _, outcome = await sync(client, NONE)
    assert outcome.error is None
    assert ours(the_zone(sandbox)) == GONE
    assert foreign(sandbox.state) == before
    assert (await sync(client, NONE))[0].in_sync


async def test_zone_without_a_ruleset(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The first rule creates the ruleset, and the first hostname the list of associations."""
    zone = the_zone(sandbox)
    zone.rulesets.clear()
    zone.associations = None
    _, outcome = await sync(client, ONE)
    assert outcome.error is None
    assert ours(zone) == COMPLETE
    assert (await sync(client, ONE))[0].in_sync


async def test_tunnel_that_was_never_configured(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Its first rules are ours and the catch-all."""
    tunnel = sandbox.state.tunnels[TUNNEL_ID]
    tunnel.config, tunnel.version = None, 0
    _, outcome = await sync(client, ONE)
    assert outcome.error is None
    assert (await sync(client, ONE))[0].in_sync


async def test_two_hostnames_at_once(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """They share the two rules, and each is added to the list of associations."""
    desired = wanting(protected(), protected(OTHER, "/api/webhook/"))
    _, outcome = await sync(client, desired)
    assert outcome.error is None
    assert (await sync(client, desired))[0].in_sync
    assert the_zone(sandbox).associations == ["nas.example.com", HOST, OTHER]


DRIFT: dict[str, Callable[[Sandbox], object]] = {
    "block rule deleted": lambda s: the_zone(s).rules.pop(1),
    "skip rule deleted": lambda s: the_zone(s).rules.pop(0),
    "block rule disabled": lambda s: setattr(the_zone(s).rules[1], "enabled", False),
    "rules swapped": lambda s: the_zone(s).rules.insert(0, the_zone(s).rules.pop(1)),
    "foreign skip ahead": lambda s: the_zone(s).rules.insert(
        0, Rule("skip", "ssl", action_parameters={"ruleset": "current"})
    ),
    "association gone": lambda s: the_zone(s).associations.remove(HOST),  # type: ignore[union-attr]
    "record grey": lambda s: setattr(
        list(the_zone(s).dns_records.values())[-1], "proxied", False
    ),
    "record gone": lambda s: the_zone(s).dns_records.popitem(),
    "ingress gone": lambda s: s.state.tunnels[TUNNEL_ID].ingress.pop(-2),
    "ingress elsewhere": lambda s: s.state.tunnels[TUNNEL_ID].ingress[-2].update(
        service="http://elsewhere:1"
    ),
}  # fmt: skip


@pytest.mark.parametrize("drift", DRIFT.values(), ids=DRIFT)
async def test_drift_is_fixed(
    sandbox: Sandbox, client: CloudflareClient, drift: Callable[[Sandbox], object]
) -> None:
    """One sync fixes any change that somebody made."""
    await sync(client, ONE)
    drift(sandbox)
    # A client without recent writes, to which no list can look outdated.
    client = CloudflareClient(sandbox.token, base_url=sandbox.api_url)
    plan, outcome = await sync(client, ONE)
    assert plan.steps
    assert outcome.error is None
    assert (await sync(client, ONE))[0].in_sync
    assert exposed(await look(client), HOST) is None


ERRORS = {
    Fault.REFUSED: PermissionMissing,
    Fault.LIMITED: RateLimited,
    Fault.BROKEN: Unavailable,
    Fault.CUT: Unavailable,
    Fault.LOST: Unavailable,
    Fault.LOST_CUT: Unavailable,
}


@pytest.mark.parametrize("nth", range(5))
@pytest.mark.parametrize("fault", Fault)
async def test_build_up_that_breaks_off_is_closed_and_can_be_resumed(
    sandbox: Sandbox,
    client: CloudflareClient,
    unsteady: CloudflareClient,
    proxy: FaultyProxy,
    fault: Fault,
    nth: int,
) -> None:
    """With a fault at each write, the hostname stays closed and the next sync completes it."""
    before = foreign(sandbox.state)
    proxy.fails_at, proxy.fault = nth, fault
    plan, outcome = await sync(unsteady, ONE)

    assert isinstance(outcome.error, ERRORS[fault])
    assert outcome.applied == plan.steps[:nth]
    # Rules are every hostname's, and so is a pause.
    is_alone = "rule" not in plan.steps[nth].kind and fault is not Fault.LIMITED
    assert outcome.stuck_at == (HOST if is_alone else None)
    # The sync stopped, and did not try again.
    assert proxy.writes == nth + 1
    assert exposed(await look(client), HOST) is None

    _, outcome = await sync(client, ONE)
    assert outcome.error is None
    assert ours(the_zone(sandbox)) == COMPLETE
    assert (await sync(client, ONE))[0].in_sync
    assert foreign(sandbox.state) == before


@pytest.mark.parametrize("nth", range(5))
@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.LOST])
async def test_tear_down_that_breaks_off_is_closed_and_can_be_resumed(
    sandbox: Sandbox,
    client: CloudflareClient,
    unsteady: CloudflareClient,
    proxy: FaultyProxy,
    fault: Fault,
    nth: int,
) -> None:
    """With a fault at each write, the hostname stays closed and the next sync completes it."""
    before = foreign(sandbox.state)
    await sync(client, ONE)
    proxy.fails_at, proxy.fault = nth, fault
    plan, outcome = await sync(unsteady, NONE)

    assert isinstance(outcome.error, Unavailable)
    assert outcome.applied == plan.steps[:nth]
    assert exposed(await look(client), HOST) is None

    _, outcome = await sync(client, NONE)
    assert outcome.error is None
    assert ours(the_zone(sandbox)) == GONE
    assert foreign(sandbox.state) == before


async def test_changes_by_others_in_between_survive(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Lists that are written as a whole are read again immediately before."""
    zone, tunnel = the_zone(sandbox), sandbox.state.tunnels[TUNNEL_ID]
    observation = await look(client)
    plan = make_plan(observation, ONE)
    # Somebody uses the dashboard after we read the zone.
    assert zone.associations is not None
    zone.associations.append("vpn.example.com")
    tunnel.ingress.insert(0, {"hostname": "new.example.com", "service": "http://n:1"})
    assert tunnel.config is not None
    tunnel.config["originRequest"] = {"connectTimeout": 30}
    before = foreign(sandbox.state)
    outcome = await apply_plan(client, observation, plan)
    assert outcome.error is None
    assert foreign(sandbox.state) == before
    assert (await sync(client, ONE))[0].in_sync


async def test_changes_that_others_already_made_are_not_written_again(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A list that already is as wanted is not written."""
    observation = await look(client)
    plan = make_plan(observation, ONE)
    await apply_plan(client, observation, plan)
    sandbox.journal.clear()
    lists = [
        step for step in plan.steps if step.kind.value in ("association", "ingress")
    ]
    outcome = await apply_plan(client, observation, replace(plan, steps=tuple(lists)))
    assert outcome.error is None
    assert not sandbox.journal.writes
    assert outcome.observation.associations == (await look(client)).associations


async def test_second_run_on_an_old_observation_creates_nothing_twice(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The rule that would be created again is a conflict."""
    observation = await look(client)
    plan = make_plan(observation, ONE)
    await apply_plan(client, observation, plan)
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert ours(the_zone(sandbox)) == COMPLETE


async def test_record_made_by_another_meanwhile_is_a_conflict(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The record is not overwritten, and every step before it stays done."""
    observation = await look(client)
    plan = make_plan(observation, ONE)
    the_zone(sandbox).add_dns_record(DnsRecord("A", HOST, "192.0.2.1"))
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert outcome.applied == plan.steps[:-1]


async def test_rules_that_were_filled_up_meanwhile(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The error comes before anything was written."""
    observation = await look(client)
    plan = make_plan(observation, ONE)
    the_zone(sandbox).rules.extend(
        Rule("block", 'http.host eq "x"', ref=f"r{n}") for n in range(4)
    )
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, QuotaExceeded)
    assert outcome.applied == ()


async def test_tunnel_that_became_locally_managed_is_a_conflict(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The rules are written by then, but nothing leads to the hostname."""
    observation = await look(client)
    plan = make_plan(observation, ONE)
    sandbox.state.tunnels[TUNNEL_ID].config_src = "local"
    outcome = await apply_plan(client, observation, plan)
    assert isinstance(outcome.error, Conflict)
    assert names(outcome.applied)[-1] == "create skip_rule"


async def test_foreign_skip_rule_that_was_added_meanwhile(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The answer to each written rule has all rules, so the new one is seen before the publication."""
    observation = await look(client)
    plan = make_plan(observation, ONE)
    outcome = await apply_plan(client, observation, replace(plan, steps=plan.steps[:1]))
    assert outcome.error is None
    seen = await look(client)
    the_zone(sandbox).rules.insert(
        0, Rule("skip", "ssl", action_parameters={"ruleset": "current"})
    )
    await apply_plan(client, seen, make_plan(seen, ONE))
    assert exposed(await look(client), HOST) is None


@pytest.mark.parametrize("desired", [ONE, NONE], ids=["associate", "dissociate"])
async def test_association_that_a_lagging_read_lacks(
    sandbox: Sandbox, client: CloudflareClient, desired: DesiredZone
) -> None:
    """Somebody's hostname that was seen a moment ago is written again with ours."""
    zone = the_zone(sandbox)
    assert zone.associations is not None
    if desired is NONE:
        await sync(client, ONE)
    before = list(zone.associations)
    zone.associations.append("vpn.example.com")
    observation = await look(client)
    plan = make_plan(observation, desired)

    zone.outdated_associations = [before]
    outcome = await apply_plan(client, observation, plan)

    assert outcome.error is None
    ours = [HOST] if desired is ONE else []
    assert zone.associations == ["nas.example.com", "vpn.example.com", *ours]


async def test_association_that_somebody_removed(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Ours is written again at once, however recently it was seen."""
    await sync(client, ONE)
    await look(client)
    zone = the_zone(sandbox)
    assert zone.associations is not None
    zone.associations.remove(HOST)
    _, outcome = await sync(client, ONE)
    assert outcome.error is None
    assert zone.associations == ["nas.example.com", HOST]


async def test_rules_made_by_hand_are_taken_over(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """One becomes ours in its place, another one is deleted, and nothing else is touched."""
    expression = f'http.host eq "{HOST}" and not cf.tls_client_auth.cert_verified'
    the_zone(sandbox).rules.extend(Rule("block", expression) for _ in range(2))
    kept = [rule.id for rule in the_zone(sandbox).rules[:2]]
    observation = await look(client)
    plan = make_plan(observation, taking_over(observation, ONE))
    outcome = await apply_plan(client, observation, plan)
    assert outcome.error is None
    assert {"adopt block_rule", "discard block_rule"} <= set(names(plan.steps))
    rules = the_zone(sandbox).rules
    assert [rule.id for rule in rules if rule.ref != SKIP_REF] == kept
    assert make_plan(await look(client), ONE).in_sync


async def test_mark_that_somebody_took_away_is_written_again(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """The record is otherwise as it was, and leads there all the time."""
    await sync(client, ONE)
    records = the_zone(sandbox).dns_records.values()
    ours = next(item for item in records if item.name == HOST)
    ours.comment = None
    marked = wanting(protected(), marked=frozenset({HOST}))
    _, outcome = await sync(client, marked)
    assert outcome.error is None
    assert names(outcome.applied) == ["mark dns_record"]
    record = next(item for item in records if item.name == HOST)
    assert (record.comment, record.proxied) == (RECORD_COMMENT, True)
    assert set(outcome.observation.records) == set((await look(client)).records)
