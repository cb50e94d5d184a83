"""Tests that a plan leaves everything that others made unchanged."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import DnsRecord
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from custom_components.cloudflare_mtls.engine.sync.steps import (
    Action,
    AssociationStep,
    Kind,
    associations_after,
    ingress_after,
    record_body,
)
from tests.engine.builders import (
    CATCH_ALL,
    HOST,
    ONE,
    OTHER,
    RECORD_COMMENT,
    SERVICE,
    TEAR_DOWN,
    TUNNEL_ID,
    UNKNOWN_TUNNEL,
    IngressStep,
    RecordStep,
    after,
    block_rule,
    configuration,
    in_sync,
    names,
    observed,
    protected,
    record,
    serves,
    settled,
    wanting,
)


def test_foreign_ingress_is_not_changed() -> None:
    rules = [
        serves("nas.example.com", "http://nas:1", originRequest={"noTLSVerify": True}, id="9"),
        serves(HOST, "http://x:1", path="^/x", unknown=[1, {"a": None}]),
        serves("*.example.com", "http://wild:1"),
        {"service": "http_status:404", "originRequest": {}},
    ]  # fmt: skip
    before = configuration(*rules, **{"warp-routing": {"enabled": False}, "x": None})
    step = IngressStep(
        action=Action.CREATE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
    )
    written = ingress_after(before, step)
    assert list(written) == ["ingress", "warp-routing", "x"]
    # Ours goes ahead of the wildcard, and behind the foreign rule for one path.
    assert written["ingress"] == [*rules[:2], serves(), *rules[2:]]
    assert before.raw["ingress"] == rules
    gone = replace(step, action=Action.DELETE)
    kept = configuration(*written["ingress"], **{"warp-routing": {"enabled": False}, "x": None})  # fmt: skip
    assert ingress_after(kept, gone) == before.raw


def test_our_ingress_rule_keeps_additions_of_others() -> None:
    own = serves(HOST, "http://old:1", originRequest={"noTLSVerify": True}, id="3")
    step = IngressStep(
        action=Action.UPDATE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
    )
    written = ingress_after(configuration(own, CATCH_ALL), step)
    assert written["ingress"] == [{**own, "service": SERVICE}, CATCH_ALL]


def test_tunnel_that_was_never_configured_gets_a_catch_all() -> None:
    step = IngressStep(
        action=Action.CREATE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
    )
    assert ingress_after(configuration(), step)["ingress"] == [serves(), CATCH_ALL]


def test_associations_of_others_keep_their_order_and_case() -> None:
    present = ("Nas.example.com", "b.example.com", "a.example.com")
    create = AssociationStep(action=Action.CREATE, target=HOST)
    delete = AssociationStep(action=Action.DELETE, target=HOST)
    assert associations_after(present, create) == (*present, HOST)
    assert associations_after((*present, HOST), create) == (*present, HOST)
    assert associations_after((HOST.upper(), *present), delete) == present


def test_own_record_is_marked_and_proxied() -> None:
    step = RecordStep(action=Action.CREATE, target=HOST, tunnel_id=TUNNEL_ID)
    assert record_body(step) == {
        "type": "CNAME",
        "name": HOST,
        "content": f"{TUNNEL_ID}.cfargotunnel.com",
        "proxied": True,
        "ttl": 1,
        "comment": RECORD_COMMENT,
    }


def test_foreign_record_is_a_conflict_for_a_person() -> None:
    in_the_way = record(kind="A", content="192.0.2.1", ours=False)
    plan = make_plan(observed(records=[in_the_way]), ONE)
    assert plan.problems == (
        Problem(code=ProblemCode.RECORD_IN_THE_WAY, target=HOST, detail="192.0.2.1"),
    )
    assert not any(isinstance(step, RecordStep) for step in plan.steps)
    assert plan.drifted(HOST)


def test_foreign_record_and_foreign_ingress_survive_a_tear_down() -> None:
    observation = observed(
        records=[record(ours=False)],
        ingress=[serves(service="http://elsewhere:1"), CATCH_ALL],
        rules=[block_rule()],
        associations=[HOST],
    )
    plan = make_plan(observation, wanting(removed=[protected()]))
    left = after(observation, plan)
    assert left.records == observation.records
    assert left.configurations == observation.configurations
    # So the rules have to stay.
    assert plan.problems == (
        Problem(
            code=ProblemCode.WOULD_EXPOSE, target=HOST, detail=Kind.BLOCK_RULE.value
        ),
    )
    assert exposed(left, HOST) is None


def test_foreign_ingress_survives_beside_another_hostname() -> None:
    """The person who removed it is told that the rule still names it."""
    world = replace(
        in_sync(HOST, OTHER),
        records=(record(ours=False), record(OTHER)),
        configurations={
            TUNNEL_ID: configuration(
                serves(service="http://elsewhere:1"), serves(OTHER), CATCH_ALL
            )
        },
    )
    plan = make_plan(world, wanting(protected(OTHER), removed=[protected()]))
    assert plan.problems == (
        Problem(
            code=ProblemCode.WOULD_EXPOSE, target=HOST, detail=Kind.BLOCK_RULE.value
        ),
    )
    assert exposed(after(world, plan), HOST) is None


def test_tear_down_in_front_of_a_wildcard_needs_one_run() -> None:
    """Our grey record hides a foreign wildcard, so the ingress rule is removed before the record."""
    observation = observed(
        records=[record(proxied=False), record("*.example.com", ours=False)],
        ingress=[serves(), CATCH_ALL],
    )
    desired = wanting(removed=[protected()])
    assert make_plan(settled(observation, desired), desired).in_sync


def test_tear_down_below_a_wildcard_that_leads_home_by_another_name() -> None:
    """The hostname stays blocked, and a person is told what leads to it."""
    alias = record("*.example.com", content=OTHER, ours=False)
    world = settled(
        observed(
            records=[alias, record(OTHER, ours=False)],
            ingress=[serves("*.example.com"), CATCH_ALL],
        ),
        ONE,
    )
    plan = make_plan(world, wanting(removed=[protected()]))
    assert plan.what_is_left(HOST) == Problem(
        code=ProblemCode.STILL_REACHABLE,
        target=HOST,
        detail=f"CNAME *.example.com → {OTHER}",
    )
    assert exposed(after(world, plan), HOST) is None


def test_ingress_that_now_leads_elsewhere_is_foreign() -> None:
    """Somebody changed its service, so it stays."""
    moved = serves(service="http://elsewhere:1")
    world = replace(
        in_sync(), configurations={TUNNEL_ID: configuration(moved, CATCH_ALL)}
    )
    plan = make_plan(world, wanting(removed=[protected()]))
    assert names(plan.steps) == [step for step in TEAR_DOWN if "ingress" not in step]


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("served", [True, False])
def test_tear_down_where_our_record_leads_elsewhere_now(
    served: bool, marked: bool
) -> None:
    """The record is somebody else's, but a rule for what we once led home is ours."""
    world = replace(
        in_sync(),
        records=(record(content="elsewhere.example.net", ours=False),),
        configurations={
            TUNNEL_ID: configuration(*[serves()] * served, serves(OTHER), CATCH_ALL)
        },
    )
    ours = frozenset({HOST} if marked else ())
    plan = make_plan(world, wanting(removed=[protected()], marked=ours))
    step = IngressStep(
        action=Action.DELETE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
    )
    expected = [step] if served and marked else []
    assert [item for item in plan.steps if item.kind is Kind.INGRESS] == expected
    assert after(world, plan).records == world.records


