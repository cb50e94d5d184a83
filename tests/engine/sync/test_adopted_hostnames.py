"""Plans for hostnames that a tunnel served before: rules only, and the way back."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.marks import BLOCK_REF
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from custom_components.cloudflare_mtls.engine.sync.settings import Found, Layout
from tests.engine.builders import (
    BUILD_UP,
    HOST,
    OTHER,
    PINS,
    TUNNEL_ID,
    UNKNOWN_TUNNEL,
    admits,
    after,
    codes,
    names,
    observed,
    protected,
    record,
    refs,
    serves,
    settled,
    states,
    wanting,
)

CLOUD = "http://192.168.1.20:11000"
ADOPTED = protected(service=CLOUD, found=Found.ADOPTED)
ONE = wanting(ADOPTED)
REMOVED = wanting(removed=[ADOPTED])
OPENED = wanting(removed=[ADOPTED], opened=frozenset({HOST}))
STILL_SERVED = Problem(code=ProblemCode.STILL_SERVED, target=HOST, detail=CLOUD)
NOT_SERVED = Problem(code=ProblemCode.NOT_SERVED, target=HOST, detail=CLOUD)

WAYS = [
    pytest.param({"records": [record(ours=False)], "ingress": [serves(HOST, CLOUD)]}, id="exact"),
    pytest.param(
        {"records": [record("*.example.com", ours=False)], "ingress": [serves("*.example.com", CLOUD)]},
        id="wildcards",
    ),
    pytest.param(
        {"records": [record(ours=False)], "ingress": [serves(HOST, CLOUD, path="^/x"), serves(None, CLOUD)]},
        id="paths",
    ),
    pytest.param({"records": [record(ours=False)], "is_local": True}, id="file"),
    pytest.param({"records": [record(ours=False, tunnel_id=UNKNOWN_TUNNEL)]}, id="another tunnel"),
    pytest.param({"records": [record(ours=False, kind="A", content="192.0.2.1")]}, id="a server"),
]  # fmt: skip


def ways_in(observation: Observation) -> Any:
    """Return all that leads anywhere."""
    return observation.records, observation.configurations


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("pinned", [None, PINS[:2]], ids=["all", "pinned"])
def test_protect_change_stop(
    way: dict[str, Any], layout: Layout, pinned: list[str] | None
) -> None:
    """What its owner made stays as it is, and only the last step of all opens it again."""
    pins = None if pinned is None else frozenset(pinned)
    item = replace(ADOPTED, layout=layout)
    open_world = observed(**way)
    assert exposed(open_world, HOST)

    protect = make_plan(open_world, wanting(item, pinned=pins))
    skips = layout is Layout.SKIP_AND_BLOCK
    assert names(protect.steps) == BUILD_UP[: 3 if skips else 2]
    assert [each.hostname for each in protect.exposures] == [HOST]
    closed = after(open_world, protect)
    assert not exposed(closed, HOST, admits(pinned=pins))
    assert make_plan(closed, wanting(item, pinned=pins)).in_sync

    item = replace(item, exempt_paths=("/s/",))
    changed = settled(closed, wanting(item, pinned=pins))
    assert not exposed(changed, HOST, admits("/s/", pinned=pins))

    stop = make_plan(
        changed, wanting(removed=[item], pinned=pins, opened=frozenset({HOST}))
    )
    assert names(stop.steps) == [
        *(["delete skip_rule"] if skips else []),
        "delete association",
        "delete block_rule",
    ]
    assert stop.problems == ()
    *before, last = states(changed, stop)
    assert not any(exposed(state, HOST, admits("/s/", pinned=pins)) for state in before)
    assert last == open_world


def test_visitors_were_asked_for_a_certificate_before() -> None:
    """They are asked again once nothing is protected any more: the association is its owner's."""
    item = replace(ADOPTED, was_asked=True)
    open_world = observed(
        records=[record(ours=False)],
        ingress=[serves(HOST, CLOUD)],
        associations=(HOST,),
    )
    world = settled(open_world, wanting(item))
    stop = make_plan(world, wanting(removed=[item], opened=frozenset({HOST})))
    assert names(stop.steps) == ["delete skip_rule", "delete block_rule"]
    *_, last = states(world, stop)
    assert last == open_world
    assert make_plan(last, wanting(removed=[item], opened=frozenset({HOST}))).in_sync


def test_stop_while_another_hostname_is_protected() -> None:
    """The other one keeps its rules, and the block rule lets go of this one last."""
    both = wanting(ADOPTED, protected(OTHER))
    world = settled(
        observed(
            records=[record(ours=False)],
            ingress=[serves(HOST, CLOUD), serves(None, "http_status:404")],
        ),
        both,
    )
    stop = make_plan(
        world,
        replace(
            wanting(protected(OTHER)), removed=OPENED.removed, opened=OPENED.opened
        ),
    )
    assert names(stop.steps) == [
        "update skip_rule",
        "delete association",
        "update block_rule",
    ]
    *before, last = states(world, stop)
    assert not any(exposed(state, HOST) or exposed(state, OTHER) for state in before)
    assert exposed(last, HOST)
    assert not exposed(last, OTHER)
    assert make_plan(last, wanting(protected(OTHER))).in_sync


