"""The hostnames that the account's tunnels serve already, to choose one of them, without forms."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from ..engine.access.barriers import Barrier, barrier_of
from ..engine.api.access_models import AccessApplication
from ..engine.api.ask_each import ask_each
from ..engine.api.errors import EngineError
from ..engine.api.models import Observation, Tunnel, Zone, name_matches
from ..engine.api.names import in_letters
from ..engine.rules.exposure import records_to_an_origin
from ..engine.rules.marks import RECORD_COMMENT
from ..engine.sync.observe import observe
from ..engine.sync.settings import is_web_service
from ..engine.sync.steps import address_record
from ..engine.tunnels.served import ServedHostname
from ..quoting import Ours
from ..wording import Texts
from .account_choices import AccountChoices


@dataclass(frozen=True, kw_only=True)
class ExistingHostname:
    """A hostname that a tunnel serves, from what, and what stands in front of it.

    The service is None where only the file beside cloudflared knows it.
    """

    hostname: str
    zone: Zone
    tunnel: Tunnel
    service: str | None
    barrier: Barrier


async def find_existing(account: AccountChoices) -> Mapping[str, ExistingHostname]:
    """Return the hostnames that can be protected as they are, those that are open first.

    A zone or tunnel that cannot be read now offers none: its hostnames can be typed.
    """
    taken = {item.hostname for item in account.others}
    return await _existing_among(
        account,
        [item for item in account.served.values() if item.hostname not in taken],
    )


async def find_below_wildcard(
    account: AccountChoices, hostname: str
) -> ExistingHostname | None:
    """Return a hostname that only a wildcard record leads to a tunnel, None if it is none.

    Nobody can list such names, so a person types them.
    """
    over = [item for item in account.wildcards if name_matches(item.hostname, hostname)]
    closest = max(over, key=lambda item: len(item.hostname), default=None)
    if closest is None:
        return None
    found = await _existing_among(account, [replace(closest, hostname=hostname)])
    return found.get(hostname)


async def _existing_among(
    account: AccountChoices, served: Collection[ServedHostname]
) -> Mapping[str, ExistingHostname]:
    """Return which of the hostnames can be protected as they are, those that are open first."""
    if not served:
        return {}
    applications = await read_applications(account)
    tunnels = {
        zone_id: {item.tunnel.id for item in served if item.zone.id == zone_id}
        for zone_id in {item.zone.id for item in served}
    }

    async def look(zone_id: str) -> Observation:
        return await observe(
            account.client, account.account_id, zone_id, sorted(tunnels[zone_id])
        )

    seen = await ask_each(sorted(tunnels), look)
    found = [
        existing
        for item in served
        if (observation := seen.found.get(item.zone.id))
        and (existing := _existing(item, observation, applications))
    ]
    order = list(Barrier)
    found.sort(key=lambda item: (order.index(item.barrier), item.hostname))
    return {item.hostname: item for item in found}


async def read_applications(
    account: AccountChoices,
) -> Collection[AccessApplication]:
    """Return the Access applications; none where they cannot be read."""
    with suppress(EngineError):
        return await account.client.access_applications.list(account.account_id)
    return ()


def _existing(
    item: ServedHostname,
    observation: Observation,
    applications: Collection[AccessApplication],
) -> ExistingHostname | None:
    """Return a hostname of somebody that leads to a web server, None if it is none."""
    leading = records_to_an_origin(observation, item.hostname)
    known = observation.configurations.get(item.tunnel.id)
    service = known.service_of(item.hostname) if known else None
    record = address_record(observation.records, item.hostname)
    is_local = item.tunnel.id in observation.local_tunnels
    if record and record.comment == RECORD_COMMENT:
        # Another Home Assistant protects it, or this one is taking it down.
        return None
    leads_there = any(item.tunnel.id == each.tunnel_id for each in leading)
    if not leads_there or not (is_local or (service and is_web_service(service))):
        return None
    return ExistingHostname(
        hostname=item.hostname,
        zone=item.zone,
        tunnel=item.tunnel,
        service=service,
        barrier=barrier_of(observation, item.hostname, applications),
    )


def label_of(text: Texts, item: ExistingHostname) -> str:
    """Return what a person reads of a hostname that they can choose."""
    return text(
        "existing_hostname",
        hostname=in_letters(item.hostname),
        service=item.service or item.tunnel.name,
        barrier=Ours(text(f"barrier_{item.barrier}")),
    )
