"""The dialog about unknown certificates: confirm those that a person knows, or revoke them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import issue_registry as ir
import probatio

from ..const import DOMAIN
from ..engine.api.errors import EngineError
from ..engine.certificates.certificate import (
    Certificate,
    ListedCertificate,
    own_ids,
    readable,
)
from ..engine.certificates.orders import Orders
from ..engine.certificates.trust import Trust
from ..quoting import listed, shown
from ..wording import Message, describe, describe_problem
from .certificate_labels import async_label_certificates
from .fix_flow import FixFlow
from .form import choices, show_form

CONF_CERTIFICATES: Final = "certificates"

_NOTHING_SELECTED: Final = Message("nothing_selected", field=CONF_CERTIFICATES)
_TAKEN_MEANWHILE: Final = Message("taken_meanwhile", field=CONF_CERTIFICATES)
_STOPPED_MEANWHILE: Final = Message("revoked_meanwhile", field=CONF_CERTIFICATES)


@dataclass(frozen=True)
class _Owners:
    """The device that a certificate was recorded for, and the one that it says it is for."""

    recorded: str | None
    claimed: str | None

    def present_id(self, now: Trust) -> str | None:
        """Return the device that the dialog showed for the certificate, if it is still there."""
        device_ids = (self.recorded, self.claimed)
        return next((item for item in device_ids if item in now.device_ids), None)


class UnknownCertificatesFlow(FixFlow):
    """Confirm unknown certificates, or revoke them: those that a person selects in a list."""

    fixes = ("confirm", "revoke")

    # What was listed, whose it was, what was stopped and ordered by then: a person can select
    # nothing else, and takes back no order of later.
    _listed: Mapping[str, ListedCertificate] = MappingProxyType({})
    _owners: Mapping[str, _Owners] = MappingProxyType({})
    _stopped: frozenset[str] = frozenset()
    _orders: Orders = Orders()

    @override
    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show the certificates, and offer what can be done."""
        labels: Mapping[str, str] = {}
        if self._entry.state is ConfigEntryState.LOADED:
            labels = await async_label_certificates(
                self.hass, self._entry, self._unknown
            )
        return self.async_show_menu(
            step_id="init",
            menu_options=[*self.fixes, "ignore"],
            description_placeholders=shown({"certificates": listed(labels.values())}),
        )

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        return await self._show("confirm", readable(self._unknown), message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        protection = self._entry.runtime_data.protection
        selected = readable(self._selected(user_input))
        if not selected:
            return await self.async_ask(_NOTHING_SELECTED)
        further = {
            item.facts.fingerprint_sha256: self._owners[item.id].present_id(
                protection.trust
            )
            for item in selected
        }
        if problem := await protection.async_room_problem(further):
            return await self.async_ask(describe_problem(problem))
        # Nothing waits from here on until the certificates are confirmed.
        if self._are_stopped_since(selected):
            return await self.async_ask(_STOPPED_MEANWHILE)
        confirmed = {
            item.facts.fingerprint_sha256: self._owners[item.id].present_id(
                protection.trust
            )
            for item in selected
            if not self._is_taken(item)
        }
        if not confirmed:
            return await self.async_ask(_TAKEN_MEANWHILE)
        await protection.ledger.async_confirm(
            confirmed,
            (item for item in selected if item.facts.fingerprint_sha256 in confirmed),
        )
        await protection.async_pin()
        protection.async_look_at_ledger()
        return self.async_create_entry(data={})

    async def async_step_revoke(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask, or revoke what was selected."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        message: Message | None = None
        if user_input is not None:
            message = await self._revoke(self._selected(user_input))
            if message is None:
                return self.async_create_entry(data={})
        return await self._show("revoke", self._unknown, message)

    async def _revoke(self, selected: Collection[ListedCertificate]) -> Message | None:
        """Revoke certificates; return what went wrong, after all were tried."""
        if not selected:
            return _NOTHING_SELECTED
        message: Message | None = None
        data = self._entry.runtime_data
        if any(self._is_taken(item) for item in readable(selected)):
            return _TAKEN_MEANWHILE
        # All at once: nobody may confirm one of them while the first is revoked.
        await data.protection.ledger.async_mark_unwanted(own_ids(selected))
        for certificate in selected:
            try:
                await data.revoker.async_revoke(certificate)
            except EngineError as err:
                message = describe(err)
        return message

    @property
    def _unknown(self) -> tuple[ListedCertificate, ...]:
        """Return those that were unknown when Cloudflare was last read, and still are."""
        protection = self._entry.runtime_data.protection
        return protection.trust.unknown_among(protection.data.unknown_certificates)

    @property
    def _is_still_told(self) -> bool:
        """Return whether the repair is there: of zones that cannot be read, it stays."""
        registry = ir.async_get(self.hass)
        return registry.async_get_issue(DOMAIN, self.issue_id) is not None

    def _stopped_ids(self, certificates: Iterable[ListedCertificate]) -> frozenset[str]:
        """Return the ids of those that a person has revoked here, and not restored."""
        trust = self._entry.runtime_data.protection.trust
        return frozenset(item.id for item in certificates if trust.is_stopped(item))

    def _is_taken(self, certificate: Certificate) -> bool:
        """Return whether another dialog confirmed a certificate, or is about to add a device that has it."""
        trust = self._entry.runtime_data.protection.trust
        recorded = self._owners[certificate.id].recorded
        return trust.trusts(certificate) or trust.device_id_of(certificate) != recorded

    def _are_stopped_since(self, certificates: Iterable[ListedCertificate]) -> bool:
        """Return whether one of them was revoked after a person saw it, here or elsewhere."""
        still_unknown = {item.id for item in self._unknown}
        orders = self._entry.runtime_data.protection.ledger.orders
        return bool(
            self._stopped_ids(certificates) - (self._stopped & still_unknown)
        ) or any(orders.have_changed(item, since=self._orders) for item in certificates)

    def _selected(self, user_input: dict[str, Any]) -> list[ListedCertificate]:
        return [self._listed[item] for item in user_input[CONF_CERTIFICATES]]

    async def _show(
        self,
        step_id: str,
        certificates: Iterable[ListedCertificate],
        message: Message | None,
    ) -> RepairsFlowResult:
        """List certificates, none of them selected."""
        self._listed = {item.id: item for item in certificates}
        if not self._listed:
            if self._unknown:
                # The repair has to stay: Home Assistant closes that of a dialog that succeeds.
                return self.async_abort(reason="nothing_readable")
            if message in (_STOPPED_MEANWHILE, _TAKEN_MEANWHILE):
                return self.async_abort(reason="nothing_confirmed")
            if message is None and self._is_still_told:
                return self.async_abort(reason="not_listed_now")
            # Those that Cloudflare did not revoke have a repair of their own.
            return self.async_create_entry(data={})
        protection = self._entry.runtime_data.protection
        trust, self._orders = protection.trust, protection.ledger.orders
        self._owners = {
            item.id: _Owners(trust.device_id_of(item), trust.claimed_device_id(item))
            for item in readable(self._listed.values())
        }
        self._stopped = self._stopped_ids(self._listed.values())
        labels = await async_label_certificates(
            self.hass, self._entry, self._listed.values()
        )
        schema = probatio.Schema(
            {probatio.Required(CONF_CERTIFICATES, default=list): choices(labels)}
        )
        return show_form(self, step_id, schema, message=message)
