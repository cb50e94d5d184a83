"""A dialog that changes a subentry, and ends where somebody changes the same one in another dialog."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.core import callback

from ..wording import Message
from .form import abort


class SubentryChangeFlow(ConfigSubentryFlow):
    """Add a subentry, or change one as it was when the dialog was opened."""

    # What was stored when the dialog asked first.
    _opened_with: Mapping[str, Any] | None = None

    @callback
    def is_outdated(self) -> bool:
        """Return whether somebody changed or removed the subentry since the dialog was opened.

        To be asked first as the dialog opens, then before something is written or stored.
        """
        if self.source != SOURCE_RECONFIGURE:
            return False
        subentry = self._get_entry().subentries.get(self._reconfigure_subentry_id)
        if subentry is None:
            return True
        if self._opened_with is None:
            self._opened_with = subentry.data
        return subentry.data != self._opened_with

    @callback
    def end_if_outdated(self) -> SubentryFlowResult | None:
        """Return the end of the dialog if it is outdated."""
        if self.is_outdated():
            return abort(self, Message("settings_changed"))
        return None

    @callback
    def async_store(self, data: Mapping[str, Any]) -> None:
        """Store what this dialog changed; it goes on from that."""
        subentry = self._get_reconfigure_subentry()
        self.hass.config_entries.async_update_subentry(
            self._get_entry(), subentry, data=data
        )
        self._opened_with = subentry.data
