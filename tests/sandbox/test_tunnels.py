"""Tunnels and their configuration."""

import base64
import json
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.clock import now

from .helpers import HOME, Api

TUNNELS = "/accounts/{account}/cfd_tunnel"
TUNNEL = f"{TUNNELS}/{{tunnel}}"
CATCH_ALL = {"service": "http_status:404"}


async def test_tunnel(sandbox: Sandbox, api: Api) -> None:
    """The seeded tunnel is healthy; a disconnected tunnel is down."""
    reply = await api.get(TUNNELS)
    [tunnel] = reply.result
    assert "total_pages" not in reply.body["result_info"]
    assert tunnel == (await api.get(TUNNEL)).result
    assert (tunnel["name"], tunnel["status"]) == ("home", "healthy")
    assert tunnel["connections"] == []
    [connector] = (await api.get(f"{TUNNEL}/connections")).result
    assert connector["version"] == "2026.10.0"
    assert len(connector["conns"]) == 4

    sandbox.state.tunnels[sandbox.tunnel_id].disconnect()
    assert (await api.get(TUNNEL)).result["status"] == "down"
    assert (await api.get(f"{TUNNEL}/connections")).result == []


async def test_list_leaves_deleted_ones_out(sandbox: Sandbox, api: Api) -> None:
    """Deleted tunnels are listed only on demand, but can be read by id."""
    old = sandbox.state.add_tunnel("old")
    old.deleted_at = now()
    sandbox.state.add_tunnel("elsewhere", account=sandbox.state.add_account())

    assert [t["name"] for t in (await api.get(TUNNELS)).result] == ["home"]
    [deleted] = (await api.get(TUNNELS, is_deleted="true")).result
    assert "config_src" not in deleted
    assert (await api.get(f"{TUNNELS}/{old.id}")).result["deleted_at"]
    assert (await api.get(TUNNELS, name="other")).result == []
    assert (await api.get(f"{TUNNELS}/{'0' * 32}")).status == 404


async def test_life_of_a_tunnel(api: Api) -> None:
    """Create, configure and delete a tunnel; a connected one cannot be deleted."""
    new = {"name": "new", "config_src": "cloudflare"}
    created = (await api.request("POST", TUNNELS, new)).result
    reply = await api.request("POST", TUNNELS, new)
    assert (reply.status, reply.code) == (409, 1013)
    path = f"{TUNNELS}/{created['id']}"
    token = (await api.get(f"{path}/token")).result
    assert token == created["token"]
    assert json.loads(base64.b64decode(token))["t"] == created["id"]
    configuration = (await api.get(f"{path}/configurations")).result
    assert (configuration["version"], configuration["config"]) == (0, None)

    assert (await api.request("DELETE", path)).result["deleted_at"]
    reply = await api.get(f"{path}/configurations")
    assert (reply.status, reply.code) == (404, 1055)
    reply = await api.request("DELETE", TUNNEL)
    assert (reply.status, reply.code) == (400, 1022)


async def test_configuration(api: Api) -> None:
    """A write replaces the whole configuration, and keeps unknown keys."""
    path = f"{TUNNEL}/configurations"
    before = (await api.get(path)).result
    config = before["config"] | {"x-mine": [1]}
    after = (await api.request("PUT", path, {"config": config})).result
    assert after["version"] == before["version"] + 1
    assert after["config"] == config
    assert after == (await api.get(path)).result

    after = (
        await api.request("PUT", path, {"config": {"ingress": [CATCH_ALL]}})
    ).result
    assert after["config"] == {
        "ingress": [CATCH_ALL],
        "warp-routing": {"enabled": False},
    }


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (None, "doesn't contain any ingress rules"),
        ({"ingress": []}, "doesn't contain any ingress rules"),
        (
            {"ingress": [{"hostname": HOME, "service": "http://a"}]},
            "must match all URLs",
        ),
        ({"ingress": [{"path": "/a", "service": "http://a"}]}, "must match all URLs"),
        ({"ingress": [CATCH_ALL, CATCH_ALL]}, "Rule #1 is matching the hostname ''"),
        (
            {"ingress": [{"hostname": "a:1", "service": "http://a"}, CATCH_ALL]},
            "cannot contain a port",
        ),
        (
            {"ingress": [{"hostname": "a.*.b", "service": "http://a"}, CATCH_ALL]},
            "at most one wildcard",
        ),
        ({"ingress": [{"service": "homeassistant:8123"}]}, "is an invalid address"),
        ({"ingress": [{"service": "http://a/path"}]}, "is an invalid address"),
        (
            {
                "ingress": [
                    {"path": "(", "hostname": "a", "service": "http://a"},
                    CATCH_ALL,
                ]
            },
            "invalid regex",
        ),
    ],
)
async def test_bad_configuration(api: Api, config: Any, reason: str) -> None:
    """A configuration that cloudflared would refuse is refused, and nothing changes."""
    path = f"{TUNNEL}/configurations"
    before = (await api.get(path)).result
    reply = await api.request("PUT", path, {"config": config})
    assert (reply.status, reply.code) == (400, 1056)
    assert reason in reply.message
    assert reply.message.endswith("\n")
    assert (await api.get(path)).result == before


async def test_locally_managed(sandbox: Sandbox, api: Api) -> None:
    """A locally managed tunnel has no configuration at Cloudflare."""
    tunnel = sandbox.state.add_tunnel("local", config_src="local")
    path = f"{TUNNELS}/{tunnel.id}/configurations"
    for reply in (
        await api.get(path),
        await api.request("PUT", path, {"config": {"ingress": [CATCH_ALL]}}),
    ):
        assert (reply.status, reply.code) == (404, 1055)
