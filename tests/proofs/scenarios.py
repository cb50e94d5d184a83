"""The scenarios of the fault matrix: a job, and the state in which it starts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from custom_components.cloudflare_mtls.engine.rules.marks import SKIP_REF
from custom_components.cloudflare_mtls.engine.sync.settings import Found
from sandbox.clock import Delays
from sandbox.faults import FaultKind
from sandbox.seed import SERVICE
from sandbox.state import DnsRecord, Rule
from tests.engine.builders import protected

from .call_faults import CallFault
from .endpoint import Endpoint
from .hostnames import CABIN, FOREIGN_SERVICE, HOME, NAS, TUNNEL_ADDRESS, WILDCARD
from .job import Job
from .resettable_sandbox import ResettableSandbox

_HOSTNAME: Final = protected(HOME, "/api/webhook/")
_PHONES: Final = replace(_HOSTNAME, devices=frozenset({"phone"}))
_TABLETS: Final = replace(_HOSTNAME, devices=frozenset({"tablet"}))
_ADOPTED: Final = replace(_HOSTNAME, found=Found.ADOPTED)
# Either of the long ones fills more than half of a rule.
_LONG: Final = tuple(f"/{'a' * 90}{number}/" for number in range(14))
_LONG_CABIN: Final = replace(protected(CABIN, *_LONG), devices=frozenset({"tablet"}))
_LONG_HOME: Final = replace(_PHONES, exempt_paths=_LONG)
_SYNC: Final = Job("sync", (_HOSTNAME,))
_TAKE_DOWN: Final = Job("take_down", (_HOSTNAME,))
_CREATE_CERTIFICATE: Final = Job("create_certificate")

_ZONE: Final = "/zones/{zone}"
_READ_ZONE: Final = Endpoint("GET", _ZONE)
_SIGN: Final = Endpoint("POST", f"{_ZONE}/client_certificates")
_LIST_CERTIFICATES: Final = Endpoint("GET", _SIGN.path)

type Prepare = Callable[[ResettableSandbox], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """A job and the state in which it starts."""

    name: str
    job: Job
    prepare: Prepare
    prepare_earlier: Prepare
    """The state before the last change, which a stale read returns."""
    faults: Callable[[], list[CallFault]] = field(default=list)
    """Faults that every run of the scenario meets, besides the one that is tried."""
    only: Endpoint | None = None
    """The endpoint to try faults on, if other scenarios try the rest."""
    nightly: bool = False


async def add_foreign_things(sandbox: ResettableSandbox) -> None:
    """Add a wildcard record, and a rule that skips the others for visitors of the NAS."""
    sandbox.zone.add_dns_record(
        DnsRecord("CNAME", WILDCARD, TUNNEL_ADDRESS, proxied=True)
    )
    skip = Rule(
        "skip", f'http.host eq "{NAS}"', action_parameters={"ruleset": "current"}
    )
    sandbox.zone.rules.insert(0, skip)


async def _empty(sandbox: ResettableSandbox) -> None:
    """Leave a zone that never had a rule or an association, and a tunnel that serves nothing."""
    sandbox.zone.rulesets.clear()
    sandbox.zone.associations = None
    sandbox.tunnel.config = {
        "ingress": [{"service": "http_status:404"}],
        "warp-routing": {"enabled": False},
    }


async def _in_sync(sandbox: ResettableSandbox) -> None:
    """Protect the hostname, beside foreign things."""
    await add_foreign_things(sandbox)
    assert (await sandbox.new_home(_HOSTNAME).sync()).is_done


async def _for_the_phone(sandbox: ResettableSandbox) -> None:
    """Protect the hostname for one device."""
    await add_foreign_things(sandbox)
    assert (await sandbox.new_home(_PHONES).sync()).is_done


async def _in_one_pair(sandbox: ResettableSandbox) -> None:
    """Protect two hostnames by one pair of rules, and leave two custom rules free."""
    wildcard = DnsRecord("CNAME", WILDCARD, TUNNEL_ADDRESS, proxied=True)
    sandbox.zone.add_dns_record(wildcard)
    assert (await sandbox.new_home(_PHONES, _LONG_CABIN).sync()).is_done
    assert len(sandbox.own_rules()) == 2


async def _in_two_pairs(sandbox: ResettableSandbox) -> None:
    """Have one of the hostnames move to a pair of its own."""
    await _in_one_pair(sandbox)
    assert (await sandbox.new_home(_LONG_HOME, _LONG_CABIN).sync()).is_done
    assert len(sandbox.own_rules()) == 4


async def _in_sync_alone(sandbox: ResettableSandbox) -> None:
    """Protect the hostname in an empty zone."""
    await _empty(sandbox)
    assert (await sandbox.new_home(_HOSTNAME).sync()).is_done


async def _drifted(sandbox: ResettableSandbox) -> None:
    """Change every part of what protects the hostname, without exposing it."""
    await _in_sync(sandbox)
    zone = sandbox.zone
    skip = sandbox.own_rule(SKIP_REF)
    assert skip is not None
    assert zone.associations is not None
    skip.action_parameters = {"ruleset": "current"}
    zone.rules.append(zone.rules.pop(0))
    zone.rules.insert(0, zone.rules.pop(-1))
    zone.rules.append(zone.rules.pop(1))
    zone.associations.remove(HOME)
    for rule in sandbox.tunnel.ingress:
        if rule.get("hostname") == HOME:
            rule["service"] = FOREIGN_SERVICE
    for record in zone.dns_records.values():
        if record.name == HOME:
            record.proxied = False


async def _with_a_file(sandbox: ResettableSandbox) -> None:
    """Have a config file manage the tunnel, which serves the hostname already."""
    await add_foreign_things(sandbox)
    sandbox.tunnel.config_src = "local"
    sandbox.tunnel.ingress.insert(0, {"hostname": HOME, "service": SERVICE})


async def _in_sync_with_a_file(sandbox: ResettableSandbox) -> None:
    """Protect the hostname of such a tunnel."""
    await _with_a_file(sandbox)
    assert (await sandbox.new_home(_HOSTNAME).sync()).is_done


async def _of_owner(sandbox: ResettableSandbox) -> None:
    """Have the tunnel serve the hostname for its owner, who led it there."""
    await add_foreign_things(sandbox)
    sandbox.zone.add_dns_record(
        DnsRecord("CNAME", HOME, TUNNEL_ADDRESS, proxied=True, comment="me")
    )
    rule = {
        "hostname": HOME,
        "service": SERVICE,
        "originRequest": {"noTLSVerify": True},
    }
    sandbox.tunnel.ingress.insert(0, rule)


async def _adopted(sandbox: ResettableSandbox) -> None:
    """Protect the hostname of its owner."""
    await _of_owner(sandbox)
    assert (await sandbox.new_home(_ADOPTED).sync()).is_done


async def _exposed(sandbox: ResettableSandbox) -> None:
    """Expose the hostname: delete the rules; the wildcard record leads to the tunnel."""
    await _in_sync(sandbox)
    zone = sandbox.zone
    zone.rules.clear()
    zone.rules.append(Rule("skip", "ssl", action_parameters={"ruleset": "current"}))
    for record in list(zone.dns_records.values()):
        if record.name == HOME:
            del zone.dns_records[record.id]


async def _certificates_listed_late(sandbox: ResettableSandbox) -> None:
    """List new certificates a minute late; one for a device of the same name exists."""
    await add_foreign_things(sandbox)
    assert (await sandbox.new_home().create_certificate()).is_done
    sandbox.state.delays = Delays(certificate_list=60)


SCENARIOS: Final = (
    Scenario("Build-up", _SYNC, add_foreign_things, prepare_earlier=_in_sync),
    Scenario("Tear-down", _TAKE_DOWN, _in_sync, prepare_earlier=add_foreign_things),
    Scenario("Fix", _SYNC, _drifted, prepare_earlier=_in_sync),
    Scenario(
        "Limit a hostname to one device",
        Job("sync", (_TABLETS,)),
        _in_sync,
        prepare_earlier=_in_sync,
    ),
    Scenario(
        "Give a limited hostname to another device",
        Job("sync", (_TABLETS,)),
        _for_the_phone,
        prepare_earlier=_for_the_phone,
    ),
    Scenario(
        "Move a hostname to a further pair of rules",
        Job("sync", (_LONG_HOME, _LONG_CABIN)),
        _in_one_pair,
        prepare_earlier=_in_one_pair,
    ),
    Scenario(
        "Take a hostname and its pair of rules down",
        Job("take_down", (_LONG_HOME,)),
        _in_two_pairs,
        prepare_earlier=_in_one_pair,
        nightly=True,
    ),
    Scenario(
        "Protect a hostname that is there",
        Job("sync", (_ADOPTED,)),
        _of_owner,
        prepare_earlier=_adopted,
    ),
    Scenario(
        "Stop protecting a hostname",
        Job("open", (_ADOPTED,)),
        _adopted,
        prepare_earlier=_of_owner,
    ),
    Scenario(
        "Create a certificate",
        _CREATE_CERTIFICATE,
        _certificates_listed_late,
        prepare_earlier=add_foreign_things,
    ),
    Scenario(
        "Create a certificate whose answer is lost",
        _CREATE_CERTIFICATE,
        _certificates_listed_late,
        prepare_earlier=add_foreign_things,
        faults=lambda: [CallFault(FaultKind.RESET_AFTER, endpoint=_SIGN)],
        only=_LIST_CERTIFICATES,
    ),
    Scenario(
        "Create a certificate whose call is lost",
        _CREATE_CERTIFICATE,
        _certificates_listed_late,
        prepare_earlier=add_foreign_things,
        faults=lambda: [CallFault(FaultKind.RESET_BEFORE, endpoint=_SIGN)],
        only=_LIST_CERTIFICATES,
        nightly=True,
    ),
    Scenario(
        "Build-up with a token that is refused",
        _SYNC,
        add_foreign_things,
        prepare_earlier=add_foreign_things,
        faults=lambda: [CallFault(FaultKind.FORBIDDEN, endpoint=_READ_ZONE)],
        only=Endpoint("GET", "/user/tokens/verify"),
    ),
    Scenario(
        "Build-up with a tunnel that has a config file",
        _SYNC,
        _with_a_file,
        prepare_earlier=_in_sync_with_a_file,
    ),
    Scenario(
        "Off with a tunnel that has a config file",
        Job("sync", (replace(_HOSTNAME, published=False),)),
        _in_sync_with_a_file,
        prepare_earlier=_in_sync_with_a_file,
    ),
    Scenario(
        "Build-up in an empty zone",
        _SYNC,
        _empty,
        prepare_earlier=_in_sync_alone,
        nightly=True,
    ),
    Scenario(
        "Fix an exposed hostname",
        _SYNC,
        _exposed,
        prepare_earlier=_in_sync,
        nightly=True,
    ),
)
