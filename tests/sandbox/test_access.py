"""Zero Trust Access: its API, and its effect on visitors."""

from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox

from .helpers import HOME, NAS, Api, Origin, visitor

APPS = "/accounts/{account}/access/apps"
POLICIES = "/accounts/{account}/access/policies"
PROVIDERS = "/accounts/{account}/access/identity_providers"
ORGANIZATION = "/accounts/{account}/access/organizations"
EVERYBODY = {"name": "all", "decision": "bypass", "include": [{"everyone": {}}]}
FAMILY = {
    "name": "family",
    "decision": "allow",
    "include": [{"email": {"email": "me@example.com"}}],
}


async def cover(api: Api, *uris: str, **changes: Any) -> dict[str, Any]:
    """Create an application for addresses."""
    destinations = [{"type": "public", "uri": uri} for uri in uris]
    body = {"type": "self_hosted", "name": uris[0], "destinations": destinations}
    result: dict[str, Any] = (
        await api.request("POST", APPS, {**body, **changes})
    ).result
    return result


async def status(
    sandbox: Sandbox, directory: Path, host: str = HOME, path: str = "/"
) -> int:
    """Visit a page and return the status."""
    async with visitor(sandbox, directory) as guest:
        return (await guest.get(host, path, allow_redirects=False)).status


async def test_life_of_an_application(api: Api) -> None:
    """Create, list, replace and delete an application; its ids never change."""
    created = await api.request(
        "POST", APPS, {"type": "self_hosted", "name": "Home", "domain": HOME}
    )
    assert created.status == 201
    app = created.result
    assert app["destinations"] == [{"type": "public", "uri": HOME}]
    assert (app["uid"], len(app["aud"])) == (app["id"], 64)
    reply = await api.get(APPS)
    assert reply.result == [app]
    assert reply.body["result_info"] == {
        "page": 1,
        "per_page": 1000,
        "count": 1,
        "total_count": 1,
        "total_pages": 1,
    }
    assert (await api.get(APPS, domain=NAS)).result == []
    assert (await api.get(APPS, name="Home")).result == [app]
    path = f"{APPS}/{app['id']}"
    body = {"type": "self_hosted", "domain": HOME, "session_duration": "720h"}
    replaced = (await api.request("PUT", path, body)).result
    assert {key for key in app if app[key] != replaced[key]} <= {
        "name",
        "session_duration",
        "updated_at",
    }
    assert replaced == (await api.get(path)).result
    reply = await api.request("PATCH", path, {})
    assert (reply.status, reply.code) == (405, 10405)
    assert (await api.request("DELETE", path)).result == {"id": app["id"]}
    reply = await api.get(path)
    assert (reply.status, "unknown_application" in reply.message) == (404, True)


@pytest.mark.parametrize("uri", ["example.net", "*.example.net/x", ""])
async def test_foreign_domains(api: Api, uri: str) -> None:
    """A destination has to be in a zone of the account."""
    body = {"type": "self_hosted", "name": "x", "domain": uri}
    assert (await api.request("POST", APPS, body)).status == 400


async def test_destinations_are_unique(api: Api) -> None:
    """Two applications cannot have the same destination."""
    app = await cover(api, HOME)
    body = {"type": "self_hosted", "name": "x", "domain": HOME}
    assert (await api.request("POST", APPS, body)).status == 409
    assert (await api.request("PUT", f"{APPS}/{app['id']}", body)).status == 200


async def test_page_sizes(api: Api) -> None:
    """Only some page sizes are accepted; the refusal has no envelope."""
    for size, expected in ((20, 200), (1000, 200), (200, 400), ("x", 400)):
        reply = await api.get(APPS, per_page=size)
        assert reply.status == expected
    assert reply.body == {
        "code": 12091,
        "message": "access.api.error.invalid_url_parameter_value",
    }


