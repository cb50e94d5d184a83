"""Tunnels of an account, their tokens and their configuration."""

import base64
from collections.abc import Mapping
import json
from typing import Any

from sandbox.clock import now
from sandbox.imitation.rules import fields
from sandbox.imitation.validation import ConfigurationError, check
from sandbox.state import Tunnel

from ..envelope import Answer, ApiError, Problem, microseconds
from .paging import Paging
from .routing import Call, Kind, Routes, check_kinds

routes = Routes()

_TUNNELS = "/accounts/{account_id}/cfd_tunnel"
_TUNNEL = "/accounts/{account_id}/cfd_tunnel/{tunnel_id}"
_PAGING = Paging(default=1000, minimum=1, maximum=1000, tells_total_pages=False)
# The kinds of what is set for an origin; durations are whole seconds.
_SETTINGS: dict[str, Kind] = {
    **dict.fromkeys(
        ("connecttimeout", "tlstimeout", "tcpkeepalive", "keepalivetimeout"), int
    ),
    **dict.fromkeys(("keepaliveconnections", "proxyport"), int),
    **dict.fromkeys(("nohappyeyeballs", "notlsverify", "disablechunkedencoding"), bool),
    **dict.fromkeys(("matchsnitohost", "http2origin", "bastionmode"), bool),
    **dict.fromkeys(("httphostheader", "originservername", "capool"), str),
    **dict.fromkeys(("proxyaddress", "proxytype"), str),
    "iprules": [dict],
    "access": dict,
}
_ACCESS_SETTINGS: dict[str, Kind] = {
    "required": bool,
    "teamname": str,
    "audtag": [str],
    "environment": str,
}


@routes.get(_TUNNELS)
async def list_tunnels(call: Call) -> Answer:
    """List the account's tunnels: deleted ones if the query asks for them, else the others."""
    tunnels = [
        tunnel
        for tunnel in call.state.tunnels.values()
        if tunnel.account_id == call.account.id and _matches(tunnel, call.query)
    ]
    return _PAGING.answer(call.query, tunnels, tunnel_json)


@routes.post(_TUNNELS)
async def create_tunnel(call: Call) -> Answer:
    """Create a tunnel; the answer contains the connector's secret."""
    tunnel = call.state.add_tunnel(
        _free_name(call), call.object().get("config_src", "local"), account=call.account
    )
    secrets = {
        "credentials_file": {
            "AccountTag": tunnel.account_id,
            "TunnelID": tunnel.id,
            "TunnelName": tunnel.name,
            "TunnelSecret": tunnel.secret,
        },
        "token": connector_token(tunnel),
    }
    return Answer(tunnel_json(tunnel) | secrets)


@routes.get(_TUNNEL)
async def get_tunnel(call: Call) -> Answer:
    """Return one tunnel, deleted or not."""
    return Answer(tunnel_json(find_tunnel(call)))


@routes.patch(_TUNNEL)
async def edit_tunnel(call: Call) -> Answer:
    """Change a tunnel's name or secret."""
    tunnel = find_tunnel(call)
    body = call.object(tunnel_secret=str)
    if "name" in body:
        tunnel.name = _free_name(call, tunnel)
    tunnel.secret = body.get("tunnel_secret", tunnel.secret)
    return Answer(tunnel_json(tunnel))


@routes.delete(_TUNNEL)
async def delete_tunnel(call: Call) -> Answer:
    """Delete a tunnel that has no connectors."""
    tunnel = find_tunnel(call)
    if tunnel.connectors:
        raise ApiError(
            400,
            Problem(
                1022,
                "This tunnel has active connections. Please stop all cloudflared "
                "replicas, or wait a few minutes for connections to close, then try "
                "again.",
            ),
        )
    tunnel.deleted_at = now()
    return Answer(tunnel_json(tunnel))


@routes.get(f"{_TUNNEL}/token")
async def get_token(call: Call) -> Answer:
    """Return the token that a connector runs with."""
    return Answer(connector_token(find_tunnel(call)))


@routes.get(f"{_TUNNEL}/configurations")
async def get_configuration(call: Call) -> Answer:
    """Return the configuration; null if there never was one."""
    return Answer(_configuration_json(_remotely_managed(call)))


@routes.put(f"{_TUNNEL}/configurations")
async def replace_configuration(call: Call) -> Answer:
    """Replace the whole configuration."""
    tunnel = _remotely_managed(call)
    config = checked_config(call.object(config=dict).get("config"))
    routing = config.get("warp-routing", {"enabled": False})
    tunnel.config = {**config, "warp-routing": routing}
    tunnel.version += 1
    tunnel.configured_at = now()
    return Answer(_configuration_json(tunnel))


