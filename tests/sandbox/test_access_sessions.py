"""What Access does with requests after a login, and with those that need none."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.state import Delays

from .helpers import HOME, NAS, Api
from .logging_in import (
    ACCESS,
    APPS,
    FAMILY,
    OWNER,
    POLICIES,
    TEAM,
    access_of,
    browser,
    protect_with_login,
)

pytestmark = pytest.mark.usefixtures("origin")

CERTS = "/cdn-cgi/access/certs"
ORGANIZATION = f"{ACCESS}/organizations"
REVOKE = f"{ORGANIZATION}/revoke_user"
EVERYBODY = {"name": "all", "decision": "bypass", "include": [{"everyone": {}}]}


def pass_time(sandbox: Sandbox, **time: float) -> None:
    """Move the sandbox's clock."""
    sandbox.clock.advance(timedelta(**time))


async def test_expiry(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """While the login on the team's domain lives, an expired token is renewed without a PIN."""
    await protect_with_login(api, session_duration="1h")
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        pass_time(sandbox, minutes=61)
        assert (await owner.ask()).status == 302
        script = {"X-Requested-With": "XMLHttpRequest"}
        assert (await owner.ask(headers=script)).status == 401
        assert (await owner.follow(await owner.ask())).status == 200
        pass_time(sandbox, hours=24)
        page = await owner.follow(await owner.ask())
        assert 'name="email"' in await page.text()


async def test_the_duration_of_a_policy_goes_first(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """A policy's own duration counts instead of the application's; an empty one does not."""
    policy = FAMILY | {"session_duration": "30m"}
    app = await protect_with_login(api, policy, session_duration="24h")
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        pass_time(sandbox, minutes=31)
        assert (await owner.ask()).status == 302
        body = {
            "type": "self_hosted",
            "domain": HOME,
            "session_duration": "24h",
            "policies": [FAMILY | {"session_duration": ""}],
        }
        assert (await api.request("PUT", f"{APPS}/{app['id']}", body)).status == 200
        await owner.follow(await owner.ask())
        pass_time(sandbox, minutes=31)
        assert (await owner.ask()).status == 200


async def test_country_at_every_request(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """The country counts at every request, the address at the login only."""
    policy = FAMILY | {"require": [{"geo": {"country_code": "DE"}}]}
    kept = (await api.request("POST", POLICIES, policy)).result
    await protect_with_login(api, kept["id"])
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        for country, status in (("FR", 403), ("DE", 200)):
            sandbox.state.visitor.country = country
            assert (await owner.ask()).status == status
        other, mine = (
            [{"email": {"email": email}}] for email in ("other@example.com", OWNER)
        )
        for change in ({"include": other}, {"exclude": mine}):
            changed = policy | change
            await api.request("PUT", f"{POLICIES}/{kept['id']}", changed)
            assert (await owner.ask()).status == 200
        owner.cookies.clear()
        await owner.log_in()
        assert (await owner.ask()).status == 302


@pytest.mark.parametrize("by", ["application", "person"])
async def test_revocation(sandbox: Sandbox, api: Api, tmp_path: Path, by: str) -> None:
    """After a revocation a new login is needed, once the edge knows of it."""
    app = await protect_with_login(api)
    sandbox.state.delays = Delays(access_revocation=30, access_login=60)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        if by == "person":
            reply = await api.request("POST", REVOKE, {"email": OWNER})
            assert (reply.status, reply.result) == (200, True)
        else:
            reply = await api.request("POST", f"{APPS}/{app['id']}/revoke_tokens")
            assert reply.status == 202
        assert (await owner.ask()).status == 200
        pass_time(sandbox, seconds=31)
        page = await owner.follow(await owner.ask())
        assert 'name="email"' in await page.text()
        # An allowed person may log in again, if not at once.
        assert (await owner.log_in()).status == (403 if by == "person" else 200)
        pass_time(sandbox, seconds=30)
        assert (await owner.log_in()).status == 200


async def test_revocation_of_one_application(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """The other applications of a person go on."""
    app = await protect_with_login(api)
    await protect_with_login(api, domain=NAS)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        await owner.follow(await owner.ask(NAS))
        await api.request("POST", f"{APPS}/{app['id']}/revoke_tokens")
        assert (await owner.ask(HOME)).status == 302
        assert (await owner.ask(NAS)).status == 502


async def test_active_sessions(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A login is a session until it is revoked."""
    app = await protect_with_login(api)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
    [user] = (await api.get(f"{ACCESS}/users", email=OWNER)).result
    path = f"{ACCESS}/users/{user['id']}/active_sessions"
    [session] = (await api.get(path)).result
    metadata = session["metadata"]
    assert metadata["apps"][app["id"]]["hostname"] == HOME
    assert metadata["ttl"] == 24 * 3600
    details = (await api.get(f"{path}/{metadata['nonce']}")).result
    assert (details["email"], details["geo"]) == (OWNER, {"country": "DE"})
    await api.request("POST", REVOKE, {"email": OWNER.upper()})
    assert (await api.get(path)).result == []
    assert (await api.get(f"{path}/{metadata['nonce']}")).status == 404


@pytest.mark.parametrize("host", [HOME, TEAM])
async def test_logout(sandbox: Sandbox, api: Api, tmp_path: Path, host: str) -> None:
    """A logout ends the session everywhere, so that the old cookies are of no use."""
    await protect_with_login(api)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        kept = {each: dict(owner.cookies[each]) for each in (HOME, TEAM)}
        assert (await owner.ask(host, "/cdn-cgi/access/logout")).status == 200
        owner.cookies = kept
        page = await owner.follow(await owner.ask())
        assert 'name="email"' in await page.text()


async def test_key_rotation(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """After a rotation the old key is good for seven more days, and so are its tokens."""
    await protect_with_login(api, session_duration="720h")
    async with browser(sandbox, tmp_path) as owner:

        async def kids() -> list[str]:
            answer = await owner.ask(TEAM, CERTS)
            return [key["kid"] for key in (await answer.json())["keys"]]

        await owner.log_in()
        before = await kids()
        url = f"{sandbox.url}/sandbox/access/keys"
        async with api.session.post(url) as response:
            assert response.status == 200
        assert (await kids())[:2] == before
        assert len(await kids()) == 3
        assert (await owner.ask()).status == 200
        pass_time(sandbox, days=7, seconds=1)
        assert len(await kids()) == 1
        assert (await owner.ask()).status == 302


async def test_open_paths(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """An application on a path stands alone there: its policy opens it, and nothing else."""
    await protect_with_login(api)
    await protect_with_login(api, EVERYBODY, domain=f"{HOME}/api/webhook/*")
    async with browser(sandbox, tmp_path) as guest:
        for path, status in (
            ("/api/webhook/1", 200),
            ("/api/webhook/1/2", 200),
            ("/api/webhook", 302),
            ("/api", 302),
        ):
            assert (await guest.ask(path=path)).status == status
        seen = await (await guest.ask(path="/api/webhook/1")).json()
        assert "Cf-Access-Jwt-Assertion" not in seen["headers"]
        sandbox.state.visitor.country = "FR"
        assert (await guest.ask(path="/api/webhook/1")).status == 200


async def test_policies_without_a_login_go_first(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """Bypass and service rules are looked at before those that deny, whatever their place."""
    denied = {"name": "no", "decision": "deny", "include": [{"everyone": {}}]}
    office = [{"ip": {"ip": "203.0.113.24"}}]
    await protect_with_login(
        api, denied, {"name": "office", "decision": "non_identity", "include": office}
    )
    async with browser(sandbox, tmp_path) as guest:
        assert (await guest.ask()).status == 200
        access_of(sandbox).at_edge.applications.popitem()
        await protect_with_login(api, denied, EVERYBODY)
        assert (await guest.ask()).status == 200


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, 403),
        ({"options_preflight_bypass": True}, 200),
        ({"cors_headers": {"allowed_methods": ["GET"]}}, 200),
    ],
)
async def test_preflights(
    sandbox: Sandbox, api: Api, tmp_path: Path, settings: dict[str, Any], status: int
) -> None:
    """A browser's question before a request carries no cookie, and is refused by default."""
    await protect_with_login(api, **settings)
    async with browser(sandbox, tmp_path) as guest:
        assert (await guest.ask(method="OPTIONS")).status == status


async def test_programs_with_managed_oauth(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """With managed OAuth, what is no browser is not sent to a login page."""
    await protect_with_login(api, oauth_configuration={"enabled": True})
    async with browser(sandbox, tmp_path) as guest:
        answer = await guest.ask(headers={"Accept": "application/json"})
        assert (answer.status, "WWW-Authenticate" in answer.headers) == (401, True)
        assert (await guest.ask(headers={"Accept": "text/html"})).status == 302


async def test_denied_without_an_application(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """The organization can refuse every hostname without an application, but for some zones."""
    await protect_with_login(api, domain=NAS)
    body = {"auth_domain": TEAM, "name": "Home", "deny_unmatched_requests": True}
    async with browser(sandbox, tmp_path) as guest:
        assert (await guest.ask()).status == 200
        assert (await api.request("PUT", ORGANIZATION, body)).status == 200
        answer = await guest.ask()
        assert (answer.status, "1043" in await answer.text()) == (403, True)
        assert (await guest.ask(NAS)).status == 302
        exempted = {"deny_unmatched_requests_exempted_zone_names": ["example.com"]}
        await api.request("PUT", ORGANIZATION, body | exempted)
        assert (await guest.ask()).status == 200


async def test_rules_before_access(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A rule that blocks does so also for who is logged in, and hides the login page."""
    await protect_with_login(api)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        [rule] = sandbox.state.zones[sandbox.zone_id].rules
        rule.expression = f'http.host eq "{HOME}"'
        assert (await owner.ask()).status == 403
        owner.cookies.clear()
        answer = await owner.ask()
        assert (answer.status, "blocked" in await answer.text()) == (403, True)


async def test_the_edge_follows_late(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """With a delay, the edge goes by the old settings for a while, also after a deletion."""
    sandbox.state.delays = Delays(access_edge=120)
    async with browser(sandbox, tmp_path) as guest:
        app = await protect_with_login(api)
        for seconds, status in ((0, 200), (100, 200), (21, 302)):
            pass_time(sandbox, seconds=seconds)
            assert (await guest.ask()).status == status
        await api.request("DELETE", f"{APPS}/{app['id']}")
        pass_time(sandbox, seconds=60)
        again = await protect_with_login(api)
        # The edge does not skip the state between the two changes.
        for seconds, status, aud in (
            (0, 302, app["aud"]),
            (61, 200, ""),
            (60, 302, again["aud"]),
        ):
            pass_time(sandbox, seconds=seconds)
            answer = await guest.ask()
            assert answer.status == status
            assert aud in answer.headers.get("Location", "")


async def test_login_pages_of_nothing(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """A login for another hostname, an unknown application or without a method leads nowhere."""
    app = await protect_with_login(api, allowed_idps=["unknown"])
    path = "/cdn-cgi/access/login"
    async with browser(sandbox, tmp_path) as guest:
        for url, status in (
            (f"{path}/{HOME}?kid=unknown", 404),
            (f"{path}/{NAS}?kid={app['aud']}", 404),
            (f"{path}/{HOME}?kid={app['aud']}", 403),
            ("/", 404),
        ):
            assert (await guest.ask(TEAM, url)).status == status
        arrival = "/cdn-cgi/access/authorized?nonce=x"
        assert (await guest.ask(HOME, arrival)).status == 400
        assert (await guest.ask(HOME, "/cdn-cgi/access/other")).status == 404


@pytest.mark.parametrize("first", [HOME, NAS])
async def test_arrival_works_once(
    sandbox: Sandbox, api: Api, tmp_path: Path, first: str
) -> None:
    """The redirect that ends a login is good for one hostname, and not for a second browser."""
    await protect_with_login(api)
    async with browser(sandbox, tmp_path) as owner:
        page = await owner.follow(await owner.ask())
        await owner.send(page, email=OWNER)
        [sent] = access_of(sandbox).people.pins
        answer = await owner.send(page, email=OWNER, code=sent.pin)
        path = answer.headers["Location"].partition(HOME)[2]
        assert (await owner.ask(first, path)).status == (302 if first == HOME else 400)
        assert (await owner.ask(HOME, path)).status == 400


@pytest.mark.parametrize(
    "cookie", ["x", "x.y.z", "é" * 9, "\udcff", "a" * 4000, "=", '"', "e30.e30.e30"]
)
async def test_odd_cookies(
    sandbox: Sandbox, api: Api, tmp_path: Path, cookie: str
) -> None:
    """What is no token is no login, and nothing breaks."""
    await protect_with_login(api)
    async with browser(sandbox, tmp_path) as guest:
        for host, path, status in ((HOME, "/", 302), (TEAM, "/", 404)):
            guest.cookies = {host: {"CF_Authorization": cookie}}
            assert (await guest.ask(host, path)).status == status


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"email=%ff&code=%00"),
        ("application/x-www-form-urlencoded", b"\xff\xfe=&&=email"),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\nemail"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\na@b\r\n--x--\r\n',
        ),
        ("application/json", b"[]"),
        ("", b""),
    ],
)
async def test_odd_forms(
    sandbox: Sandbox, api: Api, tmp_path: Path, content_type: str, body: bytes
) -> None:
    """What is no form shows the page again, or is refused, and nothing breaks."""
    app = await protect_with_login(api)
    path = f"/cdn-cgi/access/login/{HOME}?kid={app['aud']}&redirect_url=%ff//["
    async with browser(sandbox, tmp_path) as guest:
        headers = {"Content-Type": content_type}
        answer = await guest.ask(TEAM, path, "POST", headers, data=body)
        assert answer.status < 500
