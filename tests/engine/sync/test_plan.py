"""The steps that make it right: the least, in the right order, never opening anything."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation, Ruleset
from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from custom_components.cloudflare_mtls.engine.rules.exposure import (
    Exposure,
    Visitor,
    exposed,
)
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from custom_components.cloudflare_mtls.engine.sync.steps import Action, Kind
from tests.engine.builders import (
    BLOCK_REF,
    BUILD_UP,
    CATCH_ALL,
    HOST,
    ONE,
    OTHER,
    PINS,
    SKIP_REF,
    TEAR_DOWN,
    TUNNEL_ID,
    UNKNOWN_TUNNEL,
    ZONE_NAME,
    IngressStep,
    RecordStep,
    admits,
    after,
    block_rule,
    foreign,
    in_sync,
    names,
    observed,
    protected,
    published,
    record,
    refs,
    rule,
    serves,
    settled,
    skip,
    skip_rule,
    states,
    wanting,
)

# Build up, stay, tear down


@pytest.mark.parametrize("ruleset", [Ruleset(), Ruleset(id="rs")])
def test_build_up_puts_the_lock_before_the_door(ruleset: Ruleset) -> None:
    """Build up puts the lock before the door."""
    plan = make_plan(replace(observed(), ruleset=ruleset), ONE)
    assert names(plan.steps) == BUILD_UP
    assert not plan.problems
    assert not plan.exposures


def test_build_up_names_what_it_writes() -> None:
    """Build up names what it writes: rules by their refs, the rest by the hostname."""
    plan = make_plan(observed(), ONE)
    assert [step.target for step in plan.steps] == [
        BLOCK_REF,
        HOST,
        SKIP_REF,
        HOST,
        HOST,
    ]


def test_what_leads_to_a_hostname_knows_who_may_pass() -> None:
    """What leads to a hostname knows who may pass: it is judged again before it is written."""
    desired = wanting(protected(HOST, "/api/webhook/"), pinned=frozenset("a" * 64))
    plan = make_plan(observed(), desired)
    leading = [
        step for step in plan.steps if isinstance(step, IngressStep | RecordStep)
    ]
    admission = admits("/api/webhook/", pinned="a" * 64)
    assert [step.admission for step in leading] == [admission, admission]
    # What takes away is judged too: behind it may be a wildcard.
    down = make_plan(in_sync(), wanting(removed=[protected()])).steps[:2]
    assert [getattr(step, "admission", None) for step in down] == [admits(), admits()]


def test_new_skip_rule_goes_where_the_block_rule_is() -> None:
    """New skip rule goes where the block rule is, not ahead of the rules of others."""
    world = published(*foreign(2), block_rule())
    assert refs(settled(world, ONE)) == ["nas-0", "nas-1", SKIP_REF, BLOCK_REF]


def test_skip_comes_directly_before_block_and_both_before_the_rest() -> None:
    """Skip comes directly before block and both before the rest."""
    observation = settled(observed(rules=foreign(2)), ONE)
    assert refs(observation) == [SKIP_REF, BLOCK_REF, "nas-0", "nas-1"]


def test_in_sync_means_no_steps() -> None:
    """In sync means no steps."""
    observation = settled(observed(), ONE)
    plan = make_plan(observation, ONE)
    assert plan.in_sync
    assert not plan.drifted(HOST)
    assert make_plan(in_sync(), ONE).in_sync


@pytest.mark.parametrize(
    ("observation", "there"),
    [
        (observed(), False),
        (in_sync(), True),
        (in_sync(HOST, OTHER), True),
        (replace(in_sync(), records=()), False),
        # What else is missing is no matter either.
        (replace(in_sync(), associations=()), True),
        # Somebody else's stays, and ours is brought back where it leads astray.
        (replace(in_sync(), records=(record(ours=False),)), True),
        (replace(in_sync(), records=(record(proxied=False),)), True),
    ],
)
def test_whether_there_is_a_record(observation: Observation, there: bool) -> None:
    """A hostname has a record unless one would be made; others' are no matter."""
    plan = make_plan(observation, ONE)
    assert plan.has_record(HOST) is there
    assert plan.has_record(OTHER)


