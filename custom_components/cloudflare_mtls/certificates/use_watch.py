"""Follows which certificates companion devices use, as far as the edge tells."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import (
    async_dispatcher_connect,
    async_dispatcher_send,
)
from homeassistant.util import dt as dt_util
from homeassistant.util.signal_type import SignalTypeFormat

from ..bus_events import CertificateEvent, async_fire_certificate
from ..const import DOMAIN
from ..coordinator.protection import ProtectionCoordinator
from ..engine.certificates.certificate import readable
from ..engine.certificates.companions import CompanionState
from ..engine.certificates.trust import Trust
from ..engine.certificates.uses import old_one_ends, unused_since
from ..engine.sync.settings import HostnameSettings
from ..issues import (
    Issue,
    async_report,
    old_certificate_issue,
    shared_issue,
    unused_issue,
)
from ..storage.uses import Uses
from ..told_requests import SIGNAL_TOLD, ToldRequest
from .mobile_app import async_get_mobile_app
from .proofs import Proofs

# For each account, by its entry id: the companion device that used a certificate, by our own id.
SIGNAL_USED = SignalTypeFormat[str](f"{DOMAIN}_used_{{}}")


@callback
def _is_removal(change: dr.EventDeviceRegistryUpdatedData) -> bool:
    return change["action"] == "remove"


class UseWatch:
    """Notes which certificates an account's companion devices use, and tells what that means."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        protection: ProtectionCoordinator,
        proofs: Proofs,
        uses: Uses,
    ) -> None:
        """Take the account, what its devices prove, and where to note it."""
        self._hass = hass
        self._entry = entry
        self._protection = protection
        self._proofs = proofs
        self._uses = uses

    @callback
    def async_listen(self) -> None:
        """Listen to what the edge tells until the account is unloaded, and to apps that are deleted."""

        @callback
        def device_removed(event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
            self._async_report()

        for unsubscribe in (
            async_dispatcher_connect(self._hass, SIGNAL_TOLD, self._async_told),
            self._protection.async_add_listener(self._async_report),
            self._hass.bus.async_listen(
                dr.EVENT_DEVICE_REGISTRY_UPDATED, device_removed, _is_removal
            ),
        ):
            self._entry.async_on_unload(unsubscribe)
        self._async_report()

    @callback
    def _async_told(self, told: ToldRequest) -> None:
        identity = told.identity
        if identity.hostname not in self._protection.told_hostnames:
            return
        fingerprint, now = identity.fingerprint, dt_util.utcnow()
        self._uses.async_hear(identity.hostname, now)
        if fingerprint is None:
            return
        is_shared = told.app_id is not None and self._uses.async_note_app(
            fingerprint, told.app_id
        )
        if not is_shared and not self._uses.is_news(fingerprint, now):
            return
        if device_id := self._protection.trust.holder_of(fingerprint):
            if is_shared:
                self._async_fire_shared(device_id, fingerprint)
            self._uses.async_note(device_id, fingerprint, now)
            self._entry.async_create_background_task(
                self._hass,
                self._proofs.async_record_use(identity),
                f"{self._entry.title} use of a certificate",
            )
            signal = SIGNAL_USED.format(self._entry.entry_id)
            async_dispatcher_send(self._hass, signal, device_id)
            self._async_report()

    @callback
    def _async_fire_shared(self, device_id: str, fingerprint: str) -> None:
        for certificate in readable(self._protection.data.certificates or ()):
            if certificate.facts.fingerprint_sha256 == fingerprint:
                async_fire_certificate(
                    self._hass,
                    self._entry,
                    CertificateEvent.SHARED,
                    certificate,
                    device_id,
                )

    @callback
    def _async_report(self) -> None:
        """Tell of devices that may be surprised; nothing new of those that cannot be read now."""
        self._uses.async_keep_told(self._protection.told_hostnames)
        state, trust = self._protection.data, self._protection.trust
        hostnames = self._protection.hostnames
        issues = [
            issue
            for companion in (state.companions or {}).values()
            for issue in self._issues(companion, trust, hostnames)
        ]
        is_complete = state.companions is not None and not state.unread_zones
        async_report(
            self._hass, self._entry.entry_id, "use", issues, is_complete=is_complete
        )

    def _issues(
        self,
        companion: CompanionState,
        trust: Trust,
        hostnames: Iterable[HostnameSettings],
    ) -> Iterator[Issue]:
        record = trust.record_of(companion.current) if companion.current else None
        if revoked_on := old_one_ends(companion, record, self._uses.last_use):
            yield old_certificate_issue(companion.device, revoked_on)
        device = companion.device
        if since := unused_since(
            companion,
            record,
            self._uses.of_device(device.id),
            self._told_since(
                {item.hostname for item in hostnames if item.is_for(device.id)}
            ),
            dt_util.utcnow(),
        ):
            yield unused_issue(device, since)
        if len(apps := self._apps_sharing(companion)) > 1:
            yield shared_issue(device, apps)

    def _apps_sharing(self, companion: CompanionState) -> Mapping[str, str]:
        """Return the names of the apps that share a certificate of a device, by their ids."""
        return {
            app_id: app.name
            for certificate in companion.certificates
            if certificate.may_be_active
            for app_id in self._uses.sharing(certificate.facts.fingerprint_sha256)
            if (app := async_get_mobile_app(self._hass, app_id))
        }

    def _told_since(self, hostnames: Collection[str]) -> datetime | None:
        """Return since when the edge is heard of all these hostnames, if it is and there are any.

        What stands in between may take its word out of the requests.
        """
        told = self._uses.told_since
        if not hostnames or not told.keys() >= set(hostnames):
            return None
        return max(told[hostname] for hostname in hostnames)
