"""The steps that change Access for a login hostname, and have a person log in there before it is kept."""

from contextlib import suppress
from datetime import datetime
from typing import Any, override

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.data_entry_flow import UnknownFlow
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..coordinator.login_writer import LoginWritten
from ..engine.access.plan import LoginPlan
from ..engine.api.errors import EngineError
from ..engine.api.names import in_letters
from ..login_choices import describe_access, describe_login_pages
from ..login_trials import TRIAL, async_expect_login
from ..quoting import shown
from ..subentries import login_data, logins_of
from ..wording import Message
from .form import abort, made
from .login_dialog import LoginSteps
from .progress import Progress, show_progress


class LoginTrialSteps(LoginSteps):
    """Make the changes, and have the person log in through a new login hostname."""

    # What the person confirmed, and when the trial ends.
    _confirmed: LoginPlan | None = None
    _until: datetime | None = None
    _url = ""
    _stop_waiting: CALLBACK_TYPE | None = None
    _writing: Progress[LoginWritten | EngineError] | None = None

    async def async_make(self, plan: LoginPlan) -> SubentryFlowResult:
        """Make the changes that a person has confirmed."""
        self._confirmed = plan
        self._until = dt_util.utcnow() + TRIAL
        self._writing = Progress(self.hass, self._write(plan))
        return await self.async_step_create()

    async def _write(self, plan: LoginPlan) -> LoginWritten | EngineError:
        try:
            if self._current is None:
                return await self._access.async_set_up(plan, made(self._until))
            return await self._access.async_change(plan, self._current)
        except EngineError as err:
            return err

    async def async_step_create(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show that the changes are being made."""
        return show_progress(
            self, made(self._writing), "create", "done", hostname=self._hostname
        )

    async def async_step_done(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Go on to the trial, or say what stopped the changes."""
        if not self._is_loaded:
            # A trial that began has ended with that.
            return self.async_abort(reason="entry_not_loaded")
        plan, written = made(self._confirmed), made(self._writing).work.result()
        if isinstance(written, EngineError):
            if ended := self.end_if_outdated():
                return ended
            return await self.async_review(plan.settings, describe_access(written))
        if message := describe_login_pages(written):
            return abort(self, message)
        if written.error:
            if self._current is None and not written.is_undone:
                return abort(
                    self, Message("login_not_undone", {"hostname": self._hostname})
                )
            return await self.async_review(
                plan.settings, describe_access(written.error)
            )
        return await self._async_finish(plan, written)

    async def _async_finish(
        self, plan: LoginPlan, written: LoginWritten
    ) -> SubentryFlowResult:
        if self._current is not None:
            return self.async_abort(reason="login_changed")
        if not self._access.writer.needs_trial(plan):
            return self.async_create_entry(
                title=in_letters(self._hostname),
                data=login_data(plan.settings),
                unique_id=self._hostname,
            )
        login = async_expect_login(
            self.hass,
            self._get_entry(),
            plan.settings,
            made(written.issuer),
            self._async_end_trial,
        )
        self._url = login.url
        self._stop_waiting = async_call_later(
            self.hass,
            made(self._until) - dt_util.utcnow(),
            HassJob(self._async_end_trial, cancel_on_shutdown=True),
        )
        return await self.async_step_trial()

    @callback
    def _async_end_trial(self, now: datetime | None = None) -> None:
        """Have the dialog go on: somebody logged in, or the time is up."""
        self.hass.async_create_task(self._async_go_on(), "login trial ended")

    async def _async_go_on(self) -> None:
        # A person may have closed the dialog meanwhile; the trial does not depend on it.
        with suppress(UnknownFlow):
            await self.hass.config_entries.subentries.async_configure(
                self.flow_id, user_input={}
            )

    @override
    @callback
    def async_remove(self) -> None:
        if self._stop_waiting:
            self._stop_waiting()

    async def async_step_trial(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Have the person log in through the hostname."""
        if user_input is None:
            return self.async_external_step(
                step_id="trial",
                url=self._url,
                description_placeholders=shown({"hostname": self._hostname}),
            )
        return self.async_external_step_done(next_step_id="trial_ended")

    async def async_step_trial_ended(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say how the trial ended."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        works = entry is not None and self._hostname in logins_of(entry.subentries)
        reason = "login_works" if works else "login_undone"
        return abort(self, Message(reason, {"hostname": self._hostname}))
