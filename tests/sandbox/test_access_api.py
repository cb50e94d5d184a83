"""The API of Access beside applications: policies, groups, login methods, the organization."""

from datetime import timedelta
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.clock import now
from sandbox.state import AccessApplication, Delays, IdentityProvider

from .helpers import HOME, NAS, Api, Reply
from .logging_in import ACCESS, APPS, FAMILY, POLICIES, TEAM, access_of

GROUPS = f"{ACCESS}/groups"
ORGANIZATION = f"{ACCESS}/organizations"
PROVIDERS = f"{ACCESS}/identity_providers"
TAGS = f"{ACCESS}/tags"
TESTS = f"{ACCESS}/policy-tests"
APP = {"type": "self_hosted", "name": "Home", "domain": HOME}
COUNTRIES = {"name": "Countries", "include": [{"geo": {"country_code": "DE"}}]}


async def created(api: Api, path: str, body: Any) -> Any:
    """Create something and return it."""
    reply = await api.request("POST", path, body)
    assert reply.status == 201, reply.body
    return reply.result


def refusal(reply: Reply) -> tuple[int, int | None]:
    """Return status and code of a refusal."""
    return reply.status, reply.code


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": 1},
        {"name": 5},
        {"tags": "home"},
        {"tags": [1]},
        {"allowed_idps": "x"},
        {"session_duration": "1 day"},
        {"session_duration": 24},
        {"http_only_cookie_attribute": "yes"},
        {"same_site_cookie_attribute": "Lax"},
        {"destinations": [{"type": "public"}]},
        {"destinations": [{"type": "public", "uri": NAS}]},
        {"destinations": [{"type": "public", "uri": HOME, "port": 1}]},
        {"destinations": [{"type": "odd", "uri": HOME}]},
        {"destinations": [{"uri": HOME}, *({"uri": f"{i}.{HOME}"} for i in range(5))]},
        {"destinations": [{"uri": HOME, "overrides": [{"behavior": "public"}]}]},
        {"domain": f"{HOME}:8123"},
        {"domain": f"{HOME}/a?b"},
        {"domain": f"{HOME}/a**"},
        {"domain": "*.*home.*example.com*"},
        {"domain": f"{'a' * 60}.{HOME}"},
        {"options_preflight_bypass": True, "cors_headers": {"max_age": 1}},
        {"cors_headers": {"allow_all_origins": True, "allow_credentials": True}},
        {"allow_authenticate_via_warp": True},
        {"policies": [1]},
        {"policies": [{"id": 1}]},
        {"policies": [{"id": "x", "precedence": "1"}]},
        {"policies": [FAMILY | {"unknown": 1}]},
        {"policies": [FAMILY | {"precedence": 1}, FAMILY | {"precedence": 1}]},
    ],
)
async def test_refused_applications(api: Api, changes: dict[str, Any]) -> None:
    """What Cloudflare does not know, or what does not fit together, is refused."""
    reply = await api.request("POST", APPS, APP | changes)
    assert refusal(reply) == (400, 12130)
    assert (await api.get(APPS)).result == []
    await created(api, APPS, APP)


@pytest.mark.parametrize(
    "rules",
    [
        {"include": []},
        {"include": [{}]},
        {"include": [{"email": {"email": "a@b.c"}, "everyone": {}}]},
        {"include": [{"e-mail": {"email": "a@b.c"}}]},
        {"include": [{"email": "a@b.c"}]},
        {"include": [{"email": {"address": "a@b.c"}}]},
        {"include": [{"email": {"email": ""}}]},
        {"include": [{"geo": {"country_code": "de"}}]},
        {"include": [{"geo": {"country_code": "Germany"}}]},
        {"include": [{"ip": {"ip": "home"}}]},
        {"require": [{"geo": {}}]},
        {"exclude": ["everyone"]},
        {"include": [{"everyone": {}}] * 1001},
        {"name": ""},
        {"name": "x" * 351},
        {"decision": "bypass"},
        {"decision": "perhaps"},
        {"precedence": 1},
    ],
)
async def test_refused_policies(api: Api, rules: dict[str, Any]) -> None:
    """Rules have one known selector each; a bypass has none that needs a login."""
    reply = await api.request("POST", POLICIES, FAMILY | rules)
    assert refusal(reply) == (400, 12130)
    policy = await created(api, POLICIES, FAMILY)
    reply = await api.request("PUT", f"{POLICIES}/{policy['id']}", FAMILY | rules)
    assert refusal(reply) == (400, 12130)
    assert (await api.get(f"{POLICIES}/{policy['id']}")).result == policy


