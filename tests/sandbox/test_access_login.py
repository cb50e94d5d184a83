"""The login at the edge: who gets in, what they carry then, and what is written down of it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from sandbox import Sandbox
from sandbox.clock import now

from .helpers import HOME, NAS, Api, Origin
from .logging_in import (
    ACCESS,
    FAMILY,
    OWNER,
    POLICIES,
    TEAM,
    Browser,
    access_of,
    browser,
    protect_with_login,
)
from .test_control import control

pytestmark = pytest.mark.usefixtures("origin")

LOGS = f"{ACCESS}/logs/access_requests"
CERTS = "/cdn-cgi/access/certs"


async def claims_of(somebody: Browser, token: str, audience: str) -> Any:
    """Verify a token as an origin does: by the keys that the team publishes."""
    answer = await somebody.ask(TEAM, CERTS)
    keys = jwt.PyJWKSet.from_dict(await answer.json())
    kid = jwt.get_unverified_header(token)["kid"]
    issuer = f"https://{TEAM}"
    return jwt.decode(
        token, keys[kid], algorithms=["RS256"], audience=audience, issuer=issuer
    )


async def test_listed_person(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A person who is listed gets in with a PIN, and the origin learns who it is."""
    app = await protect_with_login(api, session_duration="168h")
    async with browser(sandbox, tmp_path) as owner:
        seen = await (await owner.log_in(path="/lovelace?a=1")).json()
        assert (seen["path"], seen["method"]) == ("/lovelace?a=1", "GET")
        token = seen["headers"]["Cf-Access-Jwt-Assertion"]
        assert token == owner.token()
        assert seen["headers"]["Cf-Access-Authenticated-User-Email"] == OWNER
        claims = await claims_of(owner, token, app["aud"])
    assert (claims["email"], claims["type"]) == (OWNER, "app")
    assert claims["exp"] - claims["iat"] == 168 * 3600
    assert claims["country"] == "DE"


