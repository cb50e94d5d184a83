"""What the app Cloudflared does when it starts."""

from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import DnsRecord
from sandbox.supervisor import AppState, Cloudflared, Supervisor

from ..helpers import HOME, NAS, Api, Origin, visitor
from .helpers import MOBILE, OPTIONS, WITH_MOBILE, Client, metrics, records, served

_NOT_FOUND = "http_status:404"


async def _restart(client: Client, app: Cloudflared, **options: Any) -> None:
    app.user_options = {**OPTIONS, **options}
    assert (await client.post(f"/addons/{app.slug}/restart")).data == {}


async def test_start(client: Client, app: Cloudflared, sandbox: Sandbox) -> None:
    assert app.state is AppState.STARTED
    assert await served(client, app) == {
        HOME: SERVICE,
        NAS: "http://192.168.1.20:5000",
        "": _NOT_FOUND,
    }
    config = (await metrics(client, app)).body
    assert config["version"] == -1
    settings = [rule["originRequest"] for rule in config["config"]["ingress"]]
    assert all(each["noTLSVerify"] for each in settings)
    assert settings[0]["connectTimeout"] == 30

    tunnel = (await metrics(client, app, "/diag/tunnel")).body
    assert tunnel["tunnelID"] == sandbox.tunnel_id
    assert tunnel["connectorID"] == app.connector_id
    ready = (await metrics(client, app, "/ready")).body
    assert ready["connectorId"] == app.connector_id


async def test_restart(
    client: Client, app: Cloudflared, sandbox: Sandbox, api: Api
) -> None:
    """A restart makes the options take effect: a rule, a record and a new connector."""
    before = app.connector_id
    body = {"options": WITH_MOBILE}
    assert (await client.post(f"/addons/{app.slug}/options", body)).data == {}
    assert MOBILE not in await served(client, app)

    await client.post(f"/addons/{app.slug}/restart")
    assert (await served(client, app))[MOBILE] == SERVICE
    assert app.connector_id != before
    connections = await api.get("/accounts/{account}/cfd_tunnel/{tunnel}/connections")
    assert [each["id"] for each in connections.result] == [app.connector_id]
    [record] = records(sandbox, MOBILE)
    assert record.content == f"{sandbox.tunnel_id}.cfargotunnel.com"
    assert record.proxied


async def test_visits(
    client: Client, app: Cloudflared, sandbox: Sandbox, origin: Origin, tmp_path: Path
) -> None:
    """The edge forwards by the file of the app, and fails while the app is stopped."""
    await _restart(client, app, **WITH_MOBILE)
    async with visitor(sandbox, tmp_path) as guest:
        assert (await guest.get(MOBILE)).status == 200
        await _restart(client, app)
        answer = await guest.get(MOBILE)
        assert answer.status == 404
        await client.post(f"/addons/{app.slug}/stop")
        stopped = await guest.get(HOME)
        assert (stopped.status, "Error 1033" in await stopped.text()) == (530, True)