def test_tear_down_puts_the_door_before_the_lock() -> None:
    """Tear down puts the door before the lock."""
    plan = make_plan(in_sync(), wanting(removed=[protected()]))
    assert names(plan.steps) == TEAR_DOWN
    observation = after(in_sync(), plan)
    assert make_plan(observation, wanting(removed=[protected()])).in_sync
    assert observation == observed(
        ingress=[CATCH_ALL], associations=[], rules=[], records=[]
    )


def test_nothing_wanted_and_nothing_there_is_in_sync() -> None:
    """Nothing wanted and nothing there is in sync."""
    assert make_plan(observed(), DesiredZone()).in_sync
    assert make_plan(observed(), wanting()).in_sync


def test_block_only_needs_one_rule() -> None:
    """Block only needs one rule."""
    desired = wanting(protected(layout=Layout.BLOCK_ONLY))
    plan = make_plan(observed(rules=foreign(4)), desired)
    assert names(plan.steps) == [step for step in BUILD_UP if "skip" not in step]
    assert make_plan(after(observed(), plan), desired).in_sync


def test_layout_can_be_changed() -> None:
    """Layout can be changed."""
    block_only = wanting(protected(layout=Layout.BLOCK_ONLY))
    assert names(make_plan(in_sync(), block_only).steps) == ["delete skip_rule"]
    reduced = settled(in_sync(), block_only)
    assert names(make_plan(reduced, ONE).steps) == ["create skip_rule"]


def test_unpublished_hostname_is_led_to_no_longer_and_stays_locked() -> None:
    """Unpublished hostname is led to no longer, and its rules stay."""
    unpublished = wanting(replace(protected(), published=False))
    plan = make_plan(in_sync(), unpublished)
    assert names(plan.steps) == ["delete dns_record", "delete ingress"]
    left = after(in_sync(), plan)
    assert make_plan(left, unpublished).in_sync
    assert names(make_plan(left, ONE).steps) == ["create ingress", "create dns_record"]
    first = make_plan(observed(), unpublished)
    assert names(first.steps) == BUILD_UP[:3]


# Drift


@pytest.mark.parametrize(
    ("drifted", "steps"),
    [
        ({"rules": [skip_rule()]}, ["create block_rule", "move skip_rule"]),
        ({"rules": [block_rule()]}, ["create skip_rule"]),
        ({"rules": [replace(skip_rule(), enabled=False), block_rule()]}, ["update skip_rule"]),
        ({"rules": [skip_rule(), replace(block_rule(), enabled=False)]}, ["update block_rule"]),
        ({"rules": [skip_rule(), replace(block_rule(), action="log")]}, ["update block_rule"]),
        ({"rules": [skip_rule(), replace(block_rule(), expression="ssl")]}, ["update block_rule"]),
        ({"rules": [replace(skip_rule(), action_parameters={"ruleset": "current"}), block_rule()]}, ["update skip_rule"]),
        ({"rules": [replace(skip_rule(), action_parameters={**skip_rule().action_parameters, "more": 1}), block_rule()]}, ["update skip_rule"]),
        ({"rules": [replace(skip_rule(), action_parameters={**skip_rule().action_parameters, "phases": ["x", None]}), block_rule()]}, ["update skip_rule"]),
        ({"rules": [block_rule(), skip_rule()]}, ["move skip_rule"]),
        ({"rules": [skip_rule(), *foreign(1), block_rule()]}, ["move skip_rule"]),
        ({"rules": [skip("ssl"), skip_rule(), block_rule()]}, ["move block_rule", "move skip_rule"]),
        ({"rules": [skip_rule(), skip("ssl"), block_rule()]}, ["move block_rule", "move skip_rule"]),
        ({"associations": ["nas.example.com"]}, ["create association"]),
        ({"records": []}, ["create dns_record"]),
        ({"records": [record(proxied=False)]}, ["update dns_record"]),
        ({"records": [record(tunnel_id=UNKNOWN_TUNNEL)]}, ["update dns_record"]),
        ({"records": [record(kind="A", content="192.0.2.1")]}, ["update dns_record"]),
        ({"ingress": [CATCH_ALL]}, ["create ingress"]),
        ({"ingress": [serves(service="http://elsewhere:1"), CATCH_ALL]}, ["update ingress"]),
        ({"ingress": [serves("*.example.com", "http://a:1"), serves(), CATCH_ALL]}, ["update ingress"]),
    ],
)  # fmt: skip
def test_drift_is_fixed_with_the_least_steps(
    drifted: dict[str, Any], steps: list[str]
) -> None:
    """Drift is fixed with the least steps."""
    good: dict[str, Any] = {
        "rules": [skip_rule(), block_rule()],
        "records": [record()],
        "ingress": [serves(), CATCH_ALL],
        "associations": [HOST],
    }
    observation = observed(**{**good, **drifted})
    plan = make_plan(observation, ONE)
    assert names(plan.steps) == steps
    assert plan.drifted(HOST)
    assert make_plan(after(observation, plan), ONE).in_sync


