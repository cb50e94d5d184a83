"""The steps of a flow that create a certificate and hand it over."""

from abc import abstractmethod
import asyncio
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowContext, FlowResult
from homeassistant.exceptions import HomeAssistantError
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

from ..certificates.mobile_app import format_for
from ..certificates.request import CertificateRequest
from ..certificates.service import CreatedCertificate
from ..const import DOMAIN
from ..engine.api.errors import EngineError
from ..engine.certificates.companions import CompanionDevice
from ..engine.certificates.credentials import KeyType
from ..pages.local_url import local_url
from ..runtime_data import CloudflareConfigEntry
from ..wording import Description, describe
from .form import FormSteps

CONF_KEY_TYPE: Final = "key_type"
CONF_REVOKE_OLD_AFTER: Final = "revoke_old_after"
CONF_VALIDITY: Final = "validity"

_VALIDITIES: Final = ("30", "90", "365", "730", "1825", "3650", "5475")
DEFAULT_VALIDITY: Final = "365"


# How a certificate is made; Cloudflare says itself which other validities it takes.
CHOICES_SCHEMA: Final[dict[probatio.Marker, Any]] = {
    probatio.Required(CONF_VALIDITY, default=DEFAULT_VALIDITY): SelectSelector(
        SelectSelectorConfig(
            options=list(_VALIDITIES),
            custom_value=True,
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
_RENEWAL_SCHEMA: Final[dict[probatio.Marker, Any]] = {
    **CHOICES_SCHEMA,
    probatio.Optional(CONF_REVOKE_OLD_AFTER): NumberSelector(
        NumberSelectorConfig(
            min=0, max=365, mode=NumberSelectorMode.BOX, unit_of_measurement="d"
        )
    ),
}


class CertificateSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FormSteps[ContextT, ResultT, HandlerT]
):
    """Create, show where the bundle waits, and only then end."""

    _answers: dict[str, Any] | None = None
    _request: CertificateRequest
    _creating: asyncio.Task[CreatedCertificate] | None = None

    @abstractmethod
    def entry(self) -> CloudflareConfigEntry:
        """Return the account."""

    @abstractmethod
    async def async_ask(self, error: Description | None = None) -> ResultT:
        """Ask for what is to be created, again after an error."""

    @abstractmethod
    async def async_finish(self) -> ResultT:
        """End the flow, now that the certificate was handed over."""

    async def async_create_for(
        self, device: CompanionDevice, user_input: dict[str, Any]
    ) -> ResultT:
        """Create what a person chose for a device, or ask again."""
        request = _read_choices(self.hass, device, user_input)
        if request is None:
            return await self.async_ask(("validity_malformed", {}))
        self._request = request
        return await self.async_step_create_certificate()

    def show_renewal(
        self, step_id: str, device: CompanionDevice, error: Description | None
    ) -> ResultT:
        """Ask how the next certificate of a device is to be made."""
        return self._show(
            step_id,
            probatio.Schema(_RENEWAL_SCHEMA),
            self._answers,
            error and ("base", error),
            name=device.name,
        )

    async def async_step_create_certificate(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Create the certificate."""
        if self._creating is None:
            self._creating = self.hass.async_create_task(
                self.entry().runtime_data.certificates.async_create(self._request)
            )
        if self._creating.done():
            return self.async_show_progress_done(next_step_id="handover")
        return self.async_show_progress(
            step_id="create_certificate",
            progress_action="create_certificate",
            description_placeholders={"name": self._request.device.name},
            # It goes on when the dialog is closed: what is signed is signed.
            progress_task=self.seen_to_end(self._creating, goes_on=True),
        )

    async def async_step_handover(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show where the bundle waits, or what went wrong."""
        assert self._creating is not None
        if error := _error_of(self._creating):
            self._creating = None
            return await self.async_ask(error)
        if user_input is not None:
            return await self.async_finish()
        handover = self._creating.result().handover
        qr_code = QrCodeSelector(QrCodeSelectorConfig(data=handover.url, scale=6))
        return self.async_show_form(
            step_id="handover",
            data_schema=probatio.Schema({probatio.Optional("qr_code"): qr_code}),
            description_placeholders={
                "name": self._request.device.name,
                "url": handover.url,
                "code": handover.code,
                "until": handover.until,
            },
        )


def _error_of(task: asyncio.Task[CreatedCertificate]) -> Description | None:
    match task.exception():
        case None:
            return None
        case EngineError() as err:
            return describe(err)
        case (
            HomeAssistantError(
                translation_domain=domain, translation_key=str(key)
            ) as err
        ) if domain == DOMAIN:
            return key, err.translation_placeholders or {}
        case err:
            raise err


def _read_choices(
    hass: HomeAssistant, device: CompanionDevice, user_input: dict[str, Any]
) -> CertificateRequest | None:
    """Return what a person chose, or None where the validity is no number of days."""
    days = str(user_input[CONF_VALIDITY]).strip()
    if not (days.isascii() and days.isdigit() and int(days)):
        return None
    after = user_input.get(CONF_REVOKE_OLD_AFTER)
    return CertificateRequest(
        device=device,
        validity_days=int(days),
        key_type=KeyType(user_input[CONF_KEY_TYPE]),
        bundle_format=format_for(hass, device),
        revoke_old_after=None if after is None else int(after),
    )


def has_local_url(hass: HomeAssistant) -> bool:
    """Tell whether Home Assistant knows where devices find it on the local network."""
    return bool(local_url(hass))
