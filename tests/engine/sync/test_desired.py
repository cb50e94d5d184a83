"""Tests of the desired state that follows from a person's choices."""

from dataclasses import replace

from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from custom_components.cloudflare_mtls.engine.rules.expressions import skip_expression
from custom_components.cloudflare_mtls.engine.sync.desired import (
    DesiredRule,
    DesiredZone,
)
from custom_components.cloudflare_mtls.engine.sync.settings import (
    Layout,
    ProtectedHostname,
)
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    OTHER,
    RECORD_COMMENT,
    SERVICE,
    SKIP_REF,
    TUNNEL_ID,
    admits,
    block_rule,
    protected,
    skip_rule,
)


def test_rules_of_a_zone() -> None:
    desired = DesiredZone(
        hostnames=(protected(), protected(OTHER, layout=Layout.BLOCK_ONLY))
    )
    assert desired.block is not None
    assert desired.skip is not None
    assert (desired.block.ref, desired.skip.ref) == (BLOCK_REF, SKIP_REF)
    assert HOST in desired.block.expression
    assert OTHER in desired.block.expression
    assert OTHER not in desired.skip.expression
    # Descriptions, so that a person finds the rules in the dashboard.
    for rule in (desired.block, desired.skip):
        assert rule.description.startswith("Home Assistant: ")
    assert desired.block.body() == {
        "ref": BLOCK_REF,
        "action": "block",
        "expression": desired.block.expression,
        "description": desired.block.description,
        "enabled": True,
    }
    body = desired.skip.body()
    assert (body["action"], body["enabled"]) == ("skip", True)
    assert body["action_parameters"]["ruleset"] == "current"


def test_marks_of_our_things_stay() -> None:
    """Things that earlier versions wrote are found by these marks."""
    assert BLOCK_REF == "cloudflare_mtls_block"
    assert SKIP_REF == "cloudflare_mtls_skip"
    assert RECORD_COMMENT == "Home Assistant: Cloudflare mTLS"
    assert set(Layout) == {"skip_and_block", "block_only"}


def test_skip_rule_skips_everything_that_the_zone_allows() -> None:
    """The parameters are those of Cloudflare's API."""
    assert DesiredZone(hostnames=(protected(),)).skip == DesiredRule(
        ref=SKIP_REF,
        action="skip",
        expression=skip_expression({HOST: admits()}),
        description="Home Assistant: let devices with a certificate in",
        action_parameters={
            "ruleset": "current",
            "phases": [
                "http_ratelimit",
                "http_request_firewall_managed",
                "http_request_sbfm",
            ],
            "products": [
                "bic",
                "hot",
                "rateLimit",
                "securityLevel",
                "uaBlock",
                "waf",
                "zoneLockdown",
            ],
        },
    )


def test_hostname_is_published_behind_both_rules_unless_told_otherwise() -> None:
    least = ProtectedHostname(hostname=HOST, tunnel_id=TUNNEL_ID, service=SERVICE)
    assert least == protected()
    assert least.published
    zone_of_it = DesiredZone(hostnames=(least,))
    assert zone_of_it.skip is not None
    assert zone_of_it.admission(least) == admits()


def test_neighbours_stay_in_the_rules() -> None:
    """A neighbour is in the skip rule only if it was before."""
    desired = DesiredZone(
        hostnames=(protected(),), neighbours={OTHER: admits("/api/webhook/")}
    )
    assert desired.block
    assert read_admissions(desired.block.expression) == {
        HOST: admits(),
        OTHER: admits("/api/webhook/"),
    }
    assert desired.skip
    assert read_admissions(desired.skip.expression) == {HOST: admits()}
    skipping = replace(desired, skipping_neighbours={OTHER: admits()}).skip
    assert skipping
    assert read_admissions(skipping.expression) == {HOST: admits(), OTHER: admits()}


def test_empty_zone_wants_no_rules() -> None:
    gone = DesiredZone(removed=(protected(),))
    assert gone.block is None
    assert gone.skip is None


def test_zone_of_block_only_hostnames_wants_no_skip() -> None:
    only = DesiredZone(hostnames=(protected(layout=Layout.BLOCK_ONLY),))
    assert only.block is not None
    assert only.skip is None


def test_rule_with_other_conditions_is_not_met() -> None:
    """Ours is written again, whole: it has to apply to every request."""
    block, skip = block_rule(), skip_rule()
    zone = DesiredZone(hostnames=(protected(),))
    assert zone.block
    assert zone.skip
    assert zone.block.is_met_by(block)
    for wanted, seen in ((zone.block, block), (zone.skip, skip)):
        assert not wanted.is_met_by(replace(seen, has_other_conditions=True))
