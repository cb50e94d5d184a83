"""The metrics server of a connector, and the configuration that it shows."""

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import ClientSession
import pytest

from sandbox import Sandbox
from sandbox.active_config import InvalidServiceError, active_config, normalised_service
from sandbox.metrics import MetricsServer
from sandbox.state import Tunnel

_CATCH_ALL = {"service": "http_status:404"}


@pytest.fixture
def tunnel(sandbox: Sandbox) -> Tunnel:
    """Return the seeded tunnel, managed by a file."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.config_src = "local"
    return tunnel


@pytest.fixture
async def server(sandbox: Sandbox, tunnel: Tunnel) -> MetricsServer:
    """Run the metrics server of the seeded tunnel."""
    return await sandbox.metrics.run(tunnel)


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """Return a session."""
    async with ClientSession() as session:
        yield session


async def test_ready(
    server: MetricsServer, tunnel: Tunnel, session: ClientSession
) -> None:
    """A connector is ready while it has a connection to Cloudflare."""
    async with session.get(f"{server.url}/ready") as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert await answer.json(content_type=None) == {
            "status": 200,
            "readyConnections": 4,
            "connectorId": tunnel.connectors[0].id,
        }
    for connection in tunnel.connections:
        connection.is_pending_reconnect = True
    async with session.get(f"{server.url}/ready") as answer:
        assert answer.status == 503
        assert (await answer.json(content_type=None))["readyConnections"] == 0
    async with session.get(f"{server.url}/diag/tunnel") as answer:
        assert "connections" not in await answer.json(content_type=None)


async def test_tunnel(
    server: MetricsServer, tunnel: Tunnel, session: ClientSession
) -> None:
    async with session.get(f"{server.url}/diag/tunnel") as answer:
        body = await answer.json(content_type=None)
    assert body["tunnelID"] == tunnel.id
    assert body["connectorID"] == tunnel.connectors[0].id
    assert [each.get("index", 0) for each in body["connections"]] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("source", "version", "gauge", "pushes"),
    [("local", -1, 0, 1), ("cloudflare", 7, 7, 0)],
)
async def test_version(
    server: MetricsServer,
    tunnel: Tunnel,
    session: ClientSession,
    source: str,
    version: int,
    gauge: int,
    pushes: int,
) -> None:
    """Only a configuration that Cloudflare pushed has a version."""
    tunnel.config_src = source
    async with session.get(f"{server.url}/config") as answer:
        assert (await answer.json(content_type=None))["version"] == version
    async with session.get(f"{server.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    assert f"cloudflared_orchestration_config_version {gauge}" in lines
    assert f"cloudflared_config_local_config_pushes {pushes}" in lines


def _settings(config: dict[str, Any], rule: int = 0) -> Any:
    return active_config(config)["ingress"][rule]["originRequest"]


def test_rule() -> None:
    config = {"ingress": [{"hostname": "a.b", "path": "/x", **_CATCH_ALL}, _CATCH_ALL]}
    first, last = active_config(config)["ingress"]
    assert (first["hostname"], first["path"], first["Handlers"]) == ("a.b", "/x", None)
    assert (last["hostname"], last["path"]) == ("", None)
    assert first["originRequest"] == {
        "connectTimeout": 30,
        "tlsTimeout": 10,
        "tcpKeepAlive": 30,
        "noHappyEyeballs": False,
        "keepAliveTimeout": 90,
        "keepAliveConnections": 100,
        "httpHostHeader": "",
        "originServerName": "",
        "matchSNItoHost": False,
        "caPool": "",
        "noTLSVerify": False,
        "disableChunkedEncoding": False,
        "bastionMode": False,
        "proxyAddress": "127.0.0.1",
        "proxyPort": 0,
        "proxyType": "",
        "ipRules": None,
        "http2Origin": False,
        "access": {"teamName": "", "audTag": None},
    }


def test_settings_of_all_rules() -> None:
    """A rule's own setting comes before that of the file, and that before the default."""
    rule = {"originRequest": {"tlsTimeout": "1m30s", "ipRules": [{"prefix": "::/0"}]}}
    config = {
        "originRequest": {"connectTimeout": "1.5s", "tlsTimeout": 20, "caPool": None},
        "ingress": [{**_CATCH_ALL, **rule}],
    }
    settings = _settings(config)
    assert (settings["connectTimeout"], settings["tlsTimeout"]) == (1.5, 90)
    assert (settings["caPool"], settings["ipRules"]) == ("", [{}])
    assert active_config(config)["originRequest"]["tlsTimeout"] == 20


def test_access() -> None:
    """Access of the file shows in every rule, and acts only where a rule has it."""
    access = {"access": {"required": True, "teamName": "home"}}
    config = {
        "originRequest": access,
        "ingress": [
            {"hostname": "a.b", **_CATCH_ALL, "originRequest": access},
            _CATCH_ALL,
        ],
    }
    first, last = active_config(config)["ingress"]
    assert (first["Handlers"], last["Handlers"]) == ([{}], None)
    assert last["originRequest"]["access"]["required"]


def test_private_networks() -> None:
    """Only settings that differ from their defaults show."""
    settings = {"enabled": True, "connectTimeout": "5s", "tcpKeepAlive": "1m"}
    shown = active_config({"warp-routing": settings})["warp-routing"]
    assert shown == {"tcpKeepAlive": 60}


@pytest.mark.parametrize("config", [None, {}, {"ingress": []}])
def test_no_rules(config: dict[str, Any] | None) -> None:
    """Without rules one shows that answers everything, without any setting."""
    [rule] = active_config(config)["ingress"]
    assert rule["service"] == "http_status:503"
    assert rule["originRequest"]["connectTimeout"] == 0
    assert rule["originRequest"]["proxyAddress"] == ""


@pytest.mark.parametrize(
    ("service", "shown"),
    [
        ("HTTP://Home:8123", "http://Home:8123"),
        ("https://home", "https://home"),
        ("ssh://home", "ssh://home:22"),
        ("rdp://home:1", "rdp://home:1"),
        ("tcp://home", "tcp://home:7864"),
        ("vnc://home", "vnc://home"),
        ("hello-world", "hello_world"),
        ("unix:/run/socket", "unix:/run/socket"),
        ("unix+tls:/run/socket", "unix+tls:/run/socket"),
    ],
)
def test_services(service: str, shown: str) -> None:
    assert normalised_service(service) == shown


@pytest.mark.parametrize("service", ["http://home/", "http://home/api", "http://:80"])
def test_bad_services(service: str) -> None:
    with pytest.raises(InvalidServiceError, match="invalid address"):
        normalised_service(service)


@pytest.mark.parametrize("how", ["service", "setting"])
def test_bastion(how: str) -> None:
    rule: dict[str, Any] = {"service": "bastion"}
    if how == "setting":
        rule = {"service": "", "originRequest": {"bastionMode": True}}
    [shown] = active_config({"ingress": [rule]})["ingress"]
    assert (shown["service"], shown["originRequest"]["bastionMode"]) == (
        "bastion",
        True,
    )
