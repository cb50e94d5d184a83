"""What only Home Assistant knows of login hostnames: what is ours, and which trials are under way.

A trial has to end in time, and what a removed subentry left at Cloudflare has to be told, also if
Home Assistant was off meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Self

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN, LOGGER
from ..engine.access.beyond_settings import LetIn
from ..engine.access.observation import OwnIds
from ..engine.access.sessions import Sessions
from ..engine.access.settings import LoginSettings
from ..subentries import login_data, login_hostnames_of, read_login_settings
from .once import AccountStore, OnceKey, async_get_once, async_remove_once

_VERSION: Final = 1
_RECORDS: OnceKey[LoginRecords] = HassKey(f"{DOMAIN}_logins")


class Stage(StrEnum):
    """How far a login hostname has come."""

    TRIAL = "trial"
    """Nobody has logged in yet, and at the end of the trial the login is removed again."""
    KEPT = "kept"
    """A subentry has it."""
    LEFT = "left"
    """Its subentry was removed, and at Cloudflare everything is as it was."""
    REMOVING = "removing"
    """A person ordered that it goes, and knows so; Cloudflare may take a while."""
    UNDOING = "undoing"
    """The trial ended without a login, and at Cloudflare not everything is removed yet."""
    UNDONE = "undone"
    """The trial ended without a login, and nothing of it is left; a person has to be told."""
    FORGOTTEN = "forgotten"
    """Nothing is to be told of it any more, but sessions must end."""

    @property
    def is_being_removed(self) -> bool:
        """Return whether what is ours at Cloudflare has to go."""
        return self in (Stage.REMOVING, Stage.UNDOING)


@dataclass(frozen=True, kw_only=True)
class LoginRecord:
    """A login hostname as it was set up last.

    ids: what is ours at Cloudflare; tunnel_ids: the tunnels whose cloudflared may demand its token.
    until: when its trial ends. let_in: who could log in beyond the settings, until that is over.
    methods: what was known first of login methods, by their ids. members: whom groups that decide about it let in when they were seen last, by their ids.
    sessions: those that must end, until Cloudflare has ended them.
    """

    settings: LoginSettings
    stage: Stage
    ids: OwnIds = field(default_factory=OwnIds)
    tunnel_ids: frozenset[str] = frozenset()
    until: datetime | None = None
    let_in: LetIn = field(default_factory=LetIn)
    members: Mapping[str, LetIn] = MappingProxyType({})
    methods: Mapping[str, str] = MappingProxyType({})
    sessions: Sessions = field(default_factory=Sessions)

    @property
    def has_strangers(self) -> bool:
        """Return whether people may be logged in who may not log in by the settings."""
        return self.let_in != LetIn() or bool(self.sessions)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Return a record as it was stored; earlier versions stored less of sessions."""
        ids, until = data["ids"], data["until"]
        sessions = data.get("sessions", {})
        return cls(
            settings=read_login_settings(data["settings"]),
            stage=Stage(data["stage"]),
            ids=OwnIds(
                application=ids["application"],
                path_applications=frozenset(ids["path_applications"]),
                policy=ids["policy"],
                group=ids["group"],
            ),
            tunnel_ids=frozenset(data["tunnel_ids"]),
            until=datetime.fromisoformat(until) if until else None,
            let_in=_let_in(data.get("let_in", {})),
            members={
                group_id: _let_in(each)
                for group_id, each in data.get("members", {}).items()
            },
            methods=dict(data.get("methods", {})),
            sessions=Sessions(
                of_everybody=sessions.get("of_everybody", False),
                emails=frozenset(sessions.get("emails", ())),
            ),
        )

    def as_data(self) -> dict[str, Any]:
        """Return the record as it is stored."""
        return {
            "settings": login_data(self.settings),
            "stage": self.stage.value,
            "ids": {
                "application": self.ids.application,
                "path_applications": sorted(self.ids.path_applications),
                "policy": self.ids.policy,
                "group": self.ids.group,
            },
            "tunnel_ids": sorted(self.tunnel_ids),
            "until": self.until.isoformat() if self.until else None,
            "let_in": _data(self.let_in),
            "members": {key: _data(each) for key, each in self.members.items()},
            "methods": dict(self.methods),
            "sessions": {
                "of_everybody": self.sessions.of_everybody,
                "emails": sorted(self.sessions.emails),
            },
        }


def _let_in(data: Mapping[str, Any]) -> LetIn:
    return LetIn(
        emails=frozenset(data.get("emails", ())), ways=frozenset(data.get("ways", ()))
    )


def _data(people: LetIn) -> dict[str, list[str]]:
    return {"emails": sorted(people.emails), "ways": sorted(people.ways)}


