"""Tests of both pages in a real browser with the size of a phone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp.test_utils import TestClient
from homeassistant.components.http.config import async_get_and_load_store
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.certificates.systems import System
from custom_components.cloudflare_mtls.identity import Identity
from custom_components.cloudflare_mtls.pages.certificate_test import (
    ProofResult,
    async_setup_certificate_test,
)
from custom_components.cloudflare_mtls.pages.handovers import (
    MAX_WRONG_CODES,
    PATH,
    Delivery,
    Handover,
    async_get_handovers,
)
from demo.browser import ANDROID, Chromium, CommandRefused, Tab
from demo.report import until
from tests.common import ENGLISH, HOSTNAME
from tests.deliveries import add_account, make_delivery
from tests.front_end import fill
from tests.programs import needs

pytestmark = needs("chromium")

TEXTS = ENGLISH["common"]
TOKEN = "A" * 43
LEAVE = "dispatchEvent(new Event('beforeunload', { cancelable: true }))"
THROUGH_CLOUDFLARE = {"CF-Ray": "8f2a-FRA", "X-Forwarded-For": "203.0.113.24"}
PHONES = {
    System.ANDROID: ANDROID,
    System.IOS: (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
    ),
}


@pytest.fixture
async def client(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    socket_enabled: None,
    fetched: list[Delivery],
    hass_client_no_auth: ClientSessionGenerator,
) -> TestClient[Any, Any]:
    """Serve the pages."""

    async def knows(
        _hass: HomeAssistant, token: str, hostname: str, _identity: Identity | None
    ) -> ProofResult:
        is_known = (token, hostname) == (TOKEN, HOSTNAME)
        return ProofResult.DONE if is_known else ProofResult.UNKNOWN

    # As behind a tunnel whose connector runs on this machine.
    store = await async_get_and_load_store(hass)
    store.stable["use_x_forwarded_for"] = True
    store.stable["trusted_proxies"] = ["127.0.0.1"]
    assert await async_setup_component(hass, DOMAIN, {})
    add_account(hass)
    await async_setup_certificate_test(hass, knows)
    return await hass_client_no_auth()


COMPUTERS = {
    System.MACOS: ["macos_browsers", "firefox", "macos_app"],
    System.WINDOWS: ["windows_browsers", "firefox"],
    System.LINUX: ["linux_browsers", "firefox"],
    System.CHROMEOS: ["chromeos"],
}
both = pytest.mark.parametrize("system", [System.ANDROID, System.IOS])


@pytest.fixture
def system() -> System:
    """Return what the device runs; tests may choose otherwise."""
    return System.ANDROID


@pytest.fixture
async def browser(
    client: TestClient[Any, Any], system: System, tmp_path: Path
) -> AsyncIterator[Tab]:
    """Open the device's browser; assert that it asks nobody else, and logs no complaint."""
    chromium = Chromium(tmp_path, f"MAP {HOSTNAME} 127.0.0.1")
    async with chromium.tab(user_agent=PHONES.get(system)) as browser:
        yield browser
        home = client.make_url("/").authority
        others = [
            url
            for url in browser.requests
            if urlsplit(url).netloc.replace(HOSTNAME, "127.0.0.1") != home
            and not url.startswith(("about:", "blob:"))
        ]
        # The browser logs every refusal, which has a status of 403 or 404.
        complaints = [
            text
            for text in browser.complaints
            if "the server responded with" not in text
        ]
        assert others == []
        assert complaints == []


@pytest.fixture
def delivery(system: System) -> Delivery:
    """Return what the device fetches."""
    names = {System.ANDROID: "Pixel 8", System.IOS: "iPhone"}
    name = names.get(system, "Desk")
    return make_delivery(system=system, label=f"HA {name} 2026-11-28 0905")


@pytest.fixture
def home(client: TestClient[Any, Any]) -> str:
    """Return the address of Home Assistant."""
    return str(client.make_url("/")).rstrip("/")


