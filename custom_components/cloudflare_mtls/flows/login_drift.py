"""Dialogs of repairs about what somebody changed at Cloudflare for a login hostname."""

from collections.abc import Callable, Iterable
from typing import Any, override

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState

from ..coordinator.access import AccessCoordinator
from ..engine.access.as_found import settings_as_found
from ..engine.access.drift import Difference, Drift
from ..engine.access.observation import AccessObservation
from ..engine.access.plan import LoginPlan, Occasion
from ..engine.access.sessions import sessions_to_end
from ..engine.access.settings import LoginSettings
from ..engine.api.errors import EngineError, PlanChanged
from ..login_choices import describe_login_pages
from ..quoting import Ours, listed
from ..wording import (
    CHANGED,
    Message,
    Texts,
    async_get_country_names,
    async_get_dialog_texts,
    changes_of,
    describe,
    describe_login_problem,
    paragraphs,
)
from .fix_flow import FixFlow
from .form import abort, async_show_preview


class LoginDriftFlow(FixFlow):
    """Apply a person's settings for a login hostname at Cloudflare."""

    # What a person saw last.
    _shown: LoginPlan | None = None

    @property
    def _access(self) -> AccessCoordinator:
        access: AccessCoordinator = self._entry.runtime_data.access
        return access

    async def _look(self) -> tuple[AccessObservation, LoginPlan] | None:
        """Return what is there and what there is to do, None once the hostname was removed."""
        settings = self._access.logins.get(self.subject)
        if settings is None:
            return None
        writer = self._access.writer
        observation = await writer.observe(settings)
        return observation, writer.plan(observation, settings, Occasion.CHANGE)

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        if (seen := await self._look()) is None or seen[1].in_sync:
            return self.async_create_entry(data={})
        observation, plan = seen
        if blocking := plan.blocking_at(Occasion.CHANGE):
            return abort(self, describe_login_problem(blocking[0]))
        self._shown = plan
        text = await async_get_dialog_texts(self.hass)
        countries = await async_get_country_names(self.hass)
        placeholders = {
            "hostname": self.subject,
            "changes": paragraphs(
                changes_of(text, self.subject, plan.steps),
                text("login_ends_sessions", hostname=self.subject)
                if sessions_to_end(plan).of_everybody
                else "",
            ),
            "differences": _differences(text, countries, observation, plan),
        }
        return await self.async_show_confirm(placeholders, message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        assert self._shown
        try:
            written = await self._access.async_change(self._shown, self._shown.settings)
        except PlanChanged:
            return await self.async_ask(CHANGED)
        if written.error:
            return await self.async_ask(describe(written.error))
        if message := describe_login_pages(written):
            return abort(self, message)
        await self._access.async_look_again()
        return self.async_create_entry(data={})


class LoginListChangedFlow(LoginDriftFlow):
    """Keep who may log in as somebody changed it at Cloudflare, or apply a person's settings."""

    fixes = ("keep", "confirm")

    # What a person saw last.
    _kept: LoginSettings | None = None

    async def async_step_keep(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask, or take the list over as it is at Cloudflare."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        try:
            seen = await self._look()
        except EngineError as err:
            return abort(self, describe(err))
        if seen is None or seen[1].in_sync:
            return self.async_create_entry(data={})
        observation, plan = seen
        kept = settings_as_found(observation, plan.own, plan.settings)
        if kept is None:
            return self.async_abort(reason="login_not_kept")
        if (
            user_input is not None
            and kept == self._kept
            and await self._access.async_take_over(kept, plan.settings)
        ):
            return self.async_create_entry(data={})
        message = None if user_input is None else CHANGED
        self._kept = kept
        text = await async_get_dialog_texts(self.hass)
        countries = await async_get_country_names(self.hass)
        return await async_show_preview(
            self,
            "keep",
            message=message,
            placeholders={
                "hostname": self.subject,
                "differences": _differences(text, countries, observation, plan),
            },
        )


def _differences(
    text: Texts,
    country_name: Callable[[str], str],
    observation: AccessObservation,
    plan: LoginPlan,
) -> Ours:
    """Return who may log in at Cloudflare and should not, and the other way round."""
    names = {each.id: each.name for each in observation.login_methods}
    names |= {each.id: each.name for each in observation.groups}

    def name(drift: Drift, item: str) -> str:
        is_country = drift is Drift.COUNTRIES
        return country_name(item) if is_country else names.get(item, item)

    every = {
        Drift.LOGIN_METHODS: text("login_every_method"),
        Drift.COUNTRIES: text("login_every_country"),
    }
    differences = plan.for_a_person
    limited = [each for each in differences if not each.is_unlimited]
    added = [name(each.drift, item) for each in differences for item in _added(each)]
    added += [every[each.drift] for each in differences if each.is_unlimited]
    missing = [name(each.drift, item) for each in limited for item in each.missing]
    return paragraphs(
        text("login_added", items=listed(added)) if added else "",
        text("login_missing", items=listed(missing)) if missing else "",
    )


def _added(difference: Difference) -> Iterable[str]:
    is_policy = difference.drift is Drift.OTHER_POLICY
    return [difference.target] if is_policy else difference.added
