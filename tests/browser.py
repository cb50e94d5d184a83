"""A phone's browser: Chromium, driven over its own protocol."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import io
import itertools
from pathlib import Path
import shutil
from typing import Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse
from PIL import Image
import pytest

from .common import HOSTNAME

needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="missing: chromium"
)

PHONES: Final = {
    "android": (
        "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Chrome/146.0.0.0 Mobile Safari/537.36"
    ),
    "ios": (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
    ),
}
WIDTH, HEIGHT = 412, 915


@dataclass
class Browser:
    """One tab of a phone's browser, and everything that it asked for or complained of."""

    connection: ClientWebSocketResponse
    downloads: Path
    session_id: str | None = None
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Give a command and return what comes of it."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": params}
        if self.session_id and not method.startswith(("Browser.", "Target.")):
            command["sessionId"] = self.session_id
        answer: asyncio.Future[dict[str, Any]] = (
            asyncio.get_running_loop().create_future()
        )
        self._answers[number] = answer
        await self.connection.send_json(command)
        return await answer

    async def listen(self) -> None:
        """Take in what the browser tells, until it is gone."""
        async for message in self.connection:
            told = message.json()
            if "id" not in told:
                self._note(told["method"], told["params"])
            elif "error" in told:
                self._answers.pop(told["id"]).set_exception(
                    AssertionError(told["error"])
                )
            else:
                self._answers.pop(told["id"]).set_result(told["result"])

    def _note(self, event: str, params: dict[str, Any]) -> None:
        match event:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.complaints.append(str(params))
            case "Audits.issueAdded":
                self.complaints.append(str(params["issue"]))

    async def open(self, url: str) -> None:
        """Open a page anew, and wait until it is there."""
        await self.send("Page.navigate", url="about:blank")
        await self.until("location.href === 'about:blank'")
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && document.forms.length")

    async def run(self, script: str) -> Any:
        """Return what an expression is worth on the page."""
        answer = await self.send(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until an expression is true on the page."""
        for _ in range(200):
            if await self.run(script):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never: {script}; {await self.text()}")

    async def text(self) -> str:
        """Return what a person reads on the page."""
        return str(await self.run("document.body.innerText"))

    async def tap(self, selector: str) -> None:
        """Tap on the middle of what the selector finds."""
        x, y = await self.run(
            f"(() => {{ const found = document.querySelector({selector!r});"
            "found.scrollIntoView({ block: 'center' });"
            "const box = found.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        await self.send(
            "Input.dispatchTouchEvent",
            type="touchStart",
            touchPoints=[{"x": x, "y": y}],
        )
        await self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    async def type(self, text: str) -> None:
        """Type a text where the cursor is."""
        await self.send("Input.insertText", text=text)

    async def downloaded(self, filename: str) -> bytes:
        """Return a file once it is saved, and put it away."""
        file = self.downloads / filename
        for _ in range(200):
            if file.exists() and not list(self.downloads.glob("*.crdownload")):
                data = file.read_bytes()
                file.unlink()
                return data
            await asyncio.sleep(0.05)
        raise AssertionError(f"not saved: {filename}")

    async def picture(self) -> bytes:
        """Return a picture of all that the page shows, in few colours."""
        height = await self.run("document.querySelector('main').offsetHeight + 32")
        answer = await self.send(
            "Page.captureScreenshot",
            captureBeyondViewport=True,
            clip={"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1},
        )
        taken = Image.open(io.BytesIO(base64.b64decode(answer["data"])))
        picture = io.BytesIO()
        taken.convert("RGB").quantize(96, Image.Quantize.MAXCOVERAGE).save(
            picture, "PNG", optimize=True
        )
        return picture.getvalue()


@asynccontextmanager
async def phone(platform: str, folder: Path) -> AsyncGenerator[Browser]:
    """Start a browser that says it is a phone's, and end it."""
    downloads = folder / "downloads"
    downloads.mkdir()
    process = await asyncio.create_subprocess_exec(
        *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu"),
        *("--no-first-run", "--disable-background-networking", "--disable-sync"),
        *("--disable-component-update", "--no-proxy-server", "--hide-scrollbars"),
        *("--disable-dev-shm-usage", "--remote-debugging-port=0"),
        f"--host-resolver-rules=MAP {HOSTNAME} 127.0.0.1",
        *(f"--user-data-dir={folder / 'profile'}", "about:blank"),
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        stdout=DEVNULL,
        stderr=PIPE,
    )
    try:
        assert process.stderr
        async for line in process.stderr:
            _, found, url = line.decode().strip().partition("listening on ")
            if found:
                break
        else:
            raise AssertionError("Chromium did not start")
        async with (
            ClientSession() as session,
            session.ws_connect(url, max_msg_size=0) as connection,
        ):
            browser = Browser(connection, downloads)
            listening = asyncio.create_task(browser.listen())
            await _become(browser, PHONES[platform])
            yield browser
            await browser.send("Browser.close")
            await listening
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _become(browser: Browser, user_agent: str) -> None:
    """Open a tab of the size and the manners of a phone."""
    target = await browser.send("Target.createTarget", url="about:blank")
    attached = await browser.send(
        "Target.attachToTarget", targetId=target["targetId"], flatten=True
    )
    browser.session_id = attached["sessionId"]
    for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
        await browser.send(f"{domain}.enable")
    await browser.send(
        "Emulation.setDeviceMetricsOverride",
        width=WIDTH,
        height=HEIGHT,
        deviceScaleFactor=1.5,
        mobile=True,
    )
    await browser.send("Emulation.setTouchEmulationEnabled", enabled=True)
    await browser.send("Emulation.setUserAgentOverride", userAgent=user_agent)
    await browser.send(
        "Browser.setDownloadBehavior",
        behavior="allow",
        downloadPath=str(browser.downloads),
    )
