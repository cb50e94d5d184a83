"""Which rules count as made by hand for a hostname, and which are none of our business."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Rule
from custom_components.cloudflare_mtls.engine.rules.adoption import (
    MadeByHand,
    is_made_by_hand,
)
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from custom_components.cloudflare_mtls.engine.sync.steps import Action, Kind
from tests.engine.builders import (
    HOST,
    OTHER,
    RuleStep,
    after,
    block_rule,
    in_sync,
    names,
    protected,
    published,
    record,
    rule,
    skip,
    skip_rule,
    taking_over,
    wanting,
)

VERIFIED = "cf.tls_client_auth.cert_verified"
REVOKED = "cf.tls_client_auth.cert_revoked"


@pytest.mark.parametrize(
    "expression",
    [
        f'(http.host eq "{HOST}" and not {VERIFIED})',
        f'(http.host in {{"{HOST}"}} and not {VERIFIED})',
        f'(http.host in {{"{HOST}" "{OTHER}"}} and not {VERIFIED})',
        f'(http.host in {{"{HOST}" "{HOST}"}} and not {VERIFIED})',
        f'(not {VERIFIED} and http.host eq "{HOST}")',
        f'(http.host in {{"{HOST}"}} and (not {VERIFIED} or {REVOKED}))',
        f'lower(http.host) eq "{HOST}" and not {VERIFIED}',
        f'starts_with(http.host, "{HOST}") and not {VERIFIED}',
        f'(http.host eq "{HOST}" or http.host eq "{OTHER}") and not {VERIFIED}',
    ],
)
@pytest.mark.parametrize("action", ["block", "skip"])
def test_guides_are_recognised(action: str, expression: str) -> None:
    assert is_made_by_hand(rule(action, expression), {HOST, OTHER})


@pytest.mark.parametrize(
    "foreign",
    [
        rule("block", f'http.host eq "nas.example.com" and not {VERIFIED}'),
        rule("block", f'http.host in {{"{HOST}" "nas.example.com"}} and not {VERIFIED}'),
        rule("block", f'http.host in {{"{HOST}" 6e:61:73}} and not {VERIFIED}'),
        rule("block", f'http.host eq "{HOST}" or not {VERIFIED}'),
        rule("block", f'http.host eq "{HOST}" and http.host eq "{OTHER}" and {VERIFIED}'),
        rule("block", f'http.host eq "{HOST}" and ip.src.country ne "DE" and {VERIFIED}'),
        rule("block", f'http.host eq "{HOST}" and not http.request.uri.path eq "/x"'),
        rule("block", f'http.host ne "{HOST}" and not {VERIFIED}'),
        rule("block", f'http.host contains "{HOST}" and not {VERIFIED}'),
        rule("block", f"not {VERIFIED}"),
        rule("block", f'not (http.host eq "{HOST}" and {VERIFIED})'),
        rule("block", f'http.referer eq "{HOST}" and not {VERIFIED}'),
        rule("block", f'starts_with(http.referer, "{HOST}") and not {VERIFIED}'),
        rule("block", f'(http.host eq "{HOST}" or ip.src.country eq "DE") and not {VERIFIED}'),
        rule("block", f'http.host eq "{HOST}" and (not {VERIFIED} or ip.src.country eq "DE")'),
        rule("block", f'http.host eq "{HOST}" and starts_with(http.user_agent, "curl")'),
        rule("block", "((("),
        rule("managed_challenge", f'http.host eq "{HOST}" and not {VERIFIED}'),
        block_rule(),
    ],
    ids=lambda item: item.expression,
)  # fmt: skip
def test_other_rules_are_foreign(foreign: Rule) -> None:
    assert is_made_by_hand(foreign, {HOST, OTHER}) is False


def test_taking_over_blocks_revoked_certificates() -> None:
    observation = published(
        skip(f'http.host eq "{HOST}" and {VERIFIED}', "by-hand-skip"),
        rule("block", f'http.host eq "{HOST}" and not {VERIFIED}', "by-hand-block"),
    )
    assert exposed(observation, HOST)
    desired = taking_over(observation, wanting(protected()))

    plan = make_plan(observation, desired)

    assert names(plan.steps) == ["adopt block_rule", "adopt skip_rule"]
    assert exposed(after(observation, plan), HOST) is None


BY_HAND = (
    skip(f'http.host eq "{HOST}" and {VERIFIED}', "by-hand-skip"),
    rule("block", f'http.host eq "{HOST}" and not {VERIFIED}', "by-hand-block"),
)


def test_replaced_rules_are_deleted_once_ours_exist() -> None:
    observation = published(*BY_HAND, skip_rule(), block_rule())
    plan = make_plan(observation, taking_over(observation, wanting(protected())))
    discards = [
        step
        for step in plan.steps
        if isinstance(step, RuleStep) and step.action is Action.DISCARD
    ]
    assert plan.steps[-2:] == tuple(discards)
    assert [(step.kind, step.target, step.replaces) for step in discards] == [
        (Kind.SKIP_RULE, "by-hand-skip", BY_HAND[0]),
        (Kind.BLOCK_RULE, "by-hand-block", BY_HAND[1]),
    ]
    assert after(observation, plan).ruleset.rules == (skip_rule(), block_rule())


def test_rule_of_a_hostname_that_may_not_be_led_home_is_replaced() -> None:
    """Only rules are written for it, whatever ref a person gave to theirs."""
    by_hand = replace(BY_HAND[1], ref=HOST)
    observation = published(skip_rule(), block_rule(), by_hand)
    plan = make_plan(observation, taking_over(observation, wanting(protected())))
    assert names(plan.steps) == ["discard block_rule"]
    assert plan.without_ways_to({HOST}) == plan


def test_skip_rule_made_by_hand_is_deleted_where_none_is_wanted() -> None:
    """The block rule made by hand becomes ours."""
    only = protected(layout=Layout.BLOCK_ONLY)
    observation = published(*BY_HAND)
    plan = make_plan(observation, taking_over(observation, wanting(only)))
    assert names(plan.steps) == [
        "adopt block_rule",
        "move block_rule",
        "discard skip_rule",
    ]


def test_rules_made_by_hand_stay_unless_we_take_over() -> None:
    observation = published(skip_rule(), block_rule(), *BY_HAND)
    assert make_plan(observation, wanting(protected())).in_sync


def test_record_made_by_hand_never_becomes_ours() -> None:
    observation = replace(in_sync(), records=(record(ours=False),))
    assert make_plan(observation, wanting(protected())).in_sync
    assert make_plan(
        observation, taking_over(observation, wanting(protected()))
    ).in_sync


def test_only_what_is_named_is_taken_over() -> None:
    """What a person did not agree to stays as it is."""
    second = rule("block", BY_HAND[1].expression, "second")
    observation = replace(
        published(skip_rule(), block_rule(), *BY_HAND, second, plan="pro"),
        records=(record(ours=False),),
    )
    named = frozenset({MadeByHand(id=BY_HAND[1].id)})

    plan = make_plan(observation, wanting(protected(), takes_over=named))

    assert names(plan.steps) == ["discard block_rule"]
    assert BY_HAND[0] in after(observation, plan).ruleset.rules
    assert second in after(observation, plan).ruleset.rules
    assert plan.adoptable == {MadeByHand(id=item.id) for item in (*BY_HAND, second)}


def test_what_can_be_taken_over_is_found_only_where_a_person_is_asked() -> None:
    observation = published(*BY_HAND)
    desired = wanting(protected())
    assert make_plan(observation, desired).adoptable == frozenset()
    asked = make_plan(observation, replace(desired, takes_over=frozenset()))
    assert asked.adoptable == {MadeByHand(id=item.id) for item in BY_HAND}
    assert asked.steps == make_plan(observation, desired).steps
