"""The dashboard that the action get_dashboard returns, as a person sees it who has pasted it."""

from typing import Final

from ..front_end import front_end, until_drawn
from ..home_assistant import DOMAIN
from ..world import World
from .album import Album

# Of the sections of one device, down to the end of a card: the logbook below them is not loaded in the demo.
_SIZE: Final = 860, 686
_PATH: Final = "cloudflare-mtls"


async def create_dashboard(world: World) -> None:
    """Paste what the action returns into a new dashboard."""
    config = await world.admin.act(
        f"{DOMAIN}.get_dashboard", config_entry_id=world.entry_id
    )
    await world.socket.command(
        "lovelace/dashboards/create",
        url_path=_PATH,
        title="Cloudflare",
        icon="mdi:shield-lock",
        mode="storage",
        require_admin=True,
        show_in_sidebar=True,
    )
    await world.socket.command("lovelace/config/save", url_path=_PATH, config=config)


async def show_dashboard(
    world: World, album: Album, size: tuple[int, int] = _SIZE
) -> None:
    """Open the dashboard."""
    async with front_end(world, _PATH, size=size) as tab:
        await until_drawn(tab, "hui-tile-card")
        await album.take("dashboard.png", tab)
