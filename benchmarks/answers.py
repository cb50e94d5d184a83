"""Measure how many answers deep a refresh and a sync are: time over the time of one answer."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
import statistics
import sys
import time

from aiohttp import ClientSession, web

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.sync.reconciler import Extent, Reconciler
from custom_components.cloudflare_mtls.engine.sync.settings import (
    HostnameSettings,
    ProtectedHostname,
)
from sandbox import Sandbox

# Long enough that the work of this machine between two answers hardly counts.
ANSWER = 0.3

HOSTNAME = HostnameSettings(
    zone_id=Sandbox.zone_id,
    protected=ProtectedHostname(
        hostname="home-mobile.example.com",
        tunnel_id=Sandbox.tunnel_id,
        service="http://homeassistant:8123",
    ),
    keep_in_sync=True,
)
EXTENT = Extent(hostnames={HOSTNAME.hostname})


@asynccontextmanager
async def slow(api_url: str) -> AsyncGenerator[str]:
    """Run a proxy that delays every answer of an API, and yield its address."""

    async def forward(request: web.Request) -> web.Response:
        await asyncio.sleep(ANSWER)
        async with session.request(
            request.method,
            f"{api_url}{request.raw_path}",
            data=await request.read(),
            headers={
                name: request.headers[name]
                for name in ("Authorization", "Content-Type")
                if name in request.headers
            },
        ) as answer:
            return web.Response(
                body=await answer.read(),
                status=answer.status,
                content_type=answer.content_type,
            )

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(application)
    async with ClientSession() as session:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()


async def preview(reconciler: Reconciler) -> None:
    """Preview a sync; this also finds out what a rule may skip here."""
    await reconciler.preview(EXTENT)


async def sync(reconciler: Reconciler) -> None:
    """Sync a hostname, and check that it is in sync afterwards."""
    outcome = await reconciler.sync(EXTENT)
    outcome.raise_if_stopped()
    assert outcome.in_sync


async def refresh(reconciler: Reconciler) -> None:
    """Read everything that a refresh reads."""
    await asyncio.gather(
        reconciler.look(Sandbox.zone_id),
        reconciler.client.client_certificates.list(Sandbox.zone_id),
        reconciler.client.tunnels.list(Sandbox.account_id),
    )


async def timed(action: Awaitable[object]) -> float:
    """Return the seconds that an action takes."""
    started = time.perf_counter()
    await action
    return time.perf_counter() - started


async def run() -> bool:
    """Print each figure and return whether all are within budget."""
    kept = True
    async with Sandbox() as sandbox, slow(sandbox.api_url) as url:
        client = CloudflareClient(sandbox.token, base_url=url)
        await client.verify_token()
        answer = statistics.median(
            [await timed(client.verify_token()) for _ in range(5)]
        )
        reconciler = Reconciler(
            client=client, account_id=sandbox.account_id, hostnames=(HOSTNAME,)
        )
        for name, action, budget in (
            # As in the dialog: a preview comes before the first sync.
            ("first preview", preview, 2.3),
            ("first complete sync", sync, 8.3),
            ("sync with nothing to do", sync, 1.3),
            ("refresh", refresh, 1.3),
        ):
            answers = await timed(action(reconciler)) / answer
            kept = kept and answers <= budget
            print(f"{name}: {answers:.2f} answers deep (budget {budget})")
    return kept


if __name__ == "__main__":
    sys.exit(not asyncio.run(run()))
