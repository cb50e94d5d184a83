"""Repairs: shows what would mend a hostname, and mends it when a person confirms."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import probatio

from .coordinator import CloudflareConfigEntry
from .edge.errors import EdgeError
from .errors import describe
from .reconciler import Extent
from .texts import async_get_texts, changes_of


class MendRepairFlow(RepairsFlow):
    """Mend a hostname that is not kept in sync by itself."""

    def __init__(self, entry: CloudflareConfigEntry, hostname: str) -> None:
        """Take the hostname to mend."""
        self._entry = entry
        self._hostname = hostname

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Start with what is wrong now."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show the changes, and make them once they are confirmed."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        edge = self._entry.runtime_data.edge
        act = edge.reconciler.preview if user_input is None else edge.reconciler.sync
        try:
            zones = (await act(Extent(hostnames={self._hostname}))).values()
        except EdgeError as err:
            key, placeholders = describe(err)
            return self.async_abort(reason=key, description_placeholders=placeholders)
        left = [step for zone in zones for step in zone.left.steps]
        if user_input is not None:
            await edge.async_refresh()
            if not left:
                return self.async_create_entry(data={})
        stopped = [zone.error for zone in zones if zone.error]
        key, placeholders = describe(stopped[0]) if stopped else ("", {})
        text = await async_get_texts(self.hass, "common")
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            errors={"base": key} if key else {},
            description_placeholders={
                "hostname": self._hostname,
                "changes": changes_of(text, self._hostname, left),
                **placeholders,
            },
        )


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Return the flow that mends what an issue is about."""
    assert data is not None
    entry = hass.config_entries.async_get_known_entry(data["entry_id"])
    return MendRepairFlow(entry, data["hostname"])
