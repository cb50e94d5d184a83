"""Add a companion device with its certificate, renew the certificate of one, or change a device."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant.config_entries import (
    ConfigSubentryFlow,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    DeviceSelector,
    DeviceSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
from homeassistant.util.ulid import ulid_now
import probatio

from ..certificates.device_names import name_taken
from ..certificates.mobile_app import MOBILE_APP, async_get_mobile_app
from ..const import CONF_HOSTNAME, CONF_HOSTNAMES, CONF_NOTIFY_DEVICE_ID, CONF_SYSTEM
from ..engine.api.errors import EngineError
from ..engine.api.names import in_letters
from ..engine.certificates.certificate import Certificate, readable
from ..engine.certificates.companions import CompanionDevice
from ..engine.certificates.names import read_name
from ..engine.certificates.systems import System
from ..engine.sync.settings import HostnameSettings
from ..limited_hostnames import limited_among
from ..quoting import shown
from ..runtime_data import CloudflareConfigEntry
from ..subentries import companion_data, companion_of, hostnames_of
from ..wording import Message, describe, describe_problem
from .certificate_labels import async_label_certificates
from .certificate_steps import CHOICES_SCHEMA, CertificateSteps
from .form import abort, choice, made, several, show_form
from .local_address import async_describe_address

CONF_CERTIFICATE: Final = "certificate"

_APP: Final = DeviceSelector(DeviceSelectorConfig(integration=MOBILE_APP))
_SYSTEM_SCHEMA: Final[dict[probatio.Marker, Any]] = {
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
    """Give a device its certificate, or a new one, or change what is known of the device."""

    # The device that is there already, and how it was when a person saw it.
    _device_id: str | None = None
    _seen: CompanionDevice | None = None
    # The certificates that a person was shown, by their ids.
    _listed: Mapping[str, Certificate] = MappingProxyType({})
    # The limited hostnames that a person was shown.
    _limited: frozenset[str] = frozenset()

    @override
    def entry(self) -> CloudflareConfigEntry | None:
        entry_id, _ = self.handler
        return self.hass.config_entries.async_get_entry(entry_id)

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose between a new certificate and one that exists."""
        if reason := self.obstacle():
            return self.async_abort(reason=reason)
        if self._adoptable():
            return self.async_show_menu(step_id="user", menu_options=["new", "adopt"])
        return await self.async_step_new()

    async def async_step_new(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose the device and how its certificate is made."""
        if user_input is None:
            return await self.async_ask()
        if reason := self.obstacle():
            return self.async_abort(reason=reason)
        self._answers = user_input
        device = self._read_device(user_input)
        if isinstance(device, Message):
            return await self.async_ask(device)
        return await self.async_create_for(
            device, user_input, is_new=True, limited=self._limited
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose between a new certificate and other settings."""
        device = companion_of(self._get_reconfigure_subentry())
        self._device_id = device.id
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["renew", "change"],
            description_placeholders=shown({"name": device.name}),
        )

    async def async_step_renew(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Renew the certificate."""
        if user_input is None:
            return await self.async_ask()
        if reason := self.obstacle():
            return self.async_abort(reason=reason)
        self._answers = user_input
        device = self.find_device(made(self._device_id))
        if device is None:
            return self.async_abort(reason="device_gone")
        return await self.async_create_for(device, user_input, is_new=False)

    async def async_step_change(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change what Home Assistant knows of the device; nothing changes at Cloudflare."""
        device = self.find_device(made(self._device_id))
        if device is None:
            return self.async_abort(reason="device_gone")
        message: Message | None = None
        if user_input is None:
            self._seen = device
        else:
            seen = made(self._seen)
            name = read_name(user_input[CONF_NAME])
            typed = replace(
                seen,
                name=name or user_input[CONF_NAME],
                system=System(user_input[CONF_SYSTEM]),
                hostname=user_input.get(CONF_HOSTNAME, seen.hostname),
                notify_device_id=user_input.get(CONF_NOTIFY_DEVICE_ID),
            )
            device = device.with_changes(before=seen, after=typed)
            if not name:
                message = Message("name_malformed")
            elif name != seen.name:
                others = self._get_entry().subentries
                message = name_taken(others, name, device.id)
            if message is None:
                return self.async_update_and_abort(
                    self._get_entry(),
                    self._get_reconfigure_subentry(),
                    title=device.name,
                    data=companion_data(device),
                    reason="device_changed",
                )
        # Its certificate is good in its own zone alone.
        near = (
            item.hostname
            for item in self._settings()
            if item.zone_id == device.zone_id and item.is_for(device.id)
        )
        schema = probatio.Schema(
            {
                probatio.Required(CONF_NAME): TextSelector(),
                **_SYSTEM_SCHEMA,
                **_hostname_schema(near),
                probatio.Optional(CONF_NOTIFY_DEVICE_ID): _APP,
            }
        )
        return show_form(
            self,
            "change",
            schema,
            suggested=companion_data(device),
            message=message,
        )

    async def async_step_adopt(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Take over a certificate that exists, for a new device."""
        if reason := self.obstacle():
            return self.async_abort(reason=reason)
        message: Message | None = None
        if user_input is not None:
            device = await self._adopt(user_input)
            if isinstance(device, CompanionDevice):
                return self.async_create_entry(
                    title=device.name, data=companion_data(device), unique_id=device.id
                )
            message = device
        self._listed = self._adoptable()
        if not self._listed:
            return self.async_abort(reason="certificate_not_free")
        labels = await async_label_certificates(
            self.hass, made(self.entry()), self._listed.values()
        )
        schema = probatio.Schema(
            {
                probatio.Required(CONF_CERTIFICATE): choice(labels),
                probatio.Optional(CONF_NAME): TextSelector(),
                **_SYSTEM_SCHEMA,
            }
        )
        return show_form(self, "adopt", schema, suggested=user_input, message=message)

    @override
    async def async_ask(self, message: Message | None = None) -> SubentryFlowResult:
        if reason := self.obstacle():
            return self.async_abort(reason=reason)
        if self._device_id is not None:
            return await self.async_show_renewal("renew", self._device_id, message)
        self._limited = limited_among(self._settings())
        schema = probatio.Schema(
            {
                probatio.Optional(CONF_NAME): TextSelector(),
                probatio.Optional(CONF_NOTIFY_DEVICE_ID): _APP,
                **_SYSTEM_SCHEMA,
                **_hostname_schema(item.hostname for item in self._settings()),
                **_hostnames_schema(self._limited),
                **CHOICES_SCHEMA,
            }
        )
        return show_form(
            self,
            "new",
            schema,
            suggested=self._answers,
            message=message,
            placeholders={"local_address": await async_describe_address(self.hass)},
        )

    @override
    async def async_finish(self, device: CompanionDevice) -> SubentryFlowResult:
        if self._device_id is not None:
            return self.async_abort(reason="reconfigure_successful")
        # The device was stored before its certificate was offered.
        return abort(self, Message("device_added", {"name": device.name}))

    def _adoptable(self) -> dict[str, Certificate]:
        """Return the certificates that belong to no device, and that nobody revoked, by their ids."""
        protection = made(self.entry()).runtime_data.protection
        trust = protection.trust
        return {
            item.id: item
            for item in readable(protection.data.certificates or ())
            if item.is_active
            and trust.device_id_of(item) not in trust.device_ids
            and item.id not in trust.device_ids
            and not trust.is_stopped(item)
            and not trust.is_of_removed_device(item)
        }

    def _is_free(self, certificate: Certificate) -> bool:
        """Return whether this very certificate can still be taken over, not one of the same id."""
        found = self._adoptable().get(certificate.id)
        return found is not None and found.facts == certificate.facts

    async def _adopt(self, user_input: dict[str, Any]) -> CompanionDevice | Message:
        """Trust a certificate as that of a new device, or return why that cannot be."""
        protection = made(self.entry()).runtime_data.protection
        certificate = self._listed[user_input[CONF_CERTIFICATE]]
        if not self._is_free(certificate):
            return Message("certificate_not_free", field=CONF_CERTIFICATE)
        name = read_name(user_input.get(CONF_NAME, certificate.facts.name))
        if name is None:
            return Message("name_malformed")
        if message := name_taken(self._get_entry().subentries, name):
            return message
        fingerprint = certificate.facts.fingerprint_sha256
        try:
            problem = await protection.async_room_problem({fingerprint: certificate.id})
        except EngineError as err:
            return describe(err)
        if problem:
            return describe_problem(problem)
        # Somebody may have revoked it while the rules were read.
        if not self._is_free(certificate):
            return Message("certificate_not_free", field=CONF_CERTIFICATE)
        # The id in the subject is not ours: who asked for the certificate chose it.
        await protection.ledger.async_confirm({fingerprint: certificate.id})
        return CompanionDevice(
            id=certificate.id,
            name=name,
            system=System(user_input[CONF_SYSTEM]),
            zone_id=certificate.zone_id,
        )

    def _read_device(self, user_input: dict[str, Any]) -> CompanionDevice | Message:
        """Return the device that a person named or picked, or what is wrong with the choice."""
        app_id = user_input.get(CONF_NOTIFY_DEVICE_ID)
        app = async_get_mobile_app(self.hass, app_id) if app_id else None
        name = read_name(user_input.get(CONF_NAME, app.name if app else ""))
        if name is None:
            return Message("name_malformed")
        if message := name_taken(self._get_entry().subentries, name):
            return message
        opens = user_input.get(CONF_HOSTNAMES, ())
        hostnames = {
            item.hostname: item.zone_id
            for item in self._settings()
            if not item.protected.is_limited or item.hostname in opens
        }
        hostname = user_input.get(CONF_HOSTNAME, next(iter(hostnames), None))
        if hostname not in hostnames:
            return Message("hostname_not_for_device", field=CONF_HOSTNAMES)
        system = System(user_input[CONF_SYSTEM])
        return CompanionDevice(
            id=ulid_now(),
            name=name,
            system=(app.system if app else None) or system,
            zone_id=hostnames[hostname],
            hostname=hostname,
            notify_device_id=app_id if app else None,
        )

    def _settings(self) -> Collection[HostnameSettings]:
        """Return the settings of every protected hostname."""
        return hostnames_of(self._get_entry().subentries).values()

    @override
    def obstacle(self) -> str | None:
        reason = super().obstacle()
        return reason or (None if self._settings() else "no_hostname")


def _hostname_schema(hostnames: Iterable[str]) -> dict[probatio.Marker, Any]:
    """Return the field for the hostname that a device uses, none where there is no choice."""
    labels = {hostname: in_letters(hostname) for hostname in hostnames}
    if len(labels) < 2:
        return {}
    return {probatio.Required(CONF_HOSTNAME): choice(labels)}


def _hostnames_schema(limited: Iterable[str]) -> dict[probatio.Marker, Any]:
    """Return the field for the limited hostnames that a new device may open, none without any."""
    labels = {hostname: in_letters(hostname) for hostname in sorted(limited)}
    if not labels:
        return {}
    return {probatio.Optional(CONF_HOSTNAMES, default=list): several(labels)}
