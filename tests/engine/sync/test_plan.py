"""The steps that make it right: the least, in the right order, never opening anything."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import (
    DnsRecord,
    Observation,
    Rule,
    Ruleset,
    TunnelConfiguration,
)
from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from custom_components.cloudflare_mtls.engine.rules.exposure import (
    Exposure,
    Visitor,
    exposed,
)
from custom_components.cloudflare_mtls.engine.rules.expressions import (
    block_expression,
    skip_expression,
)
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from custom_components.cloudflare_mtls.engine.sync.steps import (
    Action,
    AssociationStep,
    Kind,
    associations_after,
    ingress_after,
    record_body,
)
from tests.engine.builders import (
    BLOCK_REF,
    CATCH_ALL,
    HOST,
    NEIGHBOUR,
    OTHER,
    RECORD_COMMENT,
    SERVICE,
    SKIP_REF,
    TUNNEL_ID,
    UNKNOWN_TUNNEL,
    ZONE_NAME,
    IngressStep,
    RecordStep,
    RuleStep,
    admits,
    after,
    block_rule,
    configuration,
    in_sync,
    names,
    observed,
    protected,
    published,
    record,
    rule,
    serves,
    settled,
    skip,
    skip_rule,
    states,
    wanting,
)

ONE = wanting(protected())
# What the Rulesets API takes.
LONGEST = 4096
PINS = [f"{number:064x}" for number in range(60)]
BUILD_UP = [
    "create block_rule",
    "create association",
    "create skip_rule",
    "create ingress",
    "create dns_record",
]
TEAR_DOWN = [
    "delete dns_record",
    "delete ingress",
    "delete skip_rule",
    "delete association",
    "delete block_rule",
]


def foreign(count: int) -> list[Rule]:
    """Return rules that fill a zone."""
    return [
        rule("block", 'http.host eq "nas.example.com"', f"nas-{n}")
        for n in range(count)
    ]


def refs(observation: Observation) -> list[str]:
    """Return the refs of the rules, in order."""
    return [item.ref for item in observation.ruleset.rules]


def codes(observation: Observation, desired: Any) -> list[str]:
    """Return what a person has to solve."""
    return [item.code.value for item in make_plan(observation, desired).problems]


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


# Foreign things


def test_foreign_ingress_comes_out_as_it_went_in() -> None:
    """Foreign ingress comes out as it went in."""
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
    # Ahead of the wildcard, behind the foreign rule for one path.
    assert written["ingress"] == [*rules[:2], serves(), *rules[2:]]
    assert before.raw["ingress"] == rules
    gone = replace(step, action=Action.DELETE)
    kept = configuration(*written["ingress"], **{"warp-routing": {"enabled": False}, "x": None})  # fmt: skip
    assert ingress_after(kept, gone) == before.raw


def test_ingress_of_our_own_keeps_what_others_added_to_it() -> None:
    """Ingress of our own keeps what others added to it."""
    own = serves(HOST, "http://old:1", originRequest={"noTLSVerify": True}, id="3")
    step = IngressStep(
        action=Action.UPDATE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
    )
    written = ingress_after(configuration(own, CATCH_ALL), step)
    assert written["ingress"] == [{**own, "service": SERVICE}, CATCH_ALL]


def test_new_ingress_takes_the_origin_settings_of_the_same_origin() -> None:
    """New ingress takes the origin settings of the same origin."""
    settings = {"httpHostHeader": "home.example.com"}
    sibling = serves("home.example.com", SERVICE, originRequest=settings)
    step = IngressStep(
        action=Action.CREATE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
    )
    written = ingress_after(configuration(sibling, CATCH_ALL), step)
    assert written["ingress"][1] == serves(originRequest=settings)


def test_tunnel_that_was_never_configured_gets_a_catch_all() -> None:
    """Tunnel that was never configured gets a catch all."""
    step = IngressStep(
        action=Action.CREATE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
    )
    assert ingress_after(configuration(), step)["ingress"] == [serves(), CATCH_ALL]


def test_associations_of_others_keep_their_order_and_letters() -> None:
    """Associations of others keep their order and letters."""
    present = ("Nas.example.com", "b.example.com", "a.example.com")
    create = AssociationStep(action=Action.CREATE, target=HOST)
    delete = AssociationStep(action=Action.DELETE, target=HOST)
    assert associations_after(present, create) == (*present, HOST)
    assert associations_after((*present, HOST), create) == (*present, HOST)
    assert associations_after((HOST.upper(), *present), delete) == present


def test_own_record_is_marked_and_proxied() -> None:
    """Own record is marked and proxied."""
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
    """Foreign record is a conflict for a person."""
    in_the_way = record(kind="A", content="192.0.2.1", ours=False)
    plan = make_plan(observed(records=[in_the_way]), ONE)
    assert plan.problems == (
        Problem(code=ProblemCode.RECORD_IN_THE_WAY, target=HOST, detail="192.0.2.1"),
    )
    assert not any(isinstance(step, RecordStep) for step in plan.steps)
    assert plan.drifted(HOST)


def test_foreign_record_and_foreign_ingress_survive_a_tear_down() -> None:
    """Foreign record and foreign ingress survive a tear down."""
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
    # And so the lock has to stay.
    assert plan.problems == (
        Problem(
            code=ProblemCode.WOULD_EXPOSE, target=HOST, detail=Kind.BLOCK_RULE.value
        ),
    )
    assert exposed(left, HOST) is None


def test_tear_down_in_front_of_a_wildcard_needs_one_run() -> None:
    """Our grey record hides a foreign wildcard: DNS cannot go before the ingress does."""
    observation = observed(
        records=[record(proxied=False), record("*.example.com", ours=False)],
        ingress=[serves(), CATCH_ALL],
    )
    desired = wanting(removed=[protected()])
    assert make_plan(settled(observation, desired), desired).in_sync


def test_ingress_that_leads_elsewhere_by_now_is_somebody_elses() -> None:
    """Ingress that leads elsewhere by now is somebody else's, and stays."""
    moved = serves(service="http://elsewhere:1")
    world = replace(
        in_sync(), configurations={TUNNEL_ID: configuration(moved, CATCH_ALL)}
    )
    plan = make_plan(world, wanting(removed=[protected()]))
    assert names(plan.steps) == [step for step in TEAR_DOWN if "ingress" not in step]


