"""Takes hostnames down at Cloudflare, and then removes them from Home Assistant."""

from collections.abc import Collection, Mapping

from homeassistant.core import HomeAssistant

from .engine.api.errors import EngineError
from .engine.sync.plan import Plan
from .engine.sync.reconciler import AccountSync, Extent
from .runtime_data import CloudflareConfigEntry
from .storage.ledger import Ledger
from .storage.tombstones import Tombstones
from .subentries import hostname_of, hostname_subentry_ids, hostnames_of
from .to_the_end import to_the_end


@to_the_end("The removal of hostnames")
async def async_remove_hostnames(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    hostnames: Collection[str],
    confirmed: Mapping[str, Plan] | None = None,
    revokes: Collection[str] = (),
) -> AccountSync:
    """Take hostnames down, remove those that are down, and return how it ended.

    Confirmed are the plans that a person saw, by zone; None where nobody is asked. A hostname that
    could not be taken down completely stays. Where Home Assistant stops before that is known, the
    hostnames are removed at its start. revokes: the ids of the certificates that are unwanted once
    no hostname is left. Raises EngineError where no zone could be looked at.
    """
    protection = entry.runtime_data.protection
    extent = Extent(hostnames=hostnames, remove=True, confirmed=confirmed)
    async with protection.async_writing() as reconciler:
        ordered = {
            hostname: subentry_id
            for hostname, subentry_id in hostname_subentry_ids(entry.subentries).items()
            if hostname in hostnames
        }
        # Certificates first: without the hostnames' order, nothing becomes of theirs.
        await protection.ledger.async_order_with_removal(revokes)
        await protection.removals.async_order(ordered)
        try:
            outcome = await reconciler.sync(extent)
        except EngineError:
            await _end(entry, kept=ordered)
            raise
        # While nobody else can write: the next writer would build them up again.
        down = {
            hostname: subentry_id
            for hostname, subentry_id in ordered.items()
            if _is_down(entry, subentry_id, outcome)
        }
        off = {
            settings.hostname
            for settings in hostnames_of(entry.subentries).values()
            if settings.hostname in down
            and not outcome.left[settings.zone_id].drifted(settings.hostname)
        }
        for subentry_id in down.values():
            hass.config_entries.async_remove_subentry(entry, subentry_id)
        # The account may be removed before anybody looks again.
        await protection.async_note_taken_down(off)
        await _end(entry, kept=ordered.keys() - down.keys())
    if not outcome.in_sync:
        await protection.async_refresh()
    return outcome


async def _end(entry: CloudflareConfigEntry, kept: Collection[str]) -> None:
    """Take back the order for hostnames that stay, and have it carried out for certificates if none does.

    Of those that are gone it stays: Home Assistant stores only later that they are, and may stop before.
    """
    protection = entry.runtime_data.protection
    await protection.removals.async_keep(kept)
    await protection.ledger.async_end_removal(
        is_complete=not hostnames_of(entry.subentries)
    )


def _is_down(
    entry: CloudflareConfigEntry, subentry_id: str, outcome: AccountSync
) -> bool:
    """Return whether nothing is left at Cloudflare of a hostname that is still configured."""
    subentry = entry.subentries.get(subentry_id)
    if subentry is None:
        return False
    plan = outcome.left.get(hostname_of(subentry).zone_id)
    return plan is not None and plan.is_down


async def async_end_removals(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    tombstones: Tombstones,
    ledger: Ledger,
) -> None:
    """Remove the hostnames that were being removed, or were opened, when Home Assistant stopped."""
    for subentry_id in tombstones.interrupted & entry.subentries.keys():
        hass.config_entries.async_remove_subentry(entry, subentry_id)
    await ledger.async_end_interrupted_removal(
        is_complete=not hostnames_of(entry.subentries)
    )
