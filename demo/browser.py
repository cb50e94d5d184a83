"""Chromium, controlled over its DevTools protocol, with a phone's screen size and certificate."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
import base64
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import io
import itertools
import json
import os
from pathlib import Path
import shutil
import subprocess
from tempfile import mkdtemp
from typing import Any, Final, NamedTuple

from aiohttp import ClientSession, ClientWebSocketResponse
from PIL import Image

from .report import CheckFailed, expect, until

ANDROID: Final = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/146.0.0.0 Mobile Safari/537.36"
)
PHONE_SIZE: Final = 412, 915
_COLOURS: Final = 128

# Chromium reads policies only from this folder. A private mount replaces it for one process.
_POLICIES = Path("/etc/chromium")
_OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
_IN_OWN_MOUNTS = 'mount --bind "$0" "$1" && shift && exec "$@"'

# Find the first visible element that a CSS selector and a text name, inside shadow roots too, in
# which the front end nests its elements.
_FIND = (
    "(() => {{ const find = (root) => {{"
    "for (const element of root.querySelectorAll('*')) {{"
    "if (element.matches({selector}) && element.textContent.includes({text})"
    "&& element.getClientRects().length) return element;"
    "const found = element.shadowRoot && find(element.shadowRoot);"
    "if (found) return found; }}"
    "return null; }}; return find(document); }})()"
)
_BOX_OF = (
    "new Promise((resolve) => setTimeout(() => {{"
    "const box = {found}.getBoundingClientRect();"
    "resolve([box.x, box.y, box.width, box.height]); }}, 100))"
)


def _find(selector: str, text: str) -> str:
    return _FIND.format(selector=json.dumps(selector), text=json.dumps(text))


def missing(*programs: str) -> list[str]:
    """Return which of these programs are not installed."""
    return [program for program in programs if shutil.which(program) is None]


def missing_for_certificates() -> list[str]:
    """Return what is missing for Chromium to use a client certificate on this machine."""
    return missing("chromium", "certutil", "pk12util", "unshare") or (
        [] if _may_mount() else [f"a mount over {_POLICIES}"]
    )


async def run(
    *command: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> str:
    """Run a program and return its output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        env={**os.environ, **(environment or {})},
    )
    try:
        async with asyncio.timeout(60):
            printed, _ = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return printed.decode(errors="replace")


