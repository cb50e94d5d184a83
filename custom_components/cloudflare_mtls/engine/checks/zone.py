"""What keeps companion devices from a hostname that is protected as it must be (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
import re
from typing import Final

from ..api.models import AccessApplication, Observation, Ruleset, Setting
from ..rules.admissions import Admission, read_admissions
from ..rules.exposure import skips_later_rules
from ..rules.marks import BLOCK_REF, SKIP_REF
from ..rules.meaning import evaluate
from ..rules.request_set import RequestSet
from ..sync.settings import Layout, ProtectedHostname
from ..sync.skippable import Skippable
from .surroundings import Surroundings, ZoneSurroundings


class Check(StrEnum):
    """What was found to be in a companion device's way."""

    ZONE_PAUSED = "zone_paused"
    ZONE_INACTIVE = "zone_inactive"
    WEBSOCKETS_OFF = "websockets_off"
    UNDER_ATTACK = "under_attack"
    BOT_FIGHT_MODE = "bot_fight_mode"
    ZERO_RTT_ON = "zero_rtt_on"
    TLS_1_3_ONLY = "tls_1_3_only"
    HTTP3_ON = "http3_on"
    RULE_BLOCKS = "rule_blocks"
    RULE_MAY_BLOCK = "rule_may_block"
    ACCESS_LOGIN = "access_login"
    NO_CATCH_ALL = "no_catch_all"
    ORIGIN_CERTIFICATE = "origin_certificate"
    ORIGIN_PORT = "origin_port"
    ORIGIN_SCHEME = "origin_scheme"
    PROXY_NOT_TRUSTED = "proxy_not_trusted"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is in a companion device's way.

    The target is what a person knows it by; the place is the id of the zone or tunnel where
    it is put right; the subject tells apart what else is found of the same target.
    """

    check: Check
    target: str
    place: str = ""
    subject: str = ""
    value: str = ""
    detail: str = ""

    @property
    def id(self) -> str:
        """Return what tells the finding from all others."""
        return "_".join(
            part for part in (self.check, self.target, self.subject) if part
        )


# What stops a request for good, or until somebody solves a puzzle that no app shows.
_STOPPING: Final = frozenset(
    {"block", "challenge", "js_challenge", "managed_challenge"}
)

_SETTINGS: Final = (
    (Setting.WEBSOCKETS, "off", Check.WEBSOCKETS_OFF),
    (Setting.ZERO_RTT, "on", Check.ZERO_RTT_ON),
    (Setting.MIN_TLS_VERSION, "1.3", Check.TLS_1_3_ONLY),
)


def check_zone(
    observation: Observation,
    surroundings: Surroundings,
    hostnames: Iterable[ProtectedHostname],
    *,
    computers: bool,
) -> list[Finding]:
    """Return what is in the way of the zone's hostnames at Cloudflare's edge.

    HTTP/3 is only told of where computers have a certificate too: apps do well with it.

    Sources: Cloudflare's docs on Bot Fight Mode, zone settings and WAF custom rules, skip
    options; home-assistant/iOS#4967 for TLS 1.3.
    """
    zone = observation.zone
    if not zone.active:
        check = Check.ZONE_PAUSED if zone.paused else Check.ZONE_INACTIVE
        return [Finding(check=check, target=zone.name, place=zone.id)]
    around = surroundings.of(zone.id)
    block = observation.ruleset.by_ref(BLOCK_REF)
    admissions = read_admissions(block.expression) if block else {}
    devices = [
        (item, _good_requests(item.hostname, admissions.get(item.hostname)))
        for item in hostnames
    ]
    return [
        *(
            Finding(check=check, target=zone.name, place=zone.id)
            for check in _zone_wide(around, computers=computers)
        ),
        *_under_attack(observation, around, devices),
        *(
            finding
            for item, requests in devices
            for finding in (
                *_rules(observation.ruleset, item, requests),
                *_access(surroundings.applications, item.hostname),
            )
        ),
    ]


def _zone_wide(around: ZoneSurroundings, *, computers: bool) -> Iterator[Check]:
    for setting, value, check in _SETTINGS:
        if around.settings.get(setting) == value:
            yield check
    if computers and around.settings.get(Setting.HTTP3) == "on":
        yield Check.HTTP3_ON
    if around.bot_fight_mode:
        yield Check.BOT_FIGHT_MODE


def _under_attack(
    observation: Observation,
    around: ZoneSurroundings,
    devices: Iterable[tuple[ProtectedHostname, RequestSet]],
) -> Iterator[Finding]:
    if around.settings.get(Setting.SECURITY_LEVEL) != "under_attack":
        return
    challenged = [
        item.hostname
        for item, requests in devices
        if _is_challenged(observation.ruleset, item, requests)
    ]
    if challenged:
        yield Finding(
            check=Check.UNDER_ATTACK,
            target=observation.zone.name,
            place=observation.zone.id,
            detail=", ".join(challenged),
        )


def _is_challenged(
    ruleset: Ruleset, item: ProtectedHostname, requests: RequestSet
) -> bool:
    """Tell whether no rule lets devices past the security level, and none is about to."""
    if _awaits_skip_rule(ruleset, item):
        return False
    return not any(
        rule.enabled
        and rule.action == "skip"
        and Skippable.SECURITY_LEVEL in rule.action_parameters.get("products", ())
        and evaluate(rule.expression, requests) is True
        for rule in ruleset.rules
    )


def _rules(
    ruleset: Ruleset, item: ProtectedHostname, requests: RequestSet
) -> Iterator[Finding]:
    """Yield the rules that stop a good certificate before our skip rule lets it past them.

    Without a skip rule, devices meet the zone's other rules because somebody chose so: only
    what stops all of them is no choice.
    """
    if _awaits_skip_rule(ruleset, item):
        return
    for rule in ruleset.rules:
        if not rule.enabled or rule.ref == BLOCK_REF:
            continue
        if rule.ref == SKIP_REF and item.layout is Layout.SKIP_AND_BLOCK:
            return
        truth = evaluate(rule.expression, requests)
        if truth is False:
            continue
        if truth is True and skips_later_rules(rule):
            return
        if rule.action not in _STOPPING:
            continue
        if truth is True or item.layout is Layout.SKIP_AND_BLOCK:
            yield Finding(
                check=Check.RULE_BLOCKS if truth is True else Check.RULE_MAY_BLOCK,
                target=item.hostname,
                subject=rule.id,
                value=rule.action,
                detail=rule.description or rule.expression,
            )


def _awaits_skip_rule(ruleset: Ruleset, item: ProtectedHostname) -> bool:
    """Tell whether our skip rule is missing: that is drift, and told of as such."""
    own = ruleset.by_ref(SKIP_REF)
    return item.layout is Layout.SKIP_AND_BLOCK and not (own and own.enabled)


def _good_requests(hostname: str, admission: Admission | None) -> RequestSet:
    """Return all that a device with a good certificate asks of a hostname."""
    pinned = admission.pinned if admission else None
    return RequestSet(
        host=hostname,
        verified=True,
        revoked=False,
        fingerprint=min(pinned) if pinned else None,
    )


def _access(
    applications: Iterable[AccessApplication], hostname: str
) -> Iterator[Finding]:
    """Yield the applications that ask the hostname's devices to log in.

    Source: Cloudflare's docs, Access application paths: an exact hostname comes before a
    wildcard, and nothing is inherited; a path asks for itself.
    """
    covering = [
        (application, uri)
        for application in applications
        for uri in application.uris
        if _covers(_host_of(uri), hostname)
    ]
    if any(_host_of(uri) == hostname and not _path_of(uri) for _, uri in covering):
        covering = [each for each in covering if _host_of(each[1]) == hostname]
    for application, uri in covering:
        if not application.lets_all_pass:
            yield Finding(
                check=Check.ACCESS_LOGIN,
                target=hostname,
                subject=application.id,
                value=uri,
                detail=application.name,
            )


def _host_of(uri: str) -> str:
    return uri.partition("/")[0]


def _path_of(uri: str) -> str:
    return uri.partition("/")[2]


def _covers(pattern: str, hostname: str) -> bool:
    """Tell whether a pattern means a hostname: a star stands for a part of one label."""
    expression = "[^.]*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, hostname) is not None
