"""Random zones with random settings, and the sandbox's verdict on which requests get in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from hypothesis import strategies as st

from custom_components.cloudflare_mtls.engine.api.models import (
    DnsRecord,
    Observation,
    Rule,
)
from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.adoption import MadeByHand
from custom_components.cloudflare_mtls.engine.rules.exempt_paths import is_exempt
from custom_components.cloudflare_mtls.engine.rules.expressions import (
    block_expression,
    skip_expression,
)
from custom_components.cloudflare_mtls.engine.rules.marks import pair_of
from custom_components.cloudflare_mtls.engine.sync.accepted import Accepted
from custom_components.cloudflare_mtls.engine.sync.desired import DesiredZone
from custom_components.cloudflare_mtls.engine.sync.rule_adoption import (
    find_made_by_hand,
)
from custom_components.cloudflare_mtls.engine.sync.settings import (
    Found,
    Layout,
    ProtectedHostname,
)
from sandbox import firewall, ingress
from sandbox.expressions import Value
from sandbox.seed import ACCOUNT_ID
from sandbox.state import (
    FIREWALL_PHASE,
    DnsRecord as SandboxRecord,
    Rule as SandboxRule,
    Ruleset as SandboxRuleset,
    State,
    TunnelStatus,
)
from tests.engine.builders import (
    BLOCK_REF,
    ENDS_THE_RULES,
    HOST,
    NEIGHBOUR,
    OTHER,
    RECORD_COMMENT,
    SERVICE,
    TUNNEL_ID,
    UNKNOWN_TUNNEL,
    ZONE_NAME,
    admits,
    observed,
    protected,
    record,
    rule,
    serves,
    skip,
    skip_rule,
)

HOSTNAMES = (HOST, OTHER, NEIGHBOUR)
FOREIGN_SERVICE = "http://192.168.1.20:5000"


@dataclass(frozen=True)
class World:
    """The observed state of a zone, and the desired one."""

    observation: Observation
    desired: DesiredZone

    @property
    def admissions(self) -> dict[str, Admission]:
        """Return the admission of each hostname; one of another home is assumed to admit nobody else."""
        ours = (*self.desired.hostnames, *self.desired.removed)
        return {
            **dict.fromkeys(HOSTNAMES, admits()),
            **{item.hostname: self.desired.admission(item) for item in ours},
        }


_EXEMPT: st.SearchStrategy[tuple[str, ...]] = st.sampled_from(
    [(), ("/api/webhook/",), ("/api/webhook/", "/local/"), ("/local/", "/auth/token")]
)

_FOREIGN_RULES = st.sampled_from(
    [
        skip("ssl", "skip-all"),
        skip(f'http.host contains "{HOST}"', "skip-host"),
        skip('http.host eq "nas.example.com"', "skip-nas"),
        skip('http.host matches "x"', "skip-unreadable"),
        skip("ssl", "skip-disabled", enabled=False),
        skip('http.request.uri.path eq "/api/x"', "skip-path"),
        skip('starts_with(http.request.uri.path, "/api/webhook/")', "skip-webhooks"),
        skip('http.host contains "cloud"', "skip-cloud"),
        skip("http.host contains 63:6c:6f:75:64", "skip-cloud-in-hex"),
        skip('ends_with(http.host, ".nas.example")', "skip-end"),
        skip('cf.tls_client_auth.cert_fingerprint_sha256 ne ""', "skip-presented"),
        skip("cf.tls_client_auth.cert_presented", "skip-any-certificate"),
        skip('http.user_agent contains "bot"', "skip-bots"),
        rule("execute", "ssl", "execute", parameters={"id": "managed"}),
        rule(
            "block", 'cf.tls_client_auth.cert_fingerprint_sha256 eq ""', "block-empty"
        ),
        rule("block", "not cf.tls_client_auth.cert_presented", "block-nothing"),
        rule("skip", "ssl", "skip-products", parameters={"products": ["bic"]}),
        rule("skip", "ssl", "skip-phase", parameters={"phase": "current"}),
        rule("block", 'http.host eq "nas.example.com"', "block-nas"),
        rule("block", 'not ip.src.country in {"DE"}', "block-countries"),
        rule("block", f'http.host contains "{OTHER}"', "block-other"),
        rule("managed_challenge", "ssl", "challenge"),
        *(
            rule(
                action,
                f"(http.host {asked} and {verified})",
                ref,
                parameters=parameters,
            )
            for action, verified, parameters in (
                ("block", "not cf.tls_client_auth.cert_verified", None),
                ("skip", "cf.tls_client_auth.cert_verified", ENDS_THE_RULES),
            )
            for asked, ref in (
                (f'eq "{HOST}"', f"by-hand-{action}"),
                (f'in {{"{HOST}" "{OTHER}"}}', f"by-hand-{action}-both"),
                (f'in {{"{HOST}" "nas.example.com"}}', f"by-hand-{action}-nas"),
            )
        ),
        rule("log", "ssl", "log"),
    ]
)

_FOREIGN_INGRESS: st.SearchStrategy[Any] = st.sampled_from(
    [
        serves("nas.example.com", FOREIGN_SERVICE, originRequest={"noTLSVerify": True}),
        serves("*.example.com", FOREIGN_SERVICE),
        serves("*.example.com", FOREIGN_SERVICE, path="^/api"),
        serves("*.example.com", "http_status:418", path="^/x"),
        serves("*.EXAMPLE.com", "http_status:404"),
        serves(HOST, FOREIGN_SERVICE, path="^/api", id="1"),
        serves(OTHER, "http_status:403", path="^/local"),
    ]
)

_FOREIGN_RECORDS = st.sampled_from(
    [
        record("*.example.com", ours=False),
        record("nas.example.com", ours=False),
        record(HOST, kind="TXT", content="x", ours=False),
        record("vpn.example.com", kind="A", content="192.0.2.1", ours=False),
        record(
            "*.example.com", kind="A", content="192.0.2.1", ours=False, proxied=False
        ),
    ]
)


_PINNED = ("a" * 64, "b" * 64)
_PINS: st.SearchStrategy[frozenset[str] | None] = st.sampled_from(
    [None, None, None, frozenset(), frozenset(_PINNED[:1]), frozenset(_PINNED)]
)


# The phone renews its certificate: the old one and the new one are good.
_OF_DEVICE = {
    "phone": frozenset({"a" * 64, "d" * 64}),
    "tablet": frozenset({"b" * 64}),
}


def _own_block(admissions: dict[str, Admission]) -> st.SearchStrategy[Rule | None]:
    """Return our block rule, complete, changed or missing."""
    if not admissions:
        return st.none()
    good = rule("block", block_expression(admissions), BLOCK_REF)
    only_equal = " or ".join(f'http.host eq "{host}"' for host in admissions)
    unverified = (
        "(not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)"
    )
    return st.sampled_from(
        [
            None,
            good,
            good,
            good,
            replace(good, expression=f"  ({good.expression})"),
            replace(good, enabled=False),
            replace(good, action="managed_challenge"),
            replace(good, action="skip", action_parameters={"ruleset": "current"}),
            replace(
                good,
                expression=good.expression.replace(
                    " or cf.tls_client_auth.cert_revoked", ""
                ),
            ),
            replace(good, expression=f"({only_equal}) and {unverified}"),
            replace(good, expression='http.host matches "unreadable"'),
            replace(good, expression='starts_with(lower(http.host), "nas.example.com")'),
        ]
    )  # fmt: skip


def _own_skip(admissions: dict[str, Admission]) -> st.SearchStrategy[Rule | None]:
    """Return our skip rule, complete, changed or missing."""
    if not admissions:
        return st.none()
    good = skip_rule(*admissions)
    expression = skip_expression(admissions)
    listing = replace(good, expression=expression) if expression else None
    return st.sampled_from(
        [
            None,
            good,
            good,
            listing,
            listing,
            replace(good, enabled=False),
            replace(good, expression="ssl"),
            replace(good, action_parameters={"products": ["bic"]}),
            replace(good, action="block", action_parameters={}),
            replace(
                good,
                expression=good.expression.replace(
                    " and not cf.tls_client_auth.cert_revoked", ""
                ),
            ),
        ]
    )


_TUNNEL = st.sampled_from([TUNNEL_ID, UNKNOWN_TUNNEL])
_TUNNELS = st.sets(_TUNNEL)


def _record_of(hostname: str) -> st.SearchStrategy[DnsRecord | None]:
    return st.sampled_from(
        [
            None,
            record(hostname),
            record(hostname),
            record(hostname, proxied=False),
            record(hostname, tunnel_id=UNKNOWN_TUNNEL),
            record(hostname, ours=False),
            record(hostname, kind="A", content="192.0.2.1", ours=False),
            record(hostname, kind="A", content="192.0.2.1", ours=False, proxied=False),
            record(hostname, kind="A", content="192.0.2.1", proxied=False),
        ]
    )


def _ingress_of(hostname: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(
        [
            None,
            serves(hostname),
            serves(hostname),
            serves(hostname, FOREIGN_SERVICE),
            serves(hostname.upper(), originRequest={"httpHostHeader": "x"}, id="7"),
            serves(hostname.title(), "http_status:403"),
            serves(hostname, "http_status:503"),
        ]
    )


def _settings_of(hostname: str) -> st.SearchStrategy[ProtectedHostname]:
    return st.builds(
        lambda paths, layout, published, found, devices: protected(
            hostname,
            *paths,
            layout=layout,
            published=published,
            found=found,
            devices=devices,
        ),
        _EXEMPT,
        st.sampled_from(Layout),
        st.sampled_from([True, True, True, False]),
        st.sampled_from(Found),
        st.sampled_from([None, None, ["phone"], ["tablet"], ["phone", "tablet"], []]),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a zone with three hostnames: protected, to take down, or of another home."""
    roles = draw(st.permutations(["kept", "removed", "neighbour", "kept"]))
    roles_of = dict(zip(HOSTNAMES, roles, strict=False))
    desired = DesiredZone(
        hostnames=tuple(
            draw(_settings_of(h)) for h, role in roles_of.items() if role == "kept"
        ),
        accepted=Accepted(everywhere=draw(_PINS), of_device=_OF_DEVICE),
        removed=tuple(
            draw(_settings_of(h)) for h, role in roles_of.items() if role == "removed"
        ),
        files=draw(st.dictionaries(st.sampled_from(HOSTNAMES), _TUNNELS)),
        released=frozenset(
            draw(st.sets(st.tuples(st.sampled_from(HOSTNAMES), _TUNNEL)))
        ),
        # Once a person led it there, a record is ours, whatever its comment says by now.
        marked=frozenset(draw(st.sets(st.sampled_from(HOSTNAMES), max_size=1))),
    )
    named = draw(st.lists(st.sampled_from(HOSTNAMES), unique=True))
    # Half of the rules found have the exempt paths and pins that are desired.
    wanted = {
        item.hostname: desired.admission(item)
        for item in (*desired.hostnames, *desired.removed)
    }
    admissions = {
        host: (
            wanted[host]
            if host in wanted and draw(st.booleans())
            else admits(*draw(_EXEMPT), pinned=draw(_PINS))
        )
        for host in named
    }
    own = [draw(_own_block(admissions)), draw(_own_skip(admissions))]
    foreign = draw(
        st.lists(_FOREIGN_RULES, max_size=4, unique_by=lambda item: item.ref)
    )
    rules = draw(st.permutations([item for item in (*own, *foreign) if item]))
    records = [draw(_record_of(hostname)) for hostname in HOSTNAMES]
    records += draw(st.lists(_FOREIGN_RECORDS, max_size=2, unique=True))
    entries = [draw(_ingress_of(hostname)) for hostname in HOSTNAMES]
    entries += draw(st.lists(_FOREIGN_INGRESS, max_size=2))
    entries = draw(st.permutations([item for item in entries if item]))
    last = draw(st.sampled_from(["http_status:404", "http_status:404", SERVICE]))
    associated = [*HOSTNAMES, HOST.upper(), "nas.example.com"]
    observation = observed(
        rules=rules,
        records=[item for item in records if item],
        ingress=[*entries, serves(None, last)],
        associations=draw(st.lists(st.sampled_from(associated), unique=True)),
        plan=draw(st.sampled_from(["free", "pro"])),
        is_local=draw(st.integers(0, 4)) == 0,
    )
    if draw(st.integers(0, 9)) == 0:
        observation = replace(
            observation,
            configurations={},
            local_tunnels=frozenset(),
            unread_tunnels=frozenset({TUNNEL_ID}),
        )
    found = find_made_by_hand(observation, desired)
    agreed = (
        st.sets(st.sampled_from(sorted(found, key=repr))) if found else st.just(set())
    )
    takes_over = draw(st.none() | agreed.map(frozenset))
    return World(observation, replace(desired, takes_over=takes_over))