@pytest.mark.parametrize(
    "harmless",
    [
        {"rules": [skip_rule(), block_rule(), skip("ssl")]},
        {"rules": [*foreign(1), skip_rule(), block_rule()]},
        {"rules": [skip("ssl", enabled=False), skip_rule(), block_rule()]},
        {"rules": [skip_rule(), replace(block_rule(), description="Renamed")]},
        {"rules": [skip_rule(), replace(block_rule(), expression=f"({block_rule().expression})")]},
        {"rules": [replace(skip_rule(), action_parameters={
            key: value[::-1] if isinstance(value, list) else value
            for key, value in list(skip_rule().action_parameters.items())[::-1]
        }), block_rule()]},
        {"associations": [HOST.upper()]},
        {"associations": ["nas.example.com", HOST]},
        {"records": [record(ours=False)]},
        {"records": [record(content=f"{TUNNEL_ID.upper()}.cfargotunnel.com.")]},
        {"records": [record(), record(kind="TXT", content="x", ours=False)]},
        {"ingress": [serves(HOST.upper()), CATCH_ALL]},
        {"ingress": [serves("nas.example.com", "http://a:1"), serves(), CATCH_ALL]},
        {"ingress": [serves(path="^/x", service="http://a:1"), serves(originRequest={}), CATCH_ALL]},
    ],
)  # fmt: skip
def test_what_is_no_drift_is_left_alone(harmless: dict[str, Any]) -> None:
    """What is no drift is left alone."""
    good: dict[str, Any] = {
        "rules": [skip_rule(), block_rule()],
        "records": [record()],
        "ingress": [serves(), CATCH_ALL],
        "associations": [HOST],
    }
    assert make_plan(observed(**{**good, **harmless}), ONE).in_sync


def test_changed_exempt_paths_are_one_update() -> None:
    """Changed exempt paths are one update."""
    desired = wanting(protected(HOST, "/api/webhook/"))
    plan = make_plan(in_sync(), desired)
    assert names(plan.steps) == ["update block_rule"]
    observation = after(in_sync(), plan)
    assert not exposed(observation, HOST, admits("/api/webhook/"))
    assert make_plan(observation, desired).in_sync
    # And back: what is open beyond the settings is reported, and closed at once.
    back = make_plan(observation, ONE)
    assert [item.hostname for item in back.exposures] == [HOST]
    assert names(back.steps) == ["update block_rule"]


def test_words_that_automations_read_stay() -> None:
    """Words that automations read stay: they are in what the actions answer."""
    assert set(ProblemCode) == {
        "record_in_the_way",
        "no_free_rule",
        "expression_too_long",
        "too_many_pinned",
        "tunnel_managed_locally",
        "tunnel_gone",
        "would_expose",
    }
    assert set(Kind) == {
        "block_rule",
        "association",
        "skip_rule",
        "ingress",
        "dns_record",
    }
    assert set(Action) == {"create", "update", "move", "delete", "adopt", "discard"}
    assert set(Visitor) == {
        "no_certificate",
        "revoked_certificate",
        "unpinned_certificate",
    }


def test_exposed_hostname_is_closed_before_anything_else() -> None:
    """Exposed hostname is closed before anything else."""
    observation = published(hostnames=[HOST, OTHER])
    desired = wanting(protected(HOST), protected(OTHER))
    plan = make_plan(observation, desired)
    assert {item.hostname for item in plan.exposures} == {HOST, OTHER}
    first = list(states(observation, plan))[1]
    assert not exposed(first, HOST)
    assert not exposed(first, OTHER)


