"""Builders of zones, rules and settings for the tests of the engine."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from custom_components.cloudflare_mtls.engine.api.ingress import TunnelConfiguration
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import (
    Account,
    DnsRecord,
    Observation,
    Rule,
    Ruleset,
    Zone,
)
from custom_components.cloudflare_mtls.engine.certificates.records import Record
from custom_components.cloudflare_mtls.engine.certificates.trust import Trust
from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.expressions import (
    block_expression,
    skip_expression,
)
from custom_components.cloudflare_mtls.engine.rules.marks import (
    BLOCK_REF,
    RECORD_COMMENT,
    SKIP_REF,
)
from custom_components.cloudflare_mtls.engine.rules.skippable import (
    Skippable,
    skip_parameters,
)
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.desired import (
    DesiredRule,
    DesiredZone,
    block_rule as write_block_rule,
    record_content,
)
from custom_components.cloudflare_mtls.engine.sync.placing import with_placement
from custom_components.cloudflare_mtls.engine.sync.plan import Plan, make_plan
from custom_components.cloudflare_mtls.engine.sync.rule_adoption import (
    find_made_by_hand,
)
from custom_components.cloudflare_mtls.engine.sync.settings import (
    Found,
    Layout,
    ProtectedHostname,
)
from custom_components.cloudflare_mtls.engine.sync.steps import (
    IngressStep,
    RecordStep,
    RuleStep,
    Step,
    advance,
)
from sandbox.seed import ACCOUNT_ID, SERVICE, TUNNEL_ID, ZONE_ID, ZONE_NAME

HOST = f"home-mobile.{ZONE_NAME}"
OTHER = f"cabin-mobile.{ZONE_NAME}"
NEIGHBOUR = f"boat-mobile.{ZONE_NAME}"
UNKNOWN_TUNNEL = "7e000000-0000-4000-8000-00000000dead"
CATCH_ALL = {"service": "http_status:404"}

# Skips the rest of the zone's rules; skipping anything else does not expose a hostname.
ENDS_THE_RULES = {"ruleset": "current"}


def zone(plan: str = "free") -> Zone:
    """Return the observed zone."""
    account = Account(id=ACCOUNT_ID, name="Home lab")
    return Zone(id=ZONE_ID, name=ZONE_NAME, account=account, plan=plan, active=True)


def protected(
    hostname: str = HOST,
    *exempt_paths: str,
    layout: Layout = Layout.SKIP_AND_BLOCK,
    service: str = SERVICE,
    tunnel_id: str = TUNNEL_ID,
    published: bool = True,
    found: Found = Found.CREATED,
    devices: Iterable[str] | None = None,
) -> ProtectedHostname:
    """Return the settings of a protected hostname."""
    return ProtectedHostname(
        hostname=hostname,
        tunnel_id=tunnel_id,
        service=service,
        layout=layout,
        exempt_paths=exempt_paths,
        published=published,
        found=found,
        devices=None if devices is None else frozenset(devices),
    )


def admits(*exempt_paths: str, pinned: Iterable[str] | None = None) -> Admission:
    """Return an admission: exempt paths and, when pinning, the fingerprints."""
    pins = None if pinned is None else frozenset(pinned)
    return Admission(exempt_paths=exempt_paths, pinned=pins)


def wanting(
    *hostnames: ProtectedHostname,
    removed: Iterable[ProtectedHostname] = (),
    pinned: frozenset[str] | None = None,
    of_device: Mapping[str, frozenset[str]] = MappingProxyType({}),
    **more: Any,
) -> DesiredZone:
    """Return a desired zone, with hostnames to protect, others to take down, and what is accepted."""
    return DesiredZone(
        hostnames=hostnames,
        removed=tuple(removed),
        accepted=Accepted(everywhere=pinned, of_device=of_device),
        **more,
    )


def taking_over(observation: Observation, desired: DesiredZone) -> DesiredZone:
    """Return a desired zone in which all becomes ours that was made by hand."""
    return replace(desired, takes_over=find_made_by_hand(observation, desired))


def rule(
    action: str,
    expression: str,
    ref: str = "foreign",
    *,
    enabled: bool = True,
    parameters: dict[str, Any] | None = None,
) -> Rule:
    """Return an observed rule."""
    return Rule(
        id=f"id-of-{ref}",
        ref=ref,
        action=action,
        expression=expression,
        description=f"Rule {ref}",
        enabled=enabled,
        action_parameters=parameters or {},
    )


def skip(expression: str, ref: str = "foreign", *, enabled: bool = True) -> Rule:
    """Return a rule that skips the rules after it for requests that match."""
    return rule("skip", expression, ref, enabled=enabled, parameters=ENDS_THE_RULES)


# Rules of others after which Cloudflare may evaluate no further custom rule.
MAY_END_THE_RULES = [
    skip("ssl"),
    rule("skip", "ssl", parameters={"phase": "current"}),
    rule("skip", "ssl", parameters={"rulesets": ["4814384a9e5d4991b9815dcfc25d2f1f"]}),
    rule("skip", "ssl", parameters={"phases": ["http_request_firewall_custom"]}),
    rule("skip", "ssl", parameters={"phases": "current"}),
    rule("skip", "ssl", parameters={"products": ["custom_rules"]}),
    rule("skip", "ssl", parameters={"products": ["bic", "custom_rules"]}),
    rule("skip", "ssl", parameters={"products": {"bic": True}}),
    rule("skip", "ssl", parameters={"something_new": ["bic"]}),
    rule("execute", "true", parameters={"id": "4814384a9e5d4991b9815dcfc25d2f1f"}),
    rule("execute", "ssl"),
    rule("allow", "ssl"),
    rule("bypass", "ssl"),
    rule("something_new", "ssl"),
    rule("managed_challenge", "ssl"),
    rule("js_challenge", "ssl"),
    rule("challenge", "ssl"),
]


def rules_of(
    desired: DesiredZone,
) -> tuple[DesiredRule | None, DesiredRule | None]:
    """Return the block rule and the skip rule that an empty zone needs, if it needs them."""
    placed = with_placement(observed(), desired)
    if not placed.pairs:
        return None, None
    (pair,) = placed.pairs
    return write_block_rule(pair), placed.skip_rule(pair)


def block_of(desired: DesiredZone) -> DesiredRule:
    """Return the block rule that an empty zone needs."""
    block, _ = rules_of(desired)
    assert block
    return block


def block_rule(*hostnames: str) -> Rule:
    """Return our block rule for the hostnames, without exempt paths."""
    expression = block_expression(dict.fromkeys(hostnames or (HOST,), admits()))
    return rule("block", expression, BLOCK_REF)


def skip_rule(*hostnames: str) -> Rule:
    """Return our skip rule for the hostnames, as a plan writes it."""
    return rule(
        "skip",
        skip_expression(dict.fromkeys(hostnames or (HOST,), admits())),
        SKIP_REF,
        parameters=skip_parameters(Skippable),
    )


def record(
    name: str = HOST,
    *,
    tunnel_id: str = TUNNEL_ID,
    proxied: bool = True,
    ours: bool = True,
    kind: str = "CNAME",
    content: str | None = None,
) -> DnsRecord:
    """Return a DNS record, by default the one that a plan creates."""
    return DnsRecord(
        id=f"id-of-{name}-{kind}",
        name=name,
        type=kind,
        content=content or record_content(tunnel_id),
        proxied=proxied,
        comment=RECORD_COMMENT if ours else None,
    )


def serves(hostname: str | None = HOST, service: str = SERVICE, **more: Any) -> Any:
    """Return an ingress rule as JSON."""
    named = {} if hostname is None else {"hostname": hostname}
    return {**named, "service": service, **more}


def configuration(*ingress: Any, **more: Any) -> TunnelConfiguration:
    """Return a tunnel's configuration with these ingress rules."""
    return TunnelConfiguration.from_raw(
        TUNNEL_ID, Fields({"ingress": list(ingress), **more})
    )