class Box(NamedTuple):
    """A part of a page, in its pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """Return where a finger touches it."""
        return self.x + self.width / 2, self.y + self.height / 2


class CommandRefused(CheckFailed):
    """The browser refused a command."""


@dataclass
class Tab:
    """A browser tab: input and page content, and the log of its requests and complaints."""

    connection: ClientWebSocketResponse
    downloads: Path
    size: tuple[int, int]
    session_id: str | None = None
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    """The status of each answer, by its URL."""
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
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
        """Read the browser's messages until it closes the connection."""
        async for message in self.connection:
            content = message.json()
            if "id" not in content:
                self._log(content["method"], content["params"])
            elif "error" in content:
                error = CommandRefused(str(content["error"]))
                self._answers.pop(content["id"]).set_exception(error)
            else:
                self._answers.pop(content["id"]).set_result(content["result"])
        for answer in self._answers.values():
            answer.set_exception(CheckFailed("the browser closed the connection"))

    def _log(self, event: str, params: dict[str, Any]) -> None:
        match event:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Network.responseReceived":
                self.statuses[params["response"]["url"]] = params["response"]["status"]
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.complaints.append(str(params))
            case "Audits.issueAdded":
                self.complaints.append(str(params["issue"]))

    async def open(self, url: str, shown: str = "document.forms.length") -> None:
        """Load a page, even if it is open already, and wait until an expression is true there."""
        await self.send("Page.navigate", url="about:blank")
        await self.until("location.href === 'about:blank'")
        await self.send("Page.navigate", url=url)
        await self.until(f"document.readyState === 'complete' && {shown}")

    async def run(self, script: str) -> Any:
        """Return the value of an expression on the page."""
        answer = await self.send(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        expect("exceptionDetails" not in answer, f"{script}: {answer}")
        return answer["result"].get("value")

    async def until(self, script: str, *, seconds: float = 20) -> None:
        """Wait until an expression is true on the page."""

        async def is_true() -> bool | None:
            try:
                return await self.run(f"Boolean({script})") or None
            except CommandRefused:
                # The page was replaced by another one meanwhile.
                return None

        try:
            await until(script, is_true, seconds=seconds)
        except CheckFailed as error:
            raise CheckFailed(f"{error}; the page: {await self.text()}") from None

    async def text(self) -> str:
        """Return the visible text of the page."""
        return str(await self.run("document.body.innerText"))

    async def tap(self, selector: str) -> None:
        """Tap on the middle of the element that a selector finds."""
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

    async def click(self, selector: str, text: str = "") -> None:
        """Click on the element with a text that a selector finds, also inside shadow roots."""
        found = _find(selector, text)
        await self.until(found)
        await self.run(f"{found}.scrollIntoView({{ block: 'center' }})")
        x, y = (await self.box(selector, text)).middle
        for event in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent",
                type=event,
                x=x,
                y=y,
                button="left",
                clickCount=1,
            )

    async def box(self, selector: str, text: str = "") -> Box:
        """Return where an element is, also inside shadow roots; dialogs slide in, so wait until it rests."""
        measure = _BOX_OF.format(found=_find(selector, text))

        async def at_rest() -> list[float] | None:
            places = [await self.run(measure) for _ in range(2)]
            return places[0] if places[0] == places[1] else None

        return Box(*await until(f"{selector} {text} stops moving", at_rest))

    async def open_by_click(
        self, selector: str, text: str, opened: tuple[str, str]
    ) -> None:
        """Click on an element until it opens another one.

        The front end may draw a list again just when somebody clicks on it.
        """

        async def is_opened() -> bool | None:
            await self.click(selector, text)
            try:
                await self.until_text(*opened, seconds=3)
            except CheckFailed:
                return None
            return True

        await until(f"{text} opens {opened}", is_opened)

    async def until_text(
        self, selector: str, text: str = "", *, seconds: float = 20
    ) -> None:
        """Wait until an element with a text is visible that a selector finds, also inside shadow roots."""
        await self.until(_find(selector, text), seconds=seconds)

    async def scroll_to(self, selector: str, text: str = "") -> None:
        """Scroll to an element, as far as the page is long, also inside shadow roots."""
        await self.run(f"{_find(selector, text)}.scrollIntoView()")

    async def link(self, selector: str) -> str:
        """Wait for the link that a selector finds, also inside shadow roots, and return where it leads."""
        found = _find(selector, "")
        await self.until(found, seconds=60)
        return str(await self.run(f"{found}.href"))

    async def type(self, text: str) -> None:
        """Type a text where the cursor is."""
        await self.send("Input.insertText", text=text)

    async def downloaded(self, filename: str = "*") -> bytes:
        """Wait for a downloaded file, delete it from the folder and return its content."""

        async def saved() -> Path | None:
            if any(self.downloads.glob("*.crdownload")):
                return None
            return next(
                (path for path in self.downloads.glob(filename) if path.is_file()), None
            )

        file = await until(f"{filename} is saved", saved)
        data = file.read_bytes()
        file.unlink()
        return data

    async def picture(self, part: Box | None = None) -> bytes:
        """Return a screenshot of the window, or of a part of the page, as a PNG with few colours."""
        # What fades in, and a ripple under the finger, come to rest.
        await asyncio.sleep(1)
        clip = (part or Box(0, 0, *self.size))._asdict()
        answer = await self.send(
            "Page.captureScreenshot",
            captureBeyondViewport=part is not None,
            clip={**clip, "scale": 1},
        )
        [taken] = with_few_colours([base64.b64decode(answer["data"])])
        picture = io.BytesIO()
        taken.save(picture, "PNG", optimize=True)
        return picture.getvalue()


def with_few_colours(pictures: Sequence[bytes]) -> list[Image.Image]:
    """Return pictures with the colours that are the most common in all of them."""
    images = [Image.open(io.BytesIO(each)).convert("RGB") for each in pictures]
    common = Counter[bytes]()
    for image in images:
        pixels = image.tobytes()
        common.update(pixels[at : at + 3] for at in range(0, len(pixels), 3))
    colours = [colour for colour, _ in common.most_common(_COLOURS)]
    return [_with_colours(image, colours) for image in images]


def _with_colours(image: Image.Image, colours: Sequence[bytes]) -> Image.Image:
    """Return a picture with these colours alone."""
    palette = Image.new("P", (1, 1))
    palette.putpalette(b"".join(colours))
    # Pillow takes any colour that is near, even if the very colour is there.
    near = image.quantize(palette=palette, dither=Image.Dither.NONE)
    numbers = {colour: number for number, colour in enumerate(colours)}
    pixels = image.tobytes()
    exact = bytes(
        numbers.get(pixels[3 * at : 3 * at + 3], number)
        for at, number in enumerate(near.tobytes())
    )
    near.frombytes(exact)
    return near