def test_foreign_skip_ahead_is_overtaken() -> None:
    """Foreign skip ahead is overtaken."""
    observation = published(skip("ssl"), skip_rule(), block_rule())
    plan = make_plan(observation, ONE)
    assert [item.through and item.through.ref for item in plan.exposures] == ["foreign"]
    left = after(observation, plan)
    assert refs(left) == [SKIP_REF, BLOCK_REF, "foreign"]
    assert exposed(list(states(observation, plan))[1], HOST) is None


def test_what_rules_cannot_close_is_taken_off_the_internet_and_stays_off() -> None:
    """What rules cannot close is taken off the internet and stays off."""
    observation = published(*foreign(5))
    plan = make_plan(observation, ONE)
    assert names(plan.steps)[0] == "delete dns_record"
    left = after(observation, plan)
    assert exposed(left, HOST) is None
    assert not left.records
    again = make_plan(left, ONE)
    assert again.steps == ()
    assert again.problems


def test_what_a_foreign_record_holds_open_is_reported() -> None:
    """What a foreign record holds open is reported."""
    observation = observed(
        rules=foreign(5), records=[record(ours=False)], ingress=[serves(None)]
    )
    plan = make_plan(observation, ONE)
    assert [item.hostname for item in plan.exposures] == [HOST]
    assert not plan.in_sync


# Together


def test_hostnames_share_the_rules() -> None:
    """Hostnames share the rules."""
    desired = wanting(protected(HOST, "/a/"), protected(OTHER))
    observation = settled(observed(), desired)
    assert refs(observation) == [SKIP_REF, BLOCK_REF]
    block = observation.ruleset.by_ref(BLOCK_REF)
    assert block is not None
    assert read_admissions(block.expression) == {HOST: admits("/a/"), OTHER: admits()}


def test_second_hostname_updates_the_rules_before_it_is_published() -> None:
    """Second hostname updates the rules before it is published."""
    plan = make_plan(in_sync(), wanting(protected(), protected(OTHER)))
    assert names(plan.steps) == [
        "update block_rule",
        "create association",
        "update skip_rule",
        "create ingress",
        "create dns_record",
    ]
    assert {step.target for step in plan.steps} == {BLOCK_REF, SKIP_REF, OTHER}


def test_one_of_two_is_taken_down_before_the_rules_forget_it() -> None:
    """One of two is taken down before the rules forget it."""
    observation = in_sync(HOST, OTHER)
    plan = make_plan(observation, wanting(protected(), removed=[protected(OTHER)]))
    assert names(plan.steps)[0] == "delete dns_record"
    left = after(observation, plan)
    assert make_plan(left, ONE).in_sync
    assert set(left.associations) == {HOST}


def test_mixed_layouts_skip_for_those_who_want_it() -> None:
    """Mixed layouts skip for those who want it."""
    desired = wanting(protected(), protected(OTHER, layout=Layout.BLOCK_ONLY))
    skipping = settled(observed(), desired).ruleset.by_ref(SKIP_REF)
    assert skipping is not None
    assert read_admissions(skipping.expression) == {HOST: admits()}


def test_plan_can_be_limited_to_a_hostname() -> None:
    """Plan can be limited to a hostname."""
    plan = make_plan(observed(), wanting(protected(), protected(OTHER)))
    limited = plan.limited_to({HOST})
    assert names(limited.steps) == BUILD_UP
    assert OTHER not in {step.target for step in limited.steps}
    assert plan.limited_to(set()) == Plan(steps=(), problems=(), exposures=())


def test_problem_of_one_hostname_is_not_that_of_another() -> None:
    """Problem of one hostname is not that of another, but a problem of the zone is."""
    in_the_way = record(OTHER, kind="A", content="192.0.2.1", ours=False)
    both = wanting(protected(), protected(OTHER))

    world = replace(in_sync(HOST, OTHER), records=(record(), in_the_way))
    plan = make_plan(world, both)
    assert plan.drifted(OTHER)
    assert not plan.drifted(HOST)
    assert plan.limited_to({OTHER}).problems == plan.problems
    assert plan.limited_to({HOST}).problems == ()

    many = [protected(f"host-{n:03}-mobile.example.com") for n in range(80)]
    long = make_plan(observed(), wanting(*many)).limited_to({many[0].hostname})
    assert ProblemCode.EXPRESSION_TOO_LONG in {item.code for item in long.problems}
    pinned = make_plan(in_sync(), wanting(protected(), pinned=frozenset(PINS)))
    assert pinned.limited_to({HOST}).problems == pinned.problems

    full = make_plan(observed(rules=foreign(5)), both)
    limited = full.limited_to({HOST}).problems
    assert [item.code for item in limited] == ["no_free_rule", "would_expose"]
    assert [item.target for item in limited] == [ZONE_NAME, HOST]


