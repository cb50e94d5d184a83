"""Zone settings, and their effect on visitors."""

from pathlib import Path
import ssl

from aiohttp import ClientConnectorError, WSServerHandshakeError
import pytest

from sandbox import Sandbox
from sandbox.zone_settings import VALUES

from .helpers import HOME, Api, visitor
from .test_bot_management import APP, BROWSER, skip, visit

SETTINGS = "/zones/{zone}/settings"


async def change(api: Api, name: str, value: str) -> None:
    """Change a setting."""
    reply = await api.request("PATCH", f"{SETTINGS}/{name}", {"value": value})
    assert reply.result["value"] == value


@pytest.mark.parametrize("name", VALUES)
async def test_setting(api: Api, name: str) -> None:
    """Each setting can be read, and changed to its allowed values only."""
    path = f"{SETTINGS}/{name}"
    before = (await api.get(path)).result
    assert before.keys() == {"id", "value", "editable", "modified_on"}
    assert (before["id"], before["modified_on"]) == (name, None)
    assert before["value"] in VALUES[name]
    for value in VALUES[name]:
        await change(api, name, value)
    after = (await api.get(path)).result
    assert after["value"] == VALUES[name][-1]
    assert after["modified_on"]
    for wrong in ("maybe", None, 1):
        assert (await api.request("PATCH", path, {"value": wrong})).status == 400
    assert after in (await api.get(SETTINGS)).result


async def test_unknown_setting(api: Api) -> None:
    """An unknown setting is refused."""
    reply = await api.get(f"{SETTINGS}/colour")
    assert (reply.status, reply.code) == (400, 1003)


@pytest.mark.parametrize("user_agent", [BROWSER, APP])
async def test_under_attack(
    sandbox: Sandbox, api: Api, tmp_path: Path, user_agent: str
) -> None:
    """Every visitor is challenged unless a rule skips the security level."""
    await change(api, "security_level", "under_attack")
    assert await visit(sandbox, tmp_path, user_agent) == 403
    assert sandbox.state.blocked[0].source == "securityLevel"
    skip(sandbox, ruleset="current", products=["bic"])
    assert await visit(sandbox, tmp_path, user_agent) == 403
    skip(sandbox, ruleset="current", products=["securityLevel"])
    assert await visit(sandbox, tmp_path, user_agent) == 502


async def test_browser_check(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A visitor without a user agent is blocked, unless the check is skipped or off."""
    assert await visit(sandbox, tmp_path, "") == 403
    assert sandbox.state.blocked[0].source == "bic"
    await change(api, "browser_check", "off")
    assert await visit(sandbox, tmp_path, "") == 502
    await change(api, "browser_check", "on")
    skip(sandbox, products=["bic"])
    assert await visit(sandbox, tmp_path, "") == 502


@pytest.mark.usefixtures("origin")
async def test_websockets(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """Upgrades are refused while WebSockets are off."""
    async with visitor(sandbox, tmp_path) as guest:
        url = guest.url(HOME, "/api/websocket")
        async with guest.session.ws_connect(url):
            pass
        await change(api, "websockets", "off")
        with pytest.raises(WSServerHandshakeError):
            await guest.session.ws_connect(url)
        assert (await guest.get(HOME)).status == 200


async def test_oldest_tls(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """The edge refuses the handshake of a client with a TLS version that is too old."""
    old, new = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    for minimum, accepted in (("1.2", (old, new)), ("1.3", (new,))):
        await change(api, "min_tls_version", minimum)
        for version in (old, new):
            async with visitor(sandbox, tmp_path, tls=version) as guest:
                if version in accepted:
                    assert (await guest.get(HOME)).status == 502
                    continue
                with pytest.raises(ClientConnectorError, match="PROTOCOL_VERSION"):
                    await guest.get(HOME)