def foreign_things(observation: Observation, desired: DesiredZone) -> dict[str, Any]:
    """Return everything that is not ours, in its order; rules made by hand may become ours."""
    settings = (*desired.hostnames, *desired.removed)
    ours = {item.hostname for item in settings}
    created = {item.hostname for item in settings if not item.is_adopted}
    config = observation.configurations.get(TUNNEL_ID)
    own_ingress = [config.rule_for(hostname) for hostname in created] if config else []
    return {
        "rules": [
            item
            for item in observation.ruleset.rules
            if pair_of(item.ref) is None
            and MadeByHand(id=item.id) not in (desired.takes_over or ())
        ],
        "associations": [
            name for name in observation.associations if name.lower() not in ours
        ],
        "records": [
            item
            for item in observation.records
            if item.name not in ours
            or (item.comment != RECORD_COMMENT and item.name not in desired.marked)
        ],
        "ingress": [
            item.raw
            for item in (config.ingress if config else ())
            if not any(item is own for own in own_ingress)
        ],
        "configuration": {
            key: value
            for key, value in (config.raw if config else {}).items()
            if key != "ingress"
        },
    }  # fmt: skip


# The sandbox, which shares no code with the engine, decides about single requests.

_HOST_FORMS = (
    "{0}", "{0}:8443", "{0}.", "{0}.:443", "{1}", "{1}:2053", "{2}",
    "{0}:cloud", "{0}:nas.example.com", "{0}:x:.example.com",
)  # fmt: skip
_PATHS = (
    "/", "/api/", "/api/x", "/api/webhook", "/api/webhook/x", "/local/x", "/auth/token",
    "/api/webhook/../../auth/token", "/api/webhook/%2e%2e/%2e%2e/auth/token",
)  # fmt: skip


