"""What all steps of the dialog of a login hostname share."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from ..coordinator.access import AccessCoordinator
from ..engine.access.plan import Occasion
from ..engine.access.settings import LoginSettings
from ..login_choices import LoginChoices
from ..runtime_data import CloudflareConfigEntry
from ..wording import Message
from .subentry_change import SubentryChangeFlow

EMAIL: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.EMAIL))


class LoginSteps(SubentryChangeFlow):
    """Add, change or end a login hostname."""

    # The settings that are changed; none of a new login hostname.
    _current: LoginSettings | None = None
    # Each is made by a step, for the steps after it.
    _choices: LoginChoices | None = None
    _hostname = ""
    _people: Mapping[str, Any] = MappingProxyType({})

    @property
    def _access(self) -> AccessCoordinator:
        entry: CloudflareConfigEntry = self._get_entry()
        return entry.runtime_data.access

    @property
    def _is_loaded(self) -> bool:
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        return entry is not None and entry.state is ConfigEntryState.LOADED

    @property
    def _occasion(self) -> Occasion:
        return Occasion.SET_UP if self._current is None else Occasion.CHANGE

    @abstractmethod
    async def async_review(
        self, settings: LoginSettings, message: Message | None = None
    ) -> SubentryFlowResult:
        """Look again, and show what will change, or what stands in the way."""