def test_tear_down_needs_no_tunnel_that_we_may_write() -> None:
    """Tear down needs no tunnel that we may write."""
    world = replace(in_sync(), configurations={})
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
def test_tear_down_tells_what_it_takes_away(led: DnsRecord, tunnel_id: str) -> None:
    """Tear down tells where the record led, and what the tunnel served."""
    world = replace(in_sync(), records=(led,))
    plan = make_plan(world, wanting(removed=[protected()]))
    assert plan.steps[:2] == (
        RecordStep(action=Action.DELETE, target=HOST, tunnel_id=tunnel_id),
        IngressStep(
            action=Action.DELETE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
        ),
    )


# In the way


def test_full_zone_names_what_fills_it_and_opens_nothing() -> None:
    """Full zone names what fills it and opens nothing."""
    observation = observed(rules=foreign(5))
    plan = make_plan(observation, ONE)
    full = [item for item in plan.problems if item.code is ProblemCode.NO_FREE_RULE]
    assert full == [
        Problem(
            code=ProblemCode.NO_FREE_RULE,
            target=ZONE_NAME,
            detail="Rule nas-0, Rule nas-1, Rule nas-2, Rule nas-3, Rule nas-4",
        )
    ]
    assert not any(isinstance(step, RuleStep) for step in plan.steps)
    assert exposed(after(observation, plan), HOST) is None
    assert plan.drifted(HOST)


def test_rule_without_a_description_is_named_by_its_id() -> None:
    """Rule without a description is named by its id."""
    nameless = replace(skip("ssl", "nameless"), description="")
    plan = make_plan(observed(rules=[*foreign(4), nameless]), ONE)
    assert plan.problems[0].detail.endswith(", id-of-nameless")


def test_skip_rule_stays_where_no_block_rule_can_be() -> None:
    """Skip rule stays where no block rule can be: there is nothing to stand ahead of."""
    observation = observed(rules=[*foreign(4), skip_rule()])
    plan = make_plan(observation, ONE)
    assert not any(isinstance(step, RuleStep) for step in plan.steps)


