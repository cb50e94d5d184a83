"""Takes all pictures of the documents: python -m demo.pictures [--review FOLDER --language LANGUAGE]."""

import argparse
import asyncio
from pathlib import Path
import sys
from typing import Final

from ..account import create_certificate, subentry_of, submit_device
from ..browser import ANDROID
from ..devices import new_browser
from ..expectations import DEVICE
from ..flow import Flow
from ..home_assistant import User
from ..processes import REPOSITORY
from ..promises import setup
from ..report import CheckFailed, Skipped, expect_equal, say
from ..world import World
from . import PICTURES
from .album import Album
from .contrast import Contrast
from .dashboard import create_dashboard, show_dashboard
from .review import choose_language, review
from .tour import Tour

_IMAGES: Final = REPOSITORY / "docs" / "images"
_IPHONE: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.pictures")
    parser.add_argument(
        "--review",
        metavar="FOLDER",
        type=Path,
        help="write pictures of the dialogs and pages for a person to read, and none of the documents",
    )
    parser.add_argument("--language", default="en", help="the language of a review")
    return parser.parse_args()


async def _run(folder: Path | None, language: str) -> None:
    """Set up an account, and take the pictures."""
    async with World.run(User("demo")) as world:
        world.expect_browser()
        await choose_language(world, language)
        await setup.changes_are_previewed.check(world)
        await setup.hostname_is_in_sync.check(world)
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            await review(world, folder, language)
        else:
            await _take_all(world)


async def _take_all(world: World) -> None:
    album = Album(_IMAGES)
    tour = Tour(world, album)
    phone = await new_browser(world, "phone")
    link = await tour.add_device("Pixel 8")
    test_url = await tour.install(link, phone, ANDROID, "android")
    await tour.test(test_url, phone, ANDROID)
    await tour.show_device((await subentry_of(world, "Pixel 8"))["subentry_id"])
    await create_dashboard(world)
    await show_dashboard(world, album)
    stranger = await new_browser(world, "stranger")
    await Contrast(world, album, stranger, phone).show()

    flow = await Flow.add(world.admin, world.entry_id, DEVICE)
    await submit_device(world, flow, name="iPhone", system="ios")
    await tour.install(world.link, await new_browser(world, "iphone"), _IPHONE, "ios")
    created = await create_certificate(world, "Tablet")
    await tour.enter_code(created["handover_url"], phone, ANDROID)
    expect_equal(album.taken, PICTURES, "the pictures that were taken")


def main() -> int:
    """Take the pictures, and return the exit status."""
    arguments = _arguments()
    try:
        asyncio.run(_run(arguments.review, arguments.language))
    except (CheckFailed, Skipped) as error:
        say(f"the pictures could not be taken: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
