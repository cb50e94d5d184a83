"""Tests of what counts as drift: it is fixed with the least steps, and harmless changes are left alone."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from tests.engine.builders import (
    CATCH_ALL,
    HOST,
    MAY_END_THE_RULES,
    ONE,
    TUNNEL_ID,
    UNKNOWN_TUNNEL,
    admits,
    after,
    block_rule,
    foreign,
    in_sync,
    names,
    observed,
    protected,
    record,
    rule,
    serves,
    skip,
    skip_rule,
    wanting,
)


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
        *(
            ({"rules": [foreign_rule, skip_rule(), block_rule()]}, ["move block_rule", "move skip_rule"])
            for foreign_rule in MAY_END_THE_RULES
        ),
        ({"associations": ["nas.example.com"]}, ["create association"]),
        ({"records": []}, ["create dns_record"]),
        ({"records": [record(proxied=False)]}, ["update dns_record"]),
        ({"records": [record(tunnel_id=UNKNOWN_TUNNEL)]}, ["update dns_record"]),
        ({"records": [record(kind="A", content="192.0.2.1")]}, ["update dns_record"]),
        ({"ingress": [CATCH_ALL]}, ["create ingress"]),
        ({"ingress": [serves(service="http://elsewhere:1"), CATCH_ALL]}, ["update ingress"]),
        ({"ingress": [serves("*.example.com", "http://a:1"), serves(), CATCH_ALL]}, ["update ingress"]),
        ({"ingress": [serves(HOST.upper(), "http://a:1"), serves(), CATCH_ALL]}, ["update ingress"]),
        ({"ingress": [serves(HOST.title()), CATCH_ALL]}, ["update ingress"]),
        ({"ingress": [serves(HOST.upper(), "http://a:1"), CATCH_ALL]}, ["update ingress"]),
    ],
)  # fmt: skip
def test_drift_is_fixed_with_the_least_steps(
    drifted: dict[str, Any], steps: list[str]
) -> None:
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
        {"ingress": [serves("*.EXAMPLE.com", "http://a:1"), serves(), CATCH_ALL]},
        {"ingress": [serves("*.example.com", "http://a:1", path="^/x"), serves(), CATCH_ALL]},
        {"rules": [rule("skip", "ssl", parameters={"products": ["bic"]}), skip_rule(), block_rule()]},
        {"rules": [rule("log", "ssl"), rule("block", 'http.host eq "x"', "x"), skip_rule(), block_rule()]},
        {"ingress": [serves("nas.example.com", "http://a:1"), serves(), CATCH_ALL]},
        {"ingress": [serves(path="^/x", service="http://a:1"), serves(originRequest={}), CATCH_ALL]},
    ],
)  # fmt: skip
def test_harmless_changes_are_left_alone(harmless: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "rules": [skip_rule(), block_rule()],
        "records": [record()],
        "ingress": [serves(), CATCH_ALL],
        "associations": [HOST],
    }
    assert make_plan(observed(**{**good, **harmless}), ONE).in_sync


def test_changed_exempt_paths_are_one_update() -> None:
    desired = wanting(protected(HOST, "/api/webhook/"))
    plan = make_plan(in_sync(), desired)
    assert names(plan.steps) == ["update block_rule"]
    observation = after(in_sync(), plan)
    assert not exposed(observation, HOST, admits("/api/webhook/"))
    assert make_plan(observation, desired).in_sync
    # And back: paths that are open beyond the settings are reported, and closed at once.
    back = make_plan(observation, ONE)
    assert [item.hostname for item in back.exposures] == [HOST]
    assert names(back.steps) == ["update block_rule"]
