"""Waits until something shows that a hostname leads to this Home Assistant."""

import asyncio
from dataclasses import dataclass
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..account import AccountState, async_get_account_state
from ..const import DOMAIN
from ..engine.arrival import Arrival
from ..engine.moment import Moment
from ..engine.sync.settings import ProtectedHostname
from ..engine.tunnels.reports import RuleState
from ..pages.visit import Question, async_get_questions
from ..runtime_data import CloudflareConfigEntry
from ..subentries import companions_of
from ..wording import async_get_dialog_texts
from .hostname_draft import HostnameDraft

PATIENCE_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class ExpectedArrival:
    """A request that a person is asked for, and what else shows that the hostname leads home."""

    hass: HomeAssistant
    account_id: str
    protected: ProtectedHostname
    question: Question
    since: Moment

    @property
    def url(self) -> str:
        """Return the address that a person opens on a device with a certificate."""
        return f"https://{self.protected.hostname}{self.question.path}"

    async def wait(self) -> bool:
        """Wait for five minutes at most; return whether the hostname was seen to lead home."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not self._has_arrived():
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            return False
        return True

    @callback
    def _has_arrived(self) -> bool:
        hostname = self.protected.hostname
        if self.question.host_through_tunnel == hostname:
            self._record(hostname)
            return True
        arrival, seen_at = self._state.arrivals.get(hostname, (None, self.since))
        is_home = arrival is Arrival.HOME and seen_at > self.since
        return is_home or self._rule_state() is RuleState.SERVED

    @callback
    def _record(self, hostname: str) -> None:
        """Record that a request came through the tunnel; entities show it at once."""
        if entry := self._loaded_entry:
            entry.runtime_data.visits.async_record_arrival(hostname, Arrival.HOME)
        else:
            self._state.arrivals[hostname] = (Arrival.HOME, Moment.now())

    def _rule_state(self) -> RuleState | None:
        """Return what the connectors say, as far as the account knows where to ask them."""
        entry = self._loaded_entry
        return entry.runtime_data.reports.rule_state(self.protected) if entry else None

    @property
    def _loaded_entry(self) -> CloudflareConfigEntry | None:
        entry = _entry_of(self.hass, self.account_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return None
        return entry

    @property
    def _state(self) -> AccountState:
        return async_get_account_state(self.hass, self.account_id)


async def async_expect_arrival(draft: HostnameDraft) -> ExpectedArrival:
    """Return the arrival that shows that the hostname of a draft leads to this Home Assistant."""
    account, protected = draft.chosen.account, draft.settings.protected
    text = await async_get_dialog_texts(account.hass)
    question = async_get_questions(account.hass).ask(
        answer=text("visit_seen", hostname=protected.hostname),
        seconds=PATIENCE_SECONDS,
    )
    return ExpectedArrival(
        hass=account.hass,
        account_id=account.account_id,
        protected=protected,
        question=question,
        since=Moment.now(),
    )


@callback
def async_may_arrive(draft: HostnameDraft) -> bool:
    """Return whether a device of the account may have a certificate already."""
    account = draft.chosen.account
    entry = _entry_of(account.hass, account.account_id)
    return entry is not None and bool(companions_of(entry.subentries))


def _entry_of(hass: HomeAssistant, account_id: str) -> CloudflareConfigEntry | None:
    return hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, account_id)