async def test_records_are_overwritten(
    client: Client, app: Cloudflared, sandbox: Sandbox
) -> None:
    """The app overwrites every address record of its names, and never deletes one."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.add_dns_record(DnsRecord("A", MOBILE, "198.51.100.9", comment="mine"))
    zone.add_dns_record(DnsRecord("TXT", MOBILE, "stays"))
    before = {record.id for record in records(sandbox, HOME)}
    await _restart(client, app, **WITH_MOBILE)
    assert {(each.type, each.comment) for each in records(sandbox, MOBILE)} == {
        ("CNAME", None),
        ("TXT", None),
    }
    assert {record.id for record in records(sandbox, HOME)} == before
    await _restart(client, app)
    assert len(records(sandbox, MOBILE)) == 2


async def test_hostname_of_another_zone(
    client: Client, app: Cloudflared, sandbox: Sandbox
) -> None:
    """The login is for one zone: a name of another becomes a name below that one."""
    sandbox.state.add_zone("example.net")
    host = {"hostname": "ha.example.net", "service": SERVICE}
    await _restart(client, app, additional_hosts=[host])
    assert len(records(sandbox, "ha.example.net.example.com")) == 1
    assert "ha.example.net" in await served(client, app)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"external_hostname": "", "additional_hosts": []}, "Cannot run without"),
        ({"external_hostname": "Home.example.com"}, "is not a valid hostname"),
        ({"external_hostname": "*.example.com"}, "is not a valid hostname"),
        (
            {"additional_hosts": [{"hostname": MOBILE, "service": ""}]},
            "'service' in 'additional_hosts'",
        ),
        (
            {"additional_hosts": [{"hostname": MOBILE, "service": f"{SERVICE}/"}]},
            "Validation of Config failed",
        ),
        (
            {"additional_hosts": [{"hostname": MOBILE, "service": "homeassistant"}]},
            "Validation of Config failed",
        ),
        (
            {"catch_all_service": ""},
            "'catch_all_service' is defined as an empty String",
        ),
        (
            {"catch_all_service": SERVICE, "nginx_proxy_manager": True},
            "mutually exclusive",
        ),
        ({"tunnel_name": "other"}, "Tunnel name does not match"),
        ({"tunnel_token": "bm90aGluZw=="}, "token is not valid"),
    ],
)
async def test_start_fails(
    client: Client,
    app: Cloudflared,
    sandbox: Sandbox,
    options: dict[str, Any],
    reason: str,
) -> None:
    """The Supervisor answers that all is well; the app is gone, and the whole tunnel with it."""
    await _restart(client, app, **options)
    info = (await client.get(f"/addons/{app.slug}/info")).data
    assert info["state"] == "error"
    assert reason in app.log[-1]
    assert app.connector_id is None
    assert not sandbox.state.tunnels[sandbox.tunnel_id].serves
    with pytest.raises(OSError, match="Connect"):
        await metrics(client, app, "/ready")

    await _restart(client, app)
    assert HOME in await served(client, app)


async def test_options_that_are_bad_by_now(client: Client, app: Cloudflared) -> None:
    """The Supervisor checks the options before each start, and then starts nothing."""
    app.user_options = {**OPTIONS, "tunnel_name": 5}
    answer = await client.post(f"/addons/{app.slug}/restart")
    assert answer.body["error_key"] == "app_configuration_invalid_error"
    assert app.state is AppState.STOPPED


@pytest.mark.parametrize(
    ("options", "service"),
    [
        ({"catch_all_service": "http://proxy:80"}, "http://proxy:80"),
        ({"nginx_proxy_manager": True}, "http://a0d7b954-nginxproxymanager:80"),
    ],
)
async def test_catch_all(
    client: Client, app: Cloudflared, options: dict[str, Any], service: str
) -> None:
    await _restart(client, app, **options)
    assert (await served(client, app))[""] == service


async def test_chunked_encoding(client: Client, app: Cloudflared) -> None:
    host = {"hostname": MOBILE, "service": SERVICE, "disableChunkedEncoding": True}
    await _restart(client, app, additional_hosts=[host])
    rules = (await metrics(client, app)).body["config"]["ingress"]
    assert rules[1]["originRequest"]["disableChunkedEncoding"]
    assert rules[1]["originRequest"]["noTLSVerify"]


async def test_token(
    client: Client, app: Cloudflared, sandbox: Sandbox, api: Api
) -> None:
    """With a token the app runs what Cloudflare manages, and ignores every other option."""
    sandbox.state.tunnels[sandbox.tunnel_id].config_src = "cloudflare"
    token = (await api.get("/accounts/{account}/cfd_tunnel/{tunnel}/token")).result
    await _restart(client, app, **WITH_MOBILE, tunnel_token=token)
    config = (await metrics(client, app)).body
    assert config["version"] == sandbox.state.tunnels[sandbox.tunnel_id].version
    assert records(sandbox, MOBILE) == []


async def test_token_with_another_secret(
    client: Client, app: Cloudflared, sandbox: Sandbox, api: Api
) -> None:
    token = (await api.get("/accounts/{account}/cfd_tunnel/{tunnel}/token")).result
    sandbox.state.tunnels[sandbox.tunnel_id].secret = "changed"
    await _restart(client, app, tunnel_token=token)
    assert (app.state, app.log[-1]) == (
        AppState.ERROR,
        "Unauthorized: Invalid tunnel secret",
    )


async def test_migrated_tunnel(
    client: Client, app: Cloudflared, sandbox: Sandbox
) -> None:
    """Once Cloudflare manages the tunnel, the app still makes records, and rules no more."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.config_src = "cloudflare"
    await _restart(client, app, **WITH_MOBILE)
    assert MOBILE not in await served(client, app)
    assert len(records(sandbox, MOBILE)) == 1


async def test_first_start(
    client: Client, sandbox: Sandbox, supervisor: Supervisor
) -> None:
    """Without a tunnel of its own the app makes one, unless its name is taken."""
    app = Cloudflared(sandbox.state, {**OPTIONS, "tunnel_name": "mine"})
    await supervisor.install(app)
    assert app.tunnel is not None
    assert (app.tunnel.name, app.tunnel.config_src) == ("mine", "local")
    assert (await metrics(client, app, "/diag/tunnel")).body[
        "tunnelID"
    ] == app.tunnel.id

    other = Cloudflared(sandbox.state, {**OPTIONS}, slug="ffd6a162_cloudflared")
    await supervisor.install(other)
    assert (other.state, other.log) == (AppState.ERROR, ["Failed to create tunnel."])


async def test_start_of_a_running_app(client: Client, app: Cloudflared) -> None:
    before = app.connector_id
    assert (await client.post(f"/addons/{app.slug}/start")).data == {}
    assert app.connector_id == before


async def test_two_apps_of_one_tunnel(
    client: Client, app: Cloudflared, sandbox: Sandbox, supervisor: Supervisor, api: Api
) -> None:
    """Each is a connector with a file of its own, and shows that one."""
    other = Cloudflared(
        sandbox.state,
        WITH_MOBILE,
        slug="396f0234_cloudflared",
        tunnel_id=sandbox.tunnel_id,
    )
    await supervisor.install(other)
    assert MOBILE in await served(client, other)
    assert MOBILE not in await served(client, app)
    path = "/accounts/{account}/cfd_tunnel/{tunnel}/connections"
    ids = {each["id"] for each in (await api.get(path)).result}
    assert ids == {app.connector_id, other.connector_id}
    await app.stop()
    assert [each["id"] for each in (await api.get(path)).result] == [other.connector_id]