async def confirm_leaving(browser: Tab) -> None:
    """Confirm, once the browser asks, that the page is to be left."""

    async def confirmed() -> bool | None:
        try:
            await browser.send("Page.handleJavaScriptDialog", accept=True)
        except CommandRefused:
            return None
        return True

    await until("the browser asks", confirmed)


def link_of(home: str, handover: Handover) -> str:
    """Return the link that needs no code, at the address of the test."""
    return f"{home}{PATH}#{handover.url.partition('#')[2]}"


@both
async def test_fetching(
    hass: HomeAssistant,
    home: str,
    browser: Tab,
    delivery: Delivery,
    system: System,
) -> None:
    """A tap saves the advised file; the page then shows password, steps and test."""
    handover = async_get_handovers(hass).offer(delivery)
    advised, other = delivery.bundles
    await browser.open(link_of(home, handover))
    assert await browser.run("document.documentElement.lang") == "en"
    assert TEXTS["handover_code"] not in await browser.text()
    assert await browser.run(LEAVE)

    await browser.tap("#get")
    assert await browser.downloaded(advised.filename) == advised.data

    assert not await browser.run(LEAVE)
    assert await browser.run("document.activeElement.id") == "saved"
    assert await browser.run("location.href") == f"{home}{PATH}"
    assert await browser.run("password.textContent") == delivery.password
    text = await browser.text()
    assert delivery.label in text
    assert f"https://{HOSTNAME}" in text
    own = await browser.run("guide.innerText")
    steps = TEXTS[f"handover_{system}_steps"].splitlines()
    assert len(own.splitlines()) >= len(steps)
    assert await browser.run("guides.querySelectorAll('details').length") == 6
    assert await browser.run("document.querySelectorAll('details[open]').length") == 0

    await browser.run(
        "document.querySelectorAll('details').forEach((d) => d.open = true)"
    )
    await browser.tap("#other")
    assert await browser.downloaded(other.filename) == other.data
    await browser.tap("#again")
    assert await browser.downloaded(advised.filename) == advised.data


@pytest.mark.parametrize(("system", "ways"), COMPUTERS.items())
async def test_steps_for_a_computer(
    hass: HomeAssistant,
    home: str,
    browser: Tab,
    delivery: Delivery,
    system: System,
    ways: list[str],
) -> None:
    """Each browser has its own steps, the file stays PKCS#12, and the test opens in the browser."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(link_of(home, handover))
    await browser.tap("#get")
    await browser.downloaded(delivery.bundles[0].filename)

    headings = "[...guide.querySelectorAll('h3')].map((each) => each.textContent)"
    titles = [TEXTS[f"handover_{way}"] for way in ways] if len(ways) > 1 else []
    assert await browser.run(headings) == titles
    lists = "[...guide.querySelectorAll('ol')].map((each) => each.textContent)"
    places = {"label": delivery.label, "address": f"https://{HOSTNAME}"}
    steps = [
        fill(TEXTS[f"handover_{way}_steps"], places).replace("**", "").replace("\n", "")
        for way in ways
    ]
    assert await browser.run(lists) == steps
    shown = "[at('in-browser').hidden, at('in-app').hidden]"
    assert await browser.run(shown) == [False, True]
    link = await browser.run("document.querySelector('#test-link').href")
    assert link.startswith(f"https://{HOSTNAME}/")


@both
async def test_type_of_the_file(
    hass: HomeAssistant,
    home: str,
    browser: Tab,
    delivery: Delivery,
    system: System,
) -> None:
    """It is PKCS#12 on Android; iOS would take that for a profile."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(link_of(home, handover))
    await browser.run(
        "window.types = []; window.make = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => (types.push(blob.type), make(blob));"
    )

    await browser.tap("#get")
    await browser.downloaded(delivery.bundles[0].filename)

    assert await browser.run("types") == {
        System.ANDROID: ["application/x-pkcs12"],
        System.IOS: ["application/octet-stream"],
    }.get(system)