def observed(
    *,
    rules: Iterable[Rule] = (),
    records: Iterable[DnsRecord] = (),
    ingress: Iterable[Any] = (CATCH_ALL,),
    associations: Iterable[str] = (),
    plan: str = "free",
    is_local: bool = False,
) -> Observation:
    """Return a zone that contains only what is given."""
    return Observation(
        zone=zone(plan),
        ruleset=Ruleset(id="rs", rules=tuple(rules)),
        associations=tuple(associations),
        records=tuple(records),
        configurations={} if is_local else {TUNNEL_ID: configuration(*ingress)},
        local_tunnels=frozenset({TUNNEL_ID} if is_local else ()),
    )


def published(
    *rules: Rule, hostnames: Iterable[str] = (HOST,), plan: str = "free"
) -> Observation:
    """Return a zone with these rules whose tunnel serves the hostnames."""
    hostnames = tuple(hostnames)
    return observed(
        rules=rules,
        records=[record(hostname) for hostname in hostnames],
        ingress=[*(serves(hostname) for hostname in hostnames), CATCH_ALL],
        associations=hostnames,
        plan=plan,
    )


def in_sync(*hostnames: str) -> Observation:
    """Return a zone that is in sync, with these hostnames protected."""
    hostnames = hostnames or (HOST,)
    return published(skip_rule(*hostnames), block_rule(*hostnames), hostnames=hostnames)


