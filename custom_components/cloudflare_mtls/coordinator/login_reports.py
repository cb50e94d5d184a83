"""Reports what is wrong at login hostnames: what was changed, what is open, and what is left at Cloudflare."""

from collections.abc import Callable, Iterator

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..engine.access.let_through import LetThrough
from ..engine.access.login_methods import changed_methods
from ..engine.access.problems import LoginProblemCode
from ..engine.moment import Moment
from ..engine.sync.repeated_drift import Condition
from ..issues import Fix, Issue, async_report, login_issue
from ..login_issues import (
    changed_login_method_issue,
    drift_issues,
    not_enforced_login_issue,
    repeated_login_drift_issue,
    zero_trust_issue,
)
from ..storage.found_by_visits import FoundByVisits
from ..storage.logins import LoginRecord, LoginRecords, Stage
from .access_state import AccessState, LoginState
from .login_upkeep import LoginUpkeep


class LoginReports:
    """The repairs of the login hostnames, but for those of the log of logins."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        records: LoginRecords,
        found: FoundByVisits,
        upkeep: LoginUpkeep,
    ) -> None:
        """Take what is known of the hostnames; nothing was met by visits yet."""
        self._hass = hass
        self._entry = entry
        self._records = records
        self._found = found
        self._upkeep = upkeep
        self._let_through = LetThrough()

    @property
    def wants_another_look(self) -> bool:
        """Return whether a visit met no login, and another one has to show that it was no accident."""
        return self._let_through.wants_another_look

    def report_left(self, is_unseen: Callable[[LoginRecord], bool]) -> None:
        """Report what is left at Cloudflare, and which trials were undone.

        is_unseen: whether nobody knows yet which application a hostname has.
        """
        issues = [
            issue
            for each in self._records.records.values()
            for issue in self._issues(each, is_unseen=is_unseen(each))
        ]
        async_report(self._hass, self._entry.entry_id, "access", issues)

    def report_seen(self, state: AccessState, *, has_just_read: bool) -> None:
        """Report what a look has shown."""
        self._report_drift(state)
        self._report_methods(state)
        self._report_let_through(state)
        self._report_repeated(state, has_just_read=has_just_read)

    def _report_drift(self, state: AccessState) -> None:
        """Report what somebody changed at Cloudflare, except what is fixed at this moment."""
        issues = []
        for hostname, login in self._kept(state):
            if plan := login.plan:
                fixed = login.settings.keep_in_sync and self._upkeep.may_fix(hostname)
                is_being_fixed = fixed and bool(plan.steps)
                issues += drift_issues(
                    login.settings, plan, is_being_fixed=is_being_fixed
                )
        if (
            state.problem
            and state.problem.code is LoginProblemCode.ZERO_TRUST_NOT_SET_UP
        ):
            issues.append(zero_trust_issue(self._entry.title))
        async_report(
            self._hass,
            self._entry.entry_id,
            "login_drift",
            issues,
            is_complete=state.observation is not None or not state.logins,
        )

    def _report_methods(self, state: AccessState) -> None:
        """Report the login methods that are new, or were changed, since they were seen first."""
        records, seen = self._records.records, state.observation
        issues = [
            changed_login_method_issue(hostname, method)
            for hostname, login in self._kept(state)
            if seen
            for method in changed_methods(
                records[hostname].methods, login.settings, seen
            )
        ]
        async_report(
            self._hass,
            self._entry.entry_id,
            "login_methods",
            issues,
            is_complete=seen is not None or not state.logins,
        )

    def _report_let_through(self, state: AccessState) -> None:
        """Report where visits met no login, unless what was read of Access says why."""
        met = {
            hostname: login.asked_by
            for hostname, login in self._kept(state)
            if login.asked_by and not (login.plan and login.plan.opens)
        }
        found = self._let_through.look(self._found.without_login, met, Moment.now())
        self._found.keep_without_login(found)
        issues = [
            not_enforced_login_issue(
                hostname, is_readable=state.logins[hostname].plan is not None
            )
            for hostname in found
        ]
        async_report(self._hass, self._entry.entry_id, "login_visits", issues)

    def _report_repeated(self, state: AccessState, *, has_just_read: bool) -> None:
        """Report what somebody else keeps undoing where it is kept in sync."""
        kept = {
            hostname: login.plan
            for hostname, login in self._kept(state)
            if login.settings.keep_in_sync
        }
        now, repeated = Moment.now(), self._upkeep.repeated
        if has_just_read:
            found = {
                hostname: Condition(drifted=bool(plan.steps), exposed=plan.opens)
                for hostname, plan in kept.items()
                if plan
            }
            repeated.look(found, now)
        issues = [
            repeated_login_drift_issue(hostname, change)
            for hostname, change in repeated.repeated(now).items()
            if hostname in kept
        ]
        async_report(self._hass, self._entry.entry_id, "login_repeated", issues)

    def _kept(self, state: AccessState) -> Iterator[tuple[str, LoginState]]:
        """Yield the hostnames that stay; what a person ordered to be removed is not told of as gone."""
        for hostname, login in state.logins.items():
            record = self._records.records.get(hostname)
            if record and record.stage is Stage.KEPT:
                yield hostname, login

    def _issues(self, record: LoginRecord, *, is_unseen: bool) -> Iterator[Issue]:
        hostname = record.settings.hostname
        if self._upkeep.left_sessions(hostname) or (record.sessions and is_unseen):
            yield login_issue("login_sessions_left", hostname)
        match record.stage:
            case Stage.LEFT:
                yield login_issue("login_left", hostname, Fix.LOGIN_LEFT)
            case Stage.UNDONE:
                yield login_issue("login_undone", hostname, Fix.LOGIN_UNDONE)
            case Stage.REMOVING | Stage.UNDOING if self._upkeep.fails_to_remove:
                yield login_issue("login_not_removed", hostname)
            case _:
                pass
