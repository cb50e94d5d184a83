"""Coordinator of Access: what stands in front of the login hostnames, and what must change."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import UpdateFailed
from homeassistant.util import dt as dt_util

from ..bus_events import async_fire_fixed
from ..const import DOMAIN, LOGGER, SUBENTRY_LOGIN_HOSTNAME
from ..engine.access.beyond_settings import (
    LetIn,
    let_in_by_login,
    may_be_login_of,
    still_let_in,
    who_is_out,
)
from ..engine.access.group_members import members_by_group, taken_out
from ..engine.access.let_through import LetThrough
from ..engine.access.login_visit import AskedBy, whether_asked, who_asks
from ..engine.access.logins import Login
from ..engine.access.named_people import strangers_pass
from ..engine.access.observation import AccessObservation, find_own
from ..engine.access.plan import LoginPlan, Occasion
from ..engine.access.problems import LoginProblemCode, problem_of
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
from ..engine.sync.repeated_drift import Condition, RepeatedDrift
from ..issues import Fix, Issue, async_report, login_issue
from ..login_issues import (
    drift_issues,
    not_enforced_login_issue,
    repeated_login_drift_issue,
    zero_trust_issue,
)
from ..quoting import shown
from ..storage.found_by_visits import FoundByVisits
from ..storage.logins import LoginRecord, LoginRecords, Stage
from ..subentries import login_data, login_subentry, logins_of
from ..to_the_end import to_the_end
from ..wording import describe
from .access_state import AccessState, LoginState
from .base import SECOND_LOOK, CloudflareCoordinator
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
        self._found = found
        self._let_through = LetThrough()
        self._repeated = RepeatedDrift()
        # What a person configured when this looked last, and what Access answered then.
        self._followed: Mapping[str, LoginSettings] | None = None
        self._answer: AccessObservation | EngineError | None = None
        self._read_at = Moment.now()
        self._failed_reads = 0
        self._has_just_read = False
        self._removed_at = Moment.now()
        self._failed_removals = 0
        # Where sessions that must end could not be ended, and how many attempts in a row failed.
        self._with_sessions: set[str] = set()
        self._failed_endings = 0
        self._ended_at = Moment.now()
        # The hostnames of which something was removed, or looked for, since the start.
        self._looked_at: set[str] = set()
        # Since when each trial was seen to last: the clock of the home may be set back meanwhile.
        self._trials = Lasting()
        self._trials_since: Mapping[str, Moment] = {}
        self._is_working = False
        # How many attempts in a row ended with drift that was still there, or new.
        self._left_by = 0
        # Where drift could not be fixed the last time.
        self._unfixed: set[str] = set()

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
        self._answer = None
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
                self._note_sessions(confirmed.settings.hostname)
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
            self._note_sessions(before.hostname)
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
        await self._remove([hostname])
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
            self._note_sessions(hostname)
            self._report()

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
        # Only the look that ends an attempt: the next one may have nothing to read.
        is_left = self._is_working and self._left_by == 1
        if 1 in (self._failed_removals, self._failed_endings) or is_left:
            return SECOND_LOOK
        trials = map(self._left_of, self.records.at(Stage.TRIAL))
        return max(min([self._visit_every, *trials]), timedelta())

    @property
    def _visit_every(self) -> timedelta:
        wants_more = self._let_through.wants_another_look
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
        message = describe(err)
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key=message.key,
            translation_placeholders=shown(message.placeholders),
        )

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
        removals = self._due_removals()
        state = await self._look(logins)
        # To end sessions, and to tell what is left of earlier attempts, nothing has to be read.
        self._begin_work(removals, self._drifted(state), self._due_sessions(state))
        self._report()
        self._report_drift(state)
        self._report_let_through(state)
        self._report_repeated(state)
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
            return AccessState()
        visits = await self._visit(logins)
        if self._answer is None or self._is_due(self._state(logins, visits)):
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
        if self._left_by == 1:
            return True
        return self.has_passed(_READ_EVERY, self._read_at) or any(
            before.asked_by is AskedBy.OURS
            and hostname in seen.logins
            and seen.logins[hostname].asked_by is not AskedBy.OURS
            for hostname, before in self.data.logins.items()
        )

    async def _read(self, logins: Mapping[str, LoginSettings]) -> None:
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
            known = let_in | taken_out(record.members, members)
            out = who_is_out(known, observation, plan)
            let_in = still_let_in(let_in, out, observation, plan)
        await self.records.async_note_seen(
            record,
            replace(
                record,
                ids=plan.own.ids,
                let_in=let_in,
                members={**record.members, **members},
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

    def _due_removals(self) -> tuple[str, ...]:
        """Return the hostnames for which something has to go at Cloudflare now."""
        waiting = self.records.at(Stage.REMOVING, Stage.UNDOING)
        if not waiting:
            self._failed_removals = 0
        if self._failed_removals > 1 and not self.has_passed(
            _RETRY_EVERY, self._removed_at
        ):
            return ()
        return tuple(each.settings.hostname for each in waiting)

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

    def _due_sessions(self, state: AccessState) -> tuple[str, ...]:
        """Return the hostnames of which sessions are ended now; where anybody gets in, that is no use."""
        waiting = [each for each in self.records.records.values() if each.sessions]
        if not waiting:
            self._failed_endings = 0
        if self._failed_endings > 1 and not self.has_passed(
            _RETRY_EVERY, self._ended_at
        ):
            return ()
        return tuple(
            each.settings.hostname
            for each in waiting
            if not state.is_opened(each.settings.hostname) and not self._is_unseen(each)
        )

    def _is_unseen(self, record: LoginRecord) -> bool:
        """Return whether nobody knows yet which application a hostname has."""
        return (
            record.stage is Stage.KEPT
            and record.ids.application is None
            and not isinstance(self._answer, AccessObservation)
        )

    @callback
    def _begin_work(
        self,
        removals: Collection[str],
        drifted: Collection[str],
        with_sessions: Collection[str],
    ) -> None:
        """Begin to write in the background, unless that is under way."""
        if self._is_working:
            # It came while an attempt was under way, or the attempt did not fix it.
            self._left_by += bool(drifted)
            return
        if self._has_just_read and not drifted:
            self._left_by = 0
        if not (removals or drifted or with_sessions):
            return
        self._is_working = True
        # Not eager: entities show what was found before it is fixed.
        self.config_entry.async_create_background_task(
            self.hass,
            self._work(removals, drifted, with_sessions),
            f"{self.name} fix",
            eager_start=False,
        )

    async def _work(
        self,
        removals: Collection[str],
        drifted: Collection[str],
        with_sessions: Collection[str],
    ) -> None:
        """Make one attempt, and look what came of it."""
        try:
            if removals:
                await self._remove(removals)
            for hostname in drifted:
                await self._fix(hostname)
            for hostname in with_sessions:
                await self.writer.end_sessions(hostname)
                self._note_sessions(hostname)
            if removals or drifted:
                await self._look_after_write()
            else:
                # Nothing that is read shows whether sessions have ended.
                self._report()
        finally:
            self._is_working = False

    async def _remove(self, hostnames: Collection[str]) -> None:
        self._removed_at = Moment.now()
        left = False
        for hostname in hostnames:
            try:
                left = not await self._remove_one(hostname) or left
            except EngineError as err:
                LOGGER.debug("%s could not be opened again: %s", hostname, err)
                left = True
        self._failed_removals = self._failed_removals + 1 if left else 0

    async def _remove_one(self, hostname: str) -> bool:
        """Return whether nothing is left of a hostname.

        What a set-up created that Home Assistant did not survive is known by its marks alone. No
        single list decides that nothing is there: it is looked for now, and removed the next time.
        """
        is_first = hostname not in self._looked_at
        self._looked_at.add(hostname)
        if is_first and self.writer.was_interrupted(hostname):
            await self.writer.find_again(hostname)
            return False
        return await self.writer.remove(hostname)

    def _note_sessions(self, hostname: str) -> None:
        """Note whether sessions that must end are left after an attempt."""
        self._ended_at = Moment.now()
        record = self.records.records.get(hostname)
        if record and record.sessions:
            self._with_sessions.add(hostname)
            self._failed_endings += 1
        else:
            self._with_sessions.discard(hostname)

    async def _fix(self, hostname: str) -> None:
        try:
            outcome = await self.writer.keep(hostname)
        except EngineError as err:
            LOGGER.debug("Drift could not be fixed: %s", err)
            self._unfixed.add(hostname)
            return
        if outcome and outcome.error:
            self._unfixed.add(hostname)
        else:
            self._unfixed.discard(hostname)
            self._note_sessions(hostname)
        if outcome and outcome.applied:
            async_fire_fixed(self.hass, self.config_entry, hostname, outcome.applied)
            self._repeated.fixed(hostname, Moment.now())

    def _report(self) -> None:
        """Report what is left at Cloudflare, and which trials were undone."""
        issues = [
            issue
            for each in self.records.records.values()
            for issue in self._issues(each)
        ]
        async_report(self.hass, self.config_entry.entry_id, self.subject, issues)

    def _report_drift(self, state: AccessState) -> None:
        """Report what somebody changed at Cloudflare, except what is fixed at this moment."""
        issues = []
        for hostname, login in state.logins.items():
            # What a person ordered to be removed is not told of as gone.
            if (plan := login.plan) and self.stage_of(hostname) is Stage.KEPT:
                fixed = login.settings.keep_in_sync and hostname not in self._unfixed
                is_being_fixed = fixed and bool(plan.steps)
                issues += drift_issues(
                    login.settings, plan, is_being_fixed=is_being_fixed
                )
        if (
            state.problem
            and state.problem.code is LoginProblemCode.ZERO_TRUST_NOT_SET_UP
        ):
            issues.append(zero_trust_issue(self.config_entry.title))
        async_report(
            self.hass,
            self.config_entry.entry_id,
            "login_drift",
            issues,
            is_complete=state.observation is not None or not state.logins,
        )

    def _report_let_through(self, state: AccessState) -> None:
        """Report where visits met no login, unless what was read of Access says why."""
        met = {
            hostname: login.asked_by
            for hostname, login in state.logins.items()
            if login.asked_by
            and not (login.plan and login.plan.opens)
            # What a person ordered to be removed is not told of as gone.
            and self.stage_of(hostname) is Stage.KEPT
        }
        found = self._let_through.look(self._found.without_login, met, Moment.now())
        self._found.keep_without_login(found)
        issues = [
            not_enforced_login_issue(
                hostname, is_readable=state.logins[hostname].plan is not None
            )
            for hostname in found
        ]
        async_report(self.hass, self.config_entry.entry_id, "login_visits", issues)

    def _report_repeated(self, state: AccessState) -> None:
        """Report what somebody else keeps undoing where it is kept in sync."""
        kept = {
            hostname: login.plan
            for hostname, login in state.logins.items()
            if login.settings.keep_in_sync and self.stage_of(hostname) is Stage.KEPT
        }
        now = Moment.now()
        if self._has_just_read:
            found = {
                hostname: Condition(drifted=bool(plan.steps), exposed=plan.opens)
                for hostname, plan in kept.items()
                if plan
            }
            self._repeated.look(found, now)
        issues = [
            repeated_login_drift_issue(hostname, change)
            for hostname, change in self._repeated.repeated(now).items()
            if hostname in kept
        ]
        async_report(self.hass, self.config_entry.entry_id, "login_repeated", issues)

    def _issues(self, record: LoginRecord) -> Iterator[Issue]:
        hostname = record.settings.hostname
        if hostname in self._with_sessions or (
            record.sessions and self._is_unseen(record)
        ):
            yield login_issue("login_sessions_left", hostname)
        match record.stage:
            case Stage.LEFT:
                yield login_issue("login_left", hostname, Fix.LOGIN_LEFT)
            case Stage.UNDONE:
                yield login_issue("login_undone", hostname, Fix.LOGIN_UNDONE)
            case Stage.REMOVING | Stage.UNDOING if self._failed_removals > 1:
                yield login_issue("login_not_removed", hostname)
            case _:
                pass


def _trial_id(record: LoginRecord) -> str:
    """Return what distinguishes a trial from another one of its hostname."""
    return f"{record.settings.hostname}_{record.until}"
