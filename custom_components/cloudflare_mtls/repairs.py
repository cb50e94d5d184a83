"""Repairs: show what would fix an issue, and do it once a person confirms."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, override

from homeassistant.components.repairs import (
    RepairsFlow,
    RepairsFlowContext,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant

from .engine.certificates.companions import CompanionDevice
from .engine.checks.finding import Finding
from .engine.sync.reconciler import Extent, ZoneSync
from .flows.certificate_steps import CertificateSteps
from .flows.fix_flow import FixFlow
from .flows.unknown_certificates import UnknownCertificatesFlow
from .issues import Fix, finding_placeholders
from .runtime_data import CloudflareConfigEntry
from .wording import Message, async_get_texts, changes_of, describe


class FixHostnameFlow(FixFlow):
    """Fix a hostname that is not kept in sync automatically."""

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        reconciler = self._entry.runtime_data.protection.reconciler
        zones = await reconciler.preview(Extent(hostnames={self.subject}))
        return await self._show_left(zones.values(), message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        protection = self._entry.runtime_data.protection
        synced = await protection.async_sync(Extent(hostnames={self.subject}))
        zones = synced.values()
        if not any(zone.left.steps for zone in zones):
            return self.async_create_entry(data={})
        errors = [zone.error for zone in zones if zone.error]
        return await self._show_left(zones, describe(errors[0]) if errors else None)

    async def _show_left(
        self, zones: Iterable[ZoneSync], message: Message | None
    ) -> RepairsFlowResult:
        """Show the changes that are left to make."""
        text = await async_get_texts(self.hass, "common")
        left = [step for zone in zones for step in zone.left.steps]
        changes = changes_of(text, self.subject, left)
        return self.show_confirm(
            {"hostname": self.subject, "changes": changes}, message
        )


class RenewCertificateFlow(
    FixFlow, CertificateSteps[RepairsFlowContext, RepairsFlowResult, str]
):
    """Renew the certificate of a companion device before it is locked out."""

    @override
    def entry(self) -> CloudflareConfigEntry | None:
        return self.hass.config_entries.async_get_entry(self._entry.entry_id)

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        if reason := self.obstacle():
            return self.async_abort(reason=reason)
        return self.show_renewal("renew", self.subject, message)

    async def async_step_renew(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Choose how the certificate is made."""
        return await self.async_step_confirm(user_input)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        if reason := self.obstacle():
            return self.async_abort(reason=reason)
        device = self.find_device(self.subject)
        if device is None:
            return self.async_abort(reason="device_gone")
        self._answers = user_input
        return await self.async_create_for(device, user_input, is_new=False)

    @override
    async def async_finish(self, device: CompanionDevice) -> RepairsFlowResult:
        return self.async_create_entry(data={})


class FixFindingFlow(FixFlow):
    """Change the one setting at Cloudflare that is in the way of companion devices."""

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        finding = self._finding()
        if finding is None:
            return self.async_create_entry(data={})
        return self.show_confirm(finding_placeholders(finding), message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        if finding := self._finding():
            await self._entry.runtime_data.checks.async_fix(finding)
        return self.async_create_entry(data={})

    def _finding(self) -> Finding | None:
        """Return what was found, unless that is over."""
        return self._entry.runtime_data.checks.findings.get(self.subject)


_FLOWS: Final[Mapping[Fix, type[FixFlow]]] = {
    Fix.FIX_HOSTNAME: FixHostnameFlow,
    Fix.RENEW_CERTIFICATE: RenewCertificateFlow,
    Fix.UNKNOWN_CERTIFICATES: UnknownCertificatesFlow,
    Fix.FIX_FINDING: FixFindingFlow,
}


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Return the dialog that fixes an issue."""
    assert data is not None
    entry = hass.config_entries.async_get_known_entry(data["entry_id"])
    return _FLOWS[Fix(data["fix"])](entry, data["subject"])