async def test_forged_headers_do_not_reach_the_origin(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """What a visitor says of himself is replaced by what Access knows."""
    await protect_with_login(api)
    forged = {
        "Cf-Access-Jwt-Assertion": "x.y.z",
        "Cf-Access-Authenticated-User-Email": "boss@example.com",
    }
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        seen = await (await owner.ask(headers=forged)).json()
        assert seen["headers"]["Cf-Access-Authenticated-User-Email"] == OWNER
        assert seen["headers"]["Cf-Access-Jwt-Assertion"] == owner.token()


async def test_stranger(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A stranger sees the same pages as a listed person, but gets no PIN, and is logged once they guess."""
    await protect_with_login(api)
    people = access_of(sandbox).people
    async with browser(sandbox, tmp_path) as guest:
        page = await guest.follow(await guest.ask())
        texts = [
            (await (await guest.send(page, email=email)).text()).replace(email, "")
            for email in (OWNER, "other@example.com")
        ]
        for text in texts:
            assert "A code was sent" in text
        # Only the number of the request differs.
        assert texts[0].partition("Ray ID")[0] == texts[1].partition("Ray ID")[0]
        assert [each.email for each in people.pins] == [OWNER]
        assert people.log == []
        answer = await guest.log_in("other@example.com")
        assert "not valid" in await answer.text()
        assert (await guest.ask()).status == 302
    assert [(row.allowed, row.user_email) for row in people.log] == [
        (False, "other@example.com")
    ]
    assert people.users == {}
    await control(api, "DELETE", "/access/log")
    assert people.log == []


@pytest.mark.parametrize("wait", [0, 601])
async def test_wrong_pins(
    sandbox: Sandbox, api: Api, tmp_path: Path, wait: int
) -> None:
    """A PIN is good for ten minutes, once, and for one application and address."""
    await protect_with_login(api)
    async with browser(sandbox, tmp_path) as owner:
        page = await owner.follow(await owner.ask())
        await owner.send(page, email=OWNER)
        [sent] = access_of(sandbox).people.pins
        wrong = f"{(int(sent.pin) + 1) % 10**6:06d}"
        answer = await owner.send(page, email=OWNER, code=wrong)
        assert (answer.status, "not valid" in await answer.text()) == (200, True)
        sandbox.clock.advance(timedelta(seconds=wait))
        answer = await owner.send(page, email=OWNER, code=sent.pin)
        assert answer.status == (200 if wait else 302)
        owner.cookies.clear()
        for email in (OWNER, "x@example.com"):
            answer = await owner.send(page, email=email, code=sent.pin)
            assert answer.status == 200


async def test_pin_of_another_application(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """A PIN that was sent for one application opens no other one."""
    await protect_with_login(api)
    await protect_with_login(api, domain=NAS)
    async with browser(sandbox, tmp_path) as owner:
        page = await owner.follow(await owner.ask(NAS))
        await owner.send(page, email=OWNER)
        [sent] = access_of(sandbox).people.pins
        answer = await owner.log_in(pin=sent.pin)
        assert "not valid" in await answer.text()


async def test_one_login_for_all_applications(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """Who is logged in gets a token for another application without a PIN, and one that fits it."""
    home = await protect_with_login(api)
    nas = await protect_with_login(api, domain=NAS)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        answer = await owner.follow(await owner.ask(NAS))
        # The hostname leads nowhere, but past Access.
        assert answer.status == 502
        assert len(access_of(sandbox).people.pins) == 0
        await claims_of(owner, owner.token(NAS), nas["aud"])
        with pytest.raises(jwt.InvalidAudienceError):
            await claims_of(owner, owner.token(NAS), home["aud"])
        owner.cookies[NAS] = owner.cookies[HOME]
        assert (await owner.ask(NAS)).status == 302


@pytest.mark.parametrize("kind", ["team", "meta"])
async def test_tokens_for_something_else(
    sandbox: Sandbox, api: Api, tmp_path: Path, kind: str
) -> None:
    """Neither the token of the team's domain nor that of a redirect opens an application."""
    await protect_with_login(api)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        redirect = await Browser(owner.guest, {}).ask()
        meta = redirect.headers["Location"].partition("meta=")[2].partition("&")[0]
        wrong = {"team": owner.token(TEAM), "meta": meta}[kind]
        owner.cookies = {HOME: {"CF_Authorization": wrong}}
        assert (await owner.ask()).status == 302


async def test_country_at_login(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A listed person in another country gets a PIN, and is refused after it."""
    policy = FAMILY | {"require": [{"geo": {"country_code": "AT"}}]}
    await protect_with_login(api, policy, custom_deny_message="Ask <Ann>")
    async with browser(sandbox, tmp_path) as owner:
        answer = await owner.log_in()
        assert (answer.status, "Ask &lt;Ann&gt;" in await answer.text()) == (403, True)
    people = access_of(sandbox).people
    assert [(row.allowed, row.country) for row in people.log] == [(False, "DE")]
    assert people.users == {}


@pytest.mark.parametrize(
    ("policies", "admitted"),
    [
        ([FAMILY], True),
        ([FAMILY | {"include": [{"email": {"email": OWNER.upper()}}]}], True),
        ([FAMILY | {"include": [{"email_domain": {"domain": "example.com"}}]}], True),
        ([FAMILY | {"include": [{"email_domain": {"domain": "ample.com"}}]}], False),
        ([FAMILY | {"include": [{"everyone": {}}]}], True),
        ([FAMILY | {"exclude": [{"email": {"email": OWNER}}]}], False),
        ([FAMILY | {"decision": "deny"}, FAMILY], False),
        ([FAMILY, FAMILY | {"decision": "deny"}], True),
        ([FAMILY | {"require": [{"geo": {"country_code": "DE"}}] * 2}], True),
        (
            [
                FAMILY
                | {
                    "require": [
                        {"geo": {"country_code": "DE"}},
                        {"geo": {"country_code": "AT"}},
                    ]
                }
            ],
            False,
        ),
        ([FAMILY | {"require": [{"login_method": {"id": "unknown"}}]}], False),
        ([FAMILY | {"include": [{"email_list": {"id": "unknown"}}]}], False),
    ],
)
async def test_policies_at_login(
    sandbox: Sandbox, api: Api, tmp_path: Path, policies: list[Any], admitted: bool
) -> None:
    """Any of include, all of require and none of exclude, and the first policy that fits decides."""
    await protect_with_login(api, *policies)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        assert ((await owner.ask()).status == 200) == admitted


async def test_countries_by_a_group(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """Several countries are a group, of which one is enough."""
    include = [{"geo": {"country_code": code}} for code in ("AT", "DE")]
    body = {"name": "Countries", "include": include}
    group = (await api.request("POST", f"{ACCESS}/groups", body)).result
    policy = FAMILY | {"require": [{"group": {"id": group["id"]}}]}
    await protect_with_login(api, policy)
    async with browser(sandbox, tmp_path) as owner:
        assert (await owner.log_in()).status == 200
        sandbox.state.visitor.country = "AT"
        assert (await owner.ask()).status == 200
        sandbox.state.visitor.country = "FR"
        assert (await owner.ask()).status == 403


async def test_seats(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A login takes a seat; without a free one, new people are refused and old ones are not."""
    everybody = FAMILY | {"include": [{"everyone": {}}]}
    await protect_with_login(api, everybody)
    access_of(sandbox).people.seats = 1
    async with browser(sandbox, tmp_path) as owner:
        assert (await owner.log_in()).status == 200
        [user] = (await api.get(f"{ACCESS}/users")).result
        assert (user["email"], user["access_seat"]) == (OWNER, True)
        assert user["last_successful_login"]
        for email, status in (("second@example.com", 403), (OWNER, 200)):
            owner.cookies.clear()
            assert (await owner.log_in(email)).status == status
        freed = {"access_seat": False, "gateway_seat": False}
        body = [{"seat_uid": user["seat_uid"], **freed}]
        assert (await api.request("PATCH", f"{ACCESS}/seats", body)).status == 200
        owner.cookies.clear()
        assert (await owner.log_in("second@example.com")).status == 200


async def test_log(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A login makes several rows; the plan keeps a day, and the total is always zero."""
    app = await protect_with_login(api)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in(path="/lovelace?a=1")
    reply = await api.get(LOGS)
    assert reply.body["result_info"]["total_count"] == 0
    rows = reply.result
    assert {row["app_domain"] for row in rows} == {
        f"{HOME}/lovelace",
        f"{HOME}/lovelace/favicon.ico",
    }
    for row in rows:
        assert (row["allowed"], row["app_uid"]) == (True, app["id"])
        assert (row["user_email"], row["connection"]) == (OWNER, "onetimepin")
    assert len((await api.get(LOGS, limit=1)).result) == 1
    assert (await api.get(LOGS, limit=1, page=3)).result == []
    for email, more, found in (
        ("example.com", {}, 2),
        ("example.com", {"email_exact": "true"}, 0),
        (OWNER, {"email_exact": "true"}, 2),
        (OWNER, {"emailOp": "neq"}, 0),
    ):
        assert len((await api.get(LOGS, email=email, **more)).result) == found
    sandbox.clock.advance(timedelta(hours=25))
    since = (now() - timedelta(days=3)).isoformat()
    assert (await api.get(LOGS, since=since)).result == []


async def test_web_socket(
    sandbox: Sandbox, api: Api, origin: Origin, tmp_path: Path
) -> None:
    """An upgrade needs the cookie like any other request."""
    await protect_with_login(api)
    async with browser(sandbox, tmp_path) as owner:
        url = owner.guest.url(HOME, "/api/websocket")
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        answer = await owner.ask(path="/api/websocket", headers=upgrade)
        assert answer.status == 302
        await owner.log_in()
        headers = {"Host": HOME, "Cookie": f"CF_Authorization={owner.token()}"}
        async with owner.guest.session.ws_connect(url, headers=headers) as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "echo hello"


async def test_policy_tests(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A test tells whom of those who logged in before policies would let in."""
    everybody = FAMILY | {"include": [{"everyone": {}}]}
    await protect_with_login(api, everybody)
    async with browser(sandbox, tmp_path) as guest:
        for email in (OWNER, "other@example.com"):
            guest.cookies.clear()
            assert (await guest.log_in(email)).status == 200
    policy = (await api.request("POST", POLICIES, FAMILY)).result["id"]
    tests = f"{ACCESS}/policy-tests"
    body = {"policies": [policy]}
    test = (await api.request("POST", tests, body)).result["id"]
    result = (await api.get(f"{tests}/{test}")).result
    assert (result["users_approved"], result["users_blocked"]) == (1, 1)
    assert result["percent_approved"] == 50
    for status, emails in (
        ("success", [OWNER]),
        ("fail", ["other@example.com"]),
        ("error", []),
    ):
        users = (await api.get(f"{tests}/{test}/users", status=status)).result
        assert [user["email"] for user in users] == emails


async def test_control_routes(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """Another process reads the PINs, moves visitors elsewhere, and unsets Zero Trust."""
    await protect_with_login(api)
    url = f"{sandbox.url}/sandbox/access"
    async with browser(sandbox, tmp_path) as owner:
        page = await owner.follow(await owner.ask())
        await owner.send(page, email=OWNER)
        async with api.session.get(f"{url}/pins", params={"email": OWNER}) as told:
            [pin] = await told.json()
        async with api.session.get(f"{url}/pins", params={"email": "x"}) as told:
            assert await told.json() == []
        assert (await owner.log_in(pin=pin["pin"])).status == 200
        visitor = {"country": "FR", "ip": "2001:db8::1"}
        async with api.session.post(f"{url}/visitor", json=visitor) as told:
            assert (await told.json())["country"] == "FR"
        seen = await (await owner.ask()).json()
        assert seen["headers"]["Cf-Connecting-Ip"] == "2001:db8::1"
        assert seen["headers"]["Cf-Ipcountry"] == "FR"
        async with api.session.post(f"{url}/team", json={"team": None}) as told:
            assert told.status == 200
        assert (await api.get(f"{ACCESS}/apps")).code == 9999
        assert (await owner.ask()).status == 200
