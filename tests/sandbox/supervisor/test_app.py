"""What the app Cloudflared does when it starts."""

from sandbox import Sandbox
from sandbox.supervisor import AppState, Cloudflared

from ..helpers import HOME, NAS
from .helpers import MOBILE, WITH_MOBILE, Client, metrics, served


async def test_start(client: Client, app: Cloudflared, sandbox: Sandbox) -> None:
    assert app.state is AppState.STARTED
    assert await served(client, app) == {
        HOME: "http://homeassistant:8123",
        NAS: "http://192.168.1.20:5000",
        "": "http_status:404",
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


async def test_restart(client: Client, app: Cloudflared, sandbox: Sandbox) -> None:
    """A restart makes the options take effect: a rule, a record and a new connector."""
    before = app.connector_id
    body = {"options": WITH_MOBILE}
    assert (await client.post(f"/addons/{app.slug}/options", body)).data == {}
    assert MOBILE not in await served(client, app)

    await client.post(f"/addons/{app.slug}/restart")
    assert (await served(client, app))[MOBILE] == "http://homeassistant:8123"
    assert app.connector_id != before
    records = sandbox.state.zones[sandbox.zone_id].dns_records.values()
    [record] = [each for each in records if each.name == MOBILE]
    assert record.content == f"{sandbox.tunnel_id}.cfargotunnel.com"
    assert record.proxied
