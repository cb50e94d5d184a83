"""Coordinator of Access: what stands in front of the login hostnames, and what must change."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import UpdateFailed
from homeassistant.util import dt as dt_util

from ..const import SUBENTRY_LOGIN_HOSTNAME
from ..engine.access.beyond_settings import (
    LetIn,
    let_in_by_login,
    may_be_login_of,
    still_let_in,
    who_is_out,
)
from ..engine.access.group_members import members_by_group, taken_out
from ..engine.access.login_methods import known_methods, let_in_by_changed_methods
from ..engine.access.login_visit import AskedBy, whether_asked, who_asks
from ..engine.access.logins import Login
from ..engine.access.named_people import strangers_pass
from ..engine.access.observation import AccessObservation, find_own
from ..engine.access.plan import LoginPlan, Occasion
from ..engine.access.problems import problem_of
from ..engine.access.sessions import Sessions, sessions_of
from ..engine.access.settings import LoginSettings
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import (
    EngineError,
    Permission,
    PermissionMissing,
    TokenRejected,
)
from ..engine.moment import Lasting, Moment
from ..engine.probe import Probe, Visit
from ..engine.rules.truth import Truth
from ..storage.found_by_visits import FoundByVisits
from ..storage.logins import LoginRecord, LoginRecords, Stage
from ..subentries import login_data, login_subentry, logins_of
from ..to_the_end import to_the_end
from .access_state import AccessState, LoginState
from .base import SECOND_LOOK, CloudflareCoordinator
from .login_reports import LoginReports
from .login_upkeep import Due, LoginUpkeep
from .login_writer import LoginWriter, LoginWritten

# Visits cost no call and show at once that a login is gone, so that Access is read less often.
_READ_EVERY: Final = timedelta(hours=2)
_RETRY_EVERY: Final = timedelta(hours=1)
# What a visit shows that follows from nothing else is looked at again once the edge has followed
# whatever was written.
_ANOTHER_LOOK: Final = timedelta(minutes=3)


class TrialEnd(StrEnum):
    """How the trial of a login hostname ended once somebody had logged in.

    over: the time was up before. in_the_way: apps would meet a login page, so that it is undone.
    """

    KEPT = "kept"
    OVER = "over"
    IN_THE_WAY = "in_the_way"


class AccessCoordinator(CloudflareCoordinator[AccessState]):
    """Watches the login hostnames, and fixes drift; without one it asks Cloudflare nothing."""

    subject = "access"
    interval = timedelta(minutes=15)
    permissions = frozenset(
        {Permission.ACCESS_EDIT, Permission.ACCESS_ORGANIZATION_EDIT}
    )

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: CloudflareClient,
        probe: Probe,
        records: LoginRecords,
        found: FoundByVisits,
        applications_written: Callable[[], Awaitable[None]],
    ) -> None:
        """Initialize the coordinator; nothing is known at first.

        applications_written is awaited after applications were, or may have been, written.
        """
        super().__init__(hass, entry, client)
        self.data = AccessState()
        self.probe = probe
        self.records = records
        self.writer = LoginWriter(hass, entry, client, probe, records)
        self._applications_written = applications_written
        self._upkeep = LoginUpkeep(
            self, self.writer, records, self._look_after_write, self._report_left
        )
        self._reports = LoginReports(hass, entry, records, found, self._upkeep)
        # What a person configured when this looked last, and what Access answered then.
        self._followed: Mapping[str, LoginSettings] | None = None
        self._answer: AccessObservation | EngineError | None = None
        self._wants_look = True
        self._read_at = Moment.now()
        self._failed_reads = 0
        self._has_just_read = False
        # Since when each trial was seen to last: the clock of the home may be set back meanwhile.
        self._trials = Lasting()
        self._trials_since: Mapping[str, Moment] = {}

    @property
    def logins(self) -> dict[str, LoginSettings]:
        """Return the settings of the login hostnames as they are configured now, by hostname."""
        return logins_of(self.config_entry.subentries)

    @property
    def observation(self) -> AccessObservation | None:
        """Return what was read of Access, None where the last attempt failed."""
        return self.data.observation if self.last_update_success else None

    @callback
    def async_keep_up(self) -> None:
        """Look at once where login hostnames were added, changed or removed."""
        if self._followed != self.logins:
            self.config_entry.async_create_background_task(
                self.hass, self.async_look_again(), f"{self.name} refresh"
            )

    async def async_look_again(self) -> None:
        """Read Access now, and not only when it is due."""
        # A look that is under way may have read what has changed since.
        self._wants_look = True
        await self.async_refresh()

    async def _look_after_write(self) -> None:
        await self._applications_written()
        await self.async_look_again()

    @to_the_end("Set-up of a login hostname")
    async def async_set_up(self, confirmed: LoginPlan, until: datetime) -> LoginWritten:
        """Set a new login hostname up, as LoginWriter.set_up does; its trial ends in time."""
        try:
            written = await self.writer.set_up(confirmed, until)
            if written.error is None:
                self._upkeep.note_sessions(confirmed.settings.hostname)
            return written
        finally:
            await self._look_after_write()

    @to_the_end("Change of a login hostname")
    async def async_change(
        self, confirmed: LoginPlan, before: LoginSettings
    ) -> LoginWritten:
        """Apply changed settings, as LoginWriter.change does, and store them once that is done.

        Nothing waits in between: what a person chooses after that is stored after that.
        """
        written = await self.writer.change(confirmed, before)
        if written.error is None:
            self._upkeep.note_sessions(before.hostname)
        if written.is_done and confirmed.settings.hostname in self.logins:
            self._async_update(confirmed.settings)
        return written

    async def async_take_over(
        self, found: LoginSettings, before: LoginSettings
    ) -> bool:
        """Store settings as they were found at Cloudflare; return whether that was done.

        It is not where somebody chose other settings than those of before.
        """
        # What is being written is stored after that, and is another choice.
        async with self.shared.writing:
            if self.logins.get(before.hostname) != before:
                return False
            self._async_update(found)
            return True

    async def async_end(self, hostname: str) -> bool:
        """Have nobody log in at a hostname any more; return whether Cloudflare did that at once.

        If not, it is tried again until it is done.
        """
        record = self.records.records[hostname]
        await self.records.async_put(replace(record, stage=Stage.REMOVING))
        await self._upkeep.remove([hostname])
        await self._look_after_write()
        return hostname not in self.records.records

    def application_of(self, settings: LoginSettings) -> str | None:
        """Return the id of the application in front of a hostname, as it was seen last."""
        ids = self.writer.ids_of(settings.hostname, adopted=settings.adopted)
        return ids.application

    async def async_end_sessions(self, hostname: str, application_id: str) -> None:
        """End everybody's sessions at a hostname; raise EngineError.

        What Cloudflare does not end now is tried again until it does.
        """
        everybody = Sessions(of_everybody=True)
        await self.records.async_note_due(hostname, everybody, LetIn())
        try:
            await self.client.access_applications.end_sessions(
                self.account_id, application_id
            )
            await self.records.async_note_ended(hostname, everybody)
        finally:
            self._upkeep.note_sessions(hostname)
            self._report_left()

    async def async_note_logged_in(
        self, logged_in: Mapping[str, Iterable[Login]]
    ) -> None:
        """Have the sessions of strangers end, as soon as nothing lets them in any more.

        logged_in: the logins, by hostname.
        """
        is_news = False
        for hostname, logins in logged_in.items():
            if (record := self.records.records.get(hostname)) is None:
                continue
            let_in = record.let_in
            for login in logins:
                let_in |= let_in_by_login(record.settings, self.observation, login)
            if let_in != record.let_in:
                is_news = True
                await self.records.async_note_let_in(hostname, let_in)
        if is_news:
            await self.async_look_again()

    def may_be_login_of(self, hostname: str, login: Login) -> Truth:
        """Return whether a login was one that was chosen, by what is known of Access now."""
        settings = self.logins.get(hostname)
        return may_be_login_of(settings, self.observation, login) if settings else None

    def stage_of(self, hostname: str) -> Stage | None:
        """Return how far a login hostname has come; None for one that is not known."""
        record = self.records.records.get(hostname)
        return record.stage if record else None

    async def async_forget(self, hostname: str, stage: Stage) -> None:
        """Say no more of a hostname that is at a stage; at Cloudflare everything stays as it is."""
        if self.stage_of(hostname) is stage:
            await self.records.async_forget(hostname)
            await self.async_look_again()

    async def async_keep_login(self, hostname: str) -> TrialEnd:
        """End the trial of a hostname that somebody logged in to, if it lasts and harms no app."""
        login_pages = await self.writer.find_login_pages()
        record = self.records.records.get(hostname)
        if (
            record is None
            or record.stage is not Stage.TRIAL
            or self._left_of(record) <= timedelta()
            or self.config_entry.state is not ConfigEntryState.LOADED
        ):
            return TrialEnd.OVER
        if login_pages:
            await self.records.async_put(replace(record, stage=Stage.UNDOING))
            await self.async_look_again()
            return TrialEnd.IN_THE_WAY
        self.async_add(record.settings)
        return TrialEnd.KEPT

    @callback
    def async_add(self, settings: LoginSettings) -> None:
        """Keep a login hostname that was set up, from now on as a subentry."""
        self.hass.config_entries.async_add_subentry(
            self.config_entry, login_subentry(settings)
        )

    @callback
    def _async_update(self, settings: LoginSettings) -> None:
        """Store changed settings of a login hostname."""
        subentry = next(
            subentry
            for subentry in self.config_entry.subentries.values()
            if subentry.subentry_type == SUBENTRY_LOGIN_HOSTNAME
            and subentry.unique_id == settings.hostname
        )
        self.hass.config_entries.async_update_subentry(
            self.config_entry, subentry, data=login_data(settings)
        )

    def _left_of(self, record: LoginRecord) -> timedelta:
        """Return how much time is left in which somebody has to log in, by whichever clock is ahead."""
        if record.until is None:
            return timedelta()
        left = record.until - dt_util.utcnow()
        since = self._trials_since.get(_trial_id(record))
        return min(left, record.until - since.on - since.age) if since else left

    @override
    def pace(self, data: AccessState) -> timedelta:
        if self._upkeep.wants_second_look:
            return SECOND_LOOK
        trials = map(self._left_of, self.records.at(Stage.TRIAL))
        return max(min([self._visit_every, *trials]), timedelta())

    @property
    def _visit_every(self) -> timedelta:
        wants_more = self._reports.wants_another_look
        return _ANOTHER_LOOK if wants_more else self.interval

    @override
    def _retry_after_failure(self) -> timedelta:
        # Visits go on, and how often Access is read is decided here.
        return min(super()._retry_after_failure(), self._visit_every)

    @override
    def _failure(self, err: EngineError) -> ConfigEntryAuthFailed | UpdateFailed:
        if not isinstance(err, TokenRejected):
            return super()._failure(err)
        # Home Assistant would not look again, but visits need no valid token.
        self.config_entry.async_start_reauth_if_available(self.hass)
        return self._update_failed(err)

    @override
    async def async_fetch(self) -> AccessState:
        self._followed = logins = self.logins
        self._has_just_read = False
        await self.records.async_update(self.config_entry.subentries)
        trials = self.records.at(Stage.TRIAL)
        self._trials_since = self._trials.look(map(_trial_id, trials))
        for record in trials:
            if self._left_of(record) <= timedelta():
                await self.records.async_put(replace(record, stage=Stage.UNDOING))
        removals = self._upkeep.due_removals()
        state = await self._look(logins)
        # To end sessions, and to tell what is left of earlier attempts, nothing has to be read.
        due = Due(
            removals=removals,
            drifted=self._drifted(state),
            sessions=self._upkeep.due_sessions(
                # Where anybody gets in, that is no use.
                lambda each: (
                    not state.is_opened(each.settings.hostname)
                    and not self._is_unseen(each)
                )
            ),
        )
        self._upkeep.async_begin(due, has_just_read=self._has_just_read)
        self._report_left()
        self._reports.report_seen(state, has_just_read=self._has_just_read)
        if isinstance(self._answer, EngineError) and state.problem is None:
            self._show(state)
            raise self._answer
        return state

    def _show(self, state: AccessState) -> None:
        """Show what visits have shown while Access cannot be read."""
        is_news = state != self.data
        self.data = state
        # Of the first failure, Home Assistant tells everybody itself.
        if is_news and not self.last_update_success:
            self.async_update_listeners()

    async def _look(self, logins: Mapping[str, LoginSettings]) -> AccessState:
        """Visit the login hostnames, and read Access where that is due."""
        if not logins and not self.records.at(Stage.LEFT):
            self._answer = None
            self._wants_look = True
            return AccessState()
        visits = await self._visit(logins)
        if self._wants_look or self._is_due(self._state(logins, visits)):
            await self._read(logins)
        if isinstance(self._answer, PermissionMissing):
            self._missing.add(self._answer.permission)
        return self._state(logins, visits)

    async def _visit(self, hostnames: Collection[str]) -> Mapping[str, Visit]:
        """Visit hostnames as a browser that never logged in."""
        visits = await asyncio.gather(*map(self.probe.anonymously, hostnames))
        return dict(zip(hostnames, visits, strict=True))

    def _is_due(self, seen: AccessState) -> bool:
        """Return whether to read Access: it has been a while, or a login just went away."""
        if isinstance(self._answer, EngineError):
            match self._failed_reads:
                case 1:
                    return True
                case 2:
                    return self.has_passed(_RETRY_EVERY, self._read_at)
                case _:
                    # A failure that stays costs no more calls than there are without it.
                    return self.has_passed(_READ_EVERY, self._read_at)
        if self._upkeep.has_left_drift:
            return True
        return self.has_passed(_READ_EVERY, self._read_at) or any(
            before.asked_by is AskedBy.OURS
            and hostname in seen.logins
            and seen.logins[hostname].asked_by is not AskedBy.OURS
            for hostname, before in self.data.logins.items()
        )

    async def _read(self, logins: Mapping[str, LoginSettings]) -> None:
        self._wants_look = False
        before = dict(self.records.records)
        self._read_at = Moment.now()
        try:
            observation = await self.writer.observe()
        except EngineError as err:
            self._answer = err
            self._failed_reads += 1
            return
        self._answer = observation
        self._has_just_read = True
        self._failed_reads = 0
        for hostname in logins.keys() & before.keys():
            await self._note_seen(before[hostname], observation)
        for record in self.records.at(Stage.LEFT):
            own = find_own(observation, record.settings, record.ids)
            if own.application is None and not own.path_applications:
                await self.records.async_forget(record.settings.hostname)

    async def _note_seen(
        self, record: LoginRecord, observation: AccessObservation
    ) -> None:
        """Store what is ours, and who can log in beyond the settings; sessions end once that is over."""
        plan = self.writer.plan(observation, record.settings, Occasion.KEEP)
        let_in, out = record.let_in, LetIn()
        members = members_by_group(observation, plan)
        if record.stage is Stage.KEPT:
            by_changed = let_in_by_changed_methods(
                record.methods, record.settings, observation
            )
            known = let_in.without(by_changed) | taken_out(record.members, members)
            out = who_is_out(known, observation, plan)
            let_in = still_let_in(let_in, out, observation, plan) | by_changed
        await self.records.async_note_seen(
            record,
            replace(
                record,
                ids=plan.own.ids,
                let_in=let_in,
                members={**record.members, **members},
                methods=known_methods(record.methods, record.settings, observation),
                sessions=record.sessions | sessions_of(out),
            ),
        )

    def _state(
        self, logins: Mapping[str, LoginSettings], visits: Mapping[str, Visit]
    ) -> AccessState:
        """Return what the visits and the last answer mean."""
        match self._answer:
            case AccessObservation() as observation:
                return AccessState(
                    logins={
                        hostname: self._login(observation, settings, visits[hostname])
                        for hostname, settings in logins.items()
                    },
                    observation=observation,
                )
            case answer:
                return AccessState(
                    logins={
                        hostname: LoginState(
                            settings=settings,
                            asked_by=whether_asked(visits[hostname]),
                            strangers_pass=None,
                        )
                        for hostname, settings in logins.items()
                    },
                    problem=problem_of(answer) if answer else None,
                )

    def _login(
        self, observation: AccessObservation, settings: LoginSettings, visit: Visit
    ) -> LoginState:
        plan = self.writer.plan(observation, settings, Occasion.KEEP)
        application = plan.own.application
        return LoginState(
            settings=settings,
            plan=plan,
            asked_by=who_asks(visit, observation.organization, application),
            strangers_pass=strangers_pass(application, observation.groups_by_id),
        )

    def _drifted(self, state: AccessState) -> tuple[str, ...]:
        """Return the login hostnames that are fixed now, if Access was just read."""
        if not self._has_just_read:
            return ()
        return tuple(
            hostname
            for hostname, login in state.logins.items()
            if login.settings.keep_in_sync
            and login.plan
            and login.plan.steps
            and self.stage_of(hostname) is Stage.KEPT
        )

    def _is_unseen(self, record: LoginRecord) -> bool:
        """Return whether nobody knows yet which application a hostname has."""
        return (
            record.stage is Stage.KEPT
            and record.ids.application is None
            and not isinstance(self._answer, AccessObservation)
        )

    def _report_left(self) -> None:
        self._reports.report_left(self._is_unseen)


def _trial_id(record: LoginRecord) -> str:
    """Return what distinguishes a trial from another one of its hostname."""
    return f"{record.settings.hostname}_{record.until}"
