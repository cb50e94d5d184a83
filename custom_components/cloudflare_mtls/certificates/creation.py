"""Creates certificates for companion devices, and offers their bundles."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..bus_events import CertificateEvent, async_fire_certificate
from ..const import CONF_REMOTE_HANDOVER
from ..coordinator.protection import ProtectionCoordinator
from ..coordinator.visits import VisitCoordinator
from ..engine.api.models import ClientCertificate
from ..engine.arrival import Arrival
from ..engine.certificates.certificate import Certificate
from ..engine.certificates.companions import CompanionDevice, CompanionState
from ..engine.certificates.keys import PrivateKey, make_signing_request
from ..engine.certificates.signing import issue_certificate
from ..engine.sync.settings import HostnameSettings
from ..limited_hostnames import async_admit
from ..pages.handovers import Delivery, Handover, async_get_handovers
from ..pages.visit import async_get_questions
from ..subentries import companion_subentry, find_companion
from ..to_the_end import to_the_end
from ..wording import Message, describe_problem, raise_translated_error
from .chosen_hostnames import raise_if_changed
from .creations import Creation, async_get_creations
from .device_names import name_taken
from .first_visit import async_visit_first
from .mobile_app import async_notify, format_for
from .notifications import async_report_ready
from .packing import pack
from .request import CertificateRequest
from .revocation import CertificateRevoker

_TASK: Final = "The creation of a certificate"
# All fingerprints are equally long, and the new one is not known before the signing.
_ANY_FINGERPRINT: Final = "0" * 64


@dataclass(frozen=True, kw_only=True)
class CreatedCertificate:
    """A new certificate, where its bundle can be fetched, and where the device reaches Home Assistant."""

    certificate: Certificate
    handover: Handover
    hostname: str | None


@dataclass(frozen=True, kw_only=True)
class _SignedCertificate:
    """A certificate as it is known here and at Cloudflare, and its key."""

    certificate: Certificate
    issued: ClientCertificate
    key: PrivateKey


class CertificateCreator:
    """Creates the certificates of an account's companion devices.

    A creation goes on when the person, script or dialog that asked for it is gone: a
    certificate may be signed by then. No bundle is offered for a device that is not stored.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        protection: ProtectionCoordinator,
        visits: VisitCoordinator,
        revoker: CertificateRevoker,
    ) -> None:
        """Take the account, and what visits its hostnames with new certificates."""
        self._hass = hass
        self._entry = entry
        self._protection = protection
        self._visits = visits
        self._revoker = revoker
        self._creations = async_get_creations(hass)

    @to_the_end(_TASK)
    async def async_renew(self, companion: CompanionState) -> None:
        """Create a certificate like the device's last one, and offer its bundle to the device.

        Raises what creating a certificate raises.
        """
        bundle_format = format_for(self._hass, companion.device)
        await self.async_create(
            CertificateRequest.like_current(companion, bundle_format)
        )

    @to_the_end(_TASK)
    async def async_create(self, request: CertificateRequest) -> CreatedCertificate:
        """Create a certificate, and offer its bundle to the device once the edge lets it in.

        A new device is stored with its certificate: both are there afterwards, or neither. A repair
        shows the link as long as it works: the caller may be gone by then, and a browser that is
        loaded again no longer shows the dialog.
        Raises EngineError, and HomeAssistantError where the certificate could not pass or is
        no longer wanted.
        """
        if request.revokes_old_too_late:
            days = str(request.validity_days)
            raise_translated_error(Message("revoke_old_too_late", {"days": days}))
        device, protection = request.device, self._protection
        self._raise_if_taken(request)
        async with self._creations.async_begin(
            self._entry.entry_id, device.id, request.asked_at
        ) as creation:
            signed = await self._sign(creation, request)
            try:
                await self._store(creation, request, signed)
                delivery = await self._prepare(creation, request, signed)
                self._raise_if_unwanted(creation, request)
            except Exception:
                await self._undo(creation, signed.certificate)
                raise
            # Nothing waits between the last look at device, hostnames and options, and the offer.
            handovers = async_get_handovers(self._hass)
            replaced = handovers.withdraw_device(device.id)
            delivery = self._as_of_now(delivery, device)
            handover = handovers.offer(delivery)
            async_report_ready(self._hass, self._entry.entry_id, device)
        event = CertificateEvent.CREATED if request.is_new else CertificateEvent.RENEWED
        async_fire_certificate(
            self._hass, self._entry, event, signed.certificate, device.id
        )
        await self._revoker.async_discard(device.zone_id, replaced)
        if device.notify_device_id:
            await async_notify(self._hass, device.notify_device_id, handover.path)
        # Its new subentry has the zone looked at, maybe before the rules listed the certificate.
        if not request.is_new or protection.reconciler.lists_certificates:
            await protection.async_refresh()
        return CreatedCertificate(
            certificate=signed.certificate,
            handover=handover,
            hostname=delivery.hostname,
        )

    async def _sign(
        self, creation: Creation, request: CertificateRequest
    ) -> _SignedCertificate:
        """Have a certificate signed.

        Its key is unwanted until the certificate is recorded and its device stored: whatever
        happens in between, a restart included, the certificate is revoked when it is seen.
        """
        device = request.device
        await self._check_room(request)
        signing_request = await self._hass.async_add_executor_job(
            make_signing_request, device.name, device.id, request.key_type
        )
        creation.key_id = signing_request.key_id
        await self._protection.ledger.async_mark_unwanted({signing_request.key_id})
        self._raise_if_unwanted(creation, request)
        issued, facts = await issue_certificate(
            self._protection.client,
            device.zone_id,
            signing_request,
            request.validity_days,
            self._hass.async_add_executor_job,
        )
        creation.certificate_id = issued.id
        certificate = Certificate(
            id=issued.id, zone_id=device.zone_id, status=issued.status, facts=facts
        )
        return _SignedCertificate(
            certificate=certificate, issued=issued, key=signing_request.key
        )

    async def _store(
        self,
        creation: Creation,
        request: CertificateRequest,
        signed: _SignedCertificate,
    ) -> None:
        """Store a new device, and record its certificate or that of a known device."""
        self._raise_if_unwanted(creation, request)
        if request.is_new:
            # Somebody may have added another one meanwhile.
            self._raise_if_taken(request)
            subentry = companion_subentry(request.device)
            self._hass.config_entries.async_add_subentry(self._entry, subentry)
            creation.subentry_id = subentry.subentry_id
            async_admit(self._hass, self._entry, request.device.id, request.opens)
        certificate, ledger = signed.certificate, self._protection.ledger
        await ledger.async_add(certificate.id, request.record(certificate.facts))
        await ledger.async_forget_unwanted({certificate.facts.key_id})

    def _raise_if_taken(self, request: CertificateRequest) -> None:
        """Raise HomeAssistantError if a new device would have another one's name."""
        if not request.is_new:
            return
        if message := name_taken(self._entry.subentries, request.device.name):
            raise_translated_error(message)

    async def _prepare(
        self,
        creation: Creation,
        request: CertificateRequest,
        signed: _SignedCertificate,
    ) -> Delivery:
        """Return what the device fetches, once the edge lets the certificate in."""
        device = request.device
        await self._protection.async_pin()
        if settings := self._hostname_of(device):
            await self._visit_first(creation, request, signed, settings)
        return await self._hass.async_add_executor_job(
            partial(
                pack,
                entry_id=self._entry.entry_id,
                device=device,
                key=signed.key,
                issued=signed.issued,
                advised_format=request.bundle_format,
            )
        )

    def _as_of_now(self, delivery: Delivery, device: CompanionDevice) -> Delivery:
        """Return a delivery that says what the device may open now, and where it is given out."""
        settings = self._hostname_of(device)
        hostname = settings.hostname if settings else None
        return replace(
            delivery,
            hostname=hostname,
            is_home=settings is None or settings.protected.is_home,
            hostnames=self._hostnames_of(device, hostname),
            remotely=bool(self._entry.options.get(CONF_REMOTE_HANDOVER)),
        )

    async def _visit_first(
        self,
        creation: Creation,
        request: CertificateRequest,
        signed: _SignedCertificate,
        settings: HostnameSettings,
    ) -> None:
        """Visit the device's hostname with its new certificate, if the rules let it in.

        Raises HomeAssistantError where the new certificate could not work.
        """
        hostname = settings.hostname
        plan = self._protection.data.plans.get(request.device.zone_id)
        if (
            plan is None
            or plan.drifted(hostname)
            or not self._protection.last_update_success
        ):
            return
        arrival = await async_visit_first(
            self._visits.probe,
            async_get_questions(self._hass),
            settings.protected,
            signed.key,
            signed.issued,
        )
        # One that was revoked meanwhile is blocked because of that.
        self._raise_if_unwanted(creation, request)
        if arrival is Arrival.BLOCKED:
            raise_translated_error(
                Message("certificate_blocked", {"hostname": hostname})
            )
        if arrival is Arrival.NO_CERTIFICATE:
            raise_translated_error(
                Message("edge_certificate_missing", {"hostname": hostname})
            )
        self._visits.async_record_arrival(hostname, arrival)

    async def _undo(self, creation: Creation, certificate: Certificate) -> None:
        """Revoke a certificate that nobody got, and remove the device that was new with it."""
        await self._revoker.async_discard(certificate.zone_id, [certificate.id])
        entries, subentry_id = self._hass.config_entries, creation.subentry_id
        entry = entries.async_get_entry(self._entry.entry_id)
        if entry and subentry_id and subentry_id in entry.subentries:
            entries.async_remove_subentry(self._entry, subentry_id)
        else:
            await self._protection.async_refresh()

    def _raise_if_unwanted(
        self, creation: Creation, request: CertificateRequest
    ) -> None:
        """Raise HomeAssistantError where a person removed, revoked or changed what this is for."""
        device = find_companion(self._entry.subentries, creation.device_id)
        is_yet_to_add = request.is_new and creation.subentry_id is None
        if (
            creation.is_stopped
            or not self._is_account_on()
            or not (device or is_yet_to_add)
        ):
            raise_translated_error(
                Message("creation_stopped", {"name": request.device.name})
            )
        raise_if_changed(self._protection.hostnames, creation, request)

    def _is_account_on(self) -> bool:
        """Return whether the account is neither removed nor disabled; it may be reloading."""
        entry = self._hass.config_entries.async_get_entry(self._entry.entry_id)
        return entry is not None and entry.disabled_by is None

    async def _check_room(self, request: CertificateRequest) -> None:
        """Raise HomeAssistantError where no rule could list one more certificate of the device."""
        if problem := await self._protection.async_room_problem(
            {_ANY_FINGERPRINT: request.device.id}, request.opens
        ):
            raise_translated_error(describe_problem(problem))

    def _hostname_of(self, device: CompanionDevice) -> HostnameSettings | None:
        """Return the hostname that the device uses, if it can be reached.

        Where nobody chose one, or it is no longer protected or not for the device, that is the
        first of its zone that is, one of Home Assistant before all others.
        """
        usable = [
            item
            for item in self._protection.hostnames
            if item.zone_id == device.zone_id and item.is_for(device.id)
        ]
        chosen = [item for item in usable if item.hostname == device.hostname]
        published = [item for item in chosen or usable if item.protected.published]
        published.sort(key=lambda item: not item.protected.is_home)
        return next(iter(published), None)

    def _hostnames_of(
        self, device: CompanionDevice, first: str | None
    ) -> tuple[str, ...]:
        """Return the hostnames that a device may open, the one that it uses first."""
        found = {
            item.hostname
            for item in self._protection.hostnames
            if item.protected.published and item.is_for(device.id)
        }
        return tuple(sorted(found, key=lambda item: (item != first, item)))