def test_full_zone_is_said_once() -> None:
    """Full zone is said once."""
    assert codes(observed(rules=foreign(5)), ONE).count("no_free_rule") == 1


@pytest.mark.parametrize(
    ("plan", "quota"),
    [
        ("free", 5),
        ("pro", 20),
        ("business", 100),
        ("enterprise", 1000),
        ("unheard-of", 5),
    ],
)
def test_quota_is_that_of_the_zones_plan(plan: str, quota: int) -> None:
    """Quota is that of the zone's plan, and the least where the plan is unknown."""
    full = make_plan(observed(rules=foreign(quota), plan=plan), ONE)
    assert ProblemCode.NO_FREE_RULE in {item.code for item in full.problems}
    assert not any(isinstance(step, RuleStep) for step in full.steps)
    room_for_two = observed(rules=foreign(quota - 2), plan=plan)
    assert codes(room_for_two, ONE) == []


def test_last_slot_goes_to_the_block_rule() -> None:
    """Last slot goes to the block rule."""
    observation = observed(rules=foreign(4))
    plan = make_plan(observation, ONE)
    assert names(plan.steps) == [step for step in BUILD_UP if "skip" not in step]
    assert [item.code for item in plan.problems] == [ProblemCode.NO_FREE_RULE]
    assert exposed(after(observation, plan), HOST) is None


def test_rule_that_has_to_go_makes_room_for_the_one_that_has_to_come() -> None:
    """Rule that has to go makes room for the one that has to come."""
    observation = observed(rules=[*foreign(4), skip_rule()])
    desired = wanting(protected(layout=Layout.BLOCK_ONLY))
    plan = make_plan(observation, desired)
    assert make_plan(after(observation, plan), desired).steps == ()


def test_skip_rule_that_blocks_goes_once_the_block_rule_is_there() -> None:
    """Somebody turned its action round: until then it is all that keeps visitors out."""
    turned = replace(block_rule(), ref=SKIP_REF)
    plan = make_plan(published(turned), wanting(protected(layout=Layout.BLOCK_ONLY)))
    assert names(plan.steps) == ["create block_rule", "delete skip_rule"]


def test_overlong_expression_is_not_sent() -> None:
    """Overlong expression is not sent."""
    many = [protected(f"host-{n:03}-mobile.example.com") for n in range(80)]
    plan = make_plan(observed(), wanting(*many))
    too_long = [
        item for item in plan.problems if item.code is ProblemCode.EXPRESSION_TOO_LONG
    ]
    assert [item.target for item in too_long] == [BLOCK_REF]
    expression = block_expression({item.hostname: admits() for item in many})
    assert too_long[0].detail == str(len(expression))
    assert not any(
        isinstance(step, RuleStep) and step.target == BLOCK_REF for step in plan.steps
    )
    assert not any(isinstance(step, RecordStep) for step in plan.steps)


def length_of(hosts: list[str]) -> int:
    """Return how long the expression is that blocks these hostnames."""
    return len(block_expression(dict.fromkeys(hosts, admits())))


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
@pytest.mark.parametrize("by_hand", [False, True])
def test_longest_expression_is_sent(more: int, fits: bool, by_hand: bool) -> None:
    """Longest expression is sent, and adopts a rule made by hand, but no longer one."""
    hosts = [f"host-{n:03}-mobile.example.com" for n in range(60)]
    missing = LONGEST + more - length_of(hosts)
    hosts[0] = f"{'a' * missing}{hosts[0]}"
    assert length_of(hosts) == LONGEST + more
    made = rule(
        "block",
        f'http.host eq "{hosts[0]}" and not cf.tls_client_auth.cert_verified',
        "by-hand",
    )
    plan = make_plan(
        observed(rules=[made] if by_hand else []),
        wanting(*map(protected, hosts), takes_over=True),
    )
    written = [
        step
        for step in plan.steps
        if isinstance(step, RuleStep) and step.target == BLOCK_REF
    ]
    action = "adopt" if by_hand else "create"
    assert names(written) == ([f"{action} block_rule"] if fits else [])


def test_tunnel_managed_locally_is_not_written() -> None:
    """Tunnel managed locally is not written."""
    plan = make_plan(observed(managed_remotely=False), ONE)
    assert plan.problems == (
        Problem(code=ProblemCode.TUNNEL_MANAGED_LOCALLY, target=HOST, detail=TUNNEL_ID),
    )
    assert names(plan.steps) == BUILD_UP[:3]


