"""Keeps pictures in a folder, and knows which were taken."""

from dataclasses import dataclass, field
from pathlib import Path

from ..browser import Box, Tab
from ..report import say


@dataclass(frozen=True)
class Album:
    """A folder with pictures, whose names have something in common."""

    folder: Path
    prefix: str = ""
    taken: set[str] = field(default_factory=set)

    def keep(self, name: str, picture: bytes) -> None:
        """Keep a picture under a name."""
        (self.folder / f"{self.prefix}{name}").write_bytes(picture)
        self.taken.add(name)
        say(f"{self.prefix}{name}: {len(picture) / 1000:.0f} kB")

    async def take(self, name: str, tab: Tab, part: Box | None = None) -> None:
        """Take a picture of the window, or of a part of the page."""
        self.keep(name, await tab.picture(part))

    async def take_dialog(self, name: str, tab: Tab) -> None:
        """Take a picture of the dialog that is open, with a little of what is behind it."""
        await self.take(name, tab, _grown(await tab.box("dialog[open]"), tab.size))

    async def take_page(self, name: str, tab: Tab, longest: int) -> None:
        """Take a picture of one of our own pages: of a long one its beginning."""
        height = await tab.run("document.querySelector('main').offsetHeight + 32")
        await self.take(name, tab, Box(0, 0, tab.size[0], min(height, longest)))


def _grown(box: Box, size: tuple[int, int], margin: float = 6) -> Box:
    left, top = max(box.x - margin, 0), max(box.y - margin, 0)
    right = min(box.x + box.width + margin, size[0])
    bottom = min(box.y + box.height + margin, size[1])
    return Box(left, top, right - left, bottom - top)
