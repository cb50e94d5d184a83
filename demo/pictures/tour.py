"""The way of a companion device, from the dialog to its own page, with a picture of each step."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from typing import Final

from ..account import entity_id
from ..browser import PHONE_SIZE, Box, Chromium, Tab
from ..front_end import front_end, until_drawn
from ..home_assistant import DOMAIN
from ..processes import REPOSITORY
from ..world import World
from .album import Album

_TRANSLATIONS: Final = REPOSITORY / "custom_components" / DOMAIN / "translations"
# Below it, the page of a device has half a card.
_END_OF_CARDS: Final = 900
_SUBMIT: Final = 'ha-button[slot="primaryAction"]'
_LINK: Final = 'a[href*="/handover#"]'


@dataclass(frozen=True)
class Tour:
    """Where the pictures of a way go, and what is seen in them."""

    world: World
    album: Album
    language: str = "en"
    dialog_size: tuple[int, int] = (460, 940)
    page_size: tuple[int, int] = PHONE_SIZE
    longest: int = 880
    """Of a long page its beginning: as much as fits beside the steps in the README."""

    @asynccontextmanager
    async def dialog(self, kind: str) -> AsyncGenerator[Tab]:
        """Open the dialog that adds something of a kind to the account."""
        path = f"config/integrations/integration/{DOMAIN}"
        async with front_end(self.world, path, size=self.dialog_size) as tab:
            await tab.click("ha-button", self._button(kind))
            await tab.until_text(_SUBMIT, seconds=60)
            yield tab

    async def add_device(self, name: str) -> str:
        """Add a companion device, and return the link to its certificate."""
        async with self.dialog("companion_device") as tab:
            await tab.click('input[name="name"]')
            await tab.type(name)
            await self.album.take_dialog("dialog-add-device.png", tab)
            await tab.click(_SUBMIT)
            link = await tab.link(_LINK)
            await self.album.take_dialog("dialog-handover.png", tab)
            await tab.click(_SUBMIT)
            return link

    async def install(
        self, link: str, browser: Chromium, user_agent: str, system: str
    ) -> str:
        """Download the certificate, install it, and return the link to its test."""
        async with self.page(browser, user_agent, link) as tab:
            await self._take_page(f"handover-{system}-before.png", tab)
            await tab.tap("#get")
            bundle = await tab.downloaded("*.p12")
            await tab.until("!after.hidden")
            await self._take_page(f"handover-{system}-after.png", tab)
            password = await tab.run("password.textContent")
            test_url: str = await tab.run("document.querySelector('#test-link').href")
        await browser.install(bundle, password)
        return test_url

    async def enter_code(self, link: str, browser: Chromium, user_agent: str) -> None:
        """Open a link that asks for a code."""
        async with self.page(browser, user_agent, link) as tab:
            await tab.until("!ask.hidden")
            await self._take_page("handover-android-code.png", tab)

    async def test(self, test_url: str, browser: Chromium, user_agent: str) -> None:
        """Test the certificate through the edge."""
        hostname = self.world.hostname
        async with self.page(browser, user_agent, test_url, hostname) as tab:
            await tab.tap("#test")
            await tab.until("document.querySelector('#result.good')")
            await self._take_page("handover-test-done.png", tab)

    async def show_device(self, subentry_id: str) -> None:
        """Open the page of a companion device."""
        entity = await entity_id(self.world, "certificate_status", of=subentry_id)
        entry = await self.world.socket.command(
            "config/entity_registry/get", entity_id=entity
        )
        path = f"config/devices/device/{entry['device_id']}"
        async with front_end(self.world, path, size=self.page_size) as tab:
            await until_drawn(tab, "ha-device-entities-card")
            await tab.scroll_to("ha-device-entities-card")
            width, height = self.page_size
            part = Box(0, 0, width, min(height, _END_OF_CARDS))
            await self.album.take("device-page.png", tab, part)

    @asynccontextmanager
    async def page(
        self,
        browser: Chromium,
        user_agent: str,
        url: str,
        identify_at: str | None = None,
    ) -> AsyncGenerator[Tab]:
        """Open one of our own pages, in the language."""
        async with browser.tab(
            user_agent=user_agent, size=self.page_size, identify_at=identify_at
        ) as tab:
            headers = {"Accept-Language": self.language}
            await tab.send("Network.setExtraHTTPHeaders", headers=headers)
            await tab.open(url)
            yield tab

    async def _take_page(self, name: str, tab: Tab) -> None:
        await self.album.take_page(name, tab, self.longest)

    def _button(self, kind: str) -> str:
        file = _TRANSLATIONS / f"{self.language}.json"
        kinds = json.loads(file.read_text("utf-8"))["config_subentries"]
        label: str = kinds[kind]["initiate_flow"]["user"]
        return label
