"""Decides whether a device that reached a hostname has proven its certificate, and records it."""

import asyncio

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.util import dt as dt_util

from ..coordinator.protection import ProtectionCoordinator
from ..coordinator.visits import VisitCoordinator
from ..engine.certificates.certificate import Certificate, readable
from ..engine.certificates.records import token_digest
from ..pages.certificate_test import ProofResult


class Proofs:
    """The tests of an account's certificates, one after the other."""

    def __init__(
        self,
        entry: ConfigEntry,
        protection: ProtectionCoordinator,
        visits: VisitCoordinator,
    ) -> None:
        """Take the account, and what shows whether its hostnames are exposed."""
        self._entry = entry
        self._protection = protection
        self._visits = visits
        self._testing = asyncio.Lock()

    def find(self, token: str) -> str | None:
        """Return the id of the certificate whose bundle came with this token, if any."""
        digest = token_digest(token)
        for certificate_id, record in self._protection.ledger.records.items():
            if record.is_tested_with(digest):
                return certificate_id
        return None

    async def async_record(self, certificate_id: str, hostname: str) -> ProofResult:
        """Record that the device of a certificate reached a hostname, if that is a proof.

        Cloudflare is looked at first: the hostname may have been exposed a moment ago.
        """
        async with self._testing:
            if self._is_used(certificate_id):
                return ProofResult.USED
            await self._protection.async_refresh()
            result = self._judge(certificate_id, hostname)
            if result is ProofResult.DONE:
                await self._protection.ledger.async_note(
                    certificate_id, proven_on=dt_util.utcnow()
                )
                self._protection.async_look_at_ledger()
            return result

    def _is_used(self, certificate_id: str) -> bool:
        return self._protection.ledger.records[certificate_id].proven_on is not None

    def _judge(self, certificate_id: str, hostname: str) -> ProofResult:
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
        return self._judge_hostname(hostname, certificate.zone_id)

    def _is_good(self, certificate: Certificate) -> bool:
        """Return whether it gets in, and belongs to a device that was not removed."""
        companions = (self._protection.data.companions or {}).values()
        return certificate.gets_in(dt_util.utcnow()) and any(
            certificate in companion.certificates for companion in companions
        )

    def _judge_hostname(self, hostname: str, zone_id: str) -> ProofResult:
        """Return what reaching a hostname proves for a certificate of this zone."""
        protection = self._protection
        zones = {item.hostname: item.zone_id for item in protection.hostnames}
        if zones.get(hostname) != zone_id:
            return ProofResult.ELSEWHERE
        plan = protection.data.plans.get(zone_id)
        if plan is None:
            return ProofResult.UNCHECKED
        met = self._visits.data.get(hostname)
        if plan.limited_to({hostname}).exposures or (met and met.enforced is False):
            return ProofResult.EXPOSED
        return ProofResult.DONE
