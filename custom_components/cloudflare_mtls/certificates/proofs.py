"""Decides whether a device that reached a hostname has proven its certificate, and records it."""

import asyncio
from datetime import timedelta
from typing import Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.util import dt as dt_util

from ..coordinator.checks import ChecksCoordinator
from ..coordinator.protection import ProtectionCoordinator
from ..coordinator.visits import VisitCoordinator
from ..engine.api.errors import EngineError
from ..engine.certificates.certificate import Certificate, readable
from ..engine.certificates.records import token_digest
from ..engine.moment import Moment
from ..identity import Identity
from ..pages.certificate_test import ProofResult

# A look takes eight calls in each domain, and 1,200 are allowed in five minutes.
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
        self._looked_at: Moment | None = None
        # What the last look showed: of tests, with and without the edge's word, and of the
        # hostnames' zones.
        self._results: dict[tuple[str, str, bool], ProofResult] = {}
        self._leads_past: dict[str, bool | None] = {}

    def find(self, token: str) -> str | None:
        """Return the id of the certificate whose bundle came with this token, if any."""
        digest = token_digest(token)
        for certificate_id, record in self._protection.ledger.records.items():
            if record.is_tested_with(digest):
                return certificate_id
        return None

    async def async_record(
        self, certificate_id: str, hostname: str, identity: Identity | None
    ) -> ProofResult:
        """Record that the device of a certificate reached a hostname, if that is a proof.

        Cloudflare is looked at first: the hostname may have been exposed a moment ago. All tests
        within seconds share one look: each costs calls that others need. Where the edge told which
        certificate the device showed, that one is proven, and no other.
        """
        is_told = identity is not None
        async with self._testing:
            if identity and identity.fingerprint is None:
                return ProofResult.EXPOSED
            if identity and not self._is_of(certificate_id, identity):
                return ProofResult.OTHER_CERTIFICATE
            if self._is_used(certificate_id):
                # It was proven by mere use, perhaps when the page was opened.
                return self._works(certificate_id) if is_told else ProofResult.USED
            await self._look()
            test = (certificate_id, hostname, is_told)
            if test in self._results:
                return self._results[test]
            leads_past = not is_told and await self._leads_past_rules(hostname)
            result = self._judge(certificate_id, hostname, leads_past, is_told=is_told)
            self._results[test] = result
            await self._note(certificate_id, result)
            return result

    async def async_record_use(self, identity: Identity) -> None:
        """Record that a device used a new certificate, as the edge told.

        Rules that were judged at the last look are enough: the certificate was shown, whatever
        lets others in.
        """
        async with self._testing:
            for certificate_id in self._untested(identity):
                result = self._judge(
                    certificate_id, identity.hostname, leads_past=False, is_told=True
                )
                await self._note(certificate_id, result)

    async def _note(self, certificate_id: str, result: ProofResult) -> None:
        if result in (ProofResult.DONE, ProofResult.RENEWED):
            await self._protection.ledger.async_note(
                certificate_id, proven_on=dt_util.utcnow()
            )
            self._protection.async_look_at_ledger()

    def _is_of(self, certificate_id: str, identity: Identity) -> bool:
        record = self._protection.ledger.records[certificate_id]
        return record.fingerprint == identity.fingerprint

    def _untested(self, identity: Identity) -> list[str]:
        """Return the id of the certificate that was shown, if its device could test it and did not.

        One that a person restored may be older than what the device uses by now.
        """
        return [
            certificate_id
            for certificate_id, record in self._protection.ledger.records.items()
            if record.fingerprint == identity.fingerprint
            and record.test_digest
            and not (record.proven_on or record.restored_on)
        ]

    async def _look(self) -> None:
        """Look at Cloudflare, unless that was done a moment ago."""
        zone_ids = {item.zone_id for item in self._protection.hostnames}
        pause = _PAUSE * max(1, len(zone_ids))
        if self._looked_at and self._looked_at.age < pause:
            return
        await self._protection.async_refresh()
        self._results.clear()
        self._leads_past.clear()
        self._looked_at = Moment.now()

    def _is_used(self, certificate_id: str) -> bool:
        return self._protection.ledger.records[certificate_id].proven_on is not None

    async def _leads_past_rules(self, hostname: str) -> bool | None:
        """Return whether visitors get past all rules of a hostname, or may; None if that is not known."""
        zone_ids = {item.hostname: item.zone_id for item in self._protection.hostnames}
        zone_id = zone_ids.get(hostname)
        if zone_id is None:
            return False
        if zone_id not in self._leads_past:
            try:
                leads_past = await self._checks.async_leads_past_rules(zone_id)
            except EngineError:
                leads_past = None
            self._leads_past[zone_id] = leads_past
        return self._leads_past[zone_id]

    def _judge(
        self,
        certificate_id: str,
        hostname: str,
        leads_past: bool | None,
        *,
        is_told: bool,
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
        return self._judge_hostname(hostname, certificate, leads_past, is_told=is_told)

    def _is_good(self, certificate: Certificate) -> bool:
        """Return whether it gets in as a person wants, and belongs to a device that was not removed."""
        companions = (self._protection.data.companions or {}).values()
        return (
            certificate.gets_in(dt_util.utcnow())
            and self._protection.trust.trusts(certificate)
            and any(certificate in companion.certificates for companion in companions)
        )

    def _judge_hostname(
        self,
        hostname: str,
        certificate: Certificate,
        leads_past: bool | None,
        *,
        is_told: bool,
    ) -> ProofResult:
        """Return what reaching a hostname proves for a good certificate."""
        protection = self._protection
        settings = {item.hostname: item for item in protection.hostnames}.get(hostname)
        if settings is None or settings.zone_id != certificate.zone_id:
            return ProofResult.OTHER_HOSTNAME
        plan = protection.data.plan_of(settings)
        if plan is None:
            return ProofResult.UNCHECKED
        is_exposed = bool(plan.limited_to({hostname}).exposures)
        if not is_told and (is_exposed or leads_past or self._visits.is_open(hostname)):
            return ProofResult.EXPOSED
        lets_in = protection.data.lets_in(settings, certificate)
        if lets_in is False:
            return ProofResult.NOT_ACCEPTED
        if None in (leads_past, lets_in):
            return ProofResult.UNCHECKED
        return self._works(certificate.id)

    def _works(self, certificate_id: str) -> ProofResult:
        """Return that a certificate works, and whether its device has an older one that still does."""
        for companion in (self._protection.data.companions or {}).values():
            standings = {item.id: at for item, at in companion.certificates.items()}
            if standings.pop(certificate_id, None) and any(
                at and at.gets_in for at in standings.values()
            ):
                return ProofResult.RENEWED
        return ProofResult.DONE