def lets_in(
    observation: Observation, hostname: str, admission: Admission
) -> dict[str, Value] | None:
    """Return a request without a good certificate that reaches an origin, if there is one."""
    state = _as_state(observation)
    zone = next(iter(state.zones.values()))
    forms = [
        form.format(hostname, hostname.upper(), hostname.title())
        for form in _HOST_FORMS
    ]
    for path, host in product(_PATHS, forms):
        if is_exempt(path, admission.exempt_paths):
            continue
        service = ingress.route(state, zone, host, path)
        if not _is_origin(service):
            continue
        for request in _requests(host, path, admission):
            if firewall.judge(zone.rules, request).stopped_by is None:
                return request
    return None


def is_reached(observation: Observation, hostname: str) -> bool:
    """Return whether requests for a hostname reach an origin where no rule stops them."""
    state = _as_state(observation)
    zone = next(iter(state.zones.values()))
    return _is_origin(ingress.route(state, zone, hostname, "/"))


def others_let_in(
    observation: Observation, hostname: str, admission: Admission
) -> set[tuple[str, str]]:
    """Return the paths that valid certificates reach which are not listed, with their fingerprints."""
    state = _as_state(observation)
    zone = next(iter(state.zones.values()))
    return {
        (path, fingerprint)
        for fingerprint, path in product(_others(admission), _PATHS)
        if not is_exempt(path, admission.exempt_paths)
        and _is_origin(ingress.route(state, zone, hostname, path))
        and any(
            firewall.judge(zone.rules, request).stopped_by is None
            for request in _with_certificate(
                hostname, path, (True, True, False, fingerprint)
            )
        )
    }