@both
async def test_link_to_the_test(
    hass: HomeAssistant,
    home: str,
    browser: Tab,
    delivery: Delivery,
    system: System,
) -> None:
    """On iOS the link opens the app, which alone has the certificate."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(link_of(home, handover))
    await browser.tap("#get")
    await browser.until("!after.hidden")

    test = f"/api/cloudflare_mtls/proof#{delivery.test_token}"
    assert await browser.run("document.querySelector('#test-link').href") == {
        System.ANDROID: f"https://{HOSTNAME}{test}",
        System.IOS: f"homeassistant://navigate{test}",
    }.get(system)
    assert delivery.label in await browser.run("tests.innerText")


@pytest.mark.parametrize(("scheme", "is_told"), [("http:", True), ("https:", False)])
async def test_connection_that_is_not_encrypted(
    hass: HomeAssistant,
    home: str,
    browser: Tab,
    delivery: Delivery,
    scheme: str,
    is_told: bool,
) -> None:
    """The page says so before it gives anything out."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(link_of(home, handover))
    if not is_told:
        # The page itself cannot be served over https here: run its script as if it were.
        script = "document.scripts[0].textContent"
        await browser.run(
            f"void new Function('location', {script})"
            f"({{...location, protocol: {scheme!r}, hash: location.hash}})"
        )

    assert (TEXTS["handover_unencrypted"] in await browser.text()) is is_told


async def test_without_a_hostname(
    hass: HomeAssistant, home: str, browser: Tab, delivery: Delivery
) -> None:
    """Without a protected hostname there is no test, and every sentence is complete."""
    handover = async_get_handovers(hass).offer(replace(delivery, hostname=None))
    await browser.open(link_of(home, handover))
    await browser.tap("#get")
    await browser.until("!after.hidden")

    text = await browser.text()
    assert TEXTS["handover_test_link"] not in text
    assert f"Home Assistant URL to {TEXTS['handover_any_address']}" in text


@pytest.mark.parametrize("clipboard", [True, False])
async def test_copying_the_password(
    hass: HomeAssistant,
    home: str,
    browser: Tab,
    delivery: Delivery,
    clipboard: bool,
) -> None:
    """The password is copied, or selected where pages have no clipboard."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(link_of(home, handover))
    await browser.run(
        "window.copied = []; document.execCommand = () => false;"
        "Object.defineProperty(navigator, 'clipboard', { value: "
        + ("{ writeText: (text) => copied.push(text) }" if clipboard else "undefined")
        + "});"
    )
    await browser.tap("#get")
    await browser.until("!after.hidden")

    await browser.tap("#copy")

    told = TEXTS["handover_copied" if clipboard else "handover_selected"]
    await browser.until(f"document.querySelector('#copy').textContent === {told!r}")
    if clipboard:
        assert await browser.run("copied") == [delivery.password]
    else:
        assert await browser.run("getSelection().toString()") == delivery.password


async def test_entering_the_code(
    hass: HomeAssistant,
    home: str,
    browser: Tab,
    delivery: Delivery,
    system: System,
) -> None:
    """A wrong code can be corrected, and spaces do not matter."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(home + handover.path)

    await browser.tap("#code")
    await browser.type(f"{(int(handover.code) + 1) % 1_000_000:06}")
    await browser.tap("#get")
    await browser.until(f"failed.textContent === {TEXTS['handover_wrong_code']!r}")
    assert await browser.run("document.activeElement.id") == "failed"

    await browser.run("code.value = ''")
    await browser.tap("#code")
    await browser.type(f"{handover.code[:3]} {handover.code[3:]}")
    await browser.tap("#get")
    advised = delivery.bundles[0]
    assert await browser.downloaded(advised.filename) == advised.data


