"""New tunnels: exactly one is created, even if requests or answers are lost."""

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    PermissionMissing,
    RateLimited,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.api.models import TunnelStatus
from custom_components.cloudflare_mtls.engine.tunnels.new_tunnel import NewTunnel
from sandbox import Sandbox
from sandbox.state import Tunnel
from tests.engine.servers import Fault, FaultyProxy

CATCH_ALL = {"service": "http_status:404"}


def named(sandbox: Sandbox, name: str = "attic") -> list[Tunnel]:
    """Return the tunnels with the name of the new one."""
    return [item for item in sandbox.state.tunnels.values() if item.name == name]


def assert_made(sandbox: Sandbox) -> None:
    """Assert that there is one, that it is managed remotely, and that it serves nothing."""
    (tunnel,) = named(sandbox)
    assert tunnel.config_src == "cloudflare"
    assert tunnel.ingress == [CATCH_ALL]


async def test_new_tunnel_serves_nothing(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A new tunnel is managed at Cloudflare and answers every hostname with 404."""
    tunnel = await NewTunnel(client, sandbox.account_id, "attic").create()

    assert (tunnel.name, tunnel.status) == ("attic", TunnelStatus.INACTIVE)
    assert tunnel.remotely_managed
    assert_made(sandbox)
    assert [(entry.method, entry.status) for entry in sandbox.journal.writes] == [
        ("POST", 200),
        ("PUT", 200),
    ]


async def test_second_call_creates_nothing(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """An existing tunnel is neither created nor configured again."""
    new = NewTunnel(client, sandbox.account_id, "attic")
    first = await new.create()
    sandbox.journal.clear()

    assert await new.create() == first
    assert sandbox.journal.writes == []


async def test_name_that_is_taken(sandbox: Sandbox, client: CloudflareClient) -> None:
    """A tunnel that was there before is left alone."""
    mine = sandbox.state.add_tunnel("attic")

    for _ in range(2):
        with pytest.raises(Conflict):
            await NewTunnel(client, sandbox.account_id, "attic").create()

    assert named(sandbox) == [mine]
    assert mine.config is None


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("fails_at", [0, 1])
async def test_failed_writes_end_with_one_tunnel(
    sandbox: Sandbox,
    proxy: FaultyProxy,
    unsteady: CloudflareClient,
    freezer: FrozenDateTimeFactory,
    fault: Fault,
    fails_at: int,
) -> None:
    """Each write may fail or get lost; after another attempt there is one tunnel."""
    new = NewTunnel(unsteady, sandbox.account_id, "attic")
    proxy.fault, proxy.fails_at = fault, fails_at

    try:
        await new.create()
    except RateLimited as err:
        freezer.tick(err.retry_after)
    except PermissionMissing, Unavailable:
        pass
    await new.create()

    assert_made(sandbox)


async def test_tunnel_whose_answer_is_lost(
    sandbox: Sandbox, proxy: FaultyProxy, unsteady: CloudflareClient
) -> None:
    """The same call finds the tunnel that it created."""
    proxy.fault, proxy.fails_at = Fault.LOST, 0

    tunnel = await NewTunnel(unsteady, sandbox.account_id, "attic").create()

    assert [tunnel.id] == [item.id for item in named(sandbox)]
    assert_made(sandbox)


async def test_list_that_lags_behind(
    sandbox: Sandbox,
    proxy: FaultyProxy,
    unsteady: CloudflareClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tunnel that is not listed yet is found by the next call, and not taken for foreign."""
    new = NewTunnel(unsteady, sandbox.account_id, "attic")
    before = await unsteady.tunnels.list(sandbox.account_id)
    calls = 0
    tunnels = unsteady.tunnels.list

    async def lagging(account_id: str) -> object:
        nonlocal calls
        calls += 1
        return before if calls <= 3 else await tunnels(account_id)

    monkeypatch.setattr(unsteady.tunnels, "list", lagging)
    proxy.fault, proxy.fails_at = Fault.LOST, 0
    with pytest.raises(Unavailable):
        await new.create()

    await new.create()

    assert calls == 4
    assert_made(sandbox)


async def test_tunnel_that_somebody_else_made_meanwhile(
    sandbox: Sandbox, proxy: FaultyProxy, unsteady: CloudflareClient
) -> None:
    """A tunnel with that name that runs, or is managed locally, is not ours."""
    new = NewTunnel(unsteady, sandbox.account_id, "attic")
    proxy.fault, proxy.fails_at = Fault.BROKEN, 0
    with pytest.raises(Unavailable):
        await new.create()
    theirs = sandbox.state.add_tunnel("attic")
    theirs.connect()

    with pytest.raises(Conflict):
        await new.create()

    assert named(sandbox) == [theirs]
    assert theirs.config is None


async def test_configuration_that_is_there_stays(
    sandbox: Sandbox,
    proxy: FaultyProxy,
    unsteady: CloudflareClient,
) -> None:
    """A configuration that somebody made in the dashboard meanwhile is not overwritten."""
    new = NewTunnel(unsteady, sandbox.account_id, "attic")
    proxy.fault, proxy.fails_at = Fault.BROKEN, 1
    with pytest.raises(Unavailable):
        await new.create()
    (tunnel,) = named(sandbox)
    tunnel.config = {"ingress": [{"service": "http_status:503"}]}

    await new.create()

    assert tunnel.ingress == [{"service": "http_status:503"}]
