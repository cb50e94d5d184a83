"""Tests of a hostname that another tunnel served before."""

from dataclasses import replace

from custom_components.cloudflare_mtls.engine.api.ingress import TunnelConfiguration
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from tests.engine.builders import (
    CATCH_ALL,
    HOST,
    OTHER,
    TUNNEL_ID,
    after,
    configuration,
    in_sync,
    names,
    protected,
    record,
    serves,
    settled,
    wanting,
)

FORMER_TUNNEL = "7e000000-0000-4000-8000-0000000000aa"


def test_former_tunnel_serves_the_hostname_no_longer() -> None:
    """The ingress rule of the old tunnel is removed last."""
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
    """Another hostname may still use the tunnel."""
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


def test_former_settings_with_the_same_tunnel_leave_it_alone() -> None:
    """Only the exempt paths or the layout were changed."""
    former = protected(HOST, "/api/webhook/", layout=Layout.BLOCK_ONLY)
    assert make_plan(in_sync(), wanting(protected(), former=(former,))).in_sync
