"""Which settings of an origin a new ingress rule takes over, and from which rule."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.steps import Action
from tests.engine.builders import (
    CATCH_ALL,
    HOST,
    SERVICE,
    TUNNEL_ID,
    IngressStep,
    after,
    configuration,
    observed,
    protected,
    serves,
    wanting,
)

PROXY = "http://localhost:30280"
TRUST_AND_TIME = {
    "caPool": "/etc/ca.pem",
    "connectTimeout": 10,
    "keepAliveTimeout": 90,
    "noTLSVerify": False,
    "tcpKeepAlive": 30,
    "tlsTimeout": 5,
}


def new_rule(
    *siblings: dict[str, Any], hostname: str = HOST, service: str = SERVICE
) -> Any:
    """Return the rule that is written for a hostname beside these."""
    seen = observed(ingress=[*siblings, CATCH_ALL])
    wanted = wanting(protected(hostname, service=service))
    written = after(seen, make_plan(seen, wanted)).configurations[TUNNEL_ID].raw
    kept = [rule for rule in written["ingress"] if rule.get("hostname") != hostname]
    assert kept == [*siblings, CATCH_ALL]
    (own,) = [rule for rule in written["ingress"] if rule not in kept]
    return own


def behind_the_proxy(name: str, **more: Any) -> dict[str, Any]:
    """Return the ingress rule of an application behind one proxy that serves several."""
    hostname = f"{name}.example.com"
    rule: dict[str, Any] = serves(
        hostname,
        PROXY,
        originRequest={"httpHostHeader": hostname, "noTLSVerify": False, **more},
    )
    return rule


@pytest.mark.parametrize(
    "left_out",
    [
        {},
        {"access": {"required": True, "teamName": "casa", "audTag": ["<aud>"]}},
        {"matchSNItoHost": True, "http2Origin": True, "proxyType": "socks"},
        {"disableChunkedEncoding": True, "bastionMode": True, "unknown": 1},
        # Not what Cloudflare documents, so nobody knows what it does.
        {"originServerName": ["ha.home.arpa"], "httpHostHeader": {"a": 1}},
    ],
)
def test_trust_and_time_of_the_same_origin(left_out: dict[str, Any]) -> None:
    """Whom an application lets in and how it speaks are its own."""
    siblings = [
        serves("nas.example.com", "http://nas:1", originRequest={"tlsTimeout": 9}),
        serves("plain.example.com", SERVICE),
        serves("home.example.com", originRequest={**left_out, **TRUST_AND_TIME}),
    ]
    assert new_rule(*siblings) == serves(originRequest=TRUST_AND_TIME)


@pytest.mark.parametrize("settings", [{}, {"access": {"required": True}}, None, 1])
@pytest.mark.parametrize("name", ["home", "grafana"])
def test_nothing_to_take_over(settings: Any, name: str) -> None:
    """Where nothing is taken over, there are no settings."""
    sibling = serves(f"{name}.example.com", SERVICE, originRequest=settings)
    assert new_rule(sibling) == serves()


def test_nothing_of_another_origin() -> None:
    """How that one is trusted says nothing of this one."""
    sibling = serves("nas.example.com", "http://nas:1", originRequest={"noTLSVerify": True})  # fmt: skip
    assert new_rule(sibling) == serves()


def test_rule_that_is_there_keeps_its_own_settings() -> None:
    """It only leads to another service now, and no more than that is told of it."""
    siblings = [
        serves(HOST, "http://elsewhere", originRequest={"tlsTimeout": 9}),
        serves("home.example.com", originRequest=TRUST_AND_TIME),
    ]
    seen = observed(ingress=[*siblings, CATCH_ALL])
    plan = make_plan(seen, wanting(protected()))
    (step,) = [step for step in plan.steps if isinstance(step, IngressStep)]
    assert (step.action, step.origin_request) == (Action.UPDATE, ())
    written = after(seen, plan).configurations[TUNNEL_ID].raw["ingress"]
    assert serves(originRequest={"tlsTimeout": 9}) in written


def test_host_of_home_assistant_behind_a_proxy() -> None:
    """It decides which application answers, so it comes from the browser's hostname."""
    siblings = [behind_the_proxy(name) for name in ("grafana", "prometheus", "home")]
    rule = new_rule(*siblings, service=PROXY)
    assert rule["originRequest"] == {
        "httpHostHeader": "home.example.com",
        "noTLSVerify": False,
    }


@pytest.mark.parametrize(
    ("hostname", "browser"),
    [
        ("home-mobile.example.com", "home.example.com"),
        ("home-mobile.example.com", "Home.Example.com"),
        ("mobile.example.com", "example.com"),
        ("ha-mobile.casa.example.com", "ha.casa.example.com"),
    ],
)
def test_names_of_the_rule_that_a_hostname_is_named_after(
    hostname: str, browser: str
) -> None:
    """They are taken over with the trust that they belong to."""
    named = {
        "httpHostHeader": "inside.home.arpa",
        "originServerName": "proxy.home.arpa",
        "caPool": "/etc/ca.pem",
    }
    siblings = [
        behind_the_proxy("grafana", originServerName="grafana.example.com"),
        serves(browser, PROXY, originRequest=named),
    ]
    rule = new_rule(*siblings, hostname=hostname, service=PROXY)
    assert rule["originRequest"] == named


@pytest.mark.parametrize(
    "siblings",
    [
        # One other application, so that all rules have the same names.
        [behind_the_proxy("grafana", originServerName="grafana.example.com")],
        [
            behind_the_proxy("grafana", originServerName="proxy.home.arpa"),
            behind_the_proxy("prometheus", originServerName="proxy.home.arpa"),
        ],
        # The rule that the hostname is named after is for one path, or for another origin.
        [
            behind_the_proxy("grafana"),
            {**behind_the_proxy("home"), "path": "^/api"},
            serves("home.example.com", "http://nas:1", originRequest={"tlsTimeout": 9}),
        ],
        [{**behind_the_proxy("*"), "originRequest": {"httpHostHeader": "a", "noTLSVerify": False}}],
    ],
)  # fmt: skip
def test_no_name_where_it_may_be_another_application(
    siblings: list[dict[str, Any]],
) -> None:
    """The phone would reach the wrong application, with everything green."""
    rule = new_rule(*siblings, service=PROXY)
    assert rule["originRequest"] == {"noTLSVerify": False}


def test_no_more_trust_than_home_assistant_has() -> None:
    """Its own rule says how its origin is trusted, also by saying nothing."""
    siblings = [
        behind_the_proxy("grafana", noTLSVerify=True),
        serves("home.example.com", PROXY),
    ]
    assert new_rule(*siblings, service=PROXY) == serves(service=PROXY)


def test_what_is_taken_over_is_part_of_the_step() -> None:
    """A person confirms it, and what changes afterwards is another plan."""
    seen = observed(ingress=[behind_the_proxy("home"), CATCH_ALL])
    wanted = wanting(protected(service=PROXY))
    plan = make_plan(seen, wanted)
    (step,) = [step for step in plan.steps if isinstance(step, IngressStep)]
    assert dict(step.origin_request) == {
        "httpHostHeader": "home.example.com",
        "noTLSVerify": False,
    }
    changed = configuration(behind_the_proxy("home", noTLSVerify=True), CATCH_ALL)
    again = make_plan(replace(seen, configurations={TUNNEL_ID: changed}), wanted)
    assert not again.is_covered_by(plan)
