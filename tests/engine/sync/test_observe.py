"""What is read of a zone and its tunnels, where some of it cannot be."""

import asyncio

import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import (
    Permission,
    PermissionMissing,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.sync.observe import observe
from sandbox import Sandbox
from sandbox.seed import ACCOUNT_ID
from tests.engine.builders import TUNNEL_ID, ZONE_ID


async def test_tunnel_that_does_not_answer(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs itself alone."""

    async def no_answer(*_: str) -> None:
        raise Unavailable("gone")

    monkeypatch.setattr(client.tunnels, "get_configuration", no_answer)
    seen = await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    assert seen.unread_tunnels == {TUNNEL_ID}
    assert seen.configurations == {}
    assert seen.records


async def test_tunnels_that_the_token_may_not_read(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing permission is no failure of one tunnel."""

    async def not_permitted(*_: str) -> None:
        raise PermissionMissing(Permission.TUNNEL_EDIT)

    monkeypatch.setattr(client.tunnels, "get_configuration", not_permitted)
    with pytest.raises(PermissionMissing):
        await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])


async def test_read_that_fails_leaves_no_other_under_way(
    sandbox: Sandbox, client: CloudflareClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late answer would come to nobody."""
    ended = asyncio.Event()

    async def slow(_: str) -> tuple[str, ...]:
        await asyncio.sleep(0.05)
        ended.set()
        return ()

    async def no_answer(_: str) -> None:
        raise Unavailable("gone")

    monkeypatch.setattr(client.dns, "list", slow)
    monkeypatch.setattr(client.zones, "get", no_answer)
    with pytest.raises(Unavailable):
        await observe(client, ACCOUNT_ID, ZONE_ID, [TUNNEL_ID])
    assert ended.is_set()
