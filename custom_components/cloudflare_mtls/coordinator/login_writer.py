"""Writes what stands in front of login hostnames, and keeps what is ours there."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..account import async_get_account_state
from ..const import CONF_ACCOUNT_ID, LOGGER
from ..engine.access.apply import LoginOutcome, apply_login_plan
from ..engine.access.beyond_settings import LetIn
from ..engine.access.login_visit import asked_for, shows_login
from ..engine.access.observation import AccessObservation, OwnIds, find_own
from ..engine.access.observe import observe_access
from ..engine.access.plan import LoginPlan, Occasion, make_login_plan
from ..engine.access.sessions import Sessions, sessions_to_end, taken_away
from ..engine.access.set_up import LoginRemoval, LoginSetUp, remove_login, set_up_login
from ..engine.access.settings import LoginSettings
from ..engine.access.steps import LoginStep
from ..engine.api.access_models import Organization
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import EngineError, NotFound, PlanChanged
from ..engine.probe import Probe
from ..storage.logins import LoginRecord, LoginRecords, Stage
from ..subentries import hostnames_of, login_hostnames_of, logins_of

# The edge follows what is written within seconds as a rule, and within two minutes at most.
_EDGE_VISITS: Final = 40
_POLL_SECONDS: Final = 3.0


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """By what the tokens of a login hostname are known: the team's domain, and the audience."""

    auth_domain: str
    audience: str


@dataclass(frozen=True, kw_only=True)
class LoginWritten:
    """How a write ended.

    issuer: who issues the tokens by now, None without an application. error: what stopped it.
    login_pages: the protected hostnames that showed a login page only after
    it, where nobody can log in. is_undone: whether all is as it was before again.
    """

    applied: tuple[LoginStep, ...] = ()
    issuer: Issuer | None = None
    error: EngineError | None = None
    login_pages: frozenset[str] = frozenset()
    is_undone: bool = False

    @property
    def is_done(self) -> bool:
        """Return whether everything was written, and is in nobody's way."""
        return self.error is None and not self.login_pages


