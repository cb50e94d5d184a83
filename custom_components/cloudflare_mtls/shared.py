"""What everybody who acts for an account shares, also while its config entry is set up anew."""

import asyncio
from dataclasses import dataclass, field

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .edge.pause import Pause
from .edge.recent import Recent

_SHARED: HassKey[dict[str, Shared]] = HassKey(f"{DOMAIN}_shared")


@dataclass
class Shared:
    """One account's memory and its manners."""

    recent: Recent = field(default_factory=Recent)
    # Two writers would overwrite each other's lists.
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Whoever acts for the account keeps it: coordinators, dialogs and actions.
    pause: Pause = field(default_factory=Pause)
    query_pause: Pause = field(default_factory=Pause)


@callback
def async_get_shared(hass: HomeAssistant, account_id: str) -> Shared:
    """Return what is shared for an account."""
    return hass.data.setdefault(_SHARED, {}).setdefault(account_id, Shared())
