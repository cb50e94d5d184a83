"""Repeat the requests of a refresh with Home Assistant's bare HTTP client: what any integration would pay for them."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.httpx_client import get_async_client

# As many at once as the integration has under way.
_AT_ONCE = 12


@contextmanager
def recorded_urls(hass: HomeAssistant) -> Iterator[list[str]]:
    """Yield the list of the URLs that are requested within the block."""
    client, urls = get_async_client(hass), list[str]()

    async def record(request: Any) -> None:
        urls.append(str(request.url))

    hooks = client.event_hooks
    client.event_hooks = {**hooks, "request": [record]}
    yield urls
    client.event_hooks = hooks


async def fetch_and_decode(
    hass: HomeAssistant, token: str, urls: Iterable[str]
) -> None:
    """Fetch each URL and decode the JSON of its answer."""
    client = get_async_client(hass)
    headers = {"Authorization": f"Bearer {token}"}
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def fetch(url: str) -> None:
        async with at_once:
            answer = await client.get(url, headers=headers)
        answer.raise_for_status().json()

    await asyncio.gather(*map(fetch, urls))