class LoginWriter:
    """The one place of the shell that changes Access."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: CloudflareClient,
        probe: Probe,
        records: LoginRecords,
    ) -> None:
        """Take the account, and what is stored of its login hostnames."""
        self._hass = hass
        self._entry = entry
        self._client = client
        self._account_id: str = entry.data[CONF_ACCOUNT_ID]
        self._writing = async_get_account_state(hass, self._account_id).writing
        self._probe = probe
        self._records = records

    @property
    def mobile_hostnames(self) -> frozenset[str]:
        """Return the protected hostnames, where nobody could log in."""
        protected = hostnames_of(self._entry.subentries).values()
        return frozenset(each.hostname for each in protected)

    async def observe(self, settings: LoginSettings | None = None) -> AccessObservation:
        """Return what decides who gets through Access now, also for settings that are new.

        Raises EngineError.
        """
        records = self._records.records.values()
        tunnel_ids = frozenset[str]().union(*(each.tunnel_ids for each in records))
        if settings and settings.connector_of:
            tunnel_ids |= {settings.connector_of}
        return await observe_access(
            self._client,
            self._account_id,
            stored=[each.ids for each in records],
            tunnel_ids=tunnel_ids,
        )

    def plan(
        self,
        observation: AccessObservation,
        settings: LoginSettings,
        occasion: Occasion,
        *,
        over_wildcard: bool = False,
    ) -> LoginPlan:
        """Return how Access gets to the settings of a login hostname, as make_login_plan does."""
        stored = self.ids_of(settings.hostname, adopted=settings.adopted)
        own = find_own(observation, settings, stored)
        return make_login_plan(
            observation,
            own,
            settings,
            occasion,
            self.mobile_hostnames,
            over_wildcard=over_wildcard,
        )

    def needs_trial(self, plan: LoginPlan) -> bool:
        """Return whether a set-up asks for a login where nobody has logged in before."""
        if plan.settings.adopted:
            return False
        record = self._records.records.get(plan.settings.hostname)
        return plan.own.application is None or (
            record is not None and record.stage in (Stage.TRIAL, Stage.UNDOING)
        )

    def ids_of(self, hostname: str, *, adopted: bool) -> OwnIds:
        """Return the stored ids of what is ours for a hostname, or of what was adopted there.

        What was only adopted is not ours for settings of our own, nor the other way round.
        """
        record = self._records.records.get(hostname)
        is_of_them = record is not None and record.settings.adopted is adopted
        return record.ids if record and is_of_them else OwnIds()

    async def set_up(self, confirmed: LoginPlan, until: datetime) -> LoginWritten:
        """Apply the plan of a new login hostname, as a whole or not at all.

        until: when the trial ends; there is none where the hostname asks for a login that people
        use already, and to undo it would open the hostname. Raises EngineError where nothing was written, PlanChanged
        where there is something else to do by now than a person confirmed.
        """
        async with self._writing:
            observation, plan = await self._confirmed(confirmed, Occasion.SET_UP)
            former = self._records.records.get(plan.settings.hostname)
            due = former.sessions if former else Sessions()
            let_in = former.let_in if former else LetIn()
            if plan.own.application or plan.settings.adopted:
                record = (
                    _record(plan, Stage.TRIAL, until)
                    if self.needs_trial(plan)
                    else _record(plan, Stage.LEFT)
                )
                await self._records.async_put(
                    replace(record, let_in=let_in, sessions=due)
                )
                return await self._apply(
                    observation, plan, former.settings if former else None
                )
            before = await self.find_login_pages()
            # Stored before the first write: the trial ends whatever happens to Home Assistant now.
            record = replace(
                _record(plan, Stage.TRIAL, until), sessions=Sessions(emails=due.emails)
            )
            await self._records.async_put(record)
            done = await set_up_login(self._client, self._account_id, observation, plan)
            if done.outcome.error:
                return await self._note_failure(record, done)
            record = replace(record, ids=done.outcome.own.ids)
            await self._records.async_put(record)
        written = LoginWritten(
            applied=done.outcome.applied, issuer=_issuer(observation, done.outcome)
        )
        # Others may write meanwhile: it takes up to two minutes.
        await self._until_asked(plan.settings.hostname, written.issuer)
        if login_pages := await self.find_login_pages() - before:
            async with self._writing:
                is_undone = await self._undo(record)
            return replace(written, login_pages=login_pages, is_undone=is_undone)
        return written

    async def change(self, confirmed: LoginPlan, before: LoginSettings) -> LoginWritten:
        """Apply changed settings, and end the sessions of whom that shuts out.

        before: the settings that a person saw. Raises EngineError where nothing was written, as for
        set_up; PlanChanged also where somebody chose other settings since.
        """
        async with self._writing:
            if logins_of(self._entry.subentries).get(before.hostname) != before:
                raise PlanChanged
            observation, plan = await self._confirmed(confirmed, Occasion.CHANGE)
            written = await self._apply(observation, plan, before)
            if written.login_pages:
                return replace(written, is_undone=await self._change_back(before))
            return written

    async def keep(self, hostname: str) -> LoginOutcome | None:
        """Fix drift of a hostname that nobody asked about; raise EngineError where it is unseen.

        It keeps what a person has chosen by now, and does nothing where they have ended the login.
        """
        async with self._writing:
            settings = self._kept(hostname)
            if settings is None:
                return None
            observation = await self.observe(settings)
            plan = self.plan(observation, settings, Occasion.KEEP)
            if not plan.steps:
                return None
            return await self._write(observation, plan)

    async def end_sessions(self, hostname: str) -> None:
        """End the sessions that must end; what could not be ended stays stored."""
        async with self._writing:
            await self._end_sessions(hostname)

    def _kept(self, hostname: str) -> LoginSettings | None:
        record = self._records.records.get(hostname)
        settings = logins_of(self._entry.subentries).get(hostname)
        is_kept = record and record.stage is Stage.KEPT
        return settings if is_kept and settings and settings.keep_in_sync else None

    def was_interrupted(self, hostname: str) -> bool:
        """Return whether a trial is being undone whose set-up did not come to its end."""
        record = self._records.records.get(hostname)
        return (
            record is not None
            and record.stage is Stage.UNDOING
            and record.ids.application is None
        )

    async def find_again(self, hostname: str) -> None:
        """Store the ids of what is ours for a hostname as far as it is seen now; raise EngineError."""
        record = self._records.records[hostname]
        own = find_own(await self.observe(), record.settings, record.ids)
        await self._records.async_note_ids(hostname, record.ids, own.ids)

    async def remove(self, hostname: str) -> bool:
        """Remove what is ours for a hostname; return whether nothing is left, raise EngineError.

        It does nothing for a hostname that was set up again meanwhile.
        """
        async with self._writing:
            record = self._records.records.get(hostname)
            if record is None or not record.stage.is_being_removed:
                return True
            removal = await remove_login(
                self._client,
                self._account_id,
                record.settings,
                record.ids,
                tunnel_ids=record.tunnel_ids,
            )
            return await self._note_removal(record, removal)

    async def _confirmed(
        self, confirmed: LoginPlan, occasion: Occasion
    ) -> tuple[AccessObservation, LoginPlan]:
        """Return what there is to do by now, which a person has to have confirmed."""
        if self._entry.state is not ConfigEntryState.LOADED:
            # Disabled or removed while this waited: nobody would end the trial.
            raise PlanChanged
        observation = await self.observe(confirmed.settings)
        plan = self.plan(
            observation,
            confirmed.settings,
            occasion,
            over_wildcard=confirmed.over_wildcard,
        )
        if not plan.is_covered_by(confirmed) or plan.blocking_at(occasion):
            raise PlanChanged
        return observation, plan

    async def _apply(
        self,
        observation: AccessObservation,
        plan: LoginPlan,
        before: LoginSettings | None,
    ) -> LoginWritten:
        login_pages = await self.find_login_pages()
        outcome = await self._write(observation, plan, before)
        return LoginWritten(
            applied=outcome.applied,
            issuer=_issuer(observation, outcome),
            error=outcome.error,
            login_pages=await self.find_login_pages() - login_pages,
        )

    async def _write(
        self,
        observation: AccessObservation,
        plan: LoginPlan,
        before: LoginSettings | None = None,
    ) -> LoginOutcome:
        hostname, adopted = plan.settings.hostname, plan.settings.adopted
        due = sessions_to_end(plan, before)
        # Stored before the first write: they end whatever happens to Home Assistant now.
        await self._records.async_note_due(hostname, due, taken_away(plan))
        outcome = await apply_login_plan(
            self._client, self._account_id, observation, plan
        )
        await self._records.async_note_ids(
            hostname, self.ids_of(hostname, adopted=adopted), outcome.own.ids
        )
        if outcome.error is None:
            # Somebody may have ended them before it took effect.
            await self._records.async_note_due(hostname, due, LetIn())
            await self._end_sessions(hostname)
        return outcome

    async def _end_sessions(self, hostname: str) -> None:
        record = self._records.records.get(hostname)
        if record is None or not record.sessions:
            return
        application = record.ids.application
        of_everybody = record.sessions.of_everybody and (
            application is None or await self._has_ended(self._end_all(application))
        )
        emails = {
            email
            for email in sorted(record.sessions.emails)
            if await self._has_ended(self._end_those_of(email))
        }
        await self._records.async_note_ended(
            hostname, Sessions(of_everybody=of_everybody, emails=frozenset(emails))
        )

    async def _end_all(self, application: str) -> None:
        await self._client.access_applications.end_sessions(
            self._account_id, application
        )

    async def _end_those_of(self, email: str) -> None:
        await self._client.access_organization.end_sessions_of(self._account_id, email)

    async def _has_ended(self, ending: Awaitable[None]) -> bool:
        try:
            await ending
        except NotFound:
            # Cloudflare does not know this person or application: there is no session.
            return True
        except EngineError as err:
            LOGGER.debug("Sessions could not be ended: %s", err)
            return False
        return True

    async def _change_back(self, settings: LoginSettings) -> bool:
        """Apply former settings again; return whether that worked."""
        try:
            observation = await self.observe(settings)
        except EngineError:
            return False
        plan = self.plan(observation, settings, Occasion.CHANGE)
        return (await self._write(observation, plan)).error is None

    async def _note_failure(
        self, record: LoginRecord, done: LoginSetUp
    ) -> LoginWritten:
        """Store what a failed set-up left, to be removed later."""
        if done.is_undone:
            await self._records.async_forget(record.settings.hostname)
        else:
            last = done.undoing if isinstance(done.undoing, LoginRemoval) else done
            await self._records.async_put(
                replace(record, stage=Stage.REMOVING, ids=last.outcome.own.ids)
            )
        return LoginWritten(
            applied=done.outcome.applied,
            error=done.outcome.error,
            is_undone=done.is_undone,
        )

    async def _undo(self, record: LoginRecord) -> bool:
        """Remove at once what was set up a moment ago; return whether nothing is left."""
        record = replace(record, stage=Stage.REMOVING)
        await self._records.async_put(record)
        try:
            removal = await remove_login(
                self._client,
                self._account_id,
                record.settings,
                record.ids,
                tunnel_ids=record.tunnel_ids,
            )
        except EngineError:
            return False
        return await self._note_removal(record, removal)

    async def _note_removal(self, record: LoginRecord, removal: LoginRemoval) -> bool:
        """Store what is left, or that nothing is."""
        hostname = record.settings.hostname
        if not removal.is_done:
            left = replace(record, ids=removal.outcome.own.ids)
            await self._records.async_put(left)
            return False
        if record.stage is Stage.UNDOING:
            undone = replace(record, stage=Stage.UNDONE, ids=OwnIds(), until=None)
            await self._records.async_put(undone)
        else:
            # A subentry that is still there would have the hostname set up again.
            self._remove_subentry(hostname)
            await self._records.async_forget(hostname)
        return True

    @callback
    def _remove_subentry(self, hostname: str) -> None:
        if self._hass.config_entries.async_get_entry(self._entry.entry_id) is None:
            # The account was removed, and its subentries with it.
            return
        for subentry_id, settings in login_hostnames_of(self._entry.subentries).items():
            if settings.hostname == hostname:
                self._hass.config_entries.async_remove_subentry(
                    self._entry, subentry_id
                )

    async def _until_asked(self, hostname: str, issuer: Issuer | None) -> None:
        """Wait until the edge asks for the login, as long as that may take."""
        if issuer is None:
            return
        organization = Organization(auth_domain=issuer.auth_domain)
        for _ in range(_EDGE_VISITS):
            visit = await self._probe.anonymously(hostname)
            if asked_for(visit, organization) == issuer.audience:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def find_login_pages(self) -> frozenset[str]:
        """Return the protected hostnames that show a login page, where nobody can log in."""
        hostnames = sorted(self.mobile_hostnames)
        visits = await asyncio.gather(
            *(self._probe.anonymously(hostname) for hostname in hostnames)
        )
        return frozenset(
            hostname
            for hostname, visit in zip(hostnames, visits, strict=True)
            if shows_login(visit)
        )


def _issuer(observation: AccessObservation, outcome: LoginOutcome) -> Issuer | None:
    application = outcome.own.application
    if application is None:
        return None
    return Issuer(
        auth_domain=observation.organization.auth_domain,
        audience=application.audience,
    )


def _record(
    plan: LoginPlan, stage: Stage, until: datetime | None = None
) -> LoginRecord:
    connector = plan.settings.connector_of
    return LoginRecord(
        settings=plan.settings,
        stage=stage,
        ids=plan.own.ids,
        tunnel_ids=frozenset({connector} if connector else ()),
        until=until,
    )