@pytest.mark.parametrize("way", WAYS)
def test_removed_without_a_word(way: dict[str, Any]) -> None:
    """It stays closed, its visitors are asked for a certificate as before, and that is said."""
    world = settled(observed(**way), ONE)
    plan = make_plan(world, REMOVED)
    assert plan.problems == (STILL_SERVED,)
    assert plan.what_is_left(HOST) == STILL_SERVED
    assert not plan.is_down
    done = after(world, plan)
    assert refs(done) == [BLOCK_REF]
    assert done.associations == (HOST,)
    assert not exposed(done, HOST)
    assert ways_in(done) == ways_in(world)
    assert names(make_plan(done, REMOVED).steps) == []


def test_removed_and_then_taken_out_of_the_tunnel() -> None:
    """Once nothing leads there, the rules go."""
    served = observed(records=[record(ours=False)], ingress=[serves(HOST, CLOUD)])
    left = replace(settled(settled(served, ONE), REMOVED), records=())
    assert settled(left, REMOVED).ruleset.rules == ()
    assert make_plan(settled(left, REMOVED), REMOVED).in_sync


def test_removed_after_somebody_opened_it() -> None:
    """Then nothing of it is left here."""
    served = observed(records=[record(ours=False)], ingress=[serves(HOST, CLOUD)])
    assert make_plan(served, REMOVED).in_sync


@pytest.mark.parametrize(
    ("ingress", "records"),
    [
        ([serves(HOST, CLOUD)], []),
        ([serves(None, "http_status:404")], [record(ours=False)]),
    ],
    ids=["no record", "no rule"],
)
def test_no_longer_served(ingress: list[Any], records: list[Any]) -> None:
    """Its owner's things are not created again; that nothing leads there is said."""
    world = observed(ingress=ingress, records=records)
    plan = make_plan(world, ONE)
    assert names(plan.steps) == BUILD_UP[:3]
    assert plan.problems == (NOT_SERVED,)
    off = replace(ADOPTED, published=False)
    assert codes(world, wanting(off)) == []


def test_tunnel_of_the_owner_is_gone() -> None:
    """Its record leads nowhere."""
    world = replace(
        observed(records=[record(ours=False)]),
        configurations={},
        gone_tunnels=frozenset({TUNNEL_ID}),
    )
    assert make_plan(world, ONE).problems == (NOT_SERVED,)


def test_owner_changes_the_service() -> None:
    """That is no drift."""
    served = observed(records=[record(ours=False)], ingress=[serves(HOST, CLOUD)])
    moved = observed(records=[record(ours=False)], ingress=[serves(HOST, "http://elsewhere")])  # fmt: skip
    world = replace(settled(served, ONE), configurations=moved.configurations)
    assert make_plan(world, ONE).in_sync


def test_off_blocks_everybody_and_leaves_what_leads_there() -> None:
    """The block rule makes no exception, and *on* puts it back."""
    served = observed(records=[record(ours=False)], ingress=[serves(HOST, CLOUD)])
    on = settled(served, ONE)
    off = settled(on, wanting(replace(ADOPTED, published=False)))
    assert not exposed(off, HOST, admits(pinned=[]))
    assert ways_in(off) == ways_in(served)
    again = settled(off, ONE)
    assert set(refs(again)) == set(refs(on))
    assert again.associations == on.associations


def test_record_of_ours_that_leads_to_a_rule_of_the_owner() -> None:
    """The record comes and goes with the hostname, the ingress rule stays."""
    served = observed(ingress=[serves(HOST, CLOUD)])
    ours = replace(ONE, marked=frozenset({HOST}))
    world = settled(served, ours)
    assert [item.name for item in world.records] == [HOST]
    gone = settled(world, replace(REMOVED, marked=frozenset({HOST})))
    assert gone == served


def test_record_that_bears_our_mark_leads_to_the_tunnel_again() -> None:
    """Somebody led it elsewhere; it is ours, though the ingress rule is its owner's."""
    world = observed(
        records=[record(tunnel_id=UNKNOWN_TUNNEL)], ingress=[serves(HOST, CLOUD)]
    )
    plan = make_plan(world, ONE)
    assert names(plan.steps) == [*BUILD_UP[:3], "update dns_record"]
    assert after(world, plan).records == (record(),)


def test_nobody_opens_what_is_ours() -> None:
    """Where we led it there, it is taken down instead."""
    served = observed(ingress=[serves(HOST, CLOUD)])
    marked = frozenset({HOST})
    world = settled(served, replace(ONE, marked=marked))
    stop = make_plan(world, replace(OPENED, marked=marked))
    assert not any(exposed(state, HOST) for state in states(world, stop))
    assert after(world, stop) == served
