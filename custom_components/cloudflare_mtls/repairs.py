"""Repairs: show what would fix an issue, and do it once a person confirms."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant.components.repairs import (
    RepairsFlow,
    RepairsFlowContext,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant

from .engine.certificates.companions import CompanionDevice
from .engine.checks.finding import Finding
from .engine.sync.plan import Plan
from .engine.sync.reconciler import AccountSync, Extent
from .flows.certificate_steps import (
    CertificateSteps,
    async_find_left,
    async_show_handover,
)
from .flows.fix_flow import FixFlow
from .flows.form import abort, made
from .flows.login_drift import LoginDriftFlow, LoginListChangedFlow
from .flows.login_repairs import LoginLeftFlow, LoginUndoneFlow
from .flows.lost_zone import LostZoneFlow
from .flows.release import ReleaseFlow
from .flows.removed_hostname import KeepBlockedFlow, StillServedFlow
from .flows.unknown_certificates import UnknownCertificatesFlow
from .issues import Fix, finding_placeholders
from .pages.handovers import Handover, async_get_handovers
from .runtime_data import CloudflareConfigEntry
from .subentries import find_companion
from .wording import CHANGED, Message, async_get_dialog_texts, changes_of, describe


class FixHostnameFlow(FixFlow):
    """Fix a hostname that is not kept in sync automatically."""

    # The changes that a person saw last, by zone.
    _shown: Mapping[str, Plan] = MappingProxyType({})

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        reconciler = self._entry.runtime_data.protection.reconciler
        outcome = await reconciler.preview(Extent(hostnames={self.subject}))
        outcome.raise_if_stopped()
        return await self._show_left(outcome, message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        protection = self._entry.runtime_data.protection
        extent = Extent(hostnames={self.subject}, confirmed=self._shown)
        outcome = await protection.async_fix(extent)
        outcome.raise_if_unseen()
        message = describe(outcome.errors[0]) if outcome.errors else None
        return await self._show_left(outcome, message)

    async def _show_left(
        self, outcome: AccountSync, message: Message | None
    ) -> RepairsFlowResult:
        """Show the changes that are left to make, or end the dialog if none is."""
        if not outcome.unseen and not any(plan.steps for plan in outcome.left.values()):
            return self.async_create_entry(data={})
        self._shown = outcome.left
        text = await async_get_dialog_texts(self.hass)
        left = [step for plan in self._shown.values() for step in plan.steps]
        changes = changes_of(text, self.subject, left)
        return await self.async_show_confirm(
            {"hostname": self.subject, "changes": changes}, message
        )


class RenewCertificateFlow(
    FixFlow, CertificateSteps[RepairsFlowContext, RepairsFlowResult, str]
):
    """Renew the certificate of a companion device before it is locked out."""

    fixes = ("renew",)

    @override
    def entry(self) -> CloudflareConfigEntry | None:
        return self.hass.config_entries.async_get_entry(self._entry.entry_id)

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        if reason := self.obstacle():
            return self.async_abort(reason=reason)
        return await self.async_show_renewal("renew", self.subject, message)

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


class ShowHandoverFlow(FixFlow):
    """Show where a device can fetch its certificate, until it has done so.

    There is nothing to ignore: the repair is there for ten minutes.
    """

    # What a person saw.
    _shown: Handover | None = None

    @override
    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        return await self.async_step_confirm()

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        device = find_companion(self._entry.subentries, self.subject)
        self._shown = async_get_handovers(self.hass).find(self.subject)
        if device is None or self._shown is None:
            return self.async_abort(reason="nothing_to_fetch")
        return await async_show_handover(
            self, device, self._shown, message=message, asks_for_code=True
        )

    async def async_step_handover(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """End the dialog once the device has its certificate."""
        return await self.async_step_confirm(user_input)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        device = find_companion(self._entry.subentries, self.subject)
        if device is None:
            return self.async_abort(reason="nothing_to_fetch")
        entry_id, shown = self._entry.entry_id, made(self._shown)
        left = await async_find_left(self.hass, entry_id, device, shown)
        if left is None:
            return self.async_create_entry(data={})
        if left.key == "download_missed":
            return abort(self, left)
        return await self.async_ask(left)


class FixFindingFlow(FixFlow):
    """Change the one setting at Cloudflare that is in the way of companion devices."""

    # What a person saw last.
    _shown: Finding | None = None

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        self._shown = self._finding()
        if self._shown is None:
            return self.async_create_entry(data={})
        return await self.async_show_confirm(finding_placeholders(self._shown), message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        finding = self._finding()
        if finding is None or finding != self._shown:
            return await self.async_ask(CHANGED)
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
    Fix.SHOW_HANDOVER: ShowHandoverFlow,
    Fix.LOST_ZONE: LostZoneFlow,
    Fix.KEEP_BLOCKED: KeepBlockedFlow,
    Fix.STILL_SERVED: StillServedFlow,
    Fix.RELEASE: ReleaseFlow,
    Fix.LOGIN_LEFT: LoginLeftFlow,
    Fix.LOGIN_UNDONE: LoginUndoneFlow,
    Fix.LOGIN_DRIFT: LoginDriftFlow,
    Fix.LOGIN_LIST_CHANGED: LoginListChangedFlow,
}


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Return the dialog that fixes an issue."""
    assert data is not None
    entry = hass.config_entries.async_get_known_entry(data["entry_id"])
    return _FLOWS[Fix(data["fix"])](entry, data["subject"])