def test_tunnel_that_is_gone_is_told_apart() -> None:
    """Nobody looks for a file beside a tunnel that was deleted."""
    there = observed(managed_remotely=False)
    plan = make_plan(replace(there, gone_tunnels=frozenset({TUNNEL_ID})), ONE)
    assert plan.problems == (
        Problem(code=ProblemCode.TUNNEL_GONE, target=HOST, detail=TUNNEL_ID),
    )
    assert names(plan.steps) == BUILD_UP[:3]


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


# Another Home Assistant in the same zone


def neighbours(*rules: Rule) -> Observation:
    """Return a zone where another Home Assistant protects a hostname."""
    return published(*rules, hostnames=[NEIGHBOUR])


NEIGHBOURS_BLOCK = rule(
    "block", block_expression({NEIGHBOUR: admits("/api/webhook/")}), BLOCK_REF
)


def test_neighbour_keeps_what_it_has() -> None:
    """Neighbour keeps what it has."""
    observation = neighbours(skip_rule(NEIGHBOUR), NEIGHBOURS_BLOCK)
    left = settled(observation, ONE)
    block, skipping = (left.ruleset.by_ref(ref) for ref in (BLOCK_REF, SKIP_REF))
    assert block
    assert skipping
    assert read_admissions(block.expression) == {
        HOST: admits(),
        NEIGHBOUR: admits("/api/webhook/"),
    }
    assert read_admissions(skipping.expression) == {HOST: admits(), NEIGHBOUR: admits()}
    assert set(left.records) > set(observation.records)
    # The neighbour has nothing to fix.
    theirs = wanting(protected(NEIGHBOUR, "/api/webhook/"))
    assert make_plan(left, theirs).in_sync


def test_neighbour_keeps_its_rules_when_we_leave() -> None:
    """Neighbour keeps its rules when we leave."""
    both = settled(neighbours(skip_rule(NEIGHBOUR), NEIGHBOURS_BLOCK), ONE)
    left = settled(both, wanting(removed=[protected()]))
    theirs = wanting(protected(NEIGHBOUR, "/api/webhook/"))
    assert make_plan(left, theirs).in_sync
    assert exposed(left, NEIGHBOUR, admits("/api/webhook/")) is None


@pytest.mark.parametrize(
    "tampered",
    [
        replace(NEIGHBOURS_BLOCK, enabled=False),
        replace(NEIGHBOURS_BLOCK, action="log"),
        replace(NEIGHBOURS_BLOCK, expression='http.host matches "x"'),
        replace(NEIGHBOURS_BLOCK, expression=skip_expression({NEIGHBOUR: admits()})),
        replace(NEIGHBOURS_BLOCK, expression='http.host eq "x"'),
        None,
    ],
)
def test_neighbour_is_found_where_the_rule_was_tampered_with(
    tampered: Rule | None,
) -> None:
    """Neighbour is found where the rule was tampered with."""
    observation = neighbours(*([tampered] if tampered else []))
    plan = make_plan(observation, ONE)
    assert plan.exposures == ()
    left = after(observation, plan)
    assert exposed(left, HOST) is None
    assert exposed(left, NEIGHBOUR, admits("/api/webhook/")) is None


def test_neighbour_that_wants_no_skip_rule_gets_none() -> None:
    """Neighbour that wants no skip rule gets none."""
    left = settled(neighbours(NEIGHBOURS_BLOCK), ONE)
    skipping = left.ruleset.by_ref(SKIP_REF)
    assert skipping
    assert read_admissions(skipping.expression) == {HOST: admits()}


def test_neighbour_stays_in_the_skip_rule_while_the_block_rule_has_no_place() -> None:
    """Else each home would write the other out of it, in turn and for ever."""
    full = [
        rule("block", f"cf.bot_score eq {number}", f"r{number}") for number in range(4)
    ]
    observation = observed(rules=[*full, skip_rule(HOST, NEIGHBOUR)])

    for home in (ONE, wanting(protected(NEIGHBOUR, "/api/webhook/"))):
        plan = make_plan(observation, home)
        assert ProblemCode.NO_FREE_RULE in [item.code for item in plan.problems]
        assert not [step for step in plan.steps if isinstance(step, RuleStep)]