def tunnel_json(tunnel: Tunnel) -> dict[str, Any]:
    """Return a tunnel as the API writes it."""
    body: dict[str, Any] = {
        "id": tunnel.id,
        "account_tag": tunnel.account_id,
        "created_at": microseconds(tunnel.created_at),
        "deleted_at": microseconds(tunnel.deleted_at),
        "name": tunnel.name,
        # Always empty since 2026-10-05; /connections lists the connections.
        "connections": [],
        "conns_active_at": microseconds(tunnel.active_at),
        "conns_inactive_at": microseconds(tunnel.inactive_at),
        "tun_type": "cfd_tunnel",
        "metadata": {},
        "status": tunnel.status,
        "remote_config": False,
    }
    if tunnel.deleted_at is None:
        body["remote_config"] = tunnel.config_src == "cloudflare"
        body["config_src"] = tunnel.config_src
    return body


def _configuration_json(tunnel: Tunnel) -> dict[str, Any]:
    return {
        "tunnel_id": tunnel.id,
        "version": tunnel.version,
        "config": tunnel.config,
        "source": "cloudflare",
        "created_at": microseconds(tunnel.configured_at),
    }


def connector_token(tunnel: Tunnel) -> str:
    """Return the token with which a connector of the tunnel runs."""
    facts = {"a": tunnel.account_id, "t": tunnel.id, "s": tunnel.secret}
    return base64.b64encode(json.dumps(facts).encode()).decode()


def find_tunnel(call: Call) -> Tunnel:
    """Return the tunnel that the path names."""
    tunnel = call.state.tunnels.get(call.ids["tunnel_id"])
    if tunnel is None or tunnel.account_id != call.account.id:
        # GUESS: the text.
        raise ApiError(404, Problem(1002, "Tunnel not found"))
    return tunnel


def _free_name(call: Call, renamed: Tunnel | None = None) -> str:
    name = call.object().get("name")
    if not isinstance(name, str) or not name:
        # GUESS: the text.
        raise ApiError(400, Problem(1003, "Missing tunnel name"))
    if any(
        tunnel.name == name
        for tunnel in call.state.tunnels.values()
        if tunnel.account_id == call.account.id
        and tunnel.deleted_at is None
        and tunnel is not renamed
    ):
        raise ApiError(
            409,
            Problem(
                1013,
                "You already have a tunnel with this name. Delete the existing "
                "tunnel, or choose a different name for your new tunnel",
            ),
        )
    return name


def _remotely_managed(call: Call) -> Tunnel:
    tunnel = find_tunnel(call)
    # GUESS: writes are refused in the same way as reads.
    if tunnel.config_src != "cloudflare" or tunnel.deleted_at is not None:
        raise ApiError(404, Problem(1055, "Configuration for tunnel not found"))
    return tunnel


def _matches(tunnel: Tunnel, query: Mapping[str, str]) -> bool:
    facts = {"name": tunnel.name, "status": tunnel.status, "uuid": tunnel.id}
    deleted = "true" if tunnel.deleted_at else "false"
    excluded = query.get("exclude_prefix")
    return (
        query.get("is_deleted", "false") == deleted
        and all(query.get(key) in (None, value) for key, value in facts.items())
        and tunnel.name.startswith(query.get("include_prefix", ""))
        and (not excluded or not tunnel.name.startswith(excluded))
    )


def checked_config(config: dict[str, Any] | None) -> dict[str, Any]:
    """Return a configuration as cloudflared takes it; raise ApiError for one that it refuses."""
    read = check_kinds(fields(config or {}), ingress=[dict], originrequest=dict)
    if config is None or not read.get("ingress"):
        raise _bad_configuration("The config file doesn't contain any ingress rules")
    for rule in map(fields, read["ingress"]):
        check_kinds(rule, hostname=str, path=str, service=str, originrequest=dict)
        _check_settings(rule.get("originrequest") or {})
    _check_settings(read.get("originrequest") or {})
    try:
        check(config)
    except ConfigurationError as error:
        raise _bad_configuration(str(error)) from None
    return config


def _check_settings(settings: Mapping[str, Any]) -> None:
    read = check_kinds(fields(settings), **_SETTINGS)
    if read.get("proxyport", 0) < 0:
        raise ApiError(400, Problem(6007, "Malformed value of proxyPort"))
    check_kinds(fields(read.get("access") or {}), **_ACCESS_SETTINGS)


def _bad_configuration(reason: str) -> ApiError:
    message = f"Bad Configuration: Validation failed: {reason}\n"
    return ApiError(400, Problem(1056, message))
