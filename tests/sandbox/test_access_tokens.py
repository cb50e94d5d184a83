"""What a login leaves behind: the cookies of a browser, and the token that cloudflared looks at."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from sandbox import Sandbox

from .helpers import HOME, NAS, Api
from .logging_in import (
    ACCESS,
    FAMILY,
    OWNER,
    TEAM,
    access_of,
    browser,
    protect_with_login,
    require_token,
)

pytestmark = pytest.mark.usefixtures("origin")


@pytest.mark.parametrize(
    ("settings", "wanted", "unwanted"),
    [
        ({}, ("HttpOnly", "Secure", "Path=/;", "SameSite=None"), ()),
        ({"http_only_cookie_attribute": False}, ("Secure",), ("HttpOnly",)),
        ({"same_site_cookie_attribute": "lax"}, ("SameSite=Lax",), ()),
        ({"same_site_cookie_attribute": "strict"}, ("SameSite=Strict",), ()),
    ],
)
async def test_cookie_attributes(
    sandbox: Sandbox,
    api: Api,
    tmp_path: Path,
    settings: dict[str, Any],
    wanted: tuple[str, ...],
    unwanted: tuple[str, ...],
) -> None:
    """The application says what its cookie is like."""
    await protect_with_login(api, **settings)
    async with browser(sandbox, tmp_path) as owner:
        await owner.log_in()
        del owner.cookies[HOME]["CF_Authorization"]
        answer = await owner.ask()
        while HOME not in answer.headers["Location"].partition("?")[0][8:][: len(HOME)]:
            answer = await owner.ask(
                TEAM, answer.headers["Location"].partition(TEAM)[2]
            )
        arrived = await owner.ask(HOME, answer.headers["Location"].partition(HOME)[2])
    [cookie] = arrived.headers.getall("Set-Cookie")
    for part in wanted:
        assert part in f"{cookie};"
    for part in unwanted:
        assert part not in cookie


async def test_cookie_of_a_path(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """An application of a path can keep its cookie to that path."""
    await protect_with_login(api, domain=f"{HOME}/admin", path_cookie_attribute=True)
    async with browser(sandbox, tmp_path) as owner:
        page = await owner.follow(await owner.ask(path="/admin/x"))
        await owner.send(page, email=OWNER)
        [sent] = access_of(sandbox).people.pins
        answer = await owner.send(page, email=OWNER, code=sent.pin)
        path = answer.headers["Location"].partition(HOME)[2]
        [cookie] = (await owner.ask(path=path)).headers.getall("Set-Cookie")
        assert "Path=/admin;" in f"{cookie};"


async def test_redirect_of_the_refused(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """An application can send those whom it refuses to a page of its own."""
    policy = FAMILY | {"require": [{"geo": {"country_code": "AT"}}]}
    url = f"https://{NAS}/sorry"
    await protect_with_login(api, policy, custom_deny_url=url)
    async with browser(sandbox, tmp_path) as owner:
        page = await owner.follow(await owner.ask())
        await owner.send(page, email=OWNER)
        [sent] = access_of(sandbox).people.pins
        answer = await owner.send(page, email=OWNER, code=sent.pin)
        assert (answer.status, answer.headers["Location"]) == (302, url)


async def test_login_by_a_method_that_is_not_allowed(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """A login by one method is of no use where another one is wanted."""
    await protect_with_login(api)
    await protect_with_login(api, domain=NAS, allowed_idps=["another"])
    async with browser(sandbox, tmp_path) as owner:
        assert (await owner.log_in()).status == 200
        answer = await owner.follow(await owner.ask(NAS))
        text = await answer.text()
        assert (answer.status, "No login method" in text) == (403, True)


async def test_binding_cookie(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """With the second cookie, a token that was copied alone opens nothing."""
    await protect_with_login(api, enable_binding_cookie=True)
    async with browser(sandbox, tmp_path) as owner:
        assert (await owner.log_in()).status == 200
        assert (await owner.ask()).status == 200
        del owner.cookies[HOME]["CF_Binding"]
        assert (await owner.ask()).status == 302


@pytest.mark.parametrize(
    ("access", "status"),
    [
        ({"required": True, "teamName": "home-lab", "audTag": ["{aud}"]}, 200),
        ({"required": False, "teamName": "home-lab", "audTag": ["other"]}, 200),
        ({"required": True, "teamName": "home-lab", "audTag": ["other"]}, 403),
        ({"required": True, "teamName": "home-lab", "audTag": []}, 403),
        ({"required": True, "teamName": "others", "audTag": ["{aud}"]}, 502),
    ],
)
async def test_cloudflared_asks_for_the_token(
    sandbox: Sandbox, api: Api, tmp_path: Path, access: dict[str, Any], status: int
) -> None:
    """With these settings, cloudflared itself refuses visitors whom Access did not let in."""
    app = await protect_with_login(api)
    tags = [tag.format(aud=app["aud"]) for tag in access["audTag"]]
    require_token(sandbox, **access | {"audTag": tags})
    async with browser(sandbox, tmp_path) as owner:
        assert (await owner.log_in()).status == status
        await api.request("DELETE", f"{ACCESS}/apps/{app['id']}")
        # Access is gone, and the second wall stands.
        owner.cookies.clear()
        answer = await owner.ask()
        assert answer.status == (403 if access["required"] else 200)
        forged = {"Cf-Access-Jwt-Assertion": _forged(app["aud"])}
        answer = await owner.ask(headers=forged)
        assert answer.status == (502 if access["required"] else 200)


async def test_cloudflared_and_another_team(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """After the team was renamed, cloudflared takes only tokens with the new name."""
    app = await protect_with_login(api)
    require_token(sandbox, required=True, teamName="renamed", audTag=[app["aud"]])
    access_of(sandbox).team = "renamed"
    async with browser(sandbox, tmp_path) as owner:
        assert (await owner.log_in()).status == 200
        access_of(sandbox).team = "home-lab"
        require_token(sandbox, required=True, teamName="home-lab", audTag=[app["aud"]])
        assert (await owner.ask()).status == 502


def _forged(aud: str) -> str:
    """Sign a token with a key of one's own."""
    claims = {"aud": [aud], "iss": f"https://{TEAM}", "type": "app"}
    return jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": "x"})
