"""The steps that look at Access once more, and show what will change for a login hostname."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any, override

from homeassistant.config_entries import SubentryFlowResult

from ..engine.access.observation import AccessObservation
from ..engine.access.plan import LoginPlan
from ..engine.access.problems import LoginProblem, LoginProblemCode, seat_problem
from ..engine.access.sessions import sessions_to_end
from ..engine.access.settings import LoginSettings
from ..engine.api.errors import EngineError
from ..login_choices import describe_access
from ..login_trials import TRIAL
from ..quoting import Ours, shown
from ..wording import (
    Message,
    around_changes,
    async_get_country_names,
    async_get_dialog_texts,
    describe_login_problem,
)
from .form import async_show_preview, made
from .login_adoption import LoginAdoptionSteps
from .login_preview import home_shut_out, people_shut_out, preview_of
from .login_rules import LoginRulesSteps
from .login_trial import LoginTrialSteps


class LoginReviewSteps(LoginTrialSteps, LoginRulesSteps, LoginAdoptionSteps):
    """Show what will change, or what stands in the way."""

    # What the person is shown, and whether they agree to replace an application for a wildcard.
    _observation: AccessObservation | None = None
    _plan: LoginPlan | None = None
    _seats: LoginProblem | None = None
    _wildcard: LoginProblem | None = None
    _over_wildcard: Collection[str] = ()

    @override
    async def async_review(
        self, settings: LoginSettings, message: Message | None = None
    ) -> SubentryFlowResult:
        if not self._is_loaded:
            return self.async_abort(reason="entry_not_loaded")
        self._settings = settings
        try:
            self._observation = await self._access.writer.observe(settings)
        except EngineError as err:
            return await self._show_obstacle(settings, describe_access(err))
        plan = self._access.writer.plan(
            self._observation,
            settings,
            self._occasion,
            over_wildcard=self._hostname in self._over_wildcard,
        )
        if blocking := plan.blocking_at(self._occasion):
            problem = blocking[0]
            if problem.code is LoginProblemCode.FOREIGN_WILDCARD:
                self._wildcard = problem
                return await self.async_step_wildcard()
            return await self._show_obstacle(settings, describe_login_problem(problem))
        self._plan = plan
        self._seats = await self._find_seats(settings)
        return await self._show_preview(message)

    async def async_step_wildcard(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say that the new application takes the place of somebody's for a wildcard."""
        problem = made(self._wildcard)
        return self.async_show_menu(
            step_id="wildcard",
            menu_options=["replace_wildcard", "hostname"],
            description_placeholders=shown(
                {
                    "hostname": self._hostname,
                    "application": problem.detail,
                    "address": problem.target,
                }
            ),
        )

    async def async_step_replace_wildcard(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Go on although the new application may be less strict than the one for a wildcard."""
        self._over_wildcard = {self._hostname}
        return await self.async_review(made(self._settings))

    async def _find_seats(self, settings: LoginSettings) -> LoginProblem | None:
        """Return the problem that the people need more seats than there are, if that is known."""
        access = self._access
        with suppress(EngineError):
            users = await access.client.access_users.list(access.account_id)
            return seat_problem(users, settings)
        return None

    async def _show_obstacle(
        self, settings: LoginSettings, message: Message
    ) -> SubentryFlowResult:
        if settings.adopted:
            return self.show_adopt(None, message)
        return await self.show_rules(message)

    async def async_step_preview(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show what will change at Cloudflare: so far, nothing has."""
        if user_input is None:
            return await self._show_preview(None)
        if not self._is_loaded:
            return self.async_abort(reason="entry_not_loaded")
        if ended := self.end_if_outdated():
            return ended
        return await self.async_make(made(self._plan))

    async def _show_preview(self, message: Message | None) -> SubentryFlowResult:
        plan, current = made(self._plan), self._current
        text = await async_get_dialog_texts(self.hass)
        country_name = await async_get_country_names(self.hass)
        home = self.hass.config.country
        warnings = [home_shut_out(text, country_name, plan.settings, home)]
        after = Ours()
        if current and sessions_to_end(plan, current).of_everybody:
            warnings.append(people_shut_out(text, current, plan.settings))
            after = Ours(text("login_ends_sessions", hostname=self._hostname))
        elif current is None and self._access.writer.needs_trial(plan):
            minutes = str(round(TRIAL.total_seconds() / 60))
            after = Ours(text("login_trial", hostname=self._hostname, minutes=minutes))
        return await async_show_preview(
            self,
            "preview",
            message=message,
            warnings=warnings,
            placeholders={
                **around_changes(
                    text, "login", has_steps=bool(plan.steps), hostname=self._hostname
                ),
                "changes": preview_of(
                    text, country_name, made(self._observation), plan, self._seats
                ),
                "after": after,
            },
        )