async def test_replacing_an_application_clears_what_is_not_sent(api: Api) -> None:
    """A PUT without tags, policies and settings leaves none of them."""
    await created(api, TAGS, {"name": "ours"})
    policy = await created(api, POLICIES, FAMILY)
    more = {"tags": ["ours"], "policies": [policy["id"]], "session_duration": "1h"}
    app = await created(api, APPS, APP | more)
    assert app["tags"] == ["ours"]
    replaced = (await api.request("PUT", f"{APPS}/{app['id']}", APP)).result
    assert (replaced["tags"], replaced["policies"]) == ([], [])
    assert replaced["session_duration"] == "24h"
    assert replaced["aud"] == app["aud"]


@pytest.mark.parametrize("drops", [False, True])
async def test_unknown_policies(sandbox: Sandbox, api: Api, drops: bool) -> None:
    """A change with an unknown policy is refused, or loses every policy in silence."""
    sandbox.state.switches.drops_unknown_policies = drops
    policy = await created(api, POLICIES, FAMILY)
    app = await created(api, APPS, APP | {"policies": [policy["id"]]})
    path = f"{APPS}/{app['id']}"
    body = APP | {"policies": [policy["id"], "unknown"]}
    assert (await api.request("PUT", path, body)).status == (200 if drops else 400)
    left = (await api.get(path)).result["policies"]
    assert [each["id"] for each in left] == ([] if drops else [policy["id"]])
    # A group's id in the place of a policy's is something that Cloudflare trips over.
    group = await created(api, GROUPS, COUNTRIES)
    reply = await api.request("PUT", path, APP | {"policies": [group["id"]]})
    assert reply.status == 500


async def test_new_policy_is_not_everywhere_at_once(sandbox: Sandbox, api: Api) -> None:
    """For a while, applications cannot use a policy that can be read."""
    sandbox.state.delays = Delays(access_policy=5)
    policy = await created(api, POLICIES, FAMILY)
    assert (await api.get(f"{POLICIES}/{policy['id']}")).status == 200
    body = APP | {"policies": [policy["id"]]}
    reply = await api.request("POST", APPS, body)
    assert (reply.status, reply.message) == (400, f"policy {policy['id']} not found")
    sandbox.clock.advance(timedelta(seconds=5))
    await created(api, APPS, body)


async def test_lists_lag(sandbox: Sandbox, api: Api) -> None:
    """A change is seen by id at once, and in lists a little later."""
    sandbox.state.delays = Delays(access_list=30)
    for path, body in (
        (APPS, APP),
        (POLICIES, FAMILY),
        (GROUPS, COUNTRIES),
        (PROVIDERS, {"type": "github", "name": "x", "config": {}}),
    ):
        before = (await api.get(path)).result
        new = await created(api, path, body)
        assert (await api.get(f"{path}/{new['id']}")).result == new
        assert (await api.get(path)).result == before
        sandbox.clock.advance(timedelta(seconds=30))
        assert (await api.get(path)).result == [*before, new]
        assert (await api.request("DELETE", f"{path}/{new['id']}")).status == 202
        assert (await api.get(f"{path}/{new['id']}")).status == 404
        assert (await api.get(path)).result == [*before, new]
        sandbox.clock.advance(timedelta(seconds=30))
        assert (await api.get(path)).result == before