@dataclass(frozen=True)
class Chromium:
    """A browser with its own home folder, which holds its certificates."""

    home: Path
    resolve: str
    """The value of Chromium's option --host-resolver-rules."""

    async def trust(self, authority: str) -> None:
        """Trust servers whose certificate is from this authority."""
        if not (self.home / ".pki").exists():
            (self.home / ".pki" / "nssdb").mkdir(parents=True)
            await run("certutil", *self._store, "-N", "--empty-password")
        trust = ("-t", "C,,", "-n", "edge", "-i", authority)
        printed = await run("certutil", *self._store, "-A", *trust)
        expect(not printed, f"certutil: {printed}")

    async def install(self, bundle: bytes, password: str) -> None:
        """Import a bundle, as a person does in the browser's settings."""
        file, secret = self.home / "bundle.p12", self.home / "password"
        file.write_bytes(bundle)
        secret.write_text(password)
        printed = await run(
            *("pk12util", *self._store, "-i", str(file), "-w", str(secret), "-K", "")
        )
        expect("PKCS12 IMPORT SUCCESSFUL" in printed, f"pk12util: {printed}")

    @asynccontextmanager
    async def tab(
        self,
        *,
        user_agent: str | None = None,
        size: tuple[int, int] = PHONE_SIZE,
        identify_at: str | None = None,
    ) -> AsyncGenerator[Tab]:
        """Run the browser with one tab; it sends its certificate to the host `identify_at`."""
        downloads = self.home / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        # A new profile each time: Chromium remembers the hosts for which it had no certificate.
        profile = mkdtemp(prefix="profile-", dir=self.home)
        process = await asyncio.create_subprocess_exec(
            *(self._under_a_policy(identify_at) if identify_at else ()),
            *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu"),
            *("--no-first-run", "--disable-background-networking", "--disable-sync"),
            *("--disable-component-update", "--no-proxy-server", "--hide-scrollbars"),
            *("--disable-dev-shm-usage", "--disable-quic"),
            *("--remote-debugging-port=0", f"--host-resolver-rules={self.resolve}"),
            *(f"--user-data-dir={profile}", "about:blank"),
            env={
                **os.environ,
                "HOME": str(self.home),
                "XDG_CONFIG_HOME": str(self.home / "config"),
                # Chromium speaks English then.
                "LC_ALL": "C",
            },
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
                raise CheckFailed("Chromium did not start")
            async with (
                ClientSession() as session,
                session.ws_connect(url, max_msg_size=0) as connection,
            ):
                tab = Tab(connection, downloads, size)
                listening = asyncio.create_task(tab.listen())
                await _open_tab(tab, user_agent)
                yield tab
                await tab.send("Browser.close")
                await listening
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    @property
    def _store(self) -> tuple[str, str]:
        return "-d", f"sql:{self.home / '.pki' / 'nssdb'}"

    def _under_a_policy(self, identify_at: str) -> tuple[str, ...]:
        """Return the command prefix that makes Chromium send a certificate without asking."""
        policies = self.home / "policies"
        managed = policies / "policies" / "managed"
        managed.mkdir(parents=True, exist_ok=True)
        choice = json.dumps({"pattern": f"https://{identify_at}", "filter": {}})
        policy = {"AutoSelectCertificateForUrls": [choice]}
        (managed / "certificate.json").write_text(json.dumps(policy))
        return (
            *(*_OWN_MOUNTS, "sh", "-c", _IN_OWN_MOUNTS),
            *(str(policies), str(_POLICIES)),
        )


async def _open_tab(tab: Tab, user_agent: str | None) -> None:
    """Open the tab with its size and user agent, with touch input for a phone."""
    target = await tab.send("Target.createTarget", url="about:blank")
    attached = await tab.send(
        "Target.attachToTarget", targetId=target["targetId"], flatten=True
    )
    tab.session_id = attached["sessionId"]
    for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
        await tab.send(f"{domain}.enable")
    width, height = tab.size
    await tab.send(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1.5,
        mobile=user_agent is not None,
    )
    if user_agent:
        await tab.send("Emulation.setTouchEmulationEnabled", enabled=True)
        await tab.send("Emulation.setUserAgentOverride", userAgent=user_agent)
    await tab.send(
        "Browser.setDownloadBehavior",
        behavior="allow",
        downloadPath=str(tab.downloads),
    )


def _may_mount() -> bool:
    if not _POLICIES.is_dir():
        return False
    command = (*_OWN_MOUNTS, "mount", "--bind", str(_POLICIES), str(_POLICIES))
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
