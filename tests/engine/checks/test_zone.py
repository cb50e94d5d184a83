"""What stops companion devices at Cloudflare's edge."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.access_models import AccessApplication
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import (
    Observation,
    Rule,
    Ruleset,
    Setting,
)
from custom_components.cloudflare_mtls.engine.checks.finding import Finding
from custom_components.cloudflare_mtls.engine.checks.specs import Check
from custom_components.cloudflare_mtls.engine.checks.surroundings import (
    Surroundings,
    ZoneSurroundings,
)
from custom_components.cloudflare_mtls.engine.checks.zone import check_zone
from custom_components.cloudflare_mtls.engine.rules.marks import block_ref, skip_ref
from custom_components.cloudflare_mtls.engine.rules.skippable import Skippable
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.settings import Layout
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    OTHER,
    SKIP_REF,
    ZONE_ID,
    ZONE_NAME,
    block_rule,
    in_sync,
    observed,
    protected,
    published,
    record,
    rule,
    settled,
    skip,
    skip_rule,
    wanting,
)
from tests.engine.work import lines_of

LOGIN = {
    "id": "p",
    "decision": "allow",
    "include": [{"email": {"email": "me@example.com"}}],
}
BYPASS = {"id": "p", "decision": "bypass", "include": [{"everyone": {}}]}
PIN = "ab" * 32


def found(
    observation: Observation,
    surroundings: Surroundings | None = None,
    *,
    layout: Layout = Layout.SKIP_AND_BLOCK,
    computers: bool = False,
) -> list[Finding]:
    """Return what the checks find for the hostname."""
    return check_zone(
        observation,
        surroundings or Surroundings(),
        [protected(layout=layout)],
        computers=computers,
    )


def around(
    settings: dict[Setting, str] | None = None, *, bots: bool | None = None
) -> Surroundings:
    """Return a zone's settings."""
    zone = ZoneSurroundings(settings=settings or {}, bot_fight_mode=bots)
    return Surroundings(zones={ZONE_ID: zone})


def application(*uris: str, policy: Any = LOGIN, **more: Any) -> AccessApplication:
    """Return an Access application, as the API describes it."""
    return AccessApplication.parse(
        Fields(
            {
                "id": f"id-of-{'-'.join(uris)}",
                "name": "Everything",
                "type": "self_hosted",
                "destinations": [{"type": "public", "uri": uri} for uri in uris],
                "policies": [policy],
                **more,
            }
        )
    )


def behind(*applications: AccessApplication) -> list[str]:
    """Return the addresses at which the hostname's devices have to log in."""
    findings = found(in_sync(), Surroundings(applications=applications))
    assert {item.check for item in findings} <= {Check.ACCESS_LOGIN}
    return [item.value for item in findings]


@pytest.mark.parametrize(
    ("name", "delegated"),
    [
        (HOST, True),
        (f"a.{HOST}", False),
        ("example.com", False),
        ("mobile.example.com", False),
    ],
)
def test_delegated_hostname(name: str, delegated: bool) -> None:
    """Other name servers answer for it, so nobody gets to Cloudflare."""
    zone = in_sync()
    servers = record(name, kind="NS", content="ns1.example.net", ours=False)
    findings = found(replace(zone, records=(*zone.records, servers)))
    checks = [(item.check, item.target, item.value) for item in findings]
    assert checks == ([(Check.DELEGATED, HOST, name)] if delegated else [])


@pytest.mark.parametrize(
    ("name", "closer"),
    [
        (HOST, True),
        ("com", False),
        (f"a.{HOST}", False),
        ("mobile.example.com", False),
        ("example.org", False),
    ],
)
def test_hostname_of_another_zone(name: str, closer: bool) -> None:
    """Cloudflare serves a hostname from the zone with the longest name."""
    zone = in_sync()
    other = replace(zone.zone, id="other", name=name)
    findings = found(zone, Surroundings(visible_zones=(zone.zone, other)))
    checks = [(item.check, item.target, item.value) for item in findings]
    assert checks == ([(Check.OTHER_ZONE, HOST, name)] if closer else [])


@pytest.mark.parametrize(
    ("active", "paused", "serves"),
    [(True, False, True), (False, True, True), (False, False, False)],
)
def test_other_zone_that_is_not_active(
    active: bool, paused: bool, serves: bool
) -> None:
    """One that is only being added serves nobody yet; a paused one still answers in DNS."""
    zone = in_sync()
    other = replace(zone.zone, id="other", name=HOST, active=active, paused=paused)
    findings = found(zone, Surroundings(visible_zones=(other,)))
    assert [item.check for item in findings] == ([Check.OTHER_ZONE] if serves else [])


