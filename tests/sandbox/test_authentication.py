"""API tokens: authentication, permissions and scope."""

import re
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.api import RESOURCES
from sandbox.api.permissions import PERMISSIONS
from sandbox.state import ALL_PERMISSIONS

from .helpers import Api

ROUTES = [route for resource in RESOURCES for route in resource.routes.all]
ACCESS = "/accounts/{account}/access"
SEEMINGLY_EMPTY = {
    f"{ACCESS}/{name}" for name in ("apps", "policies", "identity_providers", "tags")
}
GUARDED = [route for route in ROUTES if any(PERMISSIONS[route.path])]


async def _with_headers(
    api: Api, path: str, headers: dict[str, str]
) -> tuple[int, Any]:
    async with api.session.get(f"{api.sandbox.api_url}{path}", headers=headers) as got:
        return got.status, (await got.json())["errors"][0]


@pytest.mark.parametrize("path", ["/user/tokens/verify", "/zones"])
@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer short", 'Bearer "quoted"', "Basic abc", f"Bearer {'x' * 65}"],
)
async def test_malformed(api: Api, path: str, value: str) -> None:
    """A malformed header gets another error than a wrong token."""
    status, error = await _with_headers(api, path, {"Authorization": value})
    assert (status, error["code"]) == (400, 6003)
    assert error["error_chain"][0]["code"] == 6111


async def test_missing(api: Api) -> None:
    """Requests without a token, or with a key in place of one, are refused."""
    verify = "/user/tokens/verify"
    assert (await _with_headers(api, verify, {}))[1]["code"] == 1001
    assert (await _with_headers(api, "/zones", {}))[1]["code"] == 9106
    status, error = await _with_headers(api, "/zones", {"X-Auth-Key": "x"})
    assert (status, error["error_chain"][0]["code"]) == (400, 6103)


async def test_unknown(api: Api) -> None:
    """A well-formed but unknown token is refused, at each endpoint with its own code."""
    stranger = api.with_token("cfut_" + "x" * 40)
    reply = await stranger.get("/user/tokens/verify")
    assert (reply.status, reply.code, reply.message) == (401, 1000, "Invalid API Token")
    reply = await stranger.get("/zones")
    assert (reply.status, reply.code) == (403, 9109)


async def test_verify(sandbox: Sandbox, api: Api) -> None:
    """Each kind of token has its own verify endpoint, and is unknown at the other."""
    account = api.with_token(sandbox.state.add_token("account"))
    assert account.token.startswith("cfat_")
    users, accounts = "/user/tokens/verify", "/accounts/{account}/tokens/verify"

    reply = await api.get(users)
    assert reply.result["status"] == "active"
    assert reply.body["messages"][0]["code"] == 10000
    assert (await account.get(accounts)).result["status"] == "active"
    for reply in (await account.get(users), await api.get(accounts)):
        assert (reply.status, reply.code) == (401, 1000)


@pytest.mark.parametrize("status", ["disabled", "expired"])
async def test_inactive_tokens(sandbox: Sandbox, api: Api, status: str) -> None:
    """A disabled or expired token can only be verified."""
    inactive = api.with_token(sandbox.state.add_token(status=status))
    assert (await inactive.get("/user/tokens/verify")).result["status"] == status
    reply = await inactive.get("/zones")
    assert (reply.status, reply.code) == (403, 9109)


@pytest.mark.parametrize(
    "route", GUARDED, ids=[f"{route.method} {route.path}" for route in GUARDED]
)
async def test_permissions(sandbox: Sandbox, api: Api, route: Any) -> None:
    """Each endpoint refuses tokens without its permission, and accepts those with it."""
    needs = PERMISSIONS[route.path]
    needed = needs.read if route.method == "GET" else needs.edit
    path = (
        route.path.replace("{zone_id}", "{zone}")
        .replace("{account_id}", "{account}")
        .replace("{tunnel_id}", "{tunnel}")
    )
    path = re.sub(r"\{(?!zone|account|tunnel)\w+\}", "unknown", path)
    assert needed is not None
    resource = needed.partition(":")[0]
    others = {name for name in ALL_PERMISSIONS if not name.startswith(resource)}

    reply = await api.with_token(sandbox.state.add_token(permissions=others)).request(
        route.method, path, {}
    )
    if route.method == "GET" and path in SEEMINGLY_EMPTY:
        assert (reply.status, reply.result) == (200, [])
    elif path in (f"{ACCESS}/apps", f"{ACCESS}/apps/unknown"):
        assert (reply.status, reply.body["code"]) == (403, 1010)
    else:
        codes = {"/rulesets": None, "/settings": 9109, "/ssl/": 9109, "": 10000}
        part = next(part for part in codes if part in path)
        assert (reply.status, reply.code) == (403, codes[part])
    reply = await api.with_token(sandbox.state.add_token(permissions={needed})).request(
        route.method, path, {}
    )
    assert reply.status != 403


