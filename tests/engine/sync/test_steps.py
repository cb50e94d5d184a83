"""How a step is described, and how it changes an observation."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import DnsRecord, Observation
from custom_components.cloudflare_mtls.engine.rules.adoption import MadeByHand
from custom_components.cloudflare_mtls.engine.rules.exposure import Exposure, Visitor
from custom_components.cloudflare_mtls.engine.sync.plan import Plan
from custom_components.cloudflare_mtls.engine.sync.problems import Problem, ProblemCode
from custom_components.cloudflare_mtls.engine.sync.steps import (
    Action,
    AssociationStep,
    HeaderRuleStep,
    Kind,
    address_record,
    advance,
    describe_step,
    record_body,
)
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    OTHER,
    RECORD_COMMENT,
    SERVICE,
    SKIP_REF,
    TUNNEL_ID,
    IngressStep,
    RecordStep,
    RuleStep,
    block_of,
    block_rule,
    observed,
    protected,
    record,
    rule,
    skip,
    skip_rule,
    wanting,
)

BY_HAND = rule("block", f'http.host eq "{HOST}" and ssl', "by-hand")
CREATE = IngressStep(
    action=Action.CREATE, target=HOST, tunnel_id=TUNNEL_ID, service=SERVICE
)


def refs(observation: Observation) -> list[str]:
    """Return the refs of the rules, in order."""
    return [item.ref for item in observation.ruleset.rules]


# Descriptions


def test_description_of_a_step() -> None:
    step = RecordStep(action=Action.CREATE, target=HOST, tunnel_id=TUNNEL_ID)
    assert describe_step(step) == {
        "kind": "dns_record",
        "action": "create",
        "target": HOST,
        "detail": f"{TUNNEL_ID}.cfargotunnel.com",
    }


def test_detail_of_a_step() -> None:
    """It is the new value, or the one that is replaced."""
    wanted = block_of(wanting(protected()))
    written = RuleStep(
        kind=Kind.BLOCK_RULE, action=Action.UPDATE, target=BLOCK_REF, rule=wanted
    )
    adopted = replace(written, action=Action.ADOPT, replaces=BY_HAND)
    nameless = replace(BY_HAND, description="")
    assert written.detail == wanted.expression
    assert replace(written, rule=None).detail == ""
    assert adopted.detail == "Rule by-hand"
    assert replace(adopted, replaces=nameless).detail == "id-of-by-hand"
    assert CREATE.detail == SERVICE
    assert AssociationStep(action=Action.CREATE, target=HOST).detail == ""
    assert HeaderRuleStep(action=Action.DELETE).detail == ""
    assert HeaderRuleStep(action=Action.UPDATE, rule=wanted).detail == written.detail


@pytest.mark.parametrize("action", Action)
def test_plan_takes_over_if_one_of_its_steps_does(action: Action) -> None:
    usual = AssociationStep(action=Action.CREATE, target=HOST)
    step = RecordStep(action=action, target=HOST, tunnel_id=TUNNEL_ID)
    expected = action in ("adopt", "discard")
    assert Plan(steps=(usual, step)).takes_over is expected


FOUND = MadeByHand(id="by-hand")
SHOWN = Plan(
    steps=(CREATE,),
    problems=(Problem(code=ProblemCode.WOULD_EXPOSE, target=HOST, detail="ingress"),),
    exposures=(Exposure(hostname=HOST, visitor=Visitor.NO_CERTIFICATE, through=None),),
    adoptable=frozenset({FOUND}),
)


@pytest.mark.parametrize(
    ("plan", "covered"),
    [
        (SHOWN, True),
        (replace(SHOWN, adoptable=frozenset()), True),
        (Plan(), True),
        (Plan(adoptable=frozenset({FOUND})), True),
        (replace(SHOWN, steps=()), False),
        (replace(SHOWN, steps=(replace(CREATE, service="http://evil"),)), False),
        (replace(SHOWN, problems=()), False),
        (replace(SHOWN, exposures=()), False),
        (replace(SHOWN, adoptable=frozenset({FOUND, MadeByHand(id="new")})), False),
        (Plan(adoptable=frozenset({MadeByHand(id="new")})), False),
    ],
)
def test_confirmation_covers_what_was_shown(plan: Plan, covered: bool) -> None:
    """Nothing may be different, unless all is done, or a rule that could be taken over is gone."""
    assert plan.is_covered_by(SHOWN) is covered


# Records


def test_marked_record_only_gets_our_comment() -> None:
    """Its target is not written again."""
    step = RecordStep(action=Action.MARK, target=HOST, tunnel_id=TUNNEL_ID)
    assert record_body(step) == {"comment": RECORD_COMMENT}
    foreign = record(content=f"{TUNNEL_ID.upper()}.cfargotunnel.com.", ours=False)
    observation = advance(observed(records=[foreign, record(OTHER)]), step)
    adopted = address_record(observation.records, HOST)
    assert adopted == replace(foreign, comment=RECORD_COMMENT)
    assert address_record(observation.records, OTHER) == record(OTHER)


@pytest.mark.parametrize(
    "before", [None, record(kind="A", content="192.0.2.1", proxied=False)]
)
def test_written_record_leads_to_the_tunnel(before: DnsRecord | None) -> None:
    """It keeps its id."""
    step = RecordStep(action=Action.UPDATE, target=HOST, tunnel_id=TUNNEL_ID)
    others = [record(OTHER), record(kind="TXT", content="x", ours=False)]
    observation = observed(records=[*others, *([before] if before else [])])
    left = advance(observation, step).records
    assert left == (
        *others,
        replace(record(), id=before.id if before else ""),
    )


# Rules


def test_rule_goes_ahead_of_the_given_one() -> None:
    """Without one, it goes ahead of all."""
    observation = observed(rules=[skip("ssl", "first"), block_rule(), skip_rule()])
    step = RuleStep(
        kind=Kind.SKIP_RULE, action=Action.MOVE, target=SKIP_REF, before=BLOCK_REF
    )
    moved = advance(observation, step)
    assert refs(moved) == ["first", SKIP_REF, BLOCK_REF]
    assert moved.ruleset.by_ref(SKIP_REF) == skip_rule()
    moved = advance(observation, replace(step, before=None))
    assert refs(moved) == [SKIP_REF, "first", BLOCK_REF]


def test_adopted_rule_keeps_its_place_and_id() -> None:
    """Everything else becomes ours."""
    wanted = block_of(wanting(protected()))
    observation = observed(rules=[skip("ssl", "first"), BY_HAND, skip("ssl", "last")])
    step = RuleStep(
        kind=Kind.BLOCK_RULE,
        action=Action.ADOPT,
        target=BLOCK_REF,
        rule=wanted,
        replaces=BY_HAND,
    )
    left = advance(observation, step)
    assert refs(left) == ["first", BLOCK_REF, "last"]
    adopted = left.ruleset.by_ref(BLOCK_REF)
    assert adopted
    assert (adopted.id, adopted.expression) == (BY_HAND.id, wanted.expression)
    assert (adopted.action, adopted.enabled) == ("block", True)
    assert adopted.description == wanted.description


def test_discarded_rule_is_the_one_made_by_hand() -> None:
    """The rule of ours that replaces it stays."""
    observation = observed(rules=[BY_HAND, block_rule()])
    step = RuleStep(
        kind=Kind.BLOCK_RULE,
        action=Action.DISCARD,
        target=BY_HAND.ref,
        replaces=BY_HAND,
    )
    assert refs(advance(observation, step)) == [BLOCK_REF]


def test_rule_that_no_longer_names_a_hostname() -> None:
    """Only a rule that is changed may leave one out."""
    block = block_of(wanting(protected(OTHER)))
    step = RuleStep(
        kind=Kind.BLOCK_RULE, action=Action.UPDATE, target=BLOCK_REF, rule=block
    )
    assert step.leaves_out(HOST)
    assert not step.leaves_out(OTHER)
    assert not replace(step, action=Action.CREATE).leaves_out(HOST)
    assert not replace(step, action=Action.DELETE, rule=None).leaves_out(HOST)
    assert not replace(step, rule=None).leaves_out(HOST)
