"""Faults on demand: of the Supervisor, of an app that starts, and of its metrics server."""

import asyncio
from dataclasses import replace

from aiohttp import ClientConnectionError, ClientSession, ClientTimeout
import pytest

from sandbox.supervisor import AppState, Cloudflared, Fault, FaultKind, Supervisor

from ..helpers import HOME
from .helpers import MOBILE, OPTIONS, WITH_MOBILE, Client, metrics, served


@pytest.mark.parametrize("kind", ["401", "500", "503"])
async def test_refusals(
    client: Client, app: Cloudflared, supervisor: Supervisor, kind: str
) -> None:
    """Nothing happens, and the next call succeeds."""
    supervisor.faults.add(Fault(FaultKind(kind), "POST", "/addons/*/options"))
    path, body = f"/addons/{app.slug}/options", {"options": WITH_MOBILE}
    assert (await client.post(path, body)).status == int(kind)
    assert app.options == OPTIONS
    assert (await client.post(path, body)).data == {}


async def test_refused_options(
    client: Client, app: Cloudflared, supervisor: Supervisor
) -> None:
    supervisor.faults.add(Fault(FaultKind.REFUSED, path="*/options", text="No space"))
    answer = await client.post(f"/addons/{app.slug}/options", {"options": WITH_MOBILE})
    assert (answer.status, answer.body["message"]) == (400, "No space")
    assert app.options == OPTIONS


async def test_away(client: Client, app: Cloudflared, supervisor: Supervisor) -> None:
    """Nobody answers; the app goes on, and the address stays."""
    await supervisor.go_away()
    with pytest.raises(ClientConnectionError):
        await client.get("/addons")
    assert app.connector_id is not None
    await supervisor.start()
    assert len((await client.get("/addons")).data["addons"]) == 1


async def test_slow(client: Client, app: Cloudflared, supervisor: Supervisor) -> None:
    """The answer comes too late; what was asked for happens."""
    supervisor.faults.add(Fault(FaultKind.SLOW, path="*/options", seconds=5))
    async with ClientSession(timeout=ClientTimeout(total=0.2)) as session:
        impatient = replace(client, session=session)
        with pytest.raises(TimeoutError):
            await impatient.post(
                f"/addons/{app.slug}/options", {"options": WITH_MOBILE}
            )
    assert app.options == WITH_MOBILE


async def test_call_that_hangs_to_no_effect(
    client: Client, app: Cloudflared, supervisor: Supervisor
) -> None:
    supervisor.faults.add(Fault(FaultKind.LOST, path="*/options", seconds=5))
    async with ClientSession(timeout=ClientTimeout(total=0.2)) as session:
        impatient = replace(client, session=session)
        with pytest.raises(TimeoutError):
            await impatient.post(
                f"/addons/{app.slug}/options", {"options": WITH_MOBILE}
            )
    assert app.options == OPTIONS


async def test_lost_answer(
    client: Client, app: Cloudflared, supervisor: Supervisor
) -> None:
    supervisor.faults.add(Fault(FaultKind.RESET_AFTER, path="*/options"))
    with pytest.raises(ClientConnectionError):
        await client.post(f"/addons/{app.slug}/options", {"options": WITH_MOBILE})
    assert app.options == WITH_MOBILE


async def test_lost_restart(
    client: Client, app: Cloudflared, supervisor: Supervisor
) -> None:
    before = app.connector_id
    supervisor.faults.add(Fault(FaultKind.LOST, path="*/restart"))
    assert (await client.post(f"/addons/{app.slug}/restart")).data == {}
    assert app.connector_id == before


async def test_options_changed_in_between(
    client: Client, app: Cloudflared, supervisor: Supervisor
) -> None:
    """Somebody saves other options right after the first of two calls."""
    fault = Fault(FaultKind.EDITED_AFTER, "GET", "*/info", options=WITH_MOBILE)
    supervisor.faults.add(fault)
    path = f"/addons/{app.slug}/info"
    assert (await client.get(path)).data["options"] == OPTIONS
    assert (await client.get(path)).data["options"] == WITH_MOBILE


