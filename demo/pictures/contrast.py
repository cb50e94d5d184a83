"""A stranger and a phone at the same address: two still pictures, and one that moves."""

from dataclasses import dataclass
from typing import Final

from ..browser import ANDROID, Chromium
from ..promises.certificates import BLOCKED
from ..promises.devices import FRONT_END
from ..world import World
from . import animation
from .album import Album

_COMPUTER: Final = 720, 620
_WINDOW: Final = 600, 420
_PHONE: Final = 360, 590


@dataclass(frozen=True)
class Contrast:
    """A browser without a certificate, and one with it."""

    world: World
    album: Album
    stranger: Chromium
    phone: Chromium

    async def show(self) -> None:
        """Take all pictures."""
        await self._take_still_ones()
        blocked = await self._seen_by_stranger(_WINDOW)
        inside = await self._seen_by_phone(_PHONE, ANDROID)
        async with self.phone.tab(size=animation.SIZE) as tab:
            await tab.open(f"{self.world.home.local_url}/manifest.json", "true")
            picture = await animation.draw(tab, self.world.hostname, blocked, inside)
        self.album.keep("stranger-and-phone.gif", picture)

    async def _take_still_ones(self) -> None:
        self.album.keep(
            "browser-without-certificate.png", await self._seen_by_stranger(_COMPUTER)
        )
        self.album.keep(
            "browser-with-certificate.png", await self._seen_by_phone(_COMPUTER, None)
        )

    async def _seen_by_stranger(self, size: tuple[int, int]) -> bytes:
        async with self.stranger.tab(size=size) as tab:
            await tab.open(self._address, BLOCKED)
            return await tab.picture()

    async def _seen_by_phone(
        self, size: tuple[int, int], user_agent: str | None
    ) -> bytes:
        async with self.phone.tab(
            size=size, user_agent=user_agent, identify_at=self.world.hostname
        ) as tab:
            await tab.open(self._address, FRONT_END)
            await tab.until_text("ha-button", seconds=60)
            await tab.box("ha-button")
            return await tab.picture()

    @property
    def _address(self) -> str:
        return f"https://{self.world.hostname}/"
