"""Move what was set up in a zone to the one that replaced it, or forget it."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, override

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState

from ..engine.sync.lost_zones import LostZone
from ..engine.sync.plan import Plan
from ..engine.sync.reconciler import AccountSync, Extent, Reconciler
from ..quoting import listed
from ..subentries import companion_data, companions_of, hostname_data, hostnames_of
from ..wording import Message, async_get_dialog_texts, changes_of, describe
from .fix_flow import FixFlow
from .form import NO_FIELDS, abort, show_form


class LostZoneFlow(FixFlow):
    """Ask what becomes of the hostnames and devices of a zone that cannot be read any more."""

    # The changes that a person saw last, by zone.
    _shown: Mapping[str, Plan] = MappingProxyType({})

    @override
    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Offer what helps."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        lost = self._lost
        if lost is None:
            return self.async_create_entry(data={})
        fixes = ["confirm", "forget"] if lost.replacement else ["forget"]
        return self.async_show_menu(step_id="init", menu_options=[*fixes, "ignore"])

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        lost = self._lost
        if lost is None or lost.replacement is None:
            return self.async_create_entry(data={})
        if not lost.replacement.active:
            return abort(
                self, Message("zone_not_active", {"zone": lost.replacement.name})
            )
        reconciler = self._moved(
            self._entry.runtime_data.protection.reconciler, lost.replacement.id
        )
        outcome = await reconciler.preview(Extent(hostnames=self._hostnames()))
        outcome.raise_if_stopped()
        return await self._show_left(outcome, message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        lost = self._lost
        if lost is None or lost.replacement is None:
            return self.async_create_entry(data={})
        protection = self._entry.runtime_data.protection
        async with protection.async_writing() as reconciler:
            hostnames = self._hostnames()
            moved = self._moved(reconciler, lost.replacement.id)
            outcome = await moved.sync(
                Extent(hostnames=hostnames, confirmed=self._shown)
            )
            if outcome.errors:
                return await self._show_left(outcome, describe(outcome.errors[0]))
            if removed := hostnames - self._hostnames():
                # A person did that meanwhile, and it was stored as of the lost zone.
                await moved.sync(Extent(hostnames=removed, remove=True))
            self._store_zone(lost.replacement.id)
        return self.async_create_entry(data={})

    async def async_step_forget(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say what will be forgotten, or forget it."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if self._lost is None:
            return self.async_create_entry(data={})
        if user_input is None:
            names = [*self._hostnames(), *self._removed()]
            return show_form(
                self,
                "forget",
                NO_FIELDS,
                placeholders={"hostnames": listed(sorted(names))},
            )
        for subentry_id, settings in hostnames_of(self._entry.subentries).items():
            if settings.zone_id == self.subject:
                self.hass.config_entries.async_remove_subentry(self._entry, subentry_id)
        left = {item.zone_id for item in hostnames_of(self._entry.subentries).values()}
        if left:
            # Where the next certificates of its devices are signed.
            self._store_zone(min(left))
        await self._entry.runtime_data.protection.async_forget_zone(self.subject)
        return self.async_create_entry(data={})

    @property
    def _lost(self) -> LostZone | None:
        return self._entry.runtime_data.protection.data.lost_zones.get(self.subject)

    def _hostnames(self) -> set[str]:
        """Return the hostnames that were protected in the zone."""
        configured = hostnames_of(self._entry.subentries).values()
        return {item.hostname for item in configured if item.zone_id == self.subject}

    def _removed(self) -> set[str]:
        """Return the hostnames that still had to be taken down there."""
        removed = self._entry.runtime_data.protection.removals.hostnames.values()
        return {item.hostname for item in removed if item.zone_id == self.subject}

    def _moved(self, reconciler: Reconciler, zone_id: str) -> Reconciler:
        """Return the reconciler with the zone's hostnames in the one that replaced it."""
        return replace(
            reconciler,
            hostnames=tuple(
                replace(item, zone_id=zone_id) if item.zone_id == self.subject else item
                for item in reconciler.hostnames
            ),
        )

    async def _show_left(
        self, outcome: AccountSync, message: Message | None
    ) -> RepairsFlowResult:
        """Show the changes that are left to make."""
        self._shown = outcome.left
        text = await async_get_dialog_texts(self.hass)
        steps = [step for plan in self._shown.values() for step in plan.steps]
        changes = changes_of(text, ", ".join(sorted(self._hostnames())), steps)
        return await self.async_show_confirm({"changes": changes}, message)

    def _store_zone(self, zone_id: str) -> None:
        """Have the zone's hostnames and devices belong to another zone."""
        subentries = self._entry.subentries
        moved = {
            subentry_id: hostname_data(replace(settings, zone_id=zone_id))
            for subentry_id, settings in hostnames_of(subentries).items()
            if settings.zone_id == self.subject
        } | {
            subentry_id: companion_data(replace(device, zone_id=zone_id))
            for subentry_id, device in companions_of(subentries).items()
            if device.zone_id == self.subject
        }
        for subentry_id, data in moved.items():
            self.hass.config_entries.async_update_subentry(
                self._entry, subentries[subentry_id], data=data
            )
