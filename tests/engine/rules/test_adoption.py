"""Which rules count as made by hand for a hostname, and which are none of our business."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Rule
from custom_components.cloudflare_mtls.engine.rules.adoption import is_made_by_hand
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from custom_components.cloudflare_mtls.engine.sync.steps import Action, Kind
from tests.engine.builders import (
    HOST,
    OTHER,
    TUNNEL_ID,
    RecordStep,
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
    desired = wanting(protected(), takes_over=True)

    plan = make_plan(observation, desired)

    assert names(plan.steps) == ["adopt block_rule", "adopt skip_rule"]
    assert exposed(after(observation, plan), HOST) is None


BY_HAND = (
    skip(f'http.host eq "{HOST}" and {VERIFIED}', "by-hand-skip"),
    rule("block", f'http.host eq "{HOST}" and not {VERIFIED}', "by-hand-block"),
)


def test_replaced_rules_are_deleted_once_ours_exist() -> None:
    observation = published(*BY_HAND, skip_rule(), block_rule())
    plan = make_plan(observation, wanting(protected(), takes_over=True))
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


def test_skip_rule_made_by_hand_is_deleted_where_none_is_wanted() -> None:
    """The block rule made by hand becomes ours."""
    only = protected(layout=Layout.BLOCK_ONLY)
    plan = make_plan(published(*BY_HAND), wanting(only, takes_over=True))
    assert names(plan.steps) == [
        "adopt block_rule",
        "move block_rule",
        "discard skip_rule",
    ]


def test_what_was_made_by_hand_stays_unless_we_take_over() -> None:
    observation = published(skip_rule(), block_rule(), *BY_HAND)
    assert make_plan(observation, wanting(protected())).in_sync


def test_record_made_by_hand_becomes_ours_only_where_we_take_over() -> None:
    observation = replace(in_sync(), records=(record(ours=False),))
    assert make_plan(observation, wanting(protected())).in_sync
    plan = make_plan(observation, wanting(protected(), takes_over=True))
    assert plan.steps == (
        RecordStep(action=Action.ADOPT, target=HOST, tunnel_id=TUNNEL_ID),
    )
    assert make_plan(
        after(observation, plan), wanting(protected(), takes_over=True)
    ).in_sync