def test_hostnames_of_others_are_not_blocked() -> None:
    """Hostnames of others are not blocked, though they are published in the same zone."""
    left = settled(
        observed(records=[record("nas.example.com", ours=False)], ingress=[serves(None)]),
        ONE,
    )  # fmt: skip
    block = left.ruleset.by_ref(BLOCK_REF)
    assert block
    assert read_admissions(block.expression) == {HOST: admits()}


def test_names_of_another_zone_are_no_neighbours() -> None:
    """Names of another zone are no neighbours."""
    tampered = rule(
        "block", block_expression({HOST: admits(), "evil.test": admits()}), BLOCK_REF
    )
    left = settled(published(tampered), ONE)
    block = left.ruleset.by_ref(BLOCK_REF)
    assert block
    assert read_admissions(block.expression) == {HOST: admits()}


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


def test_neighbour_keeps_its_own_pins() -> None:
    """Each Home Assistant pins its own certificates in the rules that they share."""
    theirs = settled(
        observed(), wanting(protected(NEIGHBOUR), pinned=frozenset(PINS[:2]))
    )
    both = settled(theirs, wanting(protected(), pinned=frozenset(PINS[2:3])))
    rules = {item.ref: read_admissions(item.expression) for item in both.ruleset.rules}
    expected = {HOST: admits(pinned=PINS[2:3]), NEIGHBOUR: admits(pinned=PINS[:2])}
    assert rules == {BLOCK_REF: expected, SKIP_REF: expected}


def test_more_pins_than_a_rule_holds() -> None:
    """Nothing is rewritten, and what others could still use is taken off the internet."""
    desired = wanting(protected(), pinned=frozenset(PINS))
    plan = make_plan(in_sync(), desired)
    too_many = Problem(code=ProblemCode.TOO_MANY_PINNED, target=ZONE_NAME, detail="60")
    assert too_many in plan.problems
    assert names(plan.steps) == ["delete dns_record"]
    assert make_plan(after(in_sync(), plan), desired).steps == ()


# Another tunnel

FORMER_TUNNEL = "7e000000-0000-4000-8000-0000000000aa"


def test_former_tunnel_serves_the_hostname_no_longer() -> None:
    """The old tunnel lets go of the hostname last of all."""
    before = replace(
        in_sync(),
        records=(record(tunnel_id=FORMER_TUNNEL),),
        configurations={
            TUNNEL_ID: configuration(CATCH_ALL),
            FORMER_TUNNEL: TunnelConfiguration.from_raw(
                FORMER_TUNNEL,
                Fields({"ingress": [serves(OTHER), serves(), CATCH_ALL]}),
            ),
        },
    )
    desired = wanting(protected(), former=(protected(tunnel_id=FORMER_TUNNEL),))

    plan = make_plan(before, desired)

    assert names(plan.steps) == [
        "create ingress",
        "update dns_record",
        "delete ingress",
    ]
    left = after(before, plan).configurations
    assert left[FORMER_TUNNEL].raw["ingress"] == [serves(OTHER), CATCH_ALL]
    assert make_plan(after(before, plan), desired).in_sync


def test_former_tunnel_is_that_of_the_same_hostname() -> None:
    """What another hostname still uses of a tunnel says nothing of this one."""
    desired = wanting(
        protected(tunnel_id=FORMER_TUNNEL),
        protected(OTHER),
        former=(protected(), protected(OTHER, tunnel_id=FORMER_TUNNEL)),
    )
    both = [serves(), serves(OTHER), CATCH_ALL]
    before = replace(
        in_sync(HOST, OTHER),
        records=(record(tunnel_id=FORMER_TUNNEL), record(OTHER)),
        configurations={
            TUNNEL_ID: configuration(*both),
            FORMER_TUNNEL: TunnelConfiguration.from_raw(
                FORMER_TUNNEL, Fields({"ingress": both})
            ),
        },
    )
    left = settled(before, desired).configurations
    assert left[TUNNEL_ID].raw["ingress"] == [serves(OTHER), CATCH_ALL]
    assert left[FORMER_TUNNEL].raw["ingress"] == [serves(), CATCH_ALL]