def ahead(foreign: Rule) -> Observation:
    """Return a zone where a foreign rule stands before ours."""
    return published(foreign, skip_rule(), block_rule())


def test_nothing_stops_devices() -> None:
    """A hostname in sync, in an ordinary zone, has no finding."""
    settings = {
        Setting.WEBSOCKETS: "on",
        Setting.SECURITY_LEVEL: "medium",
        Setting.ZERO_RTT: "off",
        Setting.MIN_TLS_VERSION: "1.2",
        Setting.HTTP3: "on",
    }
    assert found(in_sync(), around(settings, bots=False)) == []


def test_settings_that_cannot_be_read() -> None:
    """A setting that the token may not read has no finding."""
    assert found(in_sync()) == []
    assert found(observed()) == []


@pytest.mark.parametrize(
    ("setting", "value", "check"),
    [
        (Setting.WEBSOCKETS, "off", Check.WEBSOCKETS_OFF),
        (Setting.ZERO_RTT, "on", Check.ZERO_RTT_ON),
        (Setting.MIN_TLS_VERSION, "1.3", Check.TLS_1_3_ONLY),
    ],
)
def test_settings(setting: Setting, value: str, check: Check) -> None:
    """A setting that stops apps is found, for the whole zone."""
    (finding,) = found(in_sync(), around({setting: value}))
    assert finding == Finding(check=check, target=ZONE_NAME, place=ZONE_ID)
    assert finding.id == f"{check}_{ZONE_NAME}"


def test_bot_fight_mode() -> None:
    """No rule can skip it, so it is always found."""
    (finding,) = found(in_sync(), around(bots=True))
    assert finding.check is Check.BOT_FIGHT_MODE


def test_http3_matters_to_computers() -> None:
    """Phones have no problem with HTTP/3."""
    surroundings = around({Setting.HTTP3: "on"})
    assert found(in_sync(), surroundings) == []
    (finding,) = found(in_sync(), surroundings, computers=True)
    assert finding.check is Check.HTTP3_ON


UNDER_ATTACK = around({Setting.SECURITY_LEVEL: "under_attack"})


def test_skip_rule_lets_devices_past_under_attack_mode() -> None:
    """Under Attack Mode can stay on if our skip rule skips it."""
    desired = wanting(protected(), skipped=frozenset(Skippable))
    assert found(settled(observed(), desired), UNDER_ATTACK) == []
    without = DesiredZone(hostnames=(protected(),), skipped=frozenset())
    (finding,) = found(settled(observed(), without), UNDER_ATTACK)
    assert finding.check is Check.UNDER_ATTACK
    assert finding.detail == HOST


def test_under_attack_mode_without_skip_rule() -> None:
    """With the block rule alone, and with pinned certificates, devices meet the challenge."""
    observation = published(block_rule())
    (finding,) = found(observation, UNDER_ATTACK, layout=Layout.BLOCK_ONLY)
    assert finding.check is Check.UNDER_ATTACK
    # Somebody's own rule lets them past.
    foreign = rule(
        "skip", f'http.host eq "{HOST}"', parameters={"products": ["securityLevel"]}
    )
    observation = published(foreign, block_rule())
    assert found(observation, UNDER_ATTACK, layout=Layout.BLOCK_ONLY) == []


def test_missing_skip_rule_is_drift() -> None:
    """Drift that is about to be fixed is reported only once."""
    blocking = rule("block", f'http.host eq "{HOST}"')
    assert found(published(blocking, block_rule()), UNDER_ATTACK) == []


def test_pinned_certificate_is_a_good_one() -> None:
    """Where only some certificates pass, a rule that lets those pass is not found."""
    desired = wanting(
        protected(), pinned=frozenset({PIN}), skipped=frozenset(Skippable)
    )
    observation = settled(observed(), desired)
    assert found(observation, UNDER_ATTACK) == []
    others = rule("block", f'cf.tls_client_auth.cert_fingerprint_sha256 ne "{PIN}"')
    ruleset = Ruleset(id="rs", rules=(others, *observation.ruleset.rules))
    assert found(replace(observation, ruleset=ruleset)) == []


