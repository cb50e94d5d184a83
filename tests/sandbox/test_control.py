"""The sandbox's control routes and its process."""

import asyncio
import json
from pathlib import Path
import sys
from typing import Any

from aiohttp import ClientSession

from sandbox.seed import FOREIGN_RULE_ID, SERVICE

from .helpers import HOME, Api, create_certificate


async def control(api: Api, method: str, path: str, body: Any = None) -> Any:
    """Send a request to a control route."""
    url = f"{api.sandbox.url}/sandbox{path}"
    async with api.session.request(method, url, json=body) as response:
        assert response.status == 200
        return await response.json()


async def test_journal(api: Api) -> None:
    """The journal lists the requests and counts the writes."""
    await api.get("/zones")
    await api.request("DELETE", "/zones/{zone}/dns_records/unknown")
    journal = await control(api, "GET", "/journal")
    assert journal["writes"] == 1
    assert journal["requests"][0] == {
        "method": "GET",
        "path": "/zones",
        "status": 200,
        "write": False,
    }


async def test_state_holds_no_secret(api: Api) -> None:
    """The state contains everything except keys, tokens and secrets."""
    created, _ = await create_certificate(api)
    state = await control(api, "GET", "/state")
    zone = state["zones"]["example.com"]
    assert zone["certificates"][0]["id"] == created["id"]
    assert zone["rulesets"][0]["rules"][0]["id"] == FOREIGN_RULE_ID
    assert zone["associations"] == ["nas.example.com"]
    [tunnel] = state["tunnels"].values()
    assert tunnel["config"]["ingress"][0]["hostname"] == HOME
    text = json.dumps(state)
    assert api.token not in text
    assert "PRIVATE" not in text
    assert api.sandbox.state.tunnels[api.sandbox.tunnel_id].secret not in text


async def test_tokens_rules_and_origin(api: Api) -> None:
    """Tokens can be added, rules edited and deleted, and origins set."""
    token = (await control(api, "POST", "/tokens", {"permissions": ["zone:read"]}))[
        "token"
    ]
    assert len((await api.with_token(token).get("/zones")).result) == 1
    path = f"/rules/{FOREIGN_RULE_ID}"
    edited = await control(api, "POST", path, {"enabled": False})
    assert edited["rules"][0]["enabled"] is False
    assert edited["rules"][0]["version"] == "2"
    assert "rules" not in await control(api, "DELETE", path)
    await control(api, "POST", "/origin", {"url": "http://127.0.0.1:1"})
    assert api.sandbox.state.origins == {SERVICE: "http://127.0.0.1:1"}
    other = {"url": "http://127.0.0.1:2", "service": "http://10.0.0.2"}
    await control(api, "POST", "/origin", other)
    assert api.sandbox.state.origins["http://10.0.0.2"] == "http://127.0.0.1:2"


async def test_zones(api: Api) -> None:
    """A zone can be added, and deleted as in the dashboard."""
    zone_id = (await control(api, "POST", "/zones", {"name": "cabin.example"}))["id"]
    assert (await api.get(f"/zones/{zone_id}")).result["name"] == "cabin.example"
    await control(api, "DELETE", f"/zones/{zone_id}")
    assert (await api.get(f"/zones/{zone_id}")).status == 404


async def test_accounts(api: Api) -> None:
    """An account can be added, with a zone of its own; an unknown one gets none."""
    account = (await control(api, "POST", "/accounts", {"name": "Second home"}))["id"]
    zone = {"name": "second.example", "account": account}
    zone_id = (await control(api, "POST", "/zones", zone))["id"]
    found = (await api.get(f"/zones/{zone_id}")).result["account"]
    assert found == {"id": account, "name": "Second home"}
    url = f"{api.sandbox.url}/sandbox/zones"
    async with api.session.post(url, json={**zone, "account": "unknown"}) as response:
        assert response.status == 404


async def test_budget(api: Api) -> None:
    """The rate limit can be another one."""
    assert await control(api, "POST", "/budget", {"limit": 0}) == {"limit": 0}
    assert (await api.get("/zones")).status == 429


