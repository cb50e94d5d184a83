"""Home Assistant's front end in a browser, at the address that it has at home."""

from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from typing import Final
from urllib.parse import urlencode

from .browser import Chromium, Tab
from .world import World

DESK: Final = 1280, 900

# Icons are loaded after all else.
_HAS_EVERY_ICON: Final = (
    "(() => { const has = (root) => [...root.querySelectorAll('*')].every((element) =>"
    "!(element.matches('ha-state-icon, ha-icon') && element.getClientRects().length"
    "&& !element.shadowRoot?.querySelector('ha-icon, ha-svg-icon'))"
    "&& (!element.shadowRoot || has(element.shadowRoot)));"
    "return has(document); })()"
)


@asynccontextmanager
async def front_end(
    world: World, path: str, *, size: tuple[int, int] = DESK
) -> AsyncGenerator[Tab]:
    """Open a page of the front end, logged in as the user who set up Home Assistant."""
    address = world.home.local_url
    state = {"hassUrl": address, "clientId": f"{address}/"}
    query = urlencode(
        {
            "auth_callback": 1,
            "code": await world.home.anonymous().authorize(world.user, address=address),
            "state": b64encode(json.dumps(state).encode()).decode(),
        }
    )
    browser = Chromium(world.folder / "desk", f"{world.home.mapping}, MAP * ~NOTFOUND")
    async with browser.tab(size=size) as tab:
        await tab.open(f"{address}/{path}?{query}", "true")
        yield tab


async def until_drawn(tab: Tab, selector: str) -> None:
    """Wait until what a selector finds is there, and every icon of the page."""
    await tab.until_text(selector, seconds=60)
    await tab.until(_HAS_EVERY_ICON, seconds=60)