def test_exposure_of_one_hostname_is_not_that_of_another() -> None:
    """Exposure of one hostname is not that of another."""
    world = published(skip_rule(), block_rule(), hostnames=[HOST, OTHER])
    plan = make_plan(world, wanting(protected(), protected(OTHER)))
    assert [item.hostname for item in plan.exposures] == [OTHER]
    assert plan.limited_to({OTHER}).exposures == plan.exposures
    assert plan.limited_to({HOST}).exposures == ()


def test_what_has_no_step_may_be_out_of_sync() -> None:
    """What has no step may be out of sync: somebody gets in, or a person has to act."""
    exposure = Exposure(hostname=HOST, visitor=Visitor.NO_CERTIFICATE, through=None)
    problem = Problem(code=ProblemCode.WOULD_EXPOSE, target=HOST, detail="")
    assert Plan().in_sync
    assert not Plan(exposures=(exposure,)).in_sync
    assert not Plan(problems=(problem,)).in_sync


def test_drift_of_one_hostname_is_not_that_of_another() -> None:
    """Drift of one hostname is not that of another."""
    observation = replace(in_sync(HOST, OTHER), associations=(HOST,))
    plan = make_plan(observation, wanting(protected(), protected(OTHER)))
    assert plan.drifted(OTHER)
    assert not plan.drifted(HOST)


def test_hostname_that_must_stay_closed_does_not_keep_another_one_open() -> None:
    """A wildcard would expose what is taken down, so the block rule holds on to it.

    Meanwhile the rule closes the other hostname, whose exempt path was wider than it may be.
    """
    wider = block_expression({HOST: admits("/api/"), OTHER: admits()})
    world = observed(
        rules=[replace(block_rule(), expression=wider)],
        records=[record("*.example.com", ours=False)],
        ingress=[serves(None)],
    )
    desired = wanting(protected(HOST), removed=[protected(OTHER)])

    plan = make_plan(world, desired)
    done = after(world, plan)

    assert exposed(world, HOST)
    assert plan.problems == (
        Problem(
            code=ProblemCode.WOULD_EXPOSE, target=OTHER, detail=Kind.BLOCK_RULE.value
        ),
    )
    assert not exposed(done, HOST)
    assert not exposed(done, OTHER)
    assert names(make_plan(done, desired).steps) == []


def test_hostname_that_stays_open_is_led_nowhere_by_us() -> None:
    """Where no rule is free, an open hostname gets no record and no ingress rule of ours."""
    world = observed(
        rules=[rule("block", f'http.host eq "x{n}"', f"x{n}") for n in range(5)],
        records=[record("*.example.com", ours=False)],
        ingress=[serves(None)],
    )

    plan = make_plan(world, wanting(protected(HOST)))

    assert plan.exposures
    assert names(plan.steps) == ["create association"]


# Pinned certificates


def test_pinning_closes_out_certificates_from_elsewhere() -> None:
    """A verified certificate that is not pinned counts as one that gets in."""
    pinned = frozenset(PINS[:2])
    admission = admits(pinned=pinned)
    assert exposed(in_sync(), HOST) is None
    exposure = exposed(in_sync(), HOST, admission)
    assert exposure is not None
    assert exposure.visitor is Visitor.UNPINNED_CERTIFICATE

    desired = wanting(protected(), pinned=pinned)
    plan = make_plan(in_sync(), desired)
    assert names(plan.steps) == ["update block_rule", "update skip_rule"]
    assert exposed(after(in_sync(), plan), HOST, admission) is None
    assert exposed(after(in_sync(), plan), HOST, admits(pinned=PINS[:1])) is not None
