"""Finds what keeps companion devices from a hostname at Cloudflare's edge (pure)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..access.coverage import covering
from ..api.access_models import AccessApplication
from ..api.models import DnsRecord, Observation, Rule, Ruleset, Zone
from ..rules.actions import ends_evaluation
from ..rules.marks import is_block_ref
from ..rules.meaning import evaluate
from ..rules.pairs import Pair, pair_naming, read_pairs
from ..rules.request_set import RequestSet
from ..rules.skippable import Skippable
from ..rules.text_sets import Exactly, TextSet
from ..sync.reach import find_delegation, zone_of
from ..sync.settings import Layout, ProtectedHostname
from .finding import Finding
from .specs import SPECS, Check
from .surroundings import Surroundings, ZoneSurroundings

# Actions that stop a request, a challenge only until the visitor solves it.
_STOPPING: Final = frozenset(
    {"block", "challenge", "js_challenge", "managed_challenge"}
)


@dataclass(frozen=True, kw_only=True)
class _Devices:
    """The devices of a protected hostname, and what lets them past the zone's other rules.

    requests: all that devices with a good certificate ask for.
    skip_rule: that of the pair of rules that the hostname is in; None where there is none.
    """

    protected: ProtectedHostname
    requests: RequestSet
    skip_rule: Rule | None

    @property
    def skip(self) -> bool:
        """Return whether they are meant to skip the other rules."""
        return self.protected.layout is Layout.SKIP_AND_BLOCK

    @property
    def await_skip_rule(self) -> bool:
        """Return whether our skip rule is missing: that is drift, and reported as such."""
        return self.skip and not (self.skip_rule and self.skip_rule.enabled)


def check_zone(
    observation: Observation,
    surroundings: Surroundings,
    hostnames: Iterable[ProtectedHostname],
    *,
    computers: bool,
) -> list[Finding]:
    """Return what stops devices at Cloudflare's edge.

    HTTP/3 is only found where computers have a certificate: apps have no trouble with it.

    Sources: Cloudflare's docs on Bot Fight Mode, zone settings and WAF custom rules, skip
    options; home-assistant/iOS#4967 for TLS 1.3.
    """
    zone = observation.zone
    if not zone.active:
        check = Check.ZONE_PAUSED if zone.paused else Check.ZONE_INACTIVE
        return [Finding(check=check, target=zone.name, place=zone.id)]
    around = surroundings.of(zone.id)
    pairs = read_pairs(observation.ruleset)
    devices = [_devices_of(item, observation.ruleset, pairs) for item in hostnames]
    name_servers = [item for item in observation.records if item.type == "NS"]
    return [
        *(
            Finding(check=check, target=zone.name, place=zone.id)
            for check in _zone_wide(around, computers=computers)
        ),
        *_under_attack(observation, around, devices),
        *(
            finding
            for item in devices
            for hostname in [item.protected.hostname]
            for finding in (
                *_other_zone(observation.zone, surroundings, hostname),
                *_delegation(observation.zone, name_servers, hostname),
                *_rules(observation.ruleset, item),
                *_access(surroundings.applications or (), hostname),
            )
        ),
    ]


def _other_zone(
    zone: Zone, surroundings: Surroundings, hostname: str
) -> Iterator[Finding]:
    """Yield the zone that serves a hostname in place of this one, if another one does."""
    # A paused zone still answers in DNS.
    serving = (
        item for item in surroundings.visible_zones if item.active or item.paused
    )
    closest = zone_of(hostname, (zone, *serving))
    if closest and closest.id != zone.id:
        yield Finding(check=Check.OTHER_ZONE, target=hostname, value=closest.name)


def _delegation(
    zone: Zone, name_servers: Iterable[DnsRecord], hostname: str
) -> Iterator[Finding]:
    """Yield from which name on other name servers answer for a hostname, if they do."""
    if name := find_delegation(hostname, zone, name_servers):
        yield Finding(check=Check.DELEGATED, target=hostname, value=name)


def _zone_wide(around: ZoneSurroundings, *, computers: bool) -> Iterator[Check]:
    for check in (Check.WEBSOCKETS_OFF, Check.ZERO_RTT_ON, Check.TLS_1_3_ONLY):
        if _has_wrong_setting(around, check):
            yield check
    if computers and _has_wrong_setting(around, Check.HTTP3_ON):
        yield Check.HTTP3_ON
    if around.bot_fight_mode:
        yield Check.BOT_FIGHT_MODE


def _has_wrong_setting(around: ZoneSurroundings, check: Check) -> bool:
    setting = SPECS[check].setting
    return setting is not None and setting.is_wrong_in(around.settings)


def _under_attack(
    observation: Observation,
    around: ZoneSurroundings,
    devices: Iterable[_Devices],
) -> Iterator[Finding]:
    if not _has_wrong_setting(around, Check.UNDER_ATTACK):
        return
    challenged = [
        item.protected.hostname
        for item in devices
        if _is_challenged(observation.ruleset, item)
    ]
    if challenged:
        yield Finding(
            check=Check.UNDER_ATTACK,
            target=observation.zone.name,
            place=observation.zone.id,
            detail=", ".join(challenged),
        )


def _is_challenged(ruleset: Ruleset, devices: _Devices) -> bool:
    """Return whether no rule lets devices skip the security level, and no plan adds one."""
    if devices.await_skip_rule:
        return False
    return not any(
        rule.enabled
        and rule.action == "skip"
        and Skippable.SECURITY_LEVEL in rule.products
        and evaluate(rule.expression, devices.requests) is True
        for rule in ruleset.rules
    )


def _rules(ruleset: Ruleset, devices: _Devices) -> Iterator[Finding]:
    """Yield the rules that stop a good certificate before our skip rule lets it past them.

    In the layout without a skip rule a person chose that devices meet the zone's other rules:
    only a rule that certainly stops all of them is found.
    """
    if devices.await_skip_rule:
        return
    for rule in ruleset.rules:
        if not rule.enabled or is_block_ref(rule.ref):
            continue
        if devices.skip and rule is devices.skip_rule:
            return
        truth = evaluate(rule.expression, devices.requests)
        if truth is False:
            continue
        if truth is True and ends_evaluation(rule):
            return
        # A challenge stops companion apps too, because none shows its puzzle.
        if rule.action not in _STOPPING:
            continue
        if truth is True or devices.skip:
            yield Finding(
                check=Check.RULE_BLOCKS if truth is True else Check.RULE_MAY_BLOCK,
                target=devices.protected.hostname,
                subject=rule.id,
                value=rule.action,
                detail=rule.description or rule.expression,
            )


def _devices_of(
    item: ProtectedHostname, ruleset: Ruleset, pairs: Collection[Pair]
) -> _Devices:
    """Return the devices of a hostname, whose certificates are listed in one of the pairs or not."""
    pair = pair_naming(pairs, item.hostname)
    admission = pair.blocked.get(item.hostname) if pair else None
    pinned = admission.pinned if admission else None
    return _Devices(
        protected=item,
        requests=RequestSet(
            host=Exactly(item.hostname),
            path=TextSet(),
            presented=True,
            verified=True,
            revoked=False,
            fingerprint=Exactly(min(pinned)) if pinned else TextSet(),
        ),
        skip_rule=ruleset.by_ref(pair.skip_ref) if pair else None,
    )


def _access(
    applications: Iterable[AccessApplication], hostname: str
) -> Iterator[Finding]:
    """Yield the applications that ask the hostname's devices to log in."""
    for application, uri in covering(applications, hostname):
        if not application.lets_all_pass:
            yield Finding(
                check=Check.ACCESS_LOGIN,
                target=hostname,
                subject=application.id,
                value=uri,
                detail=application.name,
            )