async def test_without_permission(sandbox: Sandbox, api: Api) -> None:
    """Lists look empty; other requests are refused without the envelope."""
    app = await cover(api, HOME)
    blind = api.with_token(sandbox.state.add_token(permissions={"zone:read"}))
    for path in (APPS, POLICIES, PROVIDERS):
        reply = await blind.get(path)
        assert (reply.status, reply.body) == (
            200,
            {"success": True, "errors": [], "result": []},
        )
    for reply in (
        await blind.request("POST", APPS, {}),
        await blind.get(f"{APPS}/{app['id']}"),
    ):
        assert (reply.status, reply.body) == (
            403,
            {"code": 1010, "error": "auth.forbidden"},
        )


async def test_not_set_up(sandbox: Sandbox, api: Api) -> None:
    """Every endpoint refuses if the account has not set up Zero Trust."""
    for path in (ORGANIZATION, APPS, POLICIES, PROVIDERS):
        assert (await api.get(path)).status == 200
    sandbox.state.accounts[sandbox.account_id].access.team = None
    for path in (ORGANIZATION, APPS, POLICIES, PROVIDERS):
        reply = await api.get(path)
        assert (reply.code, "not_enabled" in reply.message) == (9999, True)


async def test_organization(api: Api) -> None:
    """The organization has the login domain; the list of providers has one-time PIN."""
    organization = (await api.get(ORGANIZATION)).result
    assert organization["auth_domain"] == "home-lab.cloudflareaccess.com"
    [provider] = (await api.get(PROVIDERS)).result
    assert (provider["type"], provider["name"]) == ("onetimepin", "")
    assert (await api.get(PROVIDERS, page=2)).result == []


async def test_reusable_policies(api: Api) -> None:
    """A policy changes for all its applications, and can only be deleted when unused."""
    policy = (await api.request("POST", POLICIES, FAMILY)).result
    assert (policy["reusable"], policy["app_count"]) == (True, 0)
    other = (await api.request("POST", POLICIES, EVERYBODY)).result
    app = await cover(
        api,
        HOME,
        policies=[
            {"id": policy["id"], "precedence": 2},
            {"id": other["id"], "precedence": 1},
        ],
    )
    assert [each["name"] for each in app["policies"]] == ["all", "family"]
    assert [each["precedence"] for each in app["policies"]] == [1, 2]
    path = f"{POLICIES}/{policy['id']}"
    assert (await api.get(path)).result["app_count"] == 1
    assert (await api.request("DELETE", path)).status == 409
    await api.request("PUT", path, FAMILY | {"name": "friends"})
    changed = (await api.get(f"{APPS}/{app['id']}")).result
    assert changed["policies"][1]["name"] == "friends"
    await api.request("DELETE", f"{APPS}/{app['id']}")
    assert (await api.request("DELETE", path)).result == {"id": policy["id"]}
    assert len((await api.get(POLICIES)).result) == 1
    assert (await api.get(path)).status == 404


async def test_bad_policies(api: Api) -> None:
    """Incomplete and unknown policies, and a mix of reusable and inline ones, are refused."""
    policy = (await api.request("POST", POLICIES, FAMILY)).result
    for wrong in ({"name": "x"}, FAMILY | {"decision": "perhaps"}):
        assert (await api.request("POST", POLICIES, wrong)).status == 400
    body = {"type": "self_hosted", "domain": HOME}
    for policies, expected in (
        (["unknown"], 400),
        ([policy["id"], EVERYBODY], 400),
        ([policy["id"]], 201),
    ):
        sent = body | {"policies": policies}
        assert (await api.request("POST", APPS, sent)).status == expected


async def test_login_page(
    sandbox: Sandbox, api: Api, origin: Origin, tmp_path: Path
) -> None:
    """Visitors of a covered hostname are redirected to the login."""
    app = await cover(api, HOME, policies=[FAMILY])
    async with visitor(sandbox, tmp_path) as guest:
        answer = await guest.get(HOME, "/lovelace", allow_redirects=False)
    assert answer.status == 302
    location = answer.headers["Location"]
    assert location.startswith(
        f"https://home-lab.cloudflareaccess.com/cdn-cgi/access/login/{HOME}?"
    )
    assert app["aud"] in location
    assert sandbox.state.blocked == []