def after(observation: Observation, plan: Plan) -> Observation:
    """Return the observation after the whole plan."""
    return list(states(observation, plan))[-1]


def states(observation: Observation, plan: Plan) -> Iterable[Observation]:
    """Yield the observations before the plan and after each of its steps."""
    yield observation
    for step in plan.steps:
        observation = advance(observation, step)
        yield observation


def settled(observation: Observation, desired: DesiredZone) -> Observation:
    """Return the observation once the zone is in sync."""
    return after(observation, make_plan(observation, desired))


def names(steps: Iterable[Step]) -> list[str]:
    """Return the action and the kind of each step, such as "create rule"."""
    return [f"{step.action} {step.kind}" for step in steps]


# For the tests of plans.

ONE = wanting(protected())
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
    """Return the codes of the problems that a person has to solve."""
    return [item.code.value for item in make_plan(observation, desired).problems]


__all__ = [
    "ACCOUNT_ID",
    "BLOCK_REF",
    "BUILD_UP",
    "CATCH_ALL",
    "ENDS_THE_RULES",
    "HOST",
    "MAY_END_THE_RULES",
    "NEIGHBOUR",
    "ONE",
    "OTHER",
    "PINS",
    "RECORD_COMMENT",
    "SERVICE",
    "SKIP_REF",
    "TEAR_DOWN",
    "TUNNEL_ID",
    "UNKNOWN_TUNNEL",
    "ZONE_ID",
    "ZONE_NAME",
    "IngressStep",
    "RecordStep",
    "RuleStep",
    "admits",
    "after",
    "block_rule",
    "codes",
    "configuration",
    "foreign",
    "in_sync",
    "names",
    "observed",
    "protected",
    "published",
    "record",
    "refs",
    "rule",
    "serves",
    "settled",
    "skip",
    "skip_rule",
    "states",
    "wanting",
    "zone",
]


def trust(
    *,
    records: Mapping[str, Record] = MappingProxyType({}),
    confirmed: Mapping[str, str | None] = MappingProxyType({}),
    unwanted: Collection[str] = (),
    revoked: Collection[str] = (),
    device_ids: Collection[str] = (),
    removed_ids: Collection[str] = (),
    ended: Collection[str] = (),
    confirmed_ids: Mapping[str, str] = MappingProxyType({}),
) -> Trust:
    """Return trust in no certificate but these."""
    return Trust(
        records=records,
        confirmed=confirmed,
        unwanted=unwanted,
        revoked=revoked,
        device_ids=device_ids,
        removed_ids=removed_ids,
        ended=ended,
        in_use={},
        confirmed_ids=confirmed_ids,
    )
