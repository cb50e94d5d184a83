"""Follows the certificates of an account: events and repairs for what happens to them."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..bus_events import CertificateEvent, async_fire_certificate
from ..coordinator.protection import ProtectionCoordinator
from ..coordinator.protection_state import ProtectionState
from ..engine.certificates.certificate import (
    Certificate,
    ListedCertificate,
    own_ids,
    readable,
)
from ..engine.certificates.companions import CompanionState
from ..engine.certificates.lifecycle import Standing
from ..issues import async_report
from .automatic_revocation import async_revoke_automatically
from .creations import async_get_creations
from .revocation import CertificateRevoker
from .told import Told, not_listed

_REVOKED: Final = frozenset({Standing.REVOKING, Standing.REVOKED})


class CertificateWatch:
    """Goes through an account's certificates after each refresh that shows a change."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        protection: ProtectionCoordinator,
        revoker: CertificateRevoker,
    ) -> None:
        """Take the account."""
        self._hass = hass
        self._entry = entry
        self._protection = protection
        self._revoker = revoker
        self._creations = async_get_creations(hass)
        self._ledger = protection.ledger
        self._seen: ProtectionState | None = None
        # Where they are, nobody may be able to look after a restart.
        self._told = Told(unknown=protection.ledger.strangers)
        self._checking = asyncio.Lock()

    @callback
    def async_check(self) -> None:
        """Go through the certificates in the background, unless that was done before."""
        state = self._protection.data
        if state is None or state is self._seen:
            return
        self._seen = state
        self._entry.async_create_background_task(
            self._hass, self._check_latest(state), f"{self._entry.title} certificates"
        )

    async def _check_latest(self, state: ProtectionState) -> None:
        # At once: later, something seen revoked here may have been restored, here or elsewhere.
        await self._ledger.async_record_revoked(self._newly_revoked(state))
        await self._ledger.async_record_confirmed_ids(
            {
                item.facts.fingerprint_sha256: item.id
                for item in readable(state.certificates or ())
            }
        )
        async with self._checking:
            await self._check(self._protection.data)

    async def _check(self, state: ProtectionState) -> None:
        companions = state.companions or {}
        await self._fire_changes(companions)
        await self._fire_unknown(state)
        # Of those too that just became known.
        await self._ledger.async_record_ends(self._ends(state))
        left = await async_revoke_automatically(
            self._revoker, self._protection, self._creations, state
        )
        # A revocation that failed is tried again after the next refresh, changed or not; what came
        # of one without an answer is looked for.
        self._protection.always_update = bool(left or self._ledger.unwanted)
        trust, is_refused = self._protection.trust, self._refuses_unknown(state)
        unlisted = not_listed(state, trust, self._ledger.knows)
        told = Told(
            companions=tuple(companions.values()),
            unknown=state.unknown_certificates,
            # The rules accept none of the unlisted ones where they refuse unknown ones.
            left=tuple(left) if is_refused else (*left, *unlisted),
        )
        self._told = told.after(self._told, state, trust)
        await self._ledger.async_record_strangers(self._told.unknown)
        issues = self._told.issues(
            trust, self._protection.device_names, pinned=is_refused
        )
        async_report(self._hass, self._entry.entry_id, "certificate", issues)

    def _refuses_unknown(self, state: ProtectionState) -> bool:
        """Return whether every hostname is known to refuse certificates that are not trusted."""
        pins, removed = self._protection.pins, self._protection.removals.hostnames
        hostnames = (*self._protection.hostnames, *removed.values())
        return (pins or bool(hostnames)) and all(
            (pins or item.protected.is_limited) and state.is_closed(item)
            for item in hostnames
        )

    def _newly_revoked(self, state: ProtectionState) -> set[str]:
        """Return the ids of known certificates that are revoked, wherever that was done."""
        ended = self._protection.trust.ended
        revoked = own_ids(
            item
            for item in self._known(state)
            if not item.may_be_active and state.orders.are_shown_of(item)
        )
        return revoked - (set(ended) & set(self._ledger.revoked))

    def _ends(self, state: ProtectionState) -> dict[str, datetime]:
        """Return until when the certificates that are known here let somebody in."""
        return {
            item_id: item.facts.expires_on
            for item in self._known(state)
            for item_id in item.own_ids
            if item.may_be_active and self._ledger.knows(item_id)
        }

    def _known(self, state: ProtectionState) -> list[Certificate]:
        """Return the certificates that are known here, unless they were ordered otherwise since."""
        orders = self._ledger.orders
        return [
            item
            for item in readable(state.certificates or ())
            if any(map(self._ledger.knows, item.own_ids))
            and not orders.have_changed(item, since=state.orders)
        ]

    async def _fire_changes(self, companions: Mapping[str, CompanionState]) -> None:
        """Fire an event for each certificate that stands differently from before."""
        now: dict[str, Standing] = {}
        for companion in companions.values():
            for certificate, standing in companion.certificates.items():
                if standing is None:
                    continue
                now[certificate.id] = standing
                told = self._ledger.told(certificate.id)
                for event in _news(certificate, standing, told, companion):
                    self._fire(event, certificate, companion.device.id)
                # One that somebody else restored is told as an unknown one.
                is_back = told in _REVOKED and standing not in _REVOKED
                if is_back and self._protection.trust.trusts(certificate):
                    self._fire(
                        CertificateEvent.RESTORED, certificate, companion.device.id
                    )
        await self._ledger.async_record_told(now)

    async def _fire_unknown(self, state: ProtectionState) -> None:
        """Fire an event for each certificate that became unknown, for the first time or again."""
        unknown = {item.id: item for item in state.unknown_certificates}
        trust = self._protection.trust
        others = {
            item.id
            for item in state.certificates or ()
            # What has to be revoked was told, and still gets in.
            if item.id not in unknown and not trust.is_unwanted(item)
        }
        for item_id in await self._ledger.async_record_unknown(unknown, others):
            self._fire(CertificateEvent.UNKNOWN_CERTIFICATE, unknown[item_id])

    @callback
    def _fire(
        self,
        event: CertificateEvent,
        certificate: ListedCertificate,
        device_id: str | None = None,
    ) -> None:
        async_fire_certificate(self._hass, self._entry, event, certificate, device_id)


def _news(
    certificate: Certificate,
    standing: Standing,
    told: Standing | None,
    companion: CompanionState,
) -> Iterator[CertificateEvent]:
    """Yield what automations do not know of a certificate yet, and need to.

    told: how it stood when they were told last, None for one that was never seen here.
    """
    if standing in _REVOKED:
        # One that was revoked before it was ever seen here is no news.
        if told is not None and told not in _REVOKED:
            is_out = companion.standing is None or not companion.standing.gets_in
            yield CertificateEvent.REVOKED if is_out else CertificateEvent.OLD_REVOKED
        return
    # Expiry matters only for the certificate that the device uses, and may use.
    if certificate != companion.current or companion.is_revoked or told is standing:
        return
    if standing is Standing.EXPIRING:
        yield CertificateEvent.EXPIRING
    elif standing is Standing.EXPIRED:
        yield CertificateEvent.EXPIRED