async def test_number_of_faults(
    client: Client, app: Cloudflared, supervisor: Supervisor
) -> None:
    supervisor.faults.add(Fault(FaultKind.SERVER_ERROR, first=2, times=None))
    statuses = [(await client.get("/addons")).status for _ in range(3)]
    assert statuses == [200, 500, 500]
    assert [entry.fault for entry in supervisor.journal.requests] == [
        None,
        "500",
        "500",
    ]


async def test_app_that_dies(client: Client, app: Cloudflared) -> None:
    """The restart is answered before it dies; the next start goes well."""
    app.faults.deaths, app.faults.dies_after = 1, 0.1
    assert (await client.post(f"/addons/{app.slug}/restart")).data == {}
    assert app.state is AppState.STARTED
    assert HOME in await served(client, app)
    await asyncio.sleep(0.3)
    assert (app.state, app.connector_id) == (AppState.ERROR, None)
    assert (await client.post(f"/addons/{app.slug}/restart")).data == {}
    assert HOME in await served(client, app)


async def test_app_that_dies_at_once(client: Client, app: Cloudflared) -> None:
    app.faults.deaths = 1
    assert (await client.post(f"/addons/{app.slug}/restart")).data == {}
    assert (app.state, app.connector_id) == (AppState.ERROR, None)


async def test_app_that_starts_slowly(client: Client, app: Cloudflared) -> None:
    """It counts as started before it has a connector."""
    app.faults.start_seconds = 0.2
    assert (await client.post(f"/addons/{app.slug}/restart")).data == {}
    assert (app.state, app.connector_id) == (AppState.STARTED, None)
    await asyncio.sleep(0.4)
    assert HOME in await served(client, app)


async def test_app_that_is_stopped_while_it_starts(
    client: Client, app: Cloudflared
) -> None:
    app.faults.start_seconds = 0.1
    await client.post(f"/addons/{app.slug}/restart")
    await client.post(f"/addons/{app.slug}/stop")
    await asyncio.sleep(0.2)
    assert (app.state, app.connector_id) == (AppState.STOPPED, None)


async def test_app_that_stops_slowly(client: Client, app: Cloudflared) -> None:
    """The restart takes as long, and the tunnel is down meanwhile."""
    app.faults.stop_seconds = 0.2
    restart = asyncio.create_task(client.post(f"/addons/{app.slug}/restart"))
    await asyncio.sleep(0.1)
    assert (restart.done(), app.connector_id) == (False, None)
    assert (await restart).data == {}
    assert app.connector_id is not None


async def test_old_options(client: Client, app: Cloudflared) -> None:
    """The app comes back with the options of its last start, once."""
    app.user_options = {**WITH_MOBILE}
    app.faults.old_options = 1
    await client.post(f"/addons/{app.slug}/restart")
    assert MOBILE not in await served(client, app)
    await client.post(f"/addons/{app.slug}/restart")
    assert MOBILE in await served(client, app)


async def test_silent_metrics(client: Client, app: Cloudflared) -> None:
    app.metrics.silent = True
    async with ClientSession(timeout=ClientTimeout(total=0.2)) as session:
        with pytest.raises(TimeoutError):
            await session.get(f"http://{app.ip_address}:{app.metrics_port}/ready")
    app.metrics.silent = False
    assert (await metrics(client, app, "/ready")).status == 200


async def test_port_that_is_taken(client: Client, app: Cloudflared) -> None:
    """An app that cannot serve its metrics is a fault of the sandbox's, and seen as one."""
    await app.stop()
    other = await asyncio.start_server(
        lambda *_: None, app.ip_address, app.metrics_port
    )
    assert (await client.post(f"/addons/{app.slug}/start")).status == 500
    other.close()
    await other.wait_closed()
