"""The steps of a dialog that create a certificate and hand it over."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    QrCodeSelector,
    QrCodeSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
)
import probatio

from ..certificates.creation import CertificateCreator, CreatedCertificate
from ..certificates.mobile_app import format_for
from ..certificates.request import MAX_REVOKE_OLD_AFTER, CertificateRequest
from ..const import CONF_HOSTNAMES, TROUBLESHOOTING_URL
from ..engine.api.errors import EngineError
from ..engine.arrival import Arrival
from ..engine.certificates.companions import CompanionDevice
from ..engine.certificates.keys import KeyType
from ..pages.handovers import Handover, async_get_handovers
from ..pages.local_url import find_local_address
from ..quoting import Ours
from ..runtime_data import CloudflareConfigEntry
from ..storage.ledger import async_get_ledger
from ..subentries import find_companion
from ..wording import Message, TranslatedError, async_get_dialog_texts, describe
from .form import abort, made, show_form
from .local_address import async_describe_address, async_describe_links
from .progress import Progress, show_progress

CONF_KEY_TYPE: Final = "key_type"
CONF_REVOKE_OLD_AFTER: Final = "revoke_old_after"
CONF_VALIDITY: Final = "validity"

_VALIDITIES: Final = ("30", "90", "365", "730", "1825", "3650", "5475")
_DEFAULT_VALIDITY: Final = "365"

# The front end shows what a person types as it is, and so the days of a choice instead of its label:
# other validities are for the actions.
CHOICES_SCHEMA: Final[dict[probatio.Marker, Any]] = {
    probatio.Required(CONF_VALIDITY, default=_DEFAULT_VALIDITY): SelectSelector(
        SelectSelectorConfig(
            options=list(_VALIDITIES),
            translation_key=CONF_VALIDITY,
        )
    ),
    probatio.Required(CONF_KEY_TYPE, default=KeyType.RSA_2048.value): SelectSelector(
        SelectSelectorConfig(
            options=[key_type.value for key_type in KeyType],
            translation_key=CONF_KEY_TYPE,
        )
    ),
}
_RENEWAL_SCHEMA: Final = probatio.Schema(
    {
        **CHOICES_SCHEMA,
        probatio.Optional(CONF_REVOKE_OLD_AFTER): NumberSelector(
            NumberSelectorConfig(
                min=0,
                max=MAX_REVOKE_OLD_AFTER,
                mode=NumberSelectorMode.BOX,
                unit_of_measurement="d",
            )
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class Creation:
    """A certificate that is being created."""

    request: CertificateRequest
    progress: Progress[CreatedCertificate | Message]


class CertificateSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FlowHandler[ContextT, ResultT, HandlerT]
):
    """Create a certificate, show where its bundle is, and only then end the dialog."""

    # What a person typed last, and what is made of it.
    _answers: dict[str, Any] | None = None
    _creation: Creation | None = None

    @abstractmethod
    def entry(self) -> CloudflareConfigEntry | None:
        """Return the account, or None once it is removed."""

    @abstractmethod
    async def async_ask(self, message: Message | None = None) -> ResultT:
        """Ask what is to be created, once more if there is a message."""

    @abstractmethod
    async def async_finish(self, device: CompanionDevice) -> ResultT:
        """End the dialog, now that the certificate of the device was handed over."""

    def find_device(self, device_id: str) -> CompanionDevice | None:
        """Return a companion device, or None once it or its account is removed."""
        entry = self.entry()
        return find_companion(entry.subentries, device_id) if entry else None

    def obstacle(self) -> str | None:
        """Return why no certificate can be created now, if so."""
        entry = self.entry()
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            return "entry_not_loaded"
        return None if find_local_address(self.hass) else "no_local_url"

    async def async_create_for(
        self,
        device: CompanionDevice,
        user_input: dict[str, Any],
        *,
        is_new: bool,
        limited: frozenset[str] = frozenset(),
    ) -> ResultT:
        """Create what a person chose for a device.

        A new one may use the limited hostnames that were chosen, of those that were shown.
        """
        request = replace(
            _read_choices(self.hass, device, user_input, is_new), limited=limited
        )
        creating = _async_create(made(self.entry()).runtime_data.creator, request)
        progress = Progress(self.hass, creating)
        self._creation = Creation(request=request, progress=progress)
        return await self.async_step_create_certificate()

    async def async_show_renewal(
        self, step_id: str, device_id: str, message: Message | None
    ) -> ResultT:
        """Ask how the next certificate of a device is to be made."""
        device = self.find_device(device_id)
        if device is None:
            return abort(self, Message("device_gone"))
        return show_form(
            self,
            step_id,
            _RENEWAL_SCHEMA,
            suggested=self._answers,
            message=message,
            placeholders={
                "name": device.name,
                "local_address": await async_describe_address(self.hass),
            },
        )

    async def async_step_create_certificate(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show that the certificate is being created."""
        creation = made(self._creation)
        return show_progress(
            self,
            creation.progress,
            "create_certificate",
            "handover",
            name=creation.request.device.name,
        )

    async def async_step_handover(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show where the bundle is, or what went wrong."""
        creation = made(self._creation)
        device, created = creation.request.device, creation.progress.work.result()
        if isinstance(created, Message):
            if created.key == "creation_stopped":
                # Somebody does not want the certificate any more: do not ask again.
                return abort(self, created)
            return await self.async_ask(created)
        if self.find_device(device.id) is None:
            return abort(self, Message("device_removed", {"name": device.name}))
        if user_input is not None:
            entry_id = made(self.entry()).entry_id
            left = await async_find_left(self.hass, entry_id, device, created.handover)
            if left is None:
                return await self.async_finish(device)
            return abort(self, left)
        return await async_show_handover(
            self, device, created.handover, await self._describe_arrival(created)
        )

    async def _describe_arrival(self, created: CreatedCertificate) -> Ours:
        """Say what a visit with the new certificate met, if there was one."""
        entry, hostname = self.entry(), created.hostname
        if entry is None or hostname is None:
            return Ours()
        arrival = entry.runtime_data.visits.arrival_at(hostname)
        if arrival is None or arrival is Arrival.UNKNOWN:
            return Ours()
        text = await async_get_dialog_texts(self.hass)
        return Ours("\n\n" + text(f"arrival_{arrival}", hostname=hostname))


async def async_find_left(
    hass: HomeAssistant, entry_id: str, device: CompanionDevice, handover: Handover
) -> Message | None:
    """Return what is left to do until the device has its certificate, if it has not downloaded it."""
    ledger = await async_get_ledger(hass, entry_id)
    record = ledger.records.get(handover.certificate_id)
    if record and record.taken_on:
        return None
    if async_get_handovers(hass).is_waiting(handover.certificate_id):
        return Message(
            "download_waiting", {"name": device.name, "until": handover.until}
        )
    return Message("download_missed", {"name": device.name})


async def async_show_handover[ResultT: FlowResult[Any, Any]](
    flow: FlowHandler[Any, ResultT, Any],
    device: CompanionDevice,
    handover: Handover,
    arrival: Ours = Ours(),
    message: Message | None = None,
    *,
    asks_for_code: bool = False,
) -> ResultT:
    """Show where a device can fetch its bundle; only administrators see dialogs.

    asks_for_code: whether somebody may open the link that asks for a code; a notification always does.
    """
    text = await async_get_dialog_texts(flow.hass)
    is_computer = device.system.is_computer
    to_device = "to_device_copy" if is_computer else "to_device_scan"
    url = Ours(handover.url)
    unencrypted, asked = "", ""
    if handover.url.startswith("http:"):
        unencrypted = f" {text('to_device_unencrypted')}"
    if asks_for_code or device.notify_device_id:
        asked = text("to_device_code", name=device.name, code=handover.code)
    # The QR code of a long link is as wide as the dialog on the smallest phones.
    qr_code = QrCodeSelector(QrCodeSelectorConfig(data=handover.url, scale=5))
    return show_form(
        flow,
        "handover",
        probatio.Schema({} if is_computer else {probatio.Optional("qr_code"): qr_code}),
        message=message,
        placeholders={
            "name": device.name,
            "to_device": Ours(text(to_device, name=device.name, url=url)),
            "url": url,
            "unencrypted": Ours(unencrypted),
            "asked": Ours(f"\n\n{asked}" if asked else ""),
            "until": handover.until,
            "local_address": await async_describe_links(flow.hass, handover),
            "arrival": arrival,
            "blocked_url": Ours(f"{TROUBLESHOOTING_URL}#blocked"),
        },
    )


async def _async_create(
    creator: CertificateCreator, request: CertificateRequest
) -> CreatedCertificate | Message:
    """Return a new certificate, or why it was not created."""
    try:
        return await creator.async_create(request)
    except EngineError as err:
        return describe(err)
    except TranslatedError as err:
        return err.message


def _read_choices(
    hass: HomeAssistant,
    device: CompanionDevice,
    user_input: dict[str, Any],
    is_new: bool,
) -> CertificateRequest:
    """Return what a person chose."""
    after = user_input.get(CONF_REVOKE_OLD_AFTER)
    return CertificateRequest(
        device=device,
        validity_days=int(user_input[CONF_VALIDITY]),
        key_type=KeyType(user_input[CONF_KEY_TYPE]),
        bundle_format=format_for(hass, device),
        opens=frozenset(user_input.get(CONF_HOSTNAMES, ())),
        is_new=is_new,
        revoke_old_after=None if after is None else int(after),
    )