async def test_own_policies(api: Api) -> None:
    """An application's own policies live and die with it, and have numbers of their own."""
    app = await created(api, APPS, APP | {"policies": [FAMILY]})
    path = f"{APPS}/{app['id']}/policies"
    [first] = (await api.get(path)).result
    assert first == app["policies"][0]
    assert "reusable" not in first
    second = await created(api, path, FAMILY | {"name": "second"})
    third = await created(api, path, FAMILY | {"name": "third", "precedence": 9})
    assert [first["precedence"], second["precedence"], third["precedence"]] == [1, 2, 9]
    taken = FAMILY | {"precedence": 9}
    assert refusal(await api.request("POST", path, taken)) == (400, 12130)
    reply = await api.request(
        "PUT", f"{path}/{first['id']}", FAMILY | {"precedence": 5}
    )
    assert reply.result["precedence"] == 5
    names = [each["name"] for each in (await api.get(path)).result]
    assert names == ["second", "family", "third"]
    assert (await api.request("DELETE", f"{path}/{third['id']}")).status == 202
    assert refusal(await api.get(f"{path}/{third['id']}")) == (404, 12083)
    # A PUT of the application keeps a policy that is sent with its id, and no other one.
    kept = FAMILY | {"id": first["id"], "name": "kept"}
    body = APP | {"policies": [kept, FAMILY | {"name": "new"}]}
    policies = (await api.request("PUT", f"{APPS}/{app['id']}", body)).result[
        "policies"
    ]
    assert [each["name"] for each in policies] == ["kept", "new"]
    assert policies[0]["id"] == first["id"]
    assert second["id"] not in [each["id"] for each in policies]


async def test_make_reusable(api: Api) -> None:
    """A policy that becomes one of the account stays attached, and is no longer changed here."""
    app = await created(api, APPS, APP | {"policies": [FAMILY]})
    path = f"{APPS}/{app['id']}/policies/{app['policies'][0]['id']}"
    reply = await api.request("PUT", f"{path}/make_reusable")
    assert reply.result["reusable"] is True
    [listed] = (await api.get(POLICIES)).result
    assert (listed["id"], listed["app_count"]) == (app["policies"][0]["id"], 1)
    for method in ("PUT", "DELETE"):
        assert refusal(await api.request(method, path, FAMILY)) == (400, 12130)


async def test_life_of_a_group(api: Api) -> None:
    """A group can be replaced while policies refer to it, and then not be deleted."""
    group = await created(api, GROUPS, COUNTRIES)
    path = f"{GROUPS}/{group['id']}"
    rule = {"group": {"id": group["id"]}}
    policy = await created(api, POLICIES, FAMILY | {"require": [rule]})
    assert (await api.request("DELETE", path)).status == 409
    changed = COUNTRIES | {"name": "People", "include": FAMILY["include"]}
    replaced = (await api.request("PUT", path, changed)).result
    assert replaced == (await api.get(path)).result
    assert (replaced["name"], replaced["id"]) == ("People", group["id"])
    assert (await api.get(GROUPS, name="Countries")).result == []
    assert (await api.get(GROUPS, search="eop")).result == [replaced]
    await api.request("DELETE", f"{POLICIES}/{policy['id']}")
    assert (await api.request("DELETE", path)).status == 202
    for method in ("GET", "PUT", "DELETE"):
        assert refusal(await api.request(method, path, changed)) == (404, 11020)
    reply = await api.request("POST", POLICIES, FAMILY | {"require": [rule]})
    assert refusal(reply) == (404, 11020)


async def test_login_methods(sandbox: Sandbox, api: Api) -> None:
    """There is one login by PIN, types stay, and secrets are not told."""
    github = {"type": "github", "name": "x", "config": {"client_secret": "s"}}
    provider = await created(api, PROVIDERS, github)
    assert "client_secret" not in provider["config"]
    path = f"{PROVIDERS}/{provider['id']}"
    for body in (
        github | {"type": "saml"},
        github | {"type": "unknown"},
        github | {"config": None},
        github | {"more": 1},
    ):
        assert refusal(await api.request("PUT", path, body)) == (400, 12130)
    scim = {"type": "onetimepin", "config": {}, "scim_config": {"enabled": True}}
    access_of(sandbox).identity_providers = [IdentityProvider("cloudflare")]
    assert refusal(await api.request("POST", PROVIDERS, scim)) == (400, 12130)
    for kind, status in (("cloudflare", 409), ("onetimepin", 201), ("onetimepin", 409)):
        body = {"type": kind, "name": "", "config": {}}
        assert (await api.request("POST", PROVIDERS, body)).status == status
    assert refusal(await api.get(path)) == (404, 12135)


