"""Revokes certificates: those of companion devices, and single ones by their ids."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Final

from homeassistant.core import HomeAssistant, callback

from ..const import LOGGER
from ..coordinator.protection import ProtectionCoordinator
from ..engine.api.errors import EngineError, NotFound, NotListed
from ..engine.api.models import CertificateStatus
from ..engine.certificates.certificate import Certificate, ListedCertificate, own_ids
from ..engine.certificates.companions import CompanionDevice, CompanionState
from ..engine.certificates.fetch import CertificateList
from ..engine.certificates.orders import Orders
from ..engine.rules.exposure import Visitor
from ..engine.sync.reconciler import Extent
from ..engine.sync.settings import HostnameSettings
from ..pages.handovers import async_get_handovers
from ..to_the_end import to_the_end
from ..wording import (
    Message,
    Texts,
    async_get_loaded_texts,
    async_get_texts,
    describe,
    describe_moment,
    raise_translated_error,
)
from .creations import async_get_creations
from .lookup import CertificateLookup

_TASK: Final = "The revocation of certificates"
# Rules that let an unaccepted certificate in may let a revoked one in too.
_OPEN_TO_REVOKED: Final = (
    Visitor.REVOKED_CERTIFICATE,
    Visitor.UNACCEPTED_CERTIFICATE,
)


class CertificateRevoker:
    """Revokes certificates of an account.

    What Cloudflare refuses to revoke is unwanted from then on, and tried again.
    """

    def __init__(self, hass: HomeAssistant, protection: ProtectionCoordinator) -> None:
        """Take the coordinator that knows the certificates."""
        self._hass = hass
        self._protection = protection
        self._lookup = CertificateLookup(hass, protection)
        self._creations = async_get_creations(hass)
        self._handovers = async_get_handovers(hass)

    @to_the_end(_TASK)
    async def async_revoke_by_id(self, certificate_id: str) -> ListedCertificate:
        """Revoke a certificate that a person names, created here or not.

        Where Cloudflare does not do it now, one that is known here is revoked later. Raises
        EngineError, and HomeAssistantError that says that the certificate is still valid.
        """
        ledger = self._protection.ledger
        orders = ledger.orders
        self._handovers.withdraw(certificate_id)
        self._creations.stop_certificate({certificate_id})
        if self._is_known(certificate_id):
            await ledger.async_order_revocation(
                certificate_id, self._own_ids(certificate_id)
            )
        try:
            certificate = await self._lookup.async_find_any(certificate_id)
            return await self._revoke_as_ordered(certificate, orders)
        except EngineError as err:
            if certificate_id not in ledger.unwanted:
                raise
            await self._leave_for_later()
            raise_translated_error(
                Message(
                    "revocation_delayed",
                    {
                        "certificate_id": certificate_id,
                        "reason": await _reason(self._hass, err),
                    },
                ),
                err,
            )

    @to_the_end(_TASK)
    async def async_revoke[CertificateT: ListedCertificate](
        self, certificate: CertificateT
    ) -> CertificateT:
        """Revoke a certificate for a person; a repair tells of one that is refused. Raise EngineError."""
        try:
            return await self._revoke_as_ordered(
                certificate, self._protection.ledger.orders
            )
        except EngineError:
            await self._leave_for_later()
            raise

    async def _revoke_as_ordered[CertificateT: ListedCertificate](
        self, certificate: CertificateT, orders: Orders
    ) -> CertificateT:
        """Revoke a certificate for a person who ordered that at a moment; raise EngineError.

        One that was restored since stays as it is.
        """
        if self._was_restored(certificate, orders):
            return certificate
        ledger = self._protection.ledger
        await ledger.async_order_revocation(certificate.id, own_ids([certificate]))
        return await self.async_revoke_automatically(
            certificate, lambda item: not self._was_restored(item, orders)
        )

    async def _leave_for_later(self) -> None:
        """Tell of what Cloudflare has not revoked; rules that list certificates leave it out now."""
        self._protection.async_look_at_ledger()
        await self._protection.async_pin()

    async def async_revoke_automatically[CertificateT: ListedCertificate](
        self,
        certificate: CertificateT,
        is_due: Callable[[CertificateT], bool] = lambda _: True,
    ) -> CertificateT:
        """Revoke a certificate, after closing rules that let revoked ones in; raise EngineError.

        To close them takes time: a person may restore the certificate meanwhile.
        """
        self._creations.stop_certificate(certificate.ids)
        self._handovers.withdraw(certificate.id)
        await self._close_to_revoked([certificate])
        if not is_due(certificate):
            return certificate
        status = await self._revoke(certificate)
        await self.async_apply_change()
        return replace(certificate, status=status)

    @to_the_end(_TASK)
    async def async_revoke_device(self, device: CompanionDevice) -> None:
        """Revoke every certificate of a device, offered ones and those that are being created.

        All are tried; what Cloudflare does not revoke now is revoked later. Raises
        HomeAssistantError, which says what is still valid.
        """
        self._stop(device.id)
        orders = self._protection.ledger.orders
        await self._record_in_use(device.id)
        ids = await self._mark_unwanted(device.id)
        listed = await self._list(device.zone_id)
        # The list shows what was created while it was read, too.
        self._stop(device.id)
        trust = self._protection.trust
        of_device = [
            item
            for item in listed.certificates
            if item.id in ids or trust.revoked_with(item) == device.id
        ]
        # Lists lag: what one shows as revoked, somebody may have reactivated a moment ago. What
        # was revoked when it was last seen may have been restored since.
        active = [
            item
            for item in of_device
            if item.may_be_active
            or item.zone_id in listed.read_zones
            or not trust.has_ended(item)
        ]
        # Cloudflare deletes no certificate: what is not listed is where nobody could look.
        seen = own_ids(listed.certificates)
        seen |= own_ids(item for item in self._seen if item.id in seen)
        unseen = trust.confirmed_for(device.id) - seen
        # Most of a device's are in its own zone.
        active += [
            ListedCertificate(id=item, zone_id=device.zone_id, status=None)
            for item in sorted(trust.ids_of_device(device.id) - seen)
        ]
        unknown = trust.unknown_among(set(listed.certificates).difference(of_device))
        is_claimed = device.id in map(trust.claimed_device_id, unknown)
        # What else a zone may hold matters only in that of the device.
        error = listed.failed.get(device.zone_id)
        if unseen:
            error = listed.error or NotListed()
        active = [item for item in active if not self._was_restored(item, orders)]
        await self._revoke_all(
            device.name,
            active,
            error,
            unseen=unseen,
            is_claimed=is_claimed,
        )

    @to_the_end(_TASK)
    async def async_revoke_replaced(self, companion: CompanionState) -> None:
        """Revoke now what a newer certificate of the device replaced; raise as for a device."""
        await self._revoke_all(companion.device.name, companion.replaced, None)

    @to_the_end(_TASK)
    async def async_revoke_all(
        self, certificates: Collection[ListedCertificate]
    ) -> Collection[ListedCertificate]:
        """Revoke certificates, and have the account's devices get no other ones.

        Returns those that are refused, of which repairs tell: they are revoked later.
        """
        entry_id = self._protection.config_entry.entry_id
        self._creations.stop_account(entry_id)
        self._handovers.withdraw_others(entry_id, ())
        await self._protection.ledger.async_mark_unwanted(own_ids(certificates))
        refused = await self._try_to_revoke(certificates)
        self._protection.async_look_at_ledger()
        return refused.keys()

    async def async_discard(self, zone_id: str, certificate_ids: Iterable[str]) -> None:
        """Revoke certificates that no device got; those that are refused are tried again later."""
        for certificate_id in certificate_ids:
            try:
                await self._revoke(
                    ListedCertificate(id=certificate_id, zone_id=zone_id, status=None)
                )
            except EngineError as err:
                LOGGER.debug("%s could not be revoked: %s", certificate_id, err)
        await self._protection.async_pin()

    async def _revoke_all(
        self,
        name: str,
        certificates: Collection[ListedCertificate],
        error: EngineError | None,
        *,
        unseen: Iterable[str] = (),
        is_claimed: bool = False,
    ) -> None:
        """Revoke certificates of a device; raise what goes wrong after all were tried, or went wrong.

        Unseen are fingerprints of certificates that Cloudflare did not list. is_claimed says whether
        an unknown certificate may be for the device, too.
        """
        refused = await self._try_to_revoke(certificates)
        text = async_get_loaded_texts(self._hass)
        left = [*unseen, *(_label(text, item) for item in refused)]
        reason = error or next(iter(refused.values()), None)
        if reason:
            self._protection.async_look_at_ledger()
            await _raise_left(self._hass, name, left, reason, is_claimed=is_claimed)
        if is_claimed:
            raise_translated_error(Message("revocation_unknown", {"name": name}))

    async def _try_to_revoke[CertificateT: ListedCertificate](
        self, certificates: Collection[CertificateT]
    ) -> dict[CertificateT, EngineError]:
        """Revoke certificates, each whatever comes of the others; return those that are refused.

        One that a person restores meanwhile is left out.
        """
        orders = self._protection.ledger.orders
        await self._close_to_revoked(certificates)
        refused = dict[CertificateT, EngineError]()
        for certificate in certificates:
            if self._was_restored(certificate, orders):
                continue
            try:
                await self._revoke(certificate)
            except EngineError as err:
                refused[certificate] = err
        await self.async_apply_change()
        return refused

    @callback
    def _stop(self, device_id: str) -> None:
        """Give nothing more to a device, whatever Cloudflare says."""
        self._creations.stop_device(device_id)
        self._handovers.withdraw_device(device_id)

    async def _record_in_use(self, device_id: str) -> None:
        """Record which certificate a device uses, unless it is revoked already.

        What is revoked besides may have been revoked for a reason of its own.
        """
        ledger = self._protection.ledger
        # What was read last may be of before a revocation.
        self._protection.async_look_at_ledger()
        companion = (self._protection.data.companions or {}).get(device_id)
        current = companion.current if companion else None
        if (
            current
            and current.is_active
            and self._protection.trust.trusts(current)
            and device_id not in ledger.in_use
        ):
            await ledger.async_record_in_use(device_id, current.id)

    async def _mark_unwanted(self, device_id: str) -> set[str]:
        """Have a device's certificates revoked later, if not now; return the ids that are known."""
        # One that was revoked here or elsewhere, somebody may have restored since.
        trust = self._protection.trust.without_ends
        seen = {item.id for item in self._seen if trust.revoked_with(item) == device_id}
        ids = seen | trust.ids_of_device(device_id)
        await self._protection.ledger.async_mark_unwanted(
            ids | trust.confirmed_for(device_id)
        )
        return ids

    def _was_restored(self, certificate: ListedCertificate, orders: Orders) -> bool:
        """Return whether a person has restored a certificate since these orders.

        One whose restoration got no answer still has to be revoked: no person saw it restored.
        """
        return self._protection.ledger.orders.were_restored(
            certificate, orders
        ) and not self._protection.trust.is_unwanted(certificate)

    @property
    def _seen(self) -> tuple[ListedCertificate, ...]:
        """Return the certificates as they were last seen."""
        return self._protection.data.certificates or ()

    async def _list(self, zone_id: str) -> CertificateList:
        """Return the certificates as Cloudflare has them now, or else as they were last seen.

        Where nothing can be read, the zone counts as the one that failed.
        """
        try:
            read = await self._protection.async_read_certificates()
        except EngineError as err:
            return CertificateList(
                certificates=self._seen, read_zones=frozenset(), failed={zone_id: err}
            )
        missed = (item for item in self._seen if item.zone_id not in read.read_zones)
        return replace(read, certificates=(*read.certificates, *missed))

    def _own_ids(self, certificate_id: str) -> set[str]:
        """Return by which ids a certificate is known, if Cloudflare's id of it is given."""
        return {certificate_id} | own_ids(
            item for item in self._seen if item.id == certificate_id
        )

    def _is_known(self, certificate_id: str) -> bool:
        """Return whether a certificate was created here, or seen at Cloudflare before."""
        return self._protection.ledger.knows(certificate_id) or any(
            item.id == certificate_id for item in self._seen
        )

    async def _revoke(self, certificate: ListedCertificate) -> CertificateStatus:
        """Revoke a certificate; one that is refused stays unwanted. Raise EngineError."""
        with self._creations.revoking(certificate.id):
            return await self._send(certificate)

    async def _send(self, certificate: ListedCertificate) -> CertificateStatus:
        """Mark a certificate as unwanted, and send the request that revokes it."""
        ledger = self._protection.ledger
        ids = self._own_ids(certificate.id) | own_ids([certificate])
        await ledger.async_order_revocation(certificate.id, ids)
        if certificate.zone_id is None:
            raise NotListed
        try:
            status = await self._protection.client.client_certificates.revoke(
                certificate.zone_id, certificate.id
            )
        except NotFound as err:
            raise NotListed from err
        # Somebody may have restored it before this answer came.
        if ids & ledger.unwanted:
            await ledger.async_record_revoked_here(ids)
        return status

    async def _close_to_revoked(
        self, certificates: Iterable[ListedCertificate]
    ) -> None:
        """Fix the rules that let revoked certificates in.

        Those of the certificates' zones are read for that, which takes time. Every other zone accepts
        all certificates of the account, too: there, hostnames are read that were open when they were
        seen last, or could not be seen then. Nothing is raised: a hostname that could not be closed
        is reported as exposed.
        """
        zone_ids = {item.zone_id for item in certificates}
        hostnames = {
            item.hostname
            for item in self._protection.hostnames
            if item.zone_id in zone_ids or self._may_be_open_to_revoked(item)
        }
        try:
            async with self._protection.async_writing() as reconciler:
                seen = await reconciler.preview(Extent(hostnames=hostnames))
                open_hostnames = {
                    exposure.hostname
                    for plan in seen.left.values()
                    for exposure in plan.exposures
                    if exposure.visitor in _OPEN_TO_REVOKED
                }
                await reconciler.sync(reconciler.unasked(open_hostnames))
        except EngineError as err:
            LOGGER.debug("Rules could not be fixed before a revocation: %s", err)

    def _may_be_open_to_revoked(self, settings: HostnameSettings) -> bool:
        """Return whether a hostname let revoked certificates in when it was seen, or could not be seen."""
        plan = self._protection.data.plan_of(settings)
        return plan is None or any(
            exposure.hostname == settings.hostname
            and exposure.visitor in _OPEN_TO_REVOKED
            for exposure in plan.exposures
        )

    async def async_apply_change(self) -> None:
        """Pin and show what is valid now; Cloudflare takes a while to apply it everywhere."""
        self._protection.async_hurry()
        await self._protection.async_pin()
        await self._protection.async_refresh()


