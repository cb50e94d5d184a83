"""The steps of the options that remove everything at Cloudflare: a preview, and what remains."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import BooleanSelector
import probatio

from ..cutting_off import arrived_by
from ..engine.api.errors import EngineError
from ..engine.certificates.certificate import Certificate, ListedCertificate, own_ids
from ..engine.sync.plan import Plan
from ..engine.sync.problems import ProblemCode
from ..engine.sync.reconciler import Extent
from ..hostname_removal import async_remove_hostnames
from ..quoting import Ours, listed
from ..runtime_data import CloudflareConfigEntry
from ..subentries import hostnames_of, logins_of
from ..to_the_end import to_the_end
from ..wording import (
    CHANGED,
    Message,
    async_get_dialog_texts,
    changes_of,
    describe,
    describe_left,
    paragraphs,
)
from .form import abort, async_show_preview

CONF_REVOKE_CERTIFICATES: Final = "revoke_certificates"

_SCHEMA: Final = probatio.Schema(
    {probatio.Required(CONF_REVOKE_CERTIFICATES, default=False): BooleanSelector()}
)


class RemoveEverythingSteps(OptionsFlow):
    """Take all hostnames down, revoke certificates if a person wants that, and say what remains."""

    config_entry: CloudflareConfigEntry

    # What a person saw last: what is to be done in each zone, and the certificates created here.
    _plans: Mapping[str, Plan] = MappingProxyType({})
    _certificates: Collection[ListedCertificate] = ()
    # What Cloudflare refused to revoke at the end.
    _refused: Collection[ListedCertificate] = ()

    async def async_step_remove(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what will be removed, and remove it once a person confirms."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if user_input is None:
            return await self._ask()
        message = await self._remove(revoke=user_input[CONF_REVOKE_CERTIFICATES])
        if message:
            return await self._ask(message, user_input)
        if not user_input[CONF_REVOKE_CERTIFICATES]:
            return self.async_abort(reason="removed")
        message = await self._look()
        # Those that were shown are unwanted by now.
        trust = self.config_entry.runtime_data.protection.trust
        if not all(map(trust.is_unwanted, self._certificates)):
            return await self._ask(CHANGED, user_input)
        if self._refused or message:
            certificates = self._listed(self._refused or self._certificates)
            return abort(
                self, Message("removed_not_revoked", {"certificates": certificates})
            )
        return self.async_abort(reason="removed_and_revoked")

    @to_the_end("The removal of everything")
    async def _remove(self, *, revoke: bool) -> Message | None:
        """Take every hostname down, and then revoke what was shown; return why some are left, if so."""
        certificates = self._certificates if revoke else ()
        message = await self._take_down(own_ids(certificates))
        if revoke and message is None:
            revoker = self.config_entry.runtime_data.revoker
            self._refused = await revoker.async_revoke_all(certificates)
        return message

    async def _ask(
        self,
        message: Message | None = None,
        user_input: Mapping[str, Any] | None = None,
    ) -> ConfigFlowResult:
        """Show the hostnames, the changes and the certificates, as they are now."""
        message = await self._look() or message
        hostnames = sorted(self._hostnames())
        if not hostnames and not self._certificates and message is None:
            return self.async_abort(reason="nothing_to_remove")
        text = await async_get_dialog_texts(self.hass)
        steps = [step for plan in self._plans.values() for step in plan.steps]
        nothing = text("removal_none")
        names = ", ".join(hostnames)
        changes = nothing
        if steps:
            changes = changes_of(text, names, steps)
        here = arrived_by(hostnames)
        warnings = [text("cuts_off", hostname=here)] if here else []
        warnings += [
            text("stays_blocked", hostname=hostname)
            for plan in self._plans.values()
            for hostname in sorted(_in_files(plan))
        ]
        if logins := sorted(logins_of(self.config_entry.subentries)):
            warnings.append(text("logins_stay", hostnames=listed(logins)))
        return await async_show_preview(
            self,
            "remove",
            _SCHEMA,
            suggested=user_input,
            message=message,
            placeholders={
                "hostnames": listed(hostnames) or nothing,
                "changes": paragraphs(changes, *warnings),
                "certificates": self._listed(self._certificates) or nothing,
            },
        )

    async def _look(self) -> Message | None:
        """Read what there is to remove; return why some of it could not be read, if so."""
        protection = self.config_entry.runtime_data.protection
        message: Message | None = None
        shown: dict[str, Plan] = {}
        for hostnames in self._by_zone().values():
            extent = Extent(hostnames=hostnames, remove=True)
            try:
                outcome = await protection.reconciler.preview(extent)
                outcome.raise_if_stopped()
            except EngineError as err:
                message = describe(err)
            else:
                shown |= outcome.left
        self._plans = shown
        try:
            certificates = (await protection.async_read_certificates()).certificates
        except EngineError as err:
            certificates, message = (), describe(err)
        self._certificates = protection.trust.created_among(certificates)
        return message

    def _listed(self, certificates: Iterable[ListedCertificate]) -> Ours:
        """Return certificates as a list, each by its name, its device, or Cloudflare's id."""
        protection = self.config_entry.runtime_data.protection
        trust, names = protection.trust, protection.device_names
        return listed(
            item.facts.name
            if isinstance(item, Certificate)
            else names.get(trust.revoked_with(item) or "", item.id)
            for item in certificates
        )

    async def _take_down(self, revokes: Collection[str]) -> Message | None:
        """Take every hostname down; return why some are left, if so."""
        try:
            outcome = await async_remove_hostnames(
                self.hass,
                self.config_entry,
                self._hostnames(),
                confirmed=self._plans,
                revokes=revokes,
            )
        except EngineError as err:
            message = describe(err)
        else:
            message = describe_left(outcome) or Message("hostnames_left")
        return message if self._hostnames() else None

    def _hostnames(self) -> set[str]:
        return set().union(*self._by_zone().values())

    def _by_zone(self) -> Mapping[str, Collection[str]]:
        """Return the protected hostnames of each zone, as they are configured now."""
        by_zone: dict[str, set[str]] = {}
        for settings in hostnames_of(self.config_entry.subentries).values():
            by_zone.setdefault(settings.zone_id, set()).add(settings.hostname)
        return by_zone


def _in_files(plan: Plan) -> set[str]:
    """Return the hostnames that files of local tunnels may still name."""
    return {
        problem.target
        for problem in plan.problems
        if problem.code is ProblemCode.STILL_IN_FILE
    }
