"""Decides whether a device that reached a hostname has proven its certificate, and records it."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.util import dt as dt_util

from ..coordinator.checks import ChecksCoordinator
from ..coordinator.protection import ProtectionCoordinator
from ..coordinator.visits import VisitCoordinator
from ..engine.api.errors import EngineError
from ..engine.certificates.certificate import Certificate, readable
from ..engine.certificates.records import token_digest
from ..pages.certificate_test import ProofResult

# A look takes eight calls, and 1,200 are allowed in five minutes.
_PAUSE: Final = timedelta(seconds=10)


class Proofs:
    """The tests of an account's certificates, one after the other."""

    def __init__(
        self,
        entry: ConfigEntry,
        protection: ProtectionCoordinator,
        visits: VisitCoordinator,
        checks: ChecksCoordinator,
    ) -> None:
        """Take the account, and what shows whether its hostnames are exposed."""
        self._entry = entry
        self._protection = protection
        self._visits = visits
        self._checks = checks
        self._testing = asyncio.Lock()
        self._results: dict[tuple[str, str], tuple[datetime, ProofResult]] = {}

    def find(self, token: str) -> str | None:
        """Return the id of the certificate whose bundle came with this token, if any."""
        digest = token_digest(token)
        for certificate_id, record in self._protection.ledger.records.items():
            if record.is_tested_with(digest):
                return certificate_id
        return None

    async def async_record(self, certificate_id: str, hostname: str) -> ProofResult:
        """Record that the device of a certificate reached a hostname, if that is a proof.

        Cloudflare is looked at first: the hostname may have been exposed a moment ago. A test
        that is repeated at once gets the same answer: each look costs calls that others need.
        """
        async with self._testing:
            if self._is_used(certificate_id):
                return ProofResult.USED
            test = (certificate_id, hostname)
            if last := self._last_result(test):
                return last
            await self._protection.async_refresh()
            leads_past = await self._leads_past_rules(hostname)
            result = self._judge(certificate_id, hostname, leads_past)
            self._results[test] = (dt_util.utcnow(), result)
            if result is ProofResult.DONE:
                await self._protection.ledger.async_note(
                    certificate_id, proven_on=dt_util.utcnow()
                )
                self._protection.async_look_at_ledger()
            return result

    def _last_result(self, test: tuple[str, str]) -> ProofResult | None:
        """Return what the same test showed a moment ago, if it was done."""
        tested_on, result = self._results.get(test, (None, None))
        is_recent = tested_on and dt_util.utcnow() - tested_on < _PAUSE
        return result if is_recent else None

    def _is_used(self, certificate_id: str) -> bool:
        return self._protection.ledger.records[certificate_id].proven_on is not None

    async def _leads_past_rules(self, hostname: str) -> bool | None:
        """Return whether visitors get past all rules of a hostname, or may; None if that is not known."""
        for item in self._protection.hostnames:
            if item.hostname == hostname:
                try:
                    return await self._checks.async_leads_past_rules(item.zone_id)
                except EngineError:
                    return None
        return False

    def _judge(
        self, certificate_id: str, hostname: str, leads_past: bool | None
    ) -> ProofResult:
        """Return what it proves, as Cloudflare was just seen."""
        protection = self._protection
        listed = {
            item.id: item for item in readable(protection.data.certificates or ())
        }
        # The account may have been unloaded meanwhile.
        is_seen = (
            self._entry.state is ConfigEntryState.LOADED
            and protection.last_update_success
        )
        # A new certificate takes up to a minute to appear in the list.
        if not is_seen or certificate_id not in listed:
            return ProofResult.UNCHECKED
        certificate = listed[certificate_id]
        if not self._is_good(certificate):
            return ProofResult.UNKNOWN
        return self._judge_hostname(hostname, certificate.zone_id, leads_past)

    def _is_good(self, certificate: Certificate) -> bool:
        """Return whether it gets in as a person wants, and belongs to a device that was not removed."""
        companions = (self._protection.data.companions or {}).values()
        return (
            certificate.gets_in(dt_util.utcnow())
            and self._protection.trust.trusts(certificate)
            and any(certificate in companion.certificates for companion in companions)
        )

    def _judge_hostname(
        self, hostname: str, zone_id: str, leads_past: bool | None
    ) -> ProofResult:
        """Return what reaching a hostname proves for a certificate of this zone."""
        protection = self._protection
        settings = {item.hostname: item for item in protection.hostnames}.get(hostname)
        if settings is None or settings.zone_id != zone_id:
            return ProofResult.OTHER_HOSTNAME
        plan = protection.data.plan_of(settings)
        if plan is None:
            return ProofResult.UNCHECKED
        is_exposed = bool(plan.limited_to({hostname}).exposures)
        if is_exposed or leads_past or self._visits.is_open(hostname):
            return ProofResult.EXPOSED
        return ProofResult.UNCHECKED if leads_past is None else ProofResult.DONE
