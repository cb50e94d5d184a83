"""Creates clients and probes, and holds what everything of one account shares."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
import os

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.httpx_client import get_async_client
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .engine.api.client import CloudflareClient
from .engine.api.models import Observation, Tunnel
from .engine.api.pause import Pause
from .engine.api.recent_writes import RecentWrites
from .engine.api.transport import BASE_URL
from .engine.api.whole_lists import WholeLists
from .engine.arrival import Arrival
from .engine.checks.surroundings import Surroundings
from .engine.moment import Lasting, Moment
from .engine.probe import Probe
from .engine.sync.plan import Plan
from .engine.tunnels.reports import ConnectorReport


def base_url() -> str:
    """Return the API's address, which only a sandbox replaces."""
    return os.environ.get("CLOUDFLARE_BASE_URL", BASE_URL)


async def async_create_client(
    hass: HomeAssistant, token: str, account_id: str | None = None
) -> CloudflareClient:
    """Return a client of the API; clients of one account share its state."""
    shared = async_get_account_state(hass, account_id) if account_id else None
    # The SDK reads files while it starts.
    return await hass.async_add_executor_job(
        partial(
            CloudflareClient,
            token,
            account_id=account_id,
            base_url=base_url(),
            http_client=get_async_client(hass),
            recent=shared.recent if shared else None,
            lists=shared.lists if shared else None,
            pause=shared.pause if shared else None,
            query_pause=shared.query_pause if shared else None,
        )
    )


def create_probe(hass: HomeAssistant) -> Probe:
    """Return a probe of the edge, whose address only a sandbox replaces."""
    host, _, port = os.environ.get("CLOUDFLARE_MTLS_EDGE", "").rpartition(":")
    return Probe(
        hass.async_add_executor_job,
        address=(host, int(port)) if host else None,
        ca_file=os.environ.get("CLOUDFLARE_MTLS_EDGE_CA"),
    )


_SHARED: HassKey[dict[str, AccountState]] = HassKey(f"{DOMAIN}_shared")


@dataclass
class AccountState:
    """State that all entries, dialogs and actions of an account share."""

    recent: RecentWrites = field(default_factory=RecentWrites)
    lists: WholeLists = field(default_factory=WholeLists)
    # Held while writing: two writers would overwrite each other's lists.
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    pause: Pause = field(default_factory=Pause)
    query_pause: Pause = field(default_factory=Pause)
    # When Cloudflare last listed the tunnels: that is asked each minute.
    answered_at: Moment | None = None
    # What stood around the rules when it was last read, what was last seen of each zone, and the
    # plan that was made last: what cannot be read now is as it was.
    surroundings: Surroundings = field(default_factory=Surroundings)
    last_seen: Mapping[str, Observation] = field(default_factory=dict)
    last_plans: Mapping[str, Plan] = field(default_factory=dict)
    # By zone, when its rules were read last, and when Cloudflare last answered whom it lets past them.
    rules_read_on: Mapping[str, Moment] = field(default_factory=dict)
    allowing_told_on: Mapping[str, Moment] = field(default_factory=dict)
    # The tunnels as they were listed last, by id, and what connectors said last, by address.
    tunnels: Mapping[str, Tunnel] = field(default_factory=dict)
    connectors: Mapping[str, ConnectorReport] = field(default_factory=dict)
    # Since when the edge tells of requests, by hostname: no reload makes rules newer.
    told: Lasting = field(default_factory=Lasting)
    # Where visits with a certificate ended, and when, by hostname.
    arrivals: dict[str, tuple[Arrival, Moment]] = field(default_factory=dict)


@callback
def async_get_account_state(hass: HomeAssistant, account_id: str) -> AccountState:
    """Return the state of an account."""
    return hass.data.setdefault(_SHARED, {}).setdefault(account_id, AccountState())
