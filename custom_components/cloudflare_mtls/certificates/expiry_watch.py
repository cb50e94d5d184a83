"""Watches the certificates: tells of what happens to them, and ends those that have to end."""

import asyncio
from collections.abc import Iterator, Mapping

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..bus_events import CertificateEvent, async_fire_certificate
from ..const import LOGGER
from ..coordinator.protection import ProtectionCoordinator, ProtectionState
from ..engine.api.errors import EngineError
from ..engine.certificates.companions import Certificate, CompanionState
from ..engine.certificates.lifecycle import Standing
from ..issues import (
    Issue,
    async_report,
    companion_issues,
    elsewhere_issue,
    revocation_issue,
)
from ..storage.tombstones import async_clear_devices
from .service import CompanionCertificates

_EVENTS: Mapping[Standing, CertificateEvent] = {
    Standing.EXPIRING: CertificateEvent.EXPIRING,
    Standing.EXPIRED: CertificateEvent.EXPIRED,
    Standing.REVOKING: CertificateEvent.REVOKED,
    Standing.REVOKED: CertificateEvent.REVOKED,
}


class CertificateWatch:
    """Goes through an account's certificates whenever they were looked at."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        protection: ProtectionCoordinator,
        certificates: CompanionCertificates,
    ) -> None:
        """Take the account."""
        self._hass = hass
        self._entry = entry
        self._protection = protection
        self._certificates = certificates
        self._seen: ProtectionState | None = None
        self._checking = asyncio.Lock()

    @callback
    def async_check(self) -> None:
        """Go through what was seen, once."""
        state = self._protection.data
        if state is self._seen or not self._protection.last_update_success:
            return
        self._seen = state
        self._entry.async_create_background_task(
            self._hass, self._check_in_turn(), f"{self._entry.title} certificates"
        )

    async def _check_in_turn(self) -> None:
        async with self._checking:
            await self._check(self._protection.data)

    async def _check(self, state: ProtectionState) -> None:
        if state.certificates is None or state.companions is None:
            return
        await self._tell(state.companions)
        unknown = {item.id: item for item in self._protection.unknown_certificates()}
        for certificate_id in await self._protection.ledger.async_meet(unknown):
            self._fire(CertificateEvent.UNKNOWN_CERTIFICATE, unknown[certificate_id])
        issues = [
            issue
            for companion in state.companions.values()
            for issue in companion_issues(companion)
        ]
        # Where certificates are pinned, those from elsewhere do not get in.
        if unknown and not self._protection.pins:
            issues.append(elsewhere_issue())
        left = await self._end(state)
        # What is left is tried again at the next look, even if that shows no change.
        self._protection.always_update = bool(left)
        issues += left
        async_report(self._hass, self._entry.entry_id, "certificate", issues)

    async def _tell(self, companions: Mapping[str, CompanionState]) -> None:
        """Fire what became of certificates, once."""
        ledger = self._protection.ledger
        now: dict[str, Standing] = {}
        for companion in companions.values():
            for certificate, stands in companion.certificates.items():
                if stands is None:
                    continue
                now[certificate.id] = stands
                told, event = ledger.told(certificate.id), _EVENTS.get(stands)
                if event is None or (told and _EVENTS.get(told) is event):
                    continue
                # What was revoked before anybody looked is no news, nor is the end of one
                # that the device no longer uses.
                revoked = event is CertificateEvent.REVOKED
                if told if revoked else certificate == companion.current:
                    self._fire(event, certificate)
        await ledger.async_tell(now)

    async def _end(self, state: ProtectionState) -> list[Issue]:
        """Revoke what has to end; return what could not be revoked yet."""
        issues = []
        for certificate in list(self._to_end(state)):
            try:
                await self._certificates.async_revoke(certificate)
            except EngineError as err:
                LOGGER.debug("%s could not be revoked: %s", certificate.id, err)
                issues.append(revocation_issue(certificate.facts.name, certificate.id))
        if gone := self._protection.buried_devices - {
            item.device_id for item in state.certificates or () if item.is_active
        }:
            self._protection.buried_devices -= gone
            await async_clear_devices(self._hass, self._entry.entry_id, gone)
        return issues

    def _to_end(self, state: ProtectionState) -> Iterator[Certificate]:
        for companion in (state.companions or {}).values():
            yield from companion.outdated
        for certificate in state.certificates or ():
            if (
                certificate.is_active
                and certificate.device_id in self._protection.buried_devices
            ):
                yield certificate

    @callback
    def _fire(self, event: CertificateEvent, certificate: Certificate) -> None:
        async_fire_certificate(self._hass, self._entry, event, certificate)