def _others(admission: Admission) -> list[str]:
    """Return the certificates of devices and of strangers that must not pass."""
    if admission.pinned is None:
        return []
    known = {"c" * 64}.union(*_OF_DEVICE.values())
    return sorted(known - admission.pinned)


def _is_origin(service: ingress.Service | ingress.Failure) -> bool:
    if isinstance(service, ingress.Failure):
        return service is ingress.NO_ORIGIN
    return not service.name.startswith("http_status:")


def _requests(host: str, path: str, admission: Admission) -> Iterator[dict[str, Value]]:
    # No certificate, one of another authority, a pinned one that expired, a pinned one that is
    # revoked and, where some are listed, those that are not.
    certificates = [
        (False, False, False, ""),
        (True, False, False, "c" * 64),
        (True, False, False, _PINNED[0]),
        (True, True, True, _PINNED[0]),
    ]
    certificates += [(True, True, False, other) for other in _others(admission)]
    for certificate in certificates:
        yield from _with_certificate(host, path, certificate)


def _with_certificate(
    host: str, path: str, certificate: tuple[bool, bool, bool, str]
) -> Iterator[dict[str, Value]]:
    presented, verified, revoked, fingerprint = certificate
    for country in ("DE", "US"):
        yield {
            "http.host": host,
            "http.request.uri.path": path,
            "http.user_agent": "Mozilla/5.0",
            "ip.src.country": country,
            "ssl": True,
            "cf.tls_client_auth.cert_presented": presented,
            "cf.tls_client_auth.cert_verified": verified,
            "cf.tls_client_auth.cert_revoked": revoked,
            "cf.tls_client_auth.cert_fingerprint_sha256": fingerprint,
        }


def _as_state(observation: Observation) -> State:
    state = State()
    account = state.add_account("Home lab", id=ACCOUNT_ID)
    zone = state.add_zone(ZONE_NAME, account)
    config = observation.configurations.get(TUNNEL_ID)
    for tunnel_id in (TUNNEL_ID, UNKNOWN_TUNNEL):
        tunnel = state.add_tunnel(tunnel_id, id=tunnel_id)
        tunnel.status = TunnelStatus.HEALTHY
        # The configuration of an unknown tunnel may lead anywhere.
        tunnel.config = {"ingress": [serves(None)]}
        if tunnel_id == TUNNEL_ID and config:
            tunnel.config = dict(config.raw)
    for item in observation.records:
        zone.add_dns_record(
            SandboxRecord(item.type, item.name, item.content, proxied=item.proxied)
        )
    zone.add_ruleset(_ruleset(observation))
    return state


def _ruleset(observation: Observation) -> SandboxRuleset:
    return SandboxRuleset(
        FIREWALL_PHASE,
        [
            SandboxRule(
                item.action,
                item.expression,
                enabled=item.enabled,
                action_parameters=dict(item.action_parameters),
                ref=item.ref,
            )
            for item in observation.ruleset.rules
        ],
    )
