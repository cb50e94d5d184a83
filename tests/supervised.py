"""A Home Assistant with a Supervisor and the app Cloudflared, for the tests."""

from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
import pytest_socket

from custom_components.cloudflare_mtls import cloudflared_app
from sandbox import Sandbox
from sandbox.state import DnsRecord, Tunnel
from sandbox.supervisor import Cloudflared, Supervisor

from .common import settle, zone_of

OPTIONS: Mapping[str, Any] = {
    "external_hostname": "house.example.com",
    "additional_hosts": [
        {"hostname": "nas.example.com", "service": "http://192.168.1.20:5000"}
    ],
    "tunnel_name": "garage",
}


async def supervise(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Supervisor:
    """Run a Supervisor, for whose apps nobody waits long, and Home Assistant's own integration of it."""
    monkeypatch.setattr(cloudflared_app, "_CONNECT_SECONDS", 0.6)
    monkeypatch.setattr(cloudflared_app, "_POLL_SECONDS", 0.05)
    pytest_socket.socket_allow_hosts(["127.0.0.0/8"])
    await sandbox.supervisor.start()
    monkeypatch.setenv("SUPERVISOR", sandbox.supervisor.host)
    monkeypatch.setenv("SUPERVISOR_TOKEN", sandbox.supervisor.token)
    assert await async_setup_component(hass, "hassio", {})
    await settle(hass)
    return sandbox.supervisor


async def install_app(
    sandbox: Sandbox, supervisor: Supervisor, **changed: Any
) -> Cloudflared:
    """Install the app, which runs a tunnel of its own, and whose first hostname is another house."""
    tunnel = local_tunnel(sandbox)
    options = {**OPTIONS, **changed}
    return await supervisor.install(
        Cloudflared(
            sandbox.state,
            options,
            tunnel_id=tunnel.id,
            home_assistant="http://192.168.1.30:8123",
        )
    )


def local_tunnel(sandbox: Sandbox) -> Tunnel:
    """Add a tunnel that the app made, and the record of its first hostname."""
    tunnel = sandbox.state.add_tunnel("garage", "local")
    content = f"{tunnel.id}.cfargotunnel.com"
    zone_of(sandbox).add_dns_record(
        DnsRecord("CNAME", "house.example.com", content, proxied=True)
    )
    return tunnel
