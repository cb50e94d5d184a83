"""The login in a real browser, which keeps to the attributes of cookies."""

from pathlib import Path

import pytest

from demo.browser import Tab
from sandbox import Sandbox
from tests.programs import needs

from .browser import new_chromium
from .helpers import HOME, Api
from .logging_in import OWNER, access_of, protect_with_login

pytestmark = [needs("chromium", "certutil"), pytest.mark.usefixtures("origin")]


async def _log_in(sandbox: Sandbox, tab: Tab) -> None:
    """Type the address and the PIN."""
    await tab.open(f"https://{HOME}/lovelace")
    await tab.tap("input[name=email]")
    await tab.type(OWNER)
    await tab.tap("button")
    await tab.until("document.querySelector('input[name=code]')")
    [sent] = access_of(sandbox).people.pins
    await tab.tap("input[name=code]")
    await tab.type(sent.pin)
    await tab.tap("button")


@pytest.mark.parametrize("same_site", ["none", "lax"])
async def test_login(
    sandbox: Sandbox, api: Api, tmp_path: Path, same_site: str
) -> None:
    """A person types their address and the PIN, and sees the page that they asked for."""
    await protect_with_login(api, same_site_cookie_attribute=same_site)
    chromium = await new_chromium(sandbox, tmp_path)
    async with chromium.tab() as tab:
        await _log_in(sandbox, tab)
        await tab.until("document.body?.innerText?.includes('Cf-Access-Jwt-Assertion')")
        assert '"path": "/lovelace"' in await tab.text()
        # Scripts of the page do not see the cookie, and its sockets have it.
        assert "CF_Authorization" not in await tab.run("document.cookie")
        await tab.run(
            "window.socket = new WebSocket('wss://' + location.host + '/api/websocket');"
            "socket.onopen = () => socket.send('hello');"
            "socket.onmessage = (message) => { window.answer = message.data; }; 0"
        )
        await tab.until("window.answer === 'echo hello'")


async def test_strict_cookie(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """A cookie for the same site only is not sent when the login leads back: the browser gives up."""
    await protect_with_login(api, same_site_cookie_attribute="strict")
    chromium = await new_chromium(sandbox, tmp_path)
    async with chromium.tab() as tab:
        await _log_in(sandbox, tab)
        await tab.until("document.body?.innerText?.includes('ERR_TOO_MANY_REDIRECTS')")
