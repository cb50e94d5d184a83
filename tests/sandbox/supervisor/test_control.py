"""Control routes of the Supervisor and of metrics servers: what other processes can do."""

from typing import Any

from aiohttp import ServerDisconnectedError
import pytest

from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.supervisor import Cloudflared

from ..helpers import HOME, Api
from .helpers import MOBILE, OPTIONS, WITH_MOBILE, Client


async def _control(api: Api, method: str, path: str, body: Any = None) -> Any:
    url = f"{api.sandbox.url}/sandbox{path}"
    async with api.session.request(method, url, json=body) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def _status(api: Api, method: str, path: str, body: Any = None) -> int:
    url = f"{api.sandbox.url}/sandbox{path}"
    async with api.session.request(method, url, json=body) as response:
        return response.status


async def _ingress(api: Api, url: str) -> dict[str, str]:
    async with api.session.get(f"{url}/config") as response:
        config = await response.json(content_type=None)
    return {rule["hostname"]: rule["service"] for rule in config["config"]["ingress"]}


@pytest.mark.usefixtures("_app_network")
async def test_from_another_process(api: Api, sandbox: Sandbox) -> None:
    """Another process starts the Supervisor, installs the app, and changes it."""
    facts = await _control(api, "POST", "/supervisor")
    client = Client(
        api.session, f"http://{facts['supervisor']}", facts["supervisor_token"]
    )
    body = {"tunnel_id": sandbox.tunnel_id, "options": OPTIONS}
    app = await _control(api, "POST", "/supervisor/apps", body)
    assert (app["state"], app["slug"]) == ("started", "9074a9fa_cloudflared")
    assert HOME in await _ingress(api, app["metrics"])

    path = f"/supervisor/apps/{app['slug']}"
    changes = {"options": WITH_MOBILE, "version": "6.0.1", "running": False}
    stopped = await _control(api, "POST", path, changes)
    assert (stopped["state"], stopped["connector_id"]) == ("stopped", None)
    await _control(api, "POST", path, {"running": True, "stop_seconds": 0.1})
    assert MOBILE in await _ingress(api, app["metrics"])
    [listed] = await _control(api, "GET", "/supervisor/apps")
    assert (listed["version"], listed["faults"]["stop_seconds"]) == ("6.0.1", 0.1)

    await _control(api, "DELETE", path)
    assert (await client.get("/addons")).data == {"addons": []}
    assert await _status(api, "DELETE", path) == 404

    await _control(api, "DELETE", "/supervisor")
    with pytest.raises(OSError, match="Connect"):
        await client.get("/addons")
    assert await _control(api, "POST", "/supervisor", {"ready": True}) == facts
    assert sandbox.supervisor.ready


async def test_faults(api: Api, app: Cloudflared, client: Client) -> None:
    fault = {"kind": "lost", "path": "*/restart"}
    assert (await _control(api, "POST", "/supervisor/faults", fault))["times"] == 1
    before = app.connector_id
    await client.post(f"/addons/{app.slug}/restart")
    assert app.connector_id == before
    assert (await _control(api, "GET", "/supervisor/journal"))["requests"] == [
        {
            "method": "POST",
            "path": f"/addons/{app.slug}/restart",
            "status": 200,
            "write": True,
            "fault": "lost",
            "took_effect": False,
        }
    ]
    await _control(api, "POST", "/supervisor/faults", {"kind": "500"})
    await _control(api, "DELETE", "/supervisor/faults")
    assert (await client.get("/addons")).status == 200


@pytest.mark.usefixtures("app")
async def test_bad_requests(api: Api) -> None:
    assert await _status(api, "POST", "/supervisor/faults", {"kind": "bad"}) == 400
    assert await _status(api, "POST", "/supervisor/faults", {"kin": "500"}) == 400
    path = "/supervisor/apps/9074a9fa_cloudflared"
    assert await _status(api, "POST", path, {"slug": "a"}) == 400


async def test_silent_metrics(api: Api, app: Cloudflared) -> None:
    await _control(api, "POST", f"/supervisor/apps/{app.slug}", {"silent": True})
    assert app.metrics.silent


async def test_index(api: Api) -> None:
    routes = await _control(api, "GET", "/supervisor")
    assert "kind" in routes["POST /sandbox/supervisor/faults"]


async def test_metrics_of_a_config_file(api: Api, sandbox: Sandbox) -> None:
    """A connector with a config file serves its metrics, too, unless it does not run."""
    tunnel = f"/tunnels/{sandbox.tunnel_id}"
    ingress = [{"hostname": HOME, "service": SERVICE}, {"service": "http_status:404"}]
    await _control(api, "POST", f"{tunnel}/config_file", {"ingress": ingress})
    url = (await _control(api, "POST", f"{tunnel}/metrics", {"port": 0}))["url"]
    assert await _ingress(api, url) == {HOME: SERVICE, "": "http_status:404"}

    changed = [{"hostname": MOBILE, "service": SERVICE}, *ingress]
    await _control(api, "POST", f"{tunnel}/config_file", {"ingress": changed})
    assert MOBILE in await _ingress(api, url)

    assert await _status(api, "POST", f"{tunnel}/config_file", {"ingress": []}) == 422
    with pytest.raises(ServerDisconnectedError):
        await _ingress(api, url)
    assert await _status(api, "POST", "/tunnels/none/metrics", {"port": 0}) == 404
