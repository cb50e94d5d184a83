"""The steps of a dialog that add a hostname to the app Cloudflared, if a person agrees."""

from typing import Any, Final, override

from homeassistant.data_entry_flow import FlowContext, FlowResult
from homeassistant.helpers.selector import BooleanSelector
import probatio

from ..cloudflared_app import AppError, async_find_app
from ..engine.tunnels.app_options import find_obstacle, serves, with_host
from ..engine.tunnels.file_rule import app_entry
from ..engine.tunnels.reports import ConnectorReport, RuleState
from ..wording import Message
from .app_change import AppChangeSteps, app_message
from .by_hand import ByHandSteps, as_yaml
from .form import made, show_form

CONF_CHANGE_APP: Final = "change_app"

# Off by default: the restart disconnects everybody who came through the tunnel.
_SCHEMA: Final = probatio.Schema(
    {probatio.Required(CONF_CHANGE_APP, default=False): BooleanSelector()}
)


class ByAppSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    AppChangeSteps[ContextT, ResultT, HandlerT],
    ByHandSteps[ContextT, ResultT, HandlerT],
):
    """Offer to add a hostname to the app that runs the tunnel, or show what to add by hand."""

    async def async_lead_home(self) -> ResultT:
        """Have the local tunnel lead to the server, now that the rules are written."""
        if stopped := await self.async_read_back():
            return stopped
        draft = made(self._draft)
        protected, zone = draft.settings.protected, draft.chosen.zone.name
        try:
            app = await async_find_app(self.hass, protected.tunnel_id)
        except AppError as err:
            return await self.async_show_lines(app_message(err))
        if app is None:
            return await self.async_show_lines()
        if serves(app.options, protected):
            return await self.async_finish(draft.settings)
        if obstacle := find_obstacle(app.options, app.known_options, protected, zone):
            return await self.async_show_lines(
                Message(f"app_obstacle_{obstacle}", {"app": app.name, "zone": zone})
            )
        self._app = app
        return await self.async_step_by_app()

    async def async_step_by_app(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show what would be added to the app, and add it if a person agrees."""
        app, protected = made(self._app), made(self._draft).settings.protected
        if user_input is None:
            return show_form(
                self,
                "by_app",
                _SCHEMA,
                placeholders={
                    "app": app.name,
                    "hostname": protected.hostname,
                    "entry": as_yaml({"additional_hosts": [app_entry(protected)]}),
                },
            )
        if not user_input[CONF_CHANGE_APP]:
            return await self.async_show_lines()
        # The app's next start leads the hostname home: nobody may have opened it since.
        if stopped := await self.async_read_back():
            return stopped

        def is_served(report: ConnectorReport) -> bool:
            return report.rule_state(protected.hostname) is RuleState.SERVED

        return await self.async_change(with_host(app.options, protected), is_served)

    @override
    async def async_app_changed(self) -> ResultT:
        return await self.async_finish(made(self._draft).settings)

    @override
    async def async_app_not_changed(self, message: Message) -> ResultT:
        return await self.async_show_lines(message)
