"""The dialogs and pages in one language, at the widths of small phones, for a person to read."""

from pathlib import Path
from typing import Final

from ..account import subentry_of
from ..browser import ANDROID
from ..devices import new_browser
from ..front_end import front_end, until_drawn
from ..home_assistant import DOMAIN
from ..world import World
from .album import Album
from .dashboard import create_dashboard, show_dashboard
from .tour import Tour

# So high that nothing has to be scrolled.
_HEIGHT: Final = 1800
_WIDTHS: Final = 320, 412


async def choose_language(world: World, language: str) -> None:
    """Have Home Assistant and its user speak a language."""
    await world.socket.command("config/core/update", language=language)
    await world.socket.command(
        "frontend/set_user_data", key="language", value={"language": language}
    )


async def review(world: World, folder: Path, language: str) -> None:
    """Take a picture of each dialog and page."""
    albums = {width: Album(folder, prefix=f"{language}-{width}-") for width in _WIDTHS}
    for width, album in albums.items():
        await _show_device(world, album, language, (width, _HEIGHT))
    await create_dashboard(world)
    for width, album in albums.items():
        await show_dashboard(world, album, (width, _HEIGHT))


async def _show_device(
    world: World, album: Album, language: str, size: tuple[int, int]
) -> None:
    """Take pictures of the account and its dialogs, and of a new device."""
    tour = Tour(world, album, language, size, size, longest=4 * _HEIGHT)
    page = f"config/integrations/integration/{DOMAIN}"
    async with front_end(world, page, size=size) as tab:
        await until_drawn(tab, "ha-config-sub-entry-row")
        await album.take("integration-page.png", tab)
    for kind in ("protected_hostname", "login_hostname"):
        async with tour.dialog(kind) as tab:
            await album.take_dialog(f"dialog-{kind}.png", tab)
    name = f"Pixel {size[0]}"
    browser = await new_browser(world, name)
    link = await tour.add_device(name)
    test_url = await tour.install(link, browser, ANDROID, "android")
    await tour.test(test_url, browser, ANDROID)
    await tour.show_device((await subentry_of(world, name))["subentry_id"])
