"""The steps of a dialog that changes the app Cloudflared, and shows what came of it."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult

from ..cloudflared_app import App, AppError, async_change_app
from ..engine.tunnels.app_options import Options
from ..engine.tunnels.reports import ConnectorReport
from ..wording import Message
from .form import made
from .progress import Progress, show_progress


class AppChangeSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FlowHandler[ContextT, ResultT, HandlerT]
):
    """Give an app other options, restart it, and continue with what came of it."""

    # Made by a step, for the steps after it.
    _app: App | None = None
    _changing: Progress[Message | None] | None = None

    @abstractmethod
    async def async_app_changed(self) -> ResultT:
        """Continue: the app does what its new options say."""

    @abstractmethod
    async def async_app_not_changed(self, message: Message) -> ResultT:
        """Continue without the change, and say why."""

    async def async_change(
        self, options: Options, is_done: Callable[[ConnectorReport], bool]
    ) -> ResultT:
        """Begin to change the app."""
        change = self._async_change(made(self._app), options, is_done)
        self._changing = Progress(self.hass, change)
        return await self.async_step_restart_app()

    async def async_step_restart_app(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show that the app is being changed and restarted."""
        return show_progress(
            self,
            made(self._changing),
            "restart_app",
            "app_restarted",
            app=made(self._app).name,
        )

    async def async_step_app_restarted(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Continue with what came of it."""
        if message := made(self._changing).work.result():
            return await self.async_app_not_changed(message)
        return await self.async_app_changed()

    async def _async_change(
        self, app: App, options: Options, is_done: Callable[[ConnectorReport], bool]
    ) -> Message | None:
        try:
            await async_change_app(self.hass, app, options, is_done)
        except AppError as err:
            return app_message(err, app.name)
        return None


def app_message(error: AppError, name: str = "") -> Message:
    """Return what a person is told of an app that could not be changed, or not be found."""
    return Message(f"app_{error.trouble}", {"app": name, "message": error.detail})