async def test_organization_can_be_renamed(api: Api) -> None:
    """A PUT replaces all settings; another domain moves the login pages."""
    body = {"auth_domain": "other.cloudflareaccess.com", "session_duration": "12h"}
    assert (await api.request("PUT", ORGANIZATION, body)).result[
        "session_duration"
    ] == ("12h")
    [provider] = (await api.get(PROVIDERS)).result
    assert provider["config"]["redirect_url"].startswith("https://other.cloudflare")
    body = {"auth_domain": TEAM}
    assert (await api.request("PUT", ORGANIZATION, body)).result[
        "session_duration"
    ] == ("24h")
    for wrong in ("", ".", "a b", "ä"):
        reply = await api.request("PUT", ORGANIZATION, {"auth_domain": wrong})
        assert refusal(reply) == (400, 11004)
    body = {"auth_domain": TEAM, "deny_unmatched_requests": "yes"}
    assert refusal(await api.request("PUT", ORGANIZATION, body)) == (400, 12130)


async def test_tags(api: Api) -> None:
    """A tag is its name; a new name and a deletion reach the applications that have it."""
    await created(api, TAGS, {"name": "ours"})
    for name, status in (("x" * 36, 400), ("", 400), ("ours", 409), ("x" * 35, 201)):
        assert (await api.request("POST", TAGS, {"name": name})).status == status
    app = await created(api, APPS, APP | {"tags": ["ours"]})
    path = f"{APPS}/{app['id']}"
    reply = await api.request("PUT", f"{TAGS}/ours", {"name": "of HA"})
    assert reply.result == {"name": "of HA"}
    assert (await api.get(path)).result["tags"] == ["of HA"]
    reply = await api.request("DELETE", f"{TAGS}/of%20HA")
    assert (reply.status, reply.result) == (202, {"name": "of HA"})
    assert (await api.get(path)).result["tags"] == []
    assert refusal(await api.get(f"{TAGS}/ours")) == (404, 12135)


async def test_policy_tests_without_users(api: Api) -> None:
    """Nobody has logged in, so a test knows nobody."""
    test = (await api.request("POST", TESTS, {"policies": [FAMILY]})).result
    result = (await api.get(f"{TESTS}/{test['id']}")).result
    assert (result["total_users"], result["status"]) == (0, "complete")
    assert (await api.get(f"{TESTS}/{test['id']}/users")).result == []
    for policies, status in (([], 400), (["unknown"], 404), ([1], 400)):
        reply = await api.request("POST", TESTS, {"policies": policies})
        assert reply.status == status


async def test_other_types_of_applications(sandbox: Sandbox, api: Api) -> None:
    """The launcher of an account is listed, and stands before no hostname."""
    launcher = AccessApplication("App Launcher", [], type="app_launcher")
    access_of(sandbox).applications[launcher.id] = launcher
    [listed] = (await api.get(APPS)).result
    assert (listed["type"], listed["domain"]) == ("app_launcher", TEAM)
    for kind, status in (("app_launcher", 501), ("odd", 400), (1, 400)):
        assert (await api.request("POST", APPS, {"type": kind})).status == status


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ({"access_apps:revoke"}, ["revoke_tokens"]),
        ({"access_organization:revoke"}, ["revoke_user"]),
        ({"access_apps:edit"}, ["revoke_tokens", "create"]),
        ({"access_apps:read", "access_organization:read"}, []),
    ],
)
async def test_permission_to_revoke(
    sandbox: Sandbox, api: Api, permissions: set[str], allowed: list[str]
) -> None:
    """Sessions can be ended with a permission that changes nothing else."""
    app = await created(api, APPS, APP)
    limited = api.with_token(sandbox.state.add_token(permissions=permissions))
    calls = {
        "revoke_tokens": (f"{APPS}/{app['id']}/revoke_tokens", None),
        "revoke_user": (f"{ORGANIZATION}/revoke_user", {"email": "a@example.com"}),
        "create": (APPS, APP | {"domain": NAS}),
    }
    for name, (path, body) in calls.items():
        reply = await limited.request("POST", path, body)
        assert (reply.status < 300) == (name in allowed), name


async def test_log_of_the_last_day(api: Api) -> None:
    """Times and numbers of a query have to be some."""
    path = f"{ACCESS}/logs/access_requests"
    for query in ({"since": "x"}, {"limit": "0"}, {"page": "-1"}, {"per_page": "x"}):
        assert refusal(await api.get(path, **query)) == (400, 12130)
    assert (await api.get(path, since=now().isoformat())).result == []