async def test_reading_is_not_writing(sandbox: Sandbox, api: Api) -> None:
    """Edit implies read, but read does not imply edit."""
    reader = api.with_token(sandbox.state.add_token(permissions={"dns:read"}))
    assert (await reader.get("/zones/{zone}/dns_records")).status == 200
    reply = await reader.request("POST", "/zones/{zone}/dns_records", {})
    assert (reply.status, reply.code) == (403, 10000)
    writer = api.with_token(sandbox.state.add_token(permissions={"dns:edit"}))
    assert (await writer.get("/zones/{zone}/dns_records")).status == 200
    token = "/accounts/{account}/cfd_tunnel/{tunnel}/token"
    reader = api.with_token(sandbox.state.add_token(permissions={"tunnel:read"}))
    assert (await reader.get(token)).status == 403


async def test_scope(sandbox: Sandbox, api: Api) -> None:
    """A token reaches its own zones and account only."""
    other = sandbox.state.add_zone("example.net")
    narrow = api.with_token(sandbox.state.add_token(zones={other.id}))
    [zone] = (await narrow.get("/zones")).result
    assert zone["name"] == "example.net"
    assert (await narrow.get("/zones/{zone}/dns_records")).code == 10000

    account = sandbox.state.add_account()
    foreign = sandbox.state.add_zone("example.org", account)
    owned = api.with_token(sandbox.state.add_token("account"))
    assert (await owned.get(f"/accounts/{account.id}/cfd_tunnel")).code == 10000
    assert (await owned.get(f"/zones/{foreign.id}")).code == 10000
    assert len((await owned.get("/accounts")).result) == 1
    assert len((await api.get("/accounts")).result) == 2


@pytest.mark.parametrize("path", ["/zones/0000/dns_records", "/accounts/0/cfd_tunnel"])
async def test_wrong_ids(api: Api, path: str) -> None:
    """An unknown zone or account gets 404."""
    reply = await api.get(path)
    assert (reply.status, reply.code) == (404, 7003)


async def test_wrong_routes(api: Api) -> None:
    """An unknown path gets 404, an unknown method 405."""
    reply = await api.get("/nothing/here")
    assert (reply.status, reply.code) == (404, 7000)
    reply = await api.request("PUT", "/zones")
    assert (reply.status, reply.code) == (405, 10000)
    assert reply.message.startswith("PUT method not allowed")


async def test_headers(api: Api) -> None:
    """Every answer has a Ray ID and the rate limit."""
    for path in ("/zones", "/nothing", "/zones/0"):
        async with api.session.get(f"{api.sandbox.api_url}{path}") as response:
            assert {"CF-Ray", "Ratelimit", "Ratelimit-Policy"} <= set(response.headers)


async def test_networks(sandbox: Sandbox, api: Api) -> None:
    """A token limited to networks is refused elsewhere, also by the verify endpoints."""
    elsewhere = api.with_token(sandbox.state.add_token(networks=["192.0.2.0/24"]))
    for path in ("/zones", "/user/tokens/verify"):
        reply = await elsewhere.get(path)
        assert (reply.status, reply.code) == (403, 9109)
        location = "Cannot use the access token from location: 127.0.0.1"
        assert reply.message == location
    here = ["192.0.2.0/24", "127.0.0.1", "::1"]
    assert (
        await api.with_token(sandbox.state.add_token(networks=here)).get("/zones")
    ).status == 200
