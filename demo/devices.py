"""What a companion device does: download, test, visit."""

from .browser import ANDROID, Chromium
from .phone import Phone, download, download_in_browser
from .report import expect_equal
from .world import World


async def new_browser(world: World, name: str) -> Chromium:
    """Return the browser of a new device, which finds the edge, and Home Assistant at home."""
    facts = world.cloudflare.facts
    edge = f"MAP *.{facts['zone_name']} {facts['edge_host']}:{facts['edge_port']}"
    browser = Chromium(world.folder / name, f"{edge}, {world.home.mapping}")
    await browser.trust(facts["edge_ca_file"])
    return browser


async def download_bundle(world: World, link: str) -> Phone:
    """Download a bundle, and open it as a phone does."""
    phone = await download(link, world.key_file)
    world.phones.append(phone)
    return phone


async def download_bundle_in_browser(
    world: World, link: str, user_agent: str | None = ANDROID
) -> Phone:
    """Download a bundle with the browser of a new device, or without one if it is missing."""
    if world.lacking:
        return await download_bundle(world, link)
    browser = await new_browser(world, world.key_file.stem)
    phone = await download_in_browser(link, browser, world.key_file, user_agent)
    world.phones.append(phone)
    return phone


async def connect_app(world: World, phone: Phone) -> None:
    """Have the app on the phone connect, as it does whenever somebody opens it."""
    visitor = world.holder(phone)
    async with visitor.websocket(world.hostname, "/api/websocket") as connection:
        await world.admin.log_in_on(connection)


async def run_test(world: World, phone: Phone) -> None:
    """Open the test page with the phone, and run the test."""
    if phone.browser is None:
        url, _, token = phone.test_url.partition("#")
        path = url.removeprefix(f"https://{world.hostname}")
        answer = await world.holder(phone).request(
            "POST", world.hostname, path, body=token
        )
        expect_equal(answer.status, 200, "the status of the test")
        return
    async with phone.browser.tab(
        user_agent=phone.user_agent, identify_at=world.hostname
    ) as tab:
        await tab.open(phone.test_url)
        await tab.tap("#test")
        await tab.until("document.querySelector('#result.good')")


async def visit_in_browser(phone: Phone, hostname: str, shown: str) -> int | None:
    """Open a protected hostname in the device's browser; return the status, None without one."""
    if phone.browser is None:
        return None
    url = f"https://{hostname}/"
    async with phone.browser.tab(
        user_agent=phone.user_agent, identify_at=hostname
    ) as tab:
        await tab.open(url, shown)
        return tab.statuses[url]