async def test_five_wrong_codes(
    hass: HomeAssistant, home: str, browser: Tab, delivery: Delivery
) -> None:
    """The page says that the link is closed, and offers no further try."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(home + handover.path)

    for step in range(1, MAX_WRONG_CODES + 1):
        await browser.run("code.value = ''; failed.textContent = ''")
        await browser.tap("#code")
        await browser.type(f"{(int(handover.code) + step) % 1_000_000:06}")
        await browser.tap("#get")
        told = "closed" if step == MAX_WRONG_CODES else "wrong_code"
        await browser.until(f"failed.textContent === {TEXTS[f'handover_{told}']!r}")
    assert await browser.run("form.offsetHeight") == 0
    assert TEXTS["handover_intro"] not in await browser.text()


async def test_link_that_is_no_longer_good(
    hass: HomeAssistant, home: str, browser: Tab, delivery: Delivery
) -> None:
    """Used, expired or wrong: the page says the same as soon as it is open, and offers nothing."""
    used = async_get_handovers(hass).offer(delivery)
    async_get_handovers(hass).withdraw(delivery.certificate_id)
    old = async_get_handovers(hass).offer(delivery)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=11))
    await hass.async_block_till_done()

    for fragment in (
        *(item.url.partition("#")[2] for item in (used, old)),
        *(item.path.partition("#")[2] for item in (used, old)),
        *("", "A"),
    ):
        await browser.open(f"{home}{PATH}#{fragment}")
        await browser.until(f"failed.textContent === {TEXTS['handover_gone']!r}")
        assert await browser.run("[form.offsetHeight, intro.offsetHeight]") == [0, 0]
    assert list(browser.downloads.iterdir()) == []


@pytest.mark.parametrize("by_code", [True, False])
async def test_page_that_is_loaded_again(
    hass: HomeAssistant, home: str, browser: Tab, delivery: Delivery, by_code: bool
) -> None:
    """The password is in no storage of the browser: the page says that it is gone, and what to do."""
    handover = async_get_handovers(hass).offer(delivery)
    link = link_of(home, handover)
    if by_code:
        link = f"{home}{handover.path}"
    await browser.open(link)
    if by_code:
        await browser.tap("#code")
        await browser.type(handover.code)
    await browser.tap("#get")
    await browser.downloaded(delivery.bundles[0].filename)

    await asyncio.gather(browser.send("Page.reload"), confirm_leaving(browser))

    said = TEXTS["handover_loaded_again"]
    await browser.until(f"document.getElementById('failed')?.textContent === {said!r}")
    text = await browser.text()
    assert said in text
    for hidden in ("handover_intro", "handover_get", "handover_saved"):
        assert TEXTS[hidden] not in text
    assert delivery.password not in await browser.run("document.body.innerHTML")

    # A link to another certificate works in the same tab.
    await browser.open(link_of(home, async_get_handovers(hass).offer(delivery)))
    await browser.tap("#get")
    await browser.until(f"password.textContent === {delivery.password!r}")


async def test_link_that_another_device_used(
    hass: HomeAssistant, home: str, browser: Tab, delivery: Delivery
) -> None:
    """The page that was opened before says so after a tap, and offers no further one."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(link_of(home, handover))
    assert await browser.run("form.offsetHeight > 0")
    token = handover.url.partition("#")[2]
    async_get_handovers(hass).take(token, remotely=False)

    await browser.tap("#get")
    await browser.until(f"failed.textContent === {TEXTS['handover_gone']!r}")
    assert await browser.run("form.offsetHeight") == 0