class LoginRecords:
    """The login hostnames of an account, by hostname."""

    def __init__(
        self, store: AccountStore[dict[str, Any]], stored: Mapping[str, Any] | None
    ) -> None:
        """Take what was stored."""
        self._store = store
        self._records: dict[str, LoginRecord] = {}
        # What a later version stored: it stays for that one, and costs this one no other record.
        self._unread: dict[str, Any] = {}
        for hostname, data in (stored or {}).items():
            try:
                self._records[hostname] = LoginRecord.from_data(data)
            except (KeyError, TypeError, ValueError) as err:
                LOGGER.warning("The login of %s cannot be read: %r", hostname, err)
                self._unread[hostname] = data

    @property
    def records(self) -> Mapping[str, LoginRecord]:
        """Return the record of each hostname."""
        return self._records

    def at(self, *stages: Stage) -> tuple[LoginRecord, ...]:
        """Return the records that are at one of these stages."""
        return tuple(each for each in self._records.values() if each.stage in stages)

    async def async_update(self, subentries: Mapping[str, ConfigSubentry]) -> None:
        """Record what is configured now; what has lost its subentry is left at Cloudflare."""
        present = login_hostnames_of(subentries).values()
        configured = {each.hostname for each in present}
        records = {
            hostname: replace(record, stage=Stage.LEFT)
            if record.stage is Stage.KEPT and hostname not in configured
            else record
            for hostname, record in self._records.items()
        }
        await self._async_keep(records | dict(_kept(records, present)))

    async def async_put(self, record: LoginRecord) -> None:
        """Store a record in place of the one of its hostname."""
        await self._async_keep({**self._records, record.settings.hostname: record})

    async def async_note_ids(self, hostname: str, before: OwnIds, ids: OwnIds) -> None:
        """Store what is ours at Cloudflare, unless something was written since it was read."""
        record = self._records.get(hostname)
        if record is not None and record.ids == before:
            await self.async_put(replace(record, ids=ids))

    async def async_note_let_in(self, hostname: str, people: LetIn) -> None:
        """Store who could log in beyond the settings, beside those that are known."""
        record = self._records.get(hostname)
        if record is not None:
            await self.async_put(replace(record, let_in=record.let_in | people))

    async def async_note_seen(self, before: LoginRecord, seen: LoginRecord) -> None:
        """Store what a look showed, unless something was stored since it began."""
        if self._records.get(before.settings.hostname) == before:
            await self.async_put(seen)

    async def async_note_due(
        self, hostname: str, sessions: Sessions, out: LetIn
    ) -> None:
        """Store that sessions must end, beside those that must already.

        out: people who can no longer log in; among the sessions are theirs.
        """
        record = self._records.get(hostname)
        if record is not None:
            due = record.sessions | sessions
            let_in = record.let_in.without(out)
            await self.async_put(replace(record, let_in=let_in, sessions=due))

    async def async_note_ended(self, hostname: str, sessions: Sessions) -> None:
        """Store that sessions have ended."""
        record = self._records.get(hostname)
        if record is not None:
            left = replace(record, sessions=record.sessions.without(sessions))
            await self.async_put(left)
            if left.stage is Stage.FORGOTTEN:
                await self.async_forget(hostname)

    async def async_forget(self, hostname: str) -> None:
        """Forget a hostname, of which nothing is left or nothing is to be told, once no session is due."""
        record = self._records.get(hostname)
        if record is not None and record.sessions:
            await self.async_put(replace(record, stage=Stage.FORGOTTEN, until=None))
            return
        await self._async_keep(
            {key: each for key, each in self._records.items() if key != hostname}
        )

    async def _async_keep(self, records: dict[str, LoginRecord]) -> None:
        if records != self._records:
            self._records = records
            await self._store.async_save(
                self._unread
                | {hostname: each.as_data() for hostname, each in records.items()}
            )


def _kept(
    records: Mapping[str, LoginRecord], present: Iterable[LoginSettings]
) -> Iterable[tuple[str, LoginRecord]]:
    """Yield the records of what is configured, but of nothing that is about to be removed."""
    for settings in present:
        record = records.get(settings.hostname)
        if record is None:
            record = LoginRecord(settings=settings, stage=Stage.KEPT)
        if record.stage.is_being_removed:
            continue
        demanding = {settings.connector_of} if settings.connector_of else frozenset()
        yield (
            settings.hostname,
            replace(
                record,
                settings=settings,
                stage=Stage.KEPT,
                tunnel_ids=record.tunnel_ids | demanding,
                until=None,
            ),
        )


async def async_get_login_records(hass: HomeAssistant, entry_id: str) -> LoginRecords:
    """Return what is stored of the login hostnames of an account."""
    store = _store(hass, entry_id)
    return await async_get_once(hass, _RECORDS, entry_id, store, LoginRecords)


async def async_remove_login_records(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is stored of the login hostnames of an account."""
    await async_remove_once(hass, _RECORDS, entry_id, _store(hass, entry_id))


def _store(hass: HomeAssistant, entry_id: str) -> AccountStore[dict[str, Any]]:
    return AccountStore(hass, _VERSION, f"{DOMAIN}.{entry_id}.logins")