@pytest.mark.parametrize(
    ("expression", "check"),
    [
        (f'http.host eq "{HOST}"', Check.RULE_BLOCKS),
        ("cf.tls_client_auth.cert_verified", Check.RULE_BLOCKS),
        ('not ip.src.country in {"DE"}', Check.RULE_MAY_BLOCK),
        ("beyond (this reader", Check.RULE_MAY_BLOCK),
        (f'http.host eq "{OTHER}"', None),
        (f'http.host eq "{OTHER}" and ip.src.country eq "DE"', None),
        ("not cf.tls_client_auth.cert_verified", None),
        ("cf.tls_client_auth.cert_revoked", None),
    ],
)
@pytest.mark.parametrize(
    "action", ["block", "challenge", "js_challenge", "managed_challenge"]
)
def test_rules_before_ours(expression: str, check: Check | None, action: str) -> None:
    """A foreign rule that stops devices with a good certificate is found by its name."""
    findings = found(ahead(rule(action, expression)))
    assert [item.check for item in findings] == ([check] if check else [])
    for finding in findings:
        assert finding.target == HOST
        assert finding.value == action
        assert finding.detail == "Rule foreign"
        assert finding.id == f"{check}_{HOST}_id-of-foreign"


@pytest.mark.parametrize(
    "observation",
    [
        ahead(rule("block", f'http.host eq "{HOST}"', enabled=False)),
        ahead(rule("log", f'http.host eq "{HOST}"')),
        published(skip_rule(), block_rule(), rule("block", f'http.host eq "{HOST}"')),
        published(
            skip(f'http.host eq "{HOST}"'),
            rule("block", f'http.host eq "{HOST}"', "later"),
            skip_rule(),
            block_rule(),
        ),
    ],
    ids=["disabled", "stops nobody", "after ours", "never reached"],
)
def test_rules_that_stop_nobody(observation: Observation) -> None:
    """A rule that no device meets is not found."""
    assert found(observation) == []


def test_rule_without_a_name() -> None:
    """Its expression is shown in place of the name."""
    nameless = replace(rule("block", f'http.host eq "{HOST}"'), description="")
    (finding,) = found(ahead(nameless))
    assert finding.detail == nameless.expression


def test_rules_of_a_zone_with_one_rule() -> None:
    """Where devices are meant to meet the zone's rules, only a rule that stops every device is found."""
    some = rule("block", 'not ip.src.country in {"DE"}', "some")
    everybody = rule("block", f'http.host eq "{HOST}"', "all")
    observation = published(block_rule(), some, everybody)
    (finding,) = found(observation, layout=Layout.BLOCK_ONLY)
    assert finding.subject == everybody.id


def two_pairs() -> tuple[Observation, DesiredZone]:
    """Return a zone whose hostnames need two pairs of rules; the second one stands first."""
    numbers = {"tablet": range(35), "phone": range(35, 60)}
    desired = wanting(
        protected(HOST, devices=["tablet"]),
        protected(OTHER, devices=["phone"]),
        of_device={
            key: frozenset(f"{number:064x}" for number in item)
            for key, item in numbers.items()
        },
    )
    observation = settled(observed(), desired)
    refs = [item.ref for item in observation.ruleset.rules]
    assert refs == [skip_ref(2), block_ref(2), SKIP_REF, BLOCK_REF]
    return observation, desired


def stopped_by(
    observation: Observation, desired: DesiredZone, rules: list[Rule]
) -> set[str]:
    """Return the hostnames whose devices are stopped by one of these rules."""
    ruleset = replace(observation.ruleset, rules=tuple(rules))
    findings = check_zone(
        replace(observation, ruleset=ruleset),
        Surroundings(),
        desired.hostnames,
        computers=False,
    )
    assert {item.check for item in findings} <= {Check.RULE_BLOCKS}
    return {item.target for item in findings}


@pytest.mark.parametrize(
    ("position", "stopped"), [(0, {HOST, OTHER}), (2, {HOST}), (4, set())]
)
def test_rules_ahead_of_a_further_pair(position: int, stopped: set[str]) -> None:
    """What stands ahead of the skip rule of its own pair stops a hostname's devices."""
    observation, desired = two_pairs()
    rules = list(observation.ruleset.rules)
    rules.insert(position, rule("block", 'http.host contains "example"'))
    assert stopped_by(observation, desired, rules) == stopped


@pytest.mark.parametrize(
    ("missing", "stopped"), [(SKIP_REF, {OTHER}), (skip_ref(2), {HOST})]
)
def test_missing_skip_rule_of_one_pair_is_drift(
    missing: str, stopped: set[str]
) -> None:
    """Only the hostnames of that pair wait for it; what stops the others is told."""
    observation, desired = two_pairs()
    blocking = rule("block", 'http.host contains "example"')
    kept = [item for item in observation.ruleset.rules if item.ref != missing]
    assert stopped_by(observation, desired, [blocking, *kept]) == stopped


