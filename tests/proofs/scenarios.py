"""What the engine is put to, from where, and what a read that lags shows there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from custom_components.cloudflare_mtls.engine.rules.marks import SKIP_REF
from sandbox.clock import Delays
from sandbox.faults import FaultKind
from sandbox.state import DnsRecord, Rule
from tests.engine.builders import protected

from .cloud import Cloud
from .dashboard import FOREIGN_SERVICE, HOME, NAS, TARGET, WILDCARD
from .mortal import Order
from .trouble import At, Endpoint

_HOSTNAME: Final = protected(HOME, "/api/webhook/")
_SYNC: Final = Order("sync", (_HOSTNAME,))
_TAKE_DOWN: Final = Order("take_down", (_HOSTNAME,))
_MINT: Final = Order("mint")

_ZONE: Final = "/zones/{zone}"
_READ_ZONE: Final = Endpoint("GET", _ZONE)
SIGN: Final = Endpoint("POST", f"{_ZONE}/client_certificates")

type Prepare = Callable[[Cloud], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """One thing to do, and all that is there when it begins."""

    name: str
    order: Order
    prepare: Prepare
    earlier: Prepare
    """How everything stood before the last change, which a stale read still shows."""
    standing: Callable[[], list[At]] = field(default=list)
    """Faults that are there anyway."""
    only: Endpoint | None = None
    """The one endpoint whose calls other scenarios do not make."""
    nightly: bool = False


async def lived_in(cloud: Cloud) -> None:
    """Leave a home lab with a wildcard record, and a rule that lets the NAS's visitors past."""
    cloud.zone.add_dns_record(DnsRecord("CNAME", WILDCARD, TARGET, proxied=True))
    skip = Rule(
        "skip", f'http.host eq "{NAS}"', action_parameters={"ruleset": "current"}
    )
    cloud.zone.rules.insert(0, skip)


async def _never_used(cloud: Cloud) -> None:
    """Leave a zone that never had a rule or an association, and a tunnel that serves nothing."""
    cloud.zone.rulesets.clear()
    cloud.zone.associations = None
    cloud.tunnel.config = {
        "ingress": [{"service": "http_status:404"}],
        "warp-routing": {"enabled": False},
    }


async def _in_sync(cloud: Cloud) -> None:
    """Leave the hostname protected in a zone that is lived in."""
    await lived_in(cloud)
    assert (await cloud.home(_HOSTNAME).sync()).done


async def _used_once(cloud: Cloud) -> None:
    """Leave the hostname protected in a zone that had nothing before."""
    await _never_used(cloud)
    assert (await cloud.home(_HOSTNAME).sync()).done


async def _drifted(cloud: Cloud) -> None:
    """Leave nothing as it must be, though everything closed."""
    await _in_sync(cloud)
    zone = cloud.zone
    skip = cloud.own_rule(SKIP_REF)
    assert skip is not None
    assert zone.associations is not None
    skip.action_parameters = {"ruleset": "current"}
    zone.rules.append(zone.rules.pop(0))
    zone.rules.insert(0, zone.rules.pop(-1))
    zone.rules.append(zone.rules.pop(1))
    zone.associations.remove(HOME)
    for rule in cloud.tunnel.ingress:
        if rule.get("hostname") == HOME:
            rule["service"] = FOREIGN_SERVICE
    for record in zone.dns_records.values():
        if record.name == HOME:
            record.proxied = False


async def _exposed(cloud: Cloud) -> None:
    """Leave the hostname open: the rules are gone, and the tunnel leads there."""
    await _in_sync(cloud)
    zone = cloud.zone
    zone.rules.clear()
    zone.rules.append(Rule("skip", "ssl", action_parameters={"ruleset": "current"}))
    for record in list(zone.dns_records.values()):
        if record.name == HOME:
            del zone.dns_records[record.id]


async def _slow_to_list(cloud: Cloud) -> None:
    """Leave an authority that lists what it signs a minute later, and has signed for a namesake."""
    await lived_in(cloud)
    assert (await cloud.home().mint()).done
    cloud.sandbox.state.delays = Delays(certificate_list=60)


SCENARIOS: Final = (
    Scenario("Build-up", _SYNC, lived_in, earlier=_in_sync),
    Scenario("Tear-down", _TAKE_DOWN, _in_sync, earlier=lived_in),
    Scenario("Mend", _SYNC, _drifted, earlier=_in_sync),
    Scenario("Mint", _MINT, _slow_to_list, earlier=lived_in),
    Scenario(
        "Mint whose answer is lost",
        _MINT,
        _slow_to_list,
        earlier=lived_in,
        standing=lambda: [At(FaultKind.RESET_AFTER, endpoint=SIGN)],
        only=Endpoint("GET", SIGN.path),
    ),
    Scenario(
        "Mint whose call is lost",
        _MINT,
        _slow_to_list,
        earlier=lived_in,
        standing=lambda: [At(FaultKind.RESET_BEFORE, endpoint=SIGN)],
        only=Endpoint("GET", SIGN.path),
        nightly=True,
    ),
    Scenario(
        "Build-up with a token that is refused",
        _SYNC,
        lived_in,
        earlier=lived_in,
        standing=lambda: [At(FaultKind.FORBIDDEN, endpoint=_READ_ZONE)],
        only=Endpoint("GET", "/user/tokens/verify"),
    ),
    Scenario(
        "Build-up where nothing ever was",
        _SYNC,
        _never_used,
        earlier=_used_once,
        nightly=True,
    ),
    Scenario("Mend what is open", _SYNC, _exposed, earlier=_in_sync, nightly=True),
)
