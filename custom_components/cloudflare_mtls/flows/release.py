"""The dialog about a hostname that the file of a local tunnel may still name, though it was removed or moved."""

from typing import Any, override

from homeassistant.components.repairs import RepairsFlowContext, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState

from ..cloudflared_app import App, AppError, async_find_app, async_is_named
from ..engine.sync.settings import ProtectedHostname
from ..engine.tunnels.app_options import serves, without_host
from ..engine.tunnels.file_rule import app_entry
from ..engine.tunnels.reports import ConnectorReport
from ..quoting import shown
from ..runtime_data import CloudflareConfigEntry
from ..wording import Message
from .app_change import AppChangeSteps
from .by_hand import as_yaml
from .fix_flow import FixFlow
from .form import async_show_preview, made


class ReleaseFlow(FixFlow, AppChangeSteps[RepairsFlowContext, RepairsFlowResult, str]):
    """Take the hostname out of the app that runs the tunnel, or take a person's word for it."""

    def __init__(self, entry: CloudflareConfigEntry, subject: str) -> None:
        """Take the account, and the hostname with the tunnel whose file may name it."""
        super().__init__(entry, subject)
        self._hostname, self._tunnel_id = subject.split(" ")

    @override
    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        self._app = await self._async_find_app()
        first = ["app"] if self._app else []
        return self.async_show_menu(
            step_id="init",
            menu_options=[*first, *self.fixes, "ignore"],
            description_placeholders=shown(self._names()),
        )

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        return await self.async_show_confirm(self._names(), message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        """Take a person's word, unless Home Assistant sees that it is not so."""
        if await self._is_named():
            return await self._ask_again()
        return await self._async_release()

    async def _ask_again(self) -> RepairsFlowResult:
        message = Message(
            "still_named", {"hostname": self._hostname, "tunnel": self._tunnel}
        )
        return await self.async_ask(message)

    async def _async_release(self) -> RepairsFlowResult:
        protection = self._entry.runtime_data.protection
        await protection.removals.async_release(self._hostname, self._tunnel_id)
        await protection.async_refresh()
        return self.async_create_entry(data={})

    async def async_step_app(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show what would be removed from the app, and remove it once a person confirms."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if user_input is None:
            return await self._show_app()
        if (protected := self._in_file()) is None:
            return self.async_create_entry(data={})

        def is_out(report: ConnectorReport) -> bool:
            return not report.names(self._hostname)

        options = without_host(made(self._app).options, protected)
        return await self.async_change(options, is_out)

    @override
    async def async_app_changed(self) -> RepairsFlowResult:
        # Another app may name it as well; what connectors said last is of before.
        if await self._is_named_by_an_app():
            return await self._ask_again()
        return await self._async_release()

    @override
    async def async_app_not_changed(self, message: Message) -> RepairsFlowResult:
        return await self._show_app(message)

    async def _show_app(self, message: Message | None = None) -> RepairsFlowResult:
        if (protected := self._in_file()) is None:
            return self.async_create_entry(data={})
        return await async_show_preview(
            self,
            "app",
            message=message,
            placeholders={
                "app": made(self._app).name,
                "hostname": self._hostname,
                "entry": as_yaml({"additional_hosts": [app_entry(protected)]}),
            },
        )

    async def _async_find_app(self) -> App | None:
        """Return the app that serves the hostname as it was added there, if one does."""
        if (protected := self._in_file()) is None:
            return None
        try:
            app = await async_find_app(self.hass, protected.tunnel_id)
        except AppError:
            return None
        return app if app and serves(app.options, protected) else None

    async def _is_named(self) -> bool:
        """Return whether a connector of the tunnel, or an app, is seen to name the hostname."""
        reports = self._entry.runtime_data.reports.of_tunnel(self._tunnel_id)
        # One that has ended may be started with another file.
        if any(each.is_connected and each.names(self._hostname) for each in reports):
            return True
        return await self._is_named_by_an_app()

    async def _is_named_by_an_app(self) -> bool:
        try:
            return await async_is_named(self.hass, self._hostname)
        except AppError:
            return False

    def _in_file(self) -> ProtectedHostname | None:
        """Return the hostname as the file may name it, unless that is over."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return None
        removals = self._entry.runtime_data.protection.removals
        return removals.find_in_file(self._hostname, self._tunnel_id)

    def _names(self) -> dict[str, str]:
        return {"hostname": self._hostname, "tunnel": self._tunnel}

    @property
    def _tunnel(self) -> str:
        """Return what the tunnel is called; one that is gone has only its id."""
        is_loaded = self._entry.state is ConfigEntryState.LOADED
        names = self._entry.runtime_data.tunnels.tunnel_names() if is_loaded else {}
        return names.get(self._tunnel_id, self._tunnel_id)
