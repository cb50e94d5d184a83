"""The dialog that takes down the rules of a removed hostname once no local tunnel serves it any more."""

from typing import Any, Final, override

from homeassistant.components.repairs import RepairsFlowContext, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
import probatio

from ..cloudflared_app import App, AppError, async_find_app
from ..engine.sync.settings import ProtectedHostname
from ..engine.tunnels.app_options import serves, without_host
from ..engine.tunnels.file_rule import app_entry
from ..engine.tunnels.reports import ConnectorReport
from ..wording import Message
from .app_change import AppChangeSteps
from .by_hand import as_yaml
from .fix_flow import FixFlow
from .form import made, show_form

_NO_FIELDS: Final = probatio.Schema({})


class ReleaseFlow(FixFlow, AppChangeSteps[RepairsFlowContext, RepairsFlowResult, str]):
    """Take the hostname out of the app that runs its tunnel, or take a person's word for it."""

    @override
    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        self._app = await self._async_find_app()
        first = ["app"] if self._app else []
        return self.async_show_menu(
            step_id="init", menu_options=[*first, *self.fixes, "ignore"]
        )

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        return self.show_confirm({"hostname": self.subject}, message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        protection = self._entry.runtime_data.protection
        await protection.removals.async_release(self.subject)
        await protection.async_refresh()
        return self.async_create_entry(data={})

    async def async_step_app(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show what would be removed from the app, and remove it once a person confirms."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if user_input is None:
            return self._show_app()
        if (protected := self._removed()) is None:
            return self.async_create_entry(data={})

        def is_out(report: ConnectorReport) -> bool:
            return not report.names(self.subject)

        options = without_host(made(self._app).options, protected)
        return await self.async_change(options, is_out)

    @override
    async def async_app_changed(self) -> RepairsFlowResult:
        return await self.async_fix({})

    @override
    async def async_app_not_changed(self, message: Message) -> RepairsFlowResult:
        return self._show_app(message)

    def _show_app(self, message: Message | None = None) -> RepairsFlowResult:
        if (protected := self._removed()) is None:
            return self.async_create_entry(data={})
        return show_form(
            self,
            "app",
            _NO_FIELDS,
            message=message,
            placeholders={
                "app": made(self._app).name,
                "hostname": self.subject,
                "entry": as_yaml({"additional_hosts": [app_entry(protected)]}),
            },
        )

    async def _async_find_app(self) -> App | None:
        """Return the app that serves the hostname as it was added there, if one does."""
        if (protected := self._removed()) is None:
            return None
        try:
            app = await async_find_app(self.hass, protected.tunnel_id)
        except AppError:
            return None
        return app if app and serves(app.options, protected) else None

    def _removed(self) -> ProtectedHostname | None:
        """Return the hostname as it was protected, unless its removal is over."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return None
        removed = self._entry.runtime_data.protection.removals.hostnames
        settings = removed.get(self.subject)
        return settings.protected if settings else None
