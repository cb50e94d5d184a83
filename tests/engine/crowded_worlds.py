"""Random zones whose hostnames need several pairs of rules, on their way from one choice to another."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final, override

from hypothesis import strategies as st

from custom_components.cloudflare_mtls.engine.api.models import Observation, Rule
from custom_components.cloudflare_mtls.engine.rules.admissions import (
    Admission,
    read_admissions,
)
from custom_components.cloudflare_mtls.engine.rules.marks import pair_of
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from custom_components.cloudflare_mtls.engine.sync.settings import (
    Layout,
    ProtectedHostname,
)
from custom_components.cloudflare_mtls.engine.sync.steps import advance
from sandbox import firewall
from sandbox.state import Rule as SandboxRule
from tests.engine.builders import (
    CATCH_ALL,
    ZONE_NAME,
    observed,
    protected,
    record,
    rule,
    serves,
    skip,
)
from tests.engine.worlds import is_reached

HOSTNAMES: Final = tuple(f"service-{number}.{ZONE_NAME}" for number in range(8))
NEIGHBOURS: Final = HOSTNAMES[6:]


def _certificates(device: str, number: int) -> frozenset[str]:
    """Return the fingerprints of so many certificates of a device."""
    return frozenset(f"{device}{item:0>63}" for item in range(number))


# Two of the larger ones fill a rule, and a renewal can be one certificate too many.
DEVICES: Final = {
    "a": _certificates("a", 24),
    "b": _certificates("b", 20),
    "c": _certificates("c", 12),
    "d": _certificates("d", 1),
}
RENEWED: Final = {key: item | {"f" * 63 + key} for key, item in DEVICES.items()}
STRANGER: Final = "0" * 64

_FOREIGN: Final = (
    rule("block", 'http.host eq "nas.example.com"', "block-nas"),
    rule("block", 'not ip.src.country in {"DE"}', "block-countries"),
    skip('http.host eq "nas.example.com"', "skip-nas"),
    skip("ssl", "skip-all"),
)


@dataclass(frozen=True)
class CrowdedWorld:
    """A zone, what was desired of it so far, and what is desired from now on."""

    observation: Observation
    before: DesiredZone
    desired: DesiredZone
    theirs: DesiredZone

    @override
    def __repr__(self) -> str:
        """Return what differs between worlds: the certificates fill pages."""
        zones = (self.before, self.desired, self.theirs)
        rules = [
            (
                rule.ref,
                rule.enabled,
                rule.action,
                sorted(read_admissions(rule.expression)),
            )
            for rule in self.observation.ruleset.rules
        ]
        settings = [
            [
                (
                    item.hostname,
                    item.devices and sorted(item.devices),
                    item.layout,
                    item.published,
                )
                for item in zone.hostnames
            ]
            for zone in zones
        ]
        renewed = [zone.accepted.of_device is RENEWED for zone in zones]
        return f"{self.observation.zone.plan} {rules} {settings} {renewed}"

    @property
    def admissions(self) -> dict[str, Admission]:
        """Return who may pass at each hostname of both homes from now on."""
        return {
            item.hostname: zone.admission(item)
            for zone in (self.theirs, self.desired)
            for item in (*zone.hostnames, *zone.removed)
        }


_CHOICES: Final = st.sampled_from(
    [None, "a", "b", "c", "d", "ab", "ac", "bc", "abc", "bcd", "acd", "", "abcd"]
)


def _hostname(name: str) -> st.SearchStrategy[ProtectedHostname]:
    return st.builds(
        lambda devices, layout, published: protected(
            name,
            layout=layout,
            devices=None if devices is None else list(devices),
            published=published,
        ),
        _CHOICES,
        st.sampled_from([*[Layout.SKIP_AND_BLOCK] * 4, Layout.BLOCK_ONLY]),
        st.sampled_from([*[True] * 5, False]),
    )


@st.composite
def _settings(
    draw: st.DrawFn, names: Iterable[str], like: DesiredZone | None = None
) -> DesiredZone:
    """Draw what is desired of some hostnames, most of them as they were."""
    known = {item.hostname: item for item in like.hostnames} if like else {}
    hostnames = []
    removed = []
    for name in names:
        old = known.get(name)
        if old and draw(st.integers(0, 2)):
            hostnames.append(old)
        elif draw(st.integers(0, 4)):
            hostnames.append(draw(_hostname(name)))
        elif old:
            removed.append(old)
    return DesiredZone(
        hostnames=tuple(hostnames),
        removed=tuple(removed),
        accepted=Accepted(of_device=draw(st.sampled_from([DEVICES, DEVICES, RENEWED]))),
    )


@st.composite
def crowded_worlds(draw: st.DrawFn, *, tampering: bool = True) -> CrowdedWorld:
    """Draw a zone in which one change may have been stopped, and another one begins."""
    foreign = draw(
        st.lists(st.sampled_from(_FOREIGN), max_size=3, unique_by=lambda item: item.ref)
    )
    theirs = draw(_settings(draw(st.sampled_from([(), (), NEIGHBOURS]))))
    before = draw(_settings(HOSTNAMES[: draw(st.integers(1, 6))]))
    observation = observed(
        rules=foreign,
        records=[record("*.example.com", ours=False)] if draw(st.booleans()) else [],
        ingress=[serves(None)] if draw(st.booleans()) else [CATCH_ALL],
        plan=draw(st.sampled_from(["free", "pro"])),
    )
    for desired in draw(st.permutations([theirs, before])):
        observation = _changed(observation, desired)
    desired = draw(_settings(HOSTNAMES[: draw(st.integers(1, 6))], before))
    steps = make_plan(observation, desired).steps
    observation = reduce(
        advance, steps[: draw(st.integers(0, len(steps)))], observation
    )
    if tampering and draw(st.integers(0, 2)) == 0:
        observation = draw(_tampered(observation))
    if draw(st.booleans()):
        desired = draw(_settings(HOSTNAMES[:6], desired))
    return CrowdedWorld(observation, before, desired, theirs)


def _changed(observation: Observation, desired: DesiredZone) -> Observation:
    for _ in range(2):
        steps = make_plan(observation, desired).steps
        observation = reduce(advance, steps, observation)
    return observation


@st.composite
def _tampered(draw: st.DrawFn, observation: Observation) -> Observation:
    """Draw a zone in which somebody deleted, changed, moved or unmarked some of our rules."""
    rules = list[Rule]()
    for item in observation.ruleset.rules:
        if pair_of(item.ref) is None or draw(st.integers(0, 1)):
            rules.append(item)
            continue
        changed = draw(
            st.sampled_from(
                [
                    None,
                    replace(item, enabled=False),
                    replace(item, ref=f"lost-{item.ref}"),
                    replace(
                        item,
                        expression="ssl"
                        if item.action == "skip"
                        else 'http.host eq "x"',
                    ),
                    replace(item, action="managed_challenge", action_parameters={}),
                ]
            )
        )
        if changed:
            rules.append(changed)
    if draw(st.booleans()):
        rules = draw(st.permutations(rules))
    return replace(
        observation, ruleset=replace(observation.ruleset, rules=tuple(rules))
    )


def getting_in(
    observation: Observation, hostnames: Iterable[str]
) -> set[tuple[str, str]]:
    """Return which certificates get in at which hostname, as the sandbox decides it.

    There is one of each device, its renewed one, a stranger's, and none at all.
    """
    rules = [
        SandboxRule(
            item.action,
            item.expression,
            enabled=item.enabled,
            action_parameters=dict(item.action_parameters),
            ref=item.ref,
        )
        for item in observation.ruleset.rules
    ]
    renewed = ("f" * 63 + key for key in DEVICES)
    shown = ["", STRANGER, *renewed, *map(min, DEVICES.values())]
    return {
        (hostname, fingerprint)
        for hostname in hostnames
        if is_reached(observation, hostname)
        for fingerprint in shown
        if firewall.judge(rules, _request(hostname, fingerprint)).stopped_by is None
    }


def _request(hostname: str, fingerprint: str) -> dict[str, str | bool]:
    return {
        "http.host": hostname,
        "http.request.uri.path": "/",
        "ip.src.country": "DE",
        "ssl": True,
        "cf.tls_client_auth.cert_presented": bool(fingerprint),
        "cf.tls_client_auth.cert_verified": bool(fingerprint),
        "cf.tls_client_auth.cert_revoked": False,
        "cf.tls_client_auth.cert_fingerprint_sha256": fingerprint,
    }