@pytest.mark.parametrize(
    ("uri", "path", "covered"),
    [
        ("example.com", "/", False),
        ("*.example.com", "/", True),
        ("*.home.example.com", "/", False),
        ("ho*.example.com", "/", True),
        (f"{HOME}/api", "/api", True),
        (f"{HOME}/api", "/api/x", True),
        (f"{HOME}/api", "/apix", False),
        (f"{HOME}/api/*", "/api", False),
        (f"{HOME}/api/*", "/api/x", True),
        (f"{HOME}/api/*/x", "/api/webhook/x", True),
        (f"{HOME}/api/*/x", "/api/a/b/x", True),
        (f"{HOME}/api/*/x", "/api/x", False),
        ("*home.example.com", "/", True),
    ],
)
async def test_coverage(
    sandbox: Sandbox, api: Api, tmp_path: Path, uri: str, path: str, covered: bool
) -> None:
    """A star stands for one level of a name, or for part of a path."""
    await cover(api, uri)
    assert await status(sandbox, tmp_path, HOME, path) == (302 if covered else 502)


async def test_most_specific_path_wins(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """The policies of less specific applications do not apply."""
    await cover(api, HOME, policies=[FAMILY])
    await cover(api, f"{HOME}/api/webhook", policies=[EVERYBODY])
    await cover(api, f"{HOME}/api/webhook/secret", policies=[FAMILY])
    await cover(api, "*.example.com", policies=[EVERYBODY])
    for path, expected in (
        ("/", 302),
        ("/api", 302),
        ("/api/webhook/1", 502),
        ("/api/webhook/secret", 302),
    ):
        assert await status(sandbox, tmp_path, HOME, path) == expected
    # The seeded rule lets German visitors pass, and no login is needed.
    assert await status(sandbox, tmp_path, NAS) == 502


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"include": [{"everyone": {}}]}, 502),
        ({"include": [{"geo": {"country_code": "DE"}}]}, 502),
        ({"include": [{"geo": {"country_code": "AT"}}]}, 302),
        ({"include": [{"ip": {"ip": "203.0.113.0/24"}}]}, 502),
        ({"include": [{"ip": {"ip": "2001:db8::/32"}}]}, 302),
        (
            {
                "include": [{"everyone": {}}],
                "require": [
                    {"geo": {"country_code": "DE"}},
                    {"geo": {"country_code": "AT"}},
                ],
            },
            302,
        ),
        (
            {
                "include": [{"everyone": {}}],
                "exclude": [{"geo": {"country_code": "DE"}}],
            },
            302,
        ),
        ({"include": [{"everyone": {}}], "decision": "allow"}, 302),
    ],
)
async def test_bypass_rules(
    sandbox: Sandbox, api: Api, tmp_path: Path, rules: dict[str, Any], expected: int
) -> None:
    """A bypass needs any of include, all of require and none of exclude; there is no login."""
    await cover(api, HOME, policies=[{"name": "x", "decision": "bypass", **rules}])
    assert await status(sandbox, tmp_path) == expected


async def test_public_paths_of_a_destination(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """An override makes exactly the paths that match its pattern public."""
    override = {"behavior": "public", "path_pattern": "/api/webhook/*"}
    destination = {"type": "public", "uri": HOME, "overrides": [override]}
    await cover(api, HOME, destinations=[destination])
    assert await status(sandbox, tmp_path, HOME, "/api/webhook/1") == 502
    for path in ("/api/webhook", "/api/webhook/1/2", "/"):
        assert await status(sandbox, tmp_path, HOME, path) == 302


async def test_rules_run_first(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A visitor whom a rule blocks is not redirected to the login."""
    await cover(api, HOME)
    [rule] = sandbox.state.zones[sandbox.zone_id].rules
    rule.expression = "ssl"
    assert await status(sandbox, tmp_path) == 403