async def _raise_left(
    hass: HomeAssistant,
    name: str,
    left: Collection[str],
    error: EngineError,
    *,
    is_claimed: bool,
) -> None:
    """Raise HomeAssistantError that says why, and which certificates are still valid, if any are."""
    reason, listed = await _reason(hass, error), ", ".join(sorted(left))
    if left and is_claimed:
        raise_translated_error(
            Message(
                "revocation_incomplete_unknown",
                {"name": name, "reason": reason, "left": listed},
            ),
            error,
        )
    if left:
        raise_translated_error(
            Message(
                "revocation_incomplete",
                {"name": name, "reason": reason, "left": listed},
            ),
            error,
        )
    if not is_claimed:
        raise_translated_error(
            Message("revocation_uncertain", {"name": name, "reason": reason}), error
        )


async def _reason(hass: HomeAssistant, error: EngineError) -> str:
    """Return the sentences that say what Cloudflare answered."""
    message = describe(error)
    text = await async_get_texts(hass, "exceptions")
    return text(f"{message.key}.message", **message.placeholders)


def _label(text: Texts, certificate: ListedCertificate) -> str:
    """Return what a person knows a certificate by: its expiry, or else Cloudflare's id."""
    if isinstance(certificate, Certificate):
        return describe_moment(text, certificate.facts.expires_on.date())
    return certificate.id
