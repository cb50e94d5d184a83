"""Clients for Cloudflare's API, on Home Assistant's own HTTP connections, and for its edge."""

from functools import partial
import os

from homeassistant.core import HomeAssistant
from homeassistant.helpers.httpx_client import get_async_client

from .edge.client import BASE_URL, EdgeClient
from .edge.probe import Probe
from .shared import async_get_shared


def base_url() -> str:
    """Return the API's address; it can be replaced, for a sandbox and nothing else."""
    return os.environ.get("CLOUDFLARE_BASE_URL", BASE_URL)


async def async_create_client(
    hass: HomeAssistant, token: str, account_id: str | None = None
) -> EdgeClient:
    """Return a client of the API."""
    shared = async_get_shared(hass, account_id) if account_id else None
    # The SDK reads files while it starts.
    return await hass.async_add_executor_job(
        partial(
            EdgeClient,
            token,
            account_id=account_id,
            base_url=base_url(),
            http_client=get_async_client(hass),
            recent=shared.recent if shared else None,
            pause=shared.pause if shared else None,
            query_pause=shared.query_pause if shared else None,
        )
    )


def create_probe(hass: HomeAssistant) -> Probe:
    """Return what asks the edge; that can be replaced, for a sandbox and nothing else."""
    host, _, port = os.environ.get("CLOUDFLARE_MTLS_EDGE", "").rpartition(":")
    return Probe(
        hass.async_add_executor_job,
        address=(host, int(port)) if host else None,
        ca_file=os.environ.get("CLOUDFLARE_MTLS_EDGE_CA"),
    )
