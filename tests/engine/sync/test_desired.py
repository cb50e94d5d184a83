"""Tests of the desired state that follows from a person's choices."""

from collections.abc import Mapping
from dataclasses import replace

from custom_components.cloudflare_mtls.engine.rules.admissions import (
    NOBODY,
    Admission,
    read_admissions,
)
from custom_components.cloudflare_mtls.engine.rules.expressions import skip_expression
from custom_components.cloudflare_mtls.engine.rules.pairs import Pair
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
    NEIGHBOUR,
    OTHER,
    RECORD_COMMENT,
    SERVICE,
    SKIP_REF,
    TUNNEL_ID,
    admits,
    block_rule,
    protected,
    rules_of,
    skip_rule,
)

BOAT = "boat.example.com"


def test_rules_of_a_zone() -> None:
    desired = DesiredZone(
        hostnames=(protected(), protected(OTHER, layout=Layout.BLOCK_ONLY))
    )
    block, skip = rules_of(desired)
    assert block
    assert skip
    assert (block.ref, skip.ref) == (BLOCK_REF, SKIP_REF)
    assert HOST in block.expression
    assert OTHER in block.expression
    assert OTHER not in skip.expression
    # Descriptions, so that a person finds the rules in the dashboard.
    for rule in (block, skip):
        assert rule.description.startswith("Home Assistant: ")
    assert block.body() == {
        "ref": BLOCK_REF,
        "action": "block",
        "expression": block.expression,
        "description": block.description,
        "enabled": True,
    }
    body = skip.body()
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
    _, skip = rules_of(DesiredZone(hostnames=(protected(),)))
    assert skip == DesiredRule(
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
    _, skip = rules_of(zone_of_it)
    assert skip
    assert zone_of_it.admission(least) == admits()


def test_neighbours_stay_in_the_rules() -> None:
    """A neighbour is in the skip rule only if it was before."""
    webhooks = admits("/api/webhook/")
    pair = Pair(number=1, blocked={OTHER: webhooks})
    desired = DesiredZone(hostnames=(protected(),), neighbours=(pair,))
    both = {HOST: admits(), OTHER: webhooks}
    assert named_by(desired) == (both, {HOST: admits()})
    skipping = replace(desired, neighbours=(replace(pair, skipping=pair.blocked),))
    assert named_by(skipping) == (both, {HOST: admits(), OTHER: admits()})


def named_by(
    desired: DesiredZone,
) -> tuple[Mapping[str, Admission], Mapping[str, Admission]]:
    """Return whom the block rule and the skip rule let pass, by hostname."""
    block, skip = rules_of(desired)
    assert block
    assert skip
    return read_admissions(block.expression), read_admissions(skip.expression)


def test_what_is_set_up_here_decides_who_passes() -> None:
    """Other Home Assistants decide about their own hostnames only, in each of their pairs."""
    theirs = admits("/theirs")
    lost, both = {HOST: theirs, OTHER: theirs}, {HOST: theirs, NEIGHBOUR: theirs}
    desired = DesiredZone(
        hostnames=(protected(HOST, "/ours"),),
        in_files={OTHER: [TUNNEL_ID]},
        lost_neighbours=lost,
        neighbours=(
            Pair(number=1, blocked=both),
            Pair(number=2, blocked={BOAT: admits("/boat")}),
        ),
    )
    assert desired.to_place == {HOST: admits("/ours"), OTHER: NOBODY}
    assert desired.blocked == {
        HOST: admits("/ours"),
        OTHER: NOBODY,
        NEIGHBOUR: theirs,
        BOAT: admits("/boat"),
    }


def test_nobody_passes_at_a_removed_hostname_that_a_file_may_name() -> None:
    """A change that would let devices in there opens it, too."""
    desired = DesiredZone(removed=(protected(),), in_files={HOST: [TUNNEL_ID]})
    assert desired.admissions == {HOST: NOBODY}


def test_empty_zone_wants_no_rules() -> None:
    assert rules_of(DesiredZone(removed=(protected(),))) == (None, None)


def test_zone_of_block_only_hostnames_wants_no_skip() -> None:
    only = DesiredZone(hostnames=(protected(layout=Layout.BLOCK_ONLY),))
    block, skip = rules_of(only)
    assert block
    assert skip is None


def test_rule_with_other_conditions_is_not_met() -> None:
    """Ours is written again, whole: it has to apply to every request."""
    desired = rules_of(DesiredZone(hostnames=(protected(),)))
    for wanted, seen in zip(desired, (block_rule(), skip_rule()), strict=True):
        assert wanted
        assert wanted.is_met_by(seen)
        assert not wanted.is_met_by(replace(seen, has_other_conditions=True))
