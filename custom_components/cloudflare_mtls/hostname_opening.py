"""Opens a hostname to everybody again that a tunnel served before it was protected."""

from collections.abc import Mapping

from homeassistant.core import HomeAssistant

from .engine.sync.plan import Plan
from .engine.sync.reconciler import AccountSync, Extent
from .runtime_data import CloudflareConfigEntry
from .subentries import hostname_subentry_ids
from .to_the_end import to_the_end


async def async_preview_opening(
    entry: CloudflareConfigEntry, hostname: str
) -> AccountSync:
    """Return what would be done to open a hostname; nothing is written. Raises EngineError."""
    reconciler = entry.runtime_data.protection.reconciler
    outcome = await reconciler.preview(_extent(hostname))
    outcome.raise_if_stopped()
    return outcome


@to_the_end("The opening of a hostname")
async def async_open_hostname(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    hostname: str,
    confirmed: Mapping[str, Plan],
) -> AccountSync:
    """Open a hostname, and forget it once it is open; return how that ended. Raises EngineError.

    Confirmed are the plans that a person saw, by zone. Where something stops this, or Home Assistant
    stops before it is known to be open, the hostname stays, and is closed again.
    """
    protection = entry.runtime_data.protection
    async with protection.async_writing() as reconciler:
        outcome = await reconciler.sync(_extent(hostname, confirmed))
        # Also where the answer to the last step got lost: it was looked at again after that.
        if outcome.is_down:
            subentry_id = hostname_subentry_ids(entry.subentries).get(hostname)
            await protection.removals.async_let_go(hostname, subentry_id)
            # While nobody else can write: the next writer would close it again.
            if subentry_id:
                hass.config_entries.async_remove_subentry(entry, subentry_id)
    await protection.async_refresh()
    return outcome


def _extent(hostname: str, confirmed: Mapping[str, Plan] | None = None) -> Extent:
    return Extent(hostnames={hostname}, remove=True, opens=True, confirmed=confirmed)