async def test_switches(api: Api) -> None:
    """A switch changes the answer to a token that may not list zones."""
    changed = await control(api, "POST", "/switches", {"refuses_zone_list": True})
    assert changed == {
        "refuses_zone_list": True,
        "strips_parentheses": True,
        "refused_skips": [],
        "missing_access_is_forbidden": False,
        "drops_unknown_policies": False,
    }
    blind = api.with_token(api.sandbox.state.add_token(permissions={"dns:read"}))
    reply = await blind.get("/zones")
    assert (reply.status, reply.code) == (403, 0)
    assert len((await api.get("/zones")).result) == 1


async def test_index(api: Api) -> None:
    """The index lists the routes, with their purpose and parameters."""
    routes = await control(api, "GET", "")
    assert "seconds" in routes["POST /sandbox/clock"]
    assert {"DELETE /sandbox/faults", "POST /sandbox/rules/{rule_id}"} <= routes.keys()
    assert {
        "GET /sandbox/access/pins",
        "POST /sandbox/supervisor/apps",
    } <= routes.keys()
    assert all("/sandbox" in route for route in routes)


async def test_tokens_in_detail(api: Api) -> None:
    """A token's expiry and networks can be given as text."""
    body = {"expires_on": "2020-01-01T00:00:00Z", "networks": ["127.0.0.0/8"]}
    token = (await control(api, "POST", "/tokens", body))["token"]
    verified = (await api.with_token(token).get("/user/tokens/verify")).result
    assert verified["status"] == "expired"
    assert verified["expires_on"] == "2020-01-01T00:00:00Z"


async def test_process(tmp_path: Path) -> None:
    """The process writes its ready file, serves, and exits cleanly on a signal."""
    ready = tmp_path / "ready.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        "--ready-file",
        str(ready),
        "--no-host-keeps-port",
        "--realistic-delays",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(20):
        while not ready.exists():
            await asyncio.sleep(0.05)
    facts = json.loads(ready.read_text())
    assert ready.stat().st_mode & 0o077 == 0
    assert Path(facts["edge_ca_file"]).exists()
    headers = {"Authorization": f"Bearer {facts['token']}"}
    async with (
        ClientSession(headers=headers) as session,
        session.get(f"{facts['api_url']}/zones/{facts['zone_id']}") as response,
    ):
        assert (await response.json())["result"]["name"] == facts["zone_name"]
        url = f"{facts['api_url'].removesuffix('/client/v4')}/sandbox/state"
        async with session.get(url) as state:
            assert (await state.json())["delays"]["revocation"] == 120
    process.terminate()
    output, _ = await process.communicate()
    assert (process.returncode, output) == (0, b"")
    assert not Path(facts["edge_ca_file"]).exists()


async def test_config_file(api: Api) -> None:
    """A tunnel runs with a file that Cloudflare never sees; one that cloudflared refuses stops it."""
    path = f"/tunnels/{api.sandbox.tunnel_id}/config_file"
    ingress = [
        {"hostname": HOME, "service": SERVICE},
        {"service": "http_status:404"},
    ]
    await control(api, "POST", path, {"ingress": ingress})

    tunnel = (await api.get("/accounts/{account}/cfd_tunnel/{tunnel}")).result
    assert (tunnel["config_src"], tunnel["status"]) == ("local", "healthy")
    answer = await api.request(
        "GET", "/accounts/{account}/cfd_tunnel/{tunnel}/configurations"
    )
    assert answer.status == 404

    url = f"{api.sandbox.url}/sandbox{path}"
    async with api.session.request(
        "POST", url, json={"ingress": ingress[::-1]}
    ) as refused:
        assert refused.status == 422
        assert "will match every hostname" in await refused.text()
    tunnel = (await api.get("/accounts/{account}/cfd_tunnel/{tunnel}")).result
    assert tunnel["status"] == "down"
    async with api.session.request("POST", url.replace("7e", "00"), json={}) as unknown:
        assert unknown.status == 404