@pytest.mark.parametrize(
    ("uri", "covers"),
    [
        (HOST, True),
        (HOST.upper(), True),
        (f"*.{ZONE_NAME}", True),
        (f"home-*.{ZONE_NAME}", True),
        (f"{HOST}/api", True),
        (f"home.{ZONE_NAME}", False),
        (ZONE_NAME, False),
        (f"*.home.{ZONE_NAME}", False),
        (f"*.*.{ZONE_NAME}", False),
        (f"x{HOST}", False),
    ],
)
def test_access_applications(uri: str, covers: bool) -> None:
    """A star stands for one label, or for a part of one."""
    assert behind(application(uri)) == ([uri.lower()] if covers else [])


def test_application_that_lets_everybody_pass() -> None:
    """A bypass for everybody asks for no login; a bypass for some does."""
    assert behind(application(HOST, policy=BYPASS)) == []
    for some in (
        {"include": [{"ip": {"ip": "192.0.2.1/32"}}]},
        {"require": [{"geo": {"country_code": "DE"}}]},
        {"exclude": [{"geo": {"country_code": "DE"}}]},
    ):
        assert behind(application(HOST, policy={**BYPASS, **some})) == [HOST]


def test_most_exact_application_counts() -> None:
    """An exact hostname takes precedence over a wildcard, a path does not."""
    wildcard = application(f"*.{ZONE_NAME}")
    bypass = application(HOST, policy=BYPASS)
    assert behind(wildcard, bypass) == []
    assert behind(wildcard, application(f"{HOST}/api", policy=BYPASS)) == [
        f"*.{ZONE_NAME}"
    ]
    assert behind(bypass, application(f"{HOST}/api")) == [f"{HOST}/api"]


@pytest.mark.parametrize(
    ("fields", "uris"),
    [
        ({"destinations": None, "domain": HOST}, (HOST,)),
        ({"destinations": None, "self_hosted_domains": [HOST, OTHER]}, (HOST, OTHER)),
        ({"destinations": [{"type": "private", "cidr": "10.0.0.0/8"}]}, ()),
        ({"destinations": [{"uri": HOST}], "domain": OTHER}, (HOST,)),
        ({"type": "bookmark", "domain": HOST}, ()),
        ({"type": "app_launcher", "domain": HOST}, ()),
        ({"type": None, "destinations": None}, ()),
        ({"destinations": None}, ()),
        ({"policies": ["an id"], "destinations": None, "domain": HOST}, (HOST,)),
        ({"policies": None, "destinations": None, "domain": HOST}, (HOST,)),
    ],
)
def test_addresses_of_an_application(
    fields: dict[str, Any], uris: tuple[str, ...]
) -> None:
    """Older forms of addresses are read as well; bookmarks are ignored."""
    assert application("x.example.com", **fields).uris == uris


def test_zone_that_is_not_served() -> None:
    """While Cloudflare does not serve the zone, nothing else is reported."""
    observation = in_sync()
    surroundings = around({Setting.WEBSOCKETS: "off"})
    for paused, check in ((True, Check.ZONE_PAUSED), (False, Check.ZONE_INACTIVE)):
        zone = replace(observation.zone, active=False, paused=paused)
        (finding,) = found(replace(observation, zone=zone), surroundings)
        assert finding.check is check
        assert finding.target == ZONE_NAME


def test_skip_rule_that_is_off_is_drift() -> None:
    """Our disabled rule is fixed, and reported as drift only."""
    off = replace(skip_rule(), enabled=False)
    assert off.ref == SKIP_REF
    assert found(published(off, block_rule()), UNDER_ATTACK) == []


@pytest.mark.parametrize(
    ("uri", "covers"),
    [
        (f"{'*' * 200}.example.com", True),
        (f"{'*' * 200}x.example.com", False),
        (f"{'*e' * 100}.example.com", False),
        (f"{'*.' * 100}example.com", False),
        (f"home*{'*' * 40}mobile.example.com", True),
        ("h*e*-*le.example.com", True),
        ("h*le*le.example.com", False),
        (f"{'*' * 1_000_000}.example.com", False),
        (f"{'a' * 1_000_000}.example.com", False),
    ],
    ids=["stars", "stars and a letter", "alternating", "labels", "between", "parts", "overlap", "megabyte", "letters"],
)  # fmt: skip
def test_pattern_costs_no_more_than_its_length(uri: str, covers: bool) -> None:
    """Who may add applications to the account must not stop Home Assistant with one of them."""
    covering = application(uri)
    assert bool(behind(covering)) is covers
    assert lines_of(lambda: behind(covering)) < 2 * lines_of(
        lambda: behind(application(HOST))
    )