async def test_another_link_in_the_same_tab(
    hass: HomeAssistant, home: str, browser: Tab, delivery: Delivery
) -> None:
    """Only the fragment changes, and the page loads again."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(link_of(home, handover))
    assert not await browser.run("needsCode")

    await browser.run(f"location.hash = {handover.path.partition('#')[2]!r}")

    await browser.until("typeof needsCode !== 'undefined' && needsCode")
    await browser.until("!ask.hidden")


async def test_over_the_internet(
    hass: HomeAssistant, home: str, browser: Tab, delivery: Delivery
) -> None:
    """The page says where the link works, and the link still works there."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.send("Network.setExtraHTTPHeaders", headers=THROUGH_CLOUDFLARE)
    await browser.open(link_of(home, handover))
    await browser.tap("#get")
    await browser.until(f"failed.textContent === {TEXTS['handover_not_local']!r}")

    await browser.send("Network.setExtraHTTPHeaders", headers={})
    await browser.tap("#get")
    await browser.until("!after.hidden")


async def test_when_home_assistant_does_not_answer(
    hass: HomeAssistant, home: str, browser: Tab, delivery: Delivery
) -> None:
    """The same button works once it answers."""
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(link_of(home, handover))
    await browser.run("window.real = fetch; window.fetch = () => Promise.reject()")
    await browser.tap("#get")
    await browser.until(f"failed.textContent === {TEXTS['handover_unanswered']!r}")

    await browser.run("window.fetch = real")
    await browser.tap("#get")
    await browser.until("!after.hidden")


async def test_certificate_that_works(
    hass: HomeAssistant, entry: MockConfigEntry, home: str, browser: Tab
) -> None:
    """Through the protected hostname, the page says that the certificate works."""
    entry.add_to_hass(hass)
    entry.mock_state(hass, ConfigEntryState.LOADED)
    await browser.send("Network.setExtraHTTPHeaders", headers=THROUGH_CLOUDFLARE)
    there = home.replace("127.0.0.1", HOSTNAME)
    await browser.open(f"{there}/api/cloudflare_mtls/proof#{TOKEN}")

    await browser.tap("#test")

    await browser.until(f"result.textContent === {TEXTS['proof_done']!r}")
    assert await browser.run("result.className") == "good"
    assert await browser.run("document.querySelector('main a').href") == f"{there}/"
    entry.mock_state(hass, ConfigEntryState.NOT_LOADED)


async def test_certificate_that_does_not_work(
    home: str, browser: Tab, client: TestClient[Any, Any]
) -> None:
    """Nothing is tested until the button is tapped; then the page says that it failed."""
    await browser.open(f"{home}/api/cloudflare_mtls/proof#{TOKEN}")
    assert TEXTS["proof_intro"] in await browser.text()
    assert await browser.run("result.hidden")

    await browser.tap("#test")

    await browser.until(f"result.textContent === {TEXTS['proof_elsewhere']!r}")
    assert await browser.run("document.activeElement.id") == "result"
    assert await browser.run("result.className") == "bad"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_sizes(
    hass: HomeAssistant, home: str, browser: Tab, delivery: Delivery, scheme: str
) -> None:
    """Everything fits the width of a small phone, and every button is big enough for a finger."""
    await browser.send(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": scheme}],
    )
    await browser.send(
        "Emulation.setDeviceMetricsOverride",
        width=320,
        height=568,
        deviceScaleFactor=1,
        mobile=True,
    )
    handover = async_get_handovers(hass).offer(delivery)
    await browser.open(link_of(home, handover))
    await browser.tap("#get")
    await browser.until("!after.hidden")
    await browser.run(
        "document.querySelectorAll('details').forEach((d) => d.open = true)"
    )

    assert await browser.run("document.documentElement.scrollWidth") == 320
    small = await browser.run(
        "[...document.querySelectorAll('button, summary, a.button')]"
        ".filter((item) => item.offsetParent && item.offsetHeight < 48).length"
    )
    assert small == 0
    background = await browser.run("getComputedStyle(document.body).backgroundColor")
    assert background == {
        "light": "rgb(238, 242, 248)",
        "dark": "rgb(13, 20, 29)",
    }.get(scheme)
