"""Repairs: shows what would put something right, and does it when a person confirms."""

from typing import Any, override

from homeassistant.components.repairs import (
    RepairsFlow,
    RepairsFlowContext,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import probatio

from .engine.api.errors import EngineError
from .engine.certificates.companions import CompanionDevice
from .engine.sync.reconciler import Extent
from .flows.certificate_steps import CertificateSteps, has_local_url
from .issues import Fix, finding_placeholders, list_certificates
from .runtime_data import CloudflareConfigEntry
from .subentries import companions_of
from .wording import Description, async_get_texts, changes_of, describe


class FixHostnameFlow(RepairsFlow):
    """Mend a hostname that is not kept in sync by itself."""

    def __init__(self, entry: CloudflareConfigEntry, hostname: str) -> None:
        """Take the hostname to fix."""
        self._entry = entry
        self._hostname = hostname

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Start with what is wrong now."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show the changes, and make them once they are confirmed."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        protection = self._entry.runtime_data.protection
        act = (
            protection.reconciler.preview
            if user_input is None
            else protection.async_sync
        )
        try:
            zones = (await act(Extent(hostnames={self._hostname}))).values()
        except EngineError as err:
            key, placeholders = describe(err)
            return self.async_abort(reason=key, description_placeholders=placeholders)
        left = [step for zone in zones for step in zone.left.steps]
        if user_input is not None and not left:
            return self.async_create_entry(data={})
        stopped = [zone.error for zone in zones if zone.error]
        key, placeholders = describe(stopped[0]) if stopped else ("", {})
        text = await async_get_texts(self.hass, "common")
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            errors={"base": key} if key else {},
            description_placeholders={
                "hostname": self._hostname,
                "changes": changes_of(text, self._hostname, left),
                **placeholders,
            },
        )


class RenewCertificateFlow(
    CertificateSteps[RepairsFlowContext, RepairsFlowResult, str], RepairsFlow
):
    """Renew the certificate of a companion device before it is locked out."""

    def __init__(self, entry: CloudflareConfigEntry, device_id: str) -> None:
        """Take the device."""
        self._entry = entry
        self._device_id = device_id

    @override
    def entry(self) -> CloudflareConfigEntry:
        return self._entry

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Start with how the certificate is made."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if not has_local_url(self.hass):
            return self.async_abort(reason="no_local_url")
        return await self.async_ask()

    async def async_step_renew(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Take how the certificate is made, and make it."""
        device = self._device()
        if device is None:
            return self.async_abort(reason="device_gone")
        assert user_input is not None
        self._answers = user_input
        return await self.async_create_for(device, user_input)

    @override
    async def async_ask(self, error: Description | None = None) -> RepairsFlowResult:
        device = self._device()
        if device is None:
            return self.async_abort(reason="device_gone")
        return self.show_renewal("renew", device, error)

    @override
    async def async_finish(self) -> RepairsFlowResult:
        return self.async_create_entry(data={})

    def _device(self) -> CompanionDevice | None:
        devices = companions_of(self._entry.subentries).values()
        return next((item for item in devices if item.id == self._device_id), None)


class AcceptCertificatesFlow(RepairsFlow):
    """Take note of certificates that were made elsewhere."""

    def __init__(self, entry: CloudflareConfigEntry) -> None:
        """Take the account."""
        self._entry = entry

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show which certificates there are."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Keep that a person knows of the certificates."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        protection = self._entry.runtime_data.protection
        unknown = protection.data.unknown_certificates
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=probatio.Schema({}),
                description_placeholders={"names": list_certificates(unknown)},
            )
        await protection.ledger.async_accept({item.id for item in unknown})
        protection.async_look_at_ledger()
        return self.async_create_entry(data={})


class FixFindingFlow(RepairsFlow):
    """Put right what is in the way of companion devices."""

    def __init__(self, entry: CloudflareConfigEntry, finding_id: str) -> None:
        """Take what was found."""
        self._entry = entry
        self._finding_id = finding_id

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Start with what will be changed."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Tell the one change, and make it once it is confirmed."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        checks = self._entry.runtime_data.checks
        finding = checks.findings.get(self._finding_id)
        if finding is None:
            return self.async_create_entry(data={})
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=probatio.Schema({}),
                description_placeholders=finding_placeholders(finding),
            )
        try:
            await checks.async_fix(finding)
        except EngineError as err:
            key, placeholders = describe(err)
            return self.async_abort(reason=key, description_placeholders=placeholders)
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Return the flow that fixes what an issue is about."""
    assert data is not None
    entry = hass.config_entries.async_get_known_entry(data["entry_id"])
    match Fix(data["fix"]):
        case Fix.FIX_HOSTNAME:
            return FixHostnameFlow(entry, data["subject"])
        case Fix.RENEW_CERTIFICATE:
            return RenewCertificateFlow(entry, data["subject"])
        case Fix.ACCEPT_CERTIFICATES:
            return AcceptCertificatesFlow(entry)
        case Fix.FIX_FINDING:
            return FixFindingFlow(entry, data["subject"])
