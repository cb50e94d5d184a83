"""Adds a companion device with its certificate, or renews the certificate of one."""

import asyncio
from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    DeviceSelector,
    DeviceSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
from homeassistant.util.ulid import ulid_now
import probatio

from ..certificates.mobile_app import MOBILE_APP, async_get_mobile_app
from ..certificates.service import CreatedCertificate
from ..const import CONF_NOTIFY_DEVICE_ID, CONF_SYSTEM, CONF_ZONE_ID
from ..engine.certificates.companions import Certificate, CompanionDevice
from ..engine.certificates.credentials import is_name
from ..engine.certificates.systems import System
from ..runtime_data import CloudflareConfigEntry
from ..subentries import (
    companion_data,
    companion_subentry,
    hostnames_of,
    read_companion,
)
from ..wording import Description
from .certificate_steps import CHOICES_SCHEMA, CertificateSteps, has_local_url
from .form import choice

CONF_CERTIFICATE = "certificate"

_SYSTEM_SCHEMA: dict[probatio.Marker, Any] = {
    probatio.Required(CONF_SYSTEM, default=System.ANDROID.value): SelectSelector(
        SelectSelectorConfig(
            options=[system.value for system in System],
            translation_key=CONF_SYSTEM,
        )
    )
}


class CompanionDeviceFlow(
    CertificateSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    ConfigSubentryFlow,
):
    """Give a device its certificate, or a new one."""

    _current: CompanionDevice | None = None
    _adoptable: dict[str, Certificate]
    _ended = False

    @override
    def entry(self) -> CloudflareConfigEntry:
        return self._get_entry()

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose between a new certificate and one that is there already."""
        if reason := self._obstacle():
            return self.async_abort(reason=reason)
        protection = self.entry().runtime_data.protection
        known = {device.id for device in protection.companions}
        self._adoptable = {
            item.device_id: item
            for item in protection.data.certificates or ()
            if item.is_active and item.device_id not in known
        }
        if self._adoptable:
            return self.async_show_menu(step_id="user", menu_options=["new", "adopt"])
        return await self.async_step_new()

    async def async_step_new(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose the device and how its certificate is made."""
        if user_input is not None:
            self._answers = user_input
            device = self._read_device(user_input)
            if device is None:
                return await self.async_ask(("name_malformed", {}))
            return await self.async_create_for(device, user_input)
        return await self.async_ask()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Renew the certificate."""
        if self._current is None:
            if reason := self._obstacle():
                return self.async_abort(reason=reason)
            subentry = self._get_reconfigure_subentry()
            self._current = read_companion(subentry)
        if user_input is not None:
            self._answers = user_input
            return await self.async_create_for(self._current, user_input)
        return await self.async_ask()

    async def async_step_adopt(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Take a certificate that is there already for a device's."""
        error: Description | None = None
        if user_input is not None:
            certificate = self._adoptable[user_input[CONF_CERTIFICATE]]
            device = CompanionDevice(
                id=certificate.device_id,
                name=user_input.get(CONF_NAME, certificate.facts.name).strip(),
                system=System(user_input[CONF_SYSTEM]),
                zone_id=certificate.zone_id,
            )
            if is_name(device.name):
                return self._create(device)
            error = "name_malformed", {}
        labels = {
            device_id: f"{item.facts.name} ({item.facts.expires_on:%Y-%m-%d})"
            for device_id, item in self._adoptable.items()
        }
        schema = probatio.Schema(
            {
                probatio.Required(CONF_CERTIFICATE): choice(labels),
                probatio.Optional(CONF_NAME): TextSelector(),
                **_SYSTEM_SCHEMA,
            }
        )
        return self._show("adopt", schema, user_input, error and ("base", error))

    @override
    async def async_ask(self, error: Description | None = None) -> SubentryFlowResult:
        if self._current:
            return self.show_renewal("reconfigure", self._current, error)
        app = DeviceSelector(DeviceSelectorConfig(integration=MOBILE_APP))
        zones = self._zones()
        schema: dict[probatio.Marker, Any] = {
            probatio.Optional(CONF_NAME): TextSelector(),
            probatio.Optional(CONF_NOTIFY_DEVICE_ID): app,
            **_SYSTEM_SCHEMA,
            **CHOICES_SCHEMA,
        }
        if len(zones) > 1:
            schema |= {
                probatio.Required(CONF_ZONE_ID, default=next(iter(zones))): choice(
                    zones
                )
            }
        return self._show(
            "new", probatio.Schema(schema), self._answers, error and ("base", error)
        )

    @override
    async def async_finish(self) -> SubentryFlowResult:
        device = self._request.device
        if self._current:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                data=companion_data(device),
            )
        return self._create(device)

    @callback
    def async_remove(self) -> None:
        """Keep the device of a certificate that is signed, though the dialog was closed."""
        if self._ended or self._current or self._creating is None:
            return
        self._creating.add_done_callback(self._keep)

    def _keep(self, creating: asyncio.Task[CreatedCertificate]) -> None:
        if creating.exception() is None:
            self.hass.config_entries.async_add_subentry(
                self._get_entry(), companion_subentry(self._request.device)
            )

    def _create(self, device: CompanionDevice) -> SubentryFlowResult:
        self._ended = True
        return self.async_create_entry(
            title=device.name, data=companion_data(device), unique_id=device.id
        )

    def _read_device(self, user_input: dict[str, Any]) -> CompanionDevice | None:
        """Return the device that a person named or picked, or None where it has no name."""
        app_id = user_input.get(CONF_NOTIFY_DEVICE_ID)
        app = async_get_mobile_app(self.hass, app_id) if app_id else None
        name = user_input.get(CONF_NAME, app.name if app else "").strip()
        if not is_name(name):
            return None
        system = System(user_input[CONF_SYSTEM])
        return CompanionDevice(
            id=ulid_now(),
            name=name,
            system=(app.system if app else None) or system,
            zone_id=user_input.get(CONF_ZONE_ID, next(iter(self._zones()))),
            notify_device_id=app_id if app else None,
        )

    def _zones(self) -> dict[str, str]:
        """Return the zones that have a protected hostname, and the hostname to tell each by."""
        hostnames = hostnames_of(self._get_entry().subentries).values()
        return {item.zone_id: item.hostname for item in hostnames}

    def _obstacle(self) -> str | None:
        """Return what keeps a certificate from being made here and now."""
        if self.entry().state is not ConfigEntryState.LOADED:
            return "entry_not_loaded"
        if not self._zones():
            return "no_hostname"
        return None if has_local_url(self.hass) else "no_local_url"