def test_mark_that_another_tool_took_away_is_written_again() -> None:
    """Only the mark: the record leads to the tunnel as before."""
    world = replace(in_sync(), records=(record(ours=False),))
    marked = wanting(protected(), marked=frozenset({HOST}))
    plan = make_plan(world, marked)
    (step,) = plan.steps
    assert step == RecordStep(action=Action.MARK, target=HOST, tunnel_id=TUNNEL_ID)
    assert after(world, plan).records == (record(),)
    assert make_plan(after(world, plan), marked).in_sync


def test_mark_that_another_tool_took_away_is_written_before_a_tear_down() -> None:
    """Only what bears our mark is deleted."""
    world = replace(in_sync(), records=(record(ours=False),))
    marked = wanting(removed=[protected()], marked=frozenset({HOST}))
    plan = make_plan(world, marked)
    assert names(plan.steps) == ["mark dns_record", *TEAR_DOWN]
    assert after(world, plan).records == ()


def test_tear_down_needs_no_tunnel() -> None:
    gone = frozenset({TUNNEL_ID})
    world = replace(in_sync(), configurations={}, gone_tunnels=gone)
    plan = make_plan(world, wanting(removed=[protected()]))
    assert names(plan.steps) == [step for step in TEAR_DOWN if "ingress" not in step]
    assert plan.problems == ()


@pytest.mark.parametrize(
    ("led", "tunnel_id"),
    [
        (record(tunnel_id=UNKNOWN_TUNNEL), UNKNOWN_TUNNEL),
        (record(kind="A", content="192.0.2.1"), TUNNEL_ID),
    ],
)
def test_details_of_a_tear_down(led: DnsRecord, tunnel_id: str) -> None:
    """The steps say where the record led, and which service the tunnel used."""
    world = replace(in_sync(), records=(led,))
    plan = make_plan(world, wanting(removed=[protected()]))
    assert plan.steps[:2] == (
        RecordStep(action=Action.DELETE, target=HOST, tunnel_id=tunnel_id),
        IngressStep(
            action=Action.DELETE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
        ),
    )
