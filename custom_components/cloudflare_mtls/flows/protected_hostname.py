"""Protect a further hostname of an account, or change how one is protected."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.helpers.selector import TextSelector
import probatio

from ..certificates.device_names import async_names_apart
from ..const import CONF_ACCOUNT_ID, CONF_HOSTNAME, CONF_SERVICE, CONF_TUNNEL_ID
from ..engine.access.barriers import Barrier
from ..engine.api.errors import EngineError
from ..engine.api.names import in_letters
from ..engine.sync.reconciler import Reconciler
from ..engine.sync.settings import HostnameSettings, read_hostname
from ..hostname_setup import async_keep_hostname
from ..quoting import shown
from ..runtime_data import CloudflareConfigEntry
from ..storage.begun_hostnames import async_get_begun_hostnames
from ..subentries import hostname_data, hostname_of, hostnames_of
from ..wording import Message, async_get_dialog_texts, describe
from .account_choices import AccountChoices
from .allowed_devices import devices_schema
from .chosen_tunnel import chosen_for, look_at
from .existing_hostnames import (
    ExistingHostname,
    find_below_wildcard,
    find_existing,
    label_of,
)
from .form import abort, choice, choice_or_text, made, show_form
from .hostname_draft import HostnameDraft, offer
from .hostname_form import (
    advanced_schema,
    as_input,
    purpose_schema,
    read_choices,
    read_settings,
    wrong_place,
)
from .hostname_steps import HostnameSteps
from .stop_protecting import StopProtectingSteps
from .tunnel_steps import TunnelSteps


class ProtectedHostnameFlow(
    StopProtectingSteps,
    TunnelSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    HostnameSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
):
    """Protect a further hostname of the account, change one, or stop protecting it."""

    _offered: Mapping[str, ExistingHostname] = MappingProxyType({})
    # What the list says for a hostname that is not there yet.
    _new = ""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Load the account, and continue with the zone."""
        choices = await self._async_load(None)
        if isinstance(choices, Message):
            return abort(self, choices)
        self._choices = choices
        self._offered = await find_existing(choices)
        if self._offered or choices.wildcards:
            return await self.async_step_which()
        return await self.async_step_zone()

    async def async_step_which(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose a hostname that a tunnel serves already, or go on with a new one."""
        if user_input is None:
            return await self._show_which(None)
        picked = user_input[CONF_HOSTNAME]
        if picked == self._new:
            return await self.async_step_zone()
        choices, hostname = made(self._choices), read_hostname(picked) or ""
        existing = self._offered.get(hostname) or await find_below_wildcard(
            choices, hostname
        )
        if existing is None:
            # Typed: the next steps ask where it is to be, and see what is there.
            self._typed = {CONF_HOSTNAME: picked}
            return await self.async_step_zone()
        chosen = await look_at(choices, existing.zone, existing.tunnel)
        if isinstance(chosen, Message):
            return await self._show_which(chosen)
        if message := wrong_place(chosen, hostname):
            return await self._show_which(message)
        return await self.async_adopt(chosen, hostname)

    async def _show_which(self, message: Message | None) -> SubentryFlowResult:
        text = await async_get_dialog_texts(self.hass)
        labels = {key: label_of(text, item) for key, item in self._offered.items()}
        self._new = text("new_hostname")
        hostname = probatio.Required(CONF_HOSTNAME, default=self._new)
        field = choice_or_text({self._new: self._new, **labels})
        return show_form(
            self,
            "which",
            probatio.Schema({hostname: field}),
            message=message,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change everything but the hostname itself, or stop protecting one that was there before."""
        if ended := self.end_if_outdated():
            return ended
        settings = self._settings_now()
        if self._is_of_owner(settings):
            return await self.async_step_adopted()
        return await self._async_show_settings("reconfigure", settings, user_input)

    async def async_step_adopted(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose what to change of a hostname that was there before."""
        return self.async_show_menu(
            step_id="adopted",
            menu_options=["change", "stop"],
            description_placeholders=shown({"hostname": self._settings_now().hostname}),
        )

    async def async_step_change(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change how a hostname is protected whose tunnel and service are its owner's."""
        if ended := self.end_if_outdated():
            return ended
        return await self._async_show_settings(
            "change", self._settings_now(), user_input
        )

    def _settings_now(self) -> HostnameSettings:
        return hostname_of(self._get_reconfigure_subentry())

    def _is_of_owner(self, settings: HostnameSettings) -> bool:
        """Return whether somebody else led the hostname to its tunnel, so that it can be opened."""
        entry: CloudflareConfigEntry = self._get_entry()
        if (
            not settings.protected.is_adopted
            or entry.state is not ConfigEntryState.LOADED
        ):
            return False
        return settings.hostname not in entry.runtime_data.protection.removals.marked

    async def _async_show_settings(
        self,
        step_id: str,
        settings: HostnameSettings,
        user_input: dict[str, Any] | None,
    ) -> SubentryFlowResult:
        choices = self._choices or await self._async_load(settings)
        if isinstance(choices, Message):
            return abort(self, choices)
        if settings.zone_id not in choices.zones:
            return self.async_abort(reason="no_zone")
        if not choices.tunnels.by_id:
            return self.async_abort(reason="no_tunnel")
        self._choices = choices
        message: Message | None = None
        if user_input is not None:
            draft = await self._async_draft(choices, settings, user_input)
            if isinstance(draft, HostnameDraft):
                return await self.async_review(draft)
            message = draft
        text = await async_get_dialog_texts(self.hass)
        purpose = settings.protected.purpose
        ours: dict[probatio.Marker, Any] = {
            probatio.Required(CONF_TUNNEL_ID): choice(
                await choices.tunnels.async_labels(self.hass)
            ),
            probatio.Required(CONF_SERVICE): TextSelector(),
        }
        schema = {
            **(ours if step_id == "reconfigure" else {}),
            **purpose_schema(purpose),
            **devices_schema(choices.devices, settings.protected.devices),
            **advanced_schema(text, purpose),
        }
        return show_form(
            self,
            step_id,
            probatio.Schema(schema),
            suggested=user_input or as_input(settings),
            message=message,
            placeholders={"hostname": settings.hostname},
        )

    async def _async_draft(
        self,
        choices: AccountChoices,
        settings: HostnameSettings,
        user_input: dict[str, Any],
    ) -> HostnameDraft | Message:
        """Return a draft of what a person changed, or what is wrong with it."""
        protected = settings.protected
        tunnel_id = user_input.get(CONF_TUNNEL_ID, protected.tunnel_id)
        tunnel = choices.tunnels.by_id.get(tunnel_id)
        if tunnel is None:
            return Message("tunnel_of_owner_gone", {"hostname": protected.hostname})
        chosen = await look_at(choices, choices.zones[settings.zone_id], tunnel)
        if not isinstance(chosen, Message):
            chosen = await chosen_for(chosen, protected.hostname)
        if isinstance(chosen, Message):
            return chosen
        if CONF_TUNNEL_ID in user_input:
            changed = wrong_place(chosen, protected.hostname) or read_settings(
                chosen, protected.hostname, user_input
            )
            barrier = None
        else:
            # Its owner may have moved the service meanwhile.
            service = chosen.service_of(protected.hostname) or protected.service
            changed = read_choices(
                chosen, protected.hostname, service, user_input, protected.found
            )
            barrier = Barrier.CERTIFICATE
        if isinstance(changed, Message):
            return changed
        return await offer(chosen, changed, barrier=barrier)

    @override
    def is_outdated(self) -> bool:
        return self._protected_meanwhile is not None or super().is_outdated()

    @override
    def end_if_outdated(self) -> SubentryFlowResult | None:
        if hostname := self._protected_meanwhile:
            return abort(self, Message("protected_meanwhile", {"hostname": hostname}))
        return super().end_if_outdated()

    @property
    def _protected_meanwhile(self) -> str | None:
        """Return the new hostname if it was protected in another dialog since this one was opened."""
        if self.source == SOURCE_RECONFIGURE or self._draft is None:
            return None
        hostname = self._draft.settings.hostname
        protected = hostnames_of(self._get_entry().subentries).values()
        return hostname if hostname in {item.hostname for item in protected} else None

    @override
    async def async_finish(self, settings: HostnameSettings) -> SubentryFlowResult:
        if ended := self.end_if_outdated():
            return ended
        if self.source == SOURCE_RECONFIGURE:
            return self.async_abort(reason="reconfigure_successful")
        begun = await async_get_begun_hostnames(self.hass, self._get_entry().entry_id)
        await begun.async_forget(settings.hostname)
        # What else ends the dialog by now, another dialog with the same hostname too, came first.
        self._begun = None
        return self.async_create_entry(
            title=in_letters(settings.hostname),
            data=hostname_data(settings),
            unique_id=settings.hostname,
        )

    @override
    def device_names(self) -> Mapping[str, str]:
        return async_names_apart(self.hass, self._get_entry())

    @override
    def writing(self) -> AbstractAsyncContextManager[object]:
        entry: CloudflareConfigEntry = self._get_entry()
        return entry.runtime_data.protection.async_writing()

    @override
    def async_keep(self, settings: HostnameSettings) -> None:
        if self.source == SOURCE_RECONFIGURE:
            self.async_store(hostname_data(settings))

    @override
    async def async_begin(self, settings: HostnameSettings) -> None:
        if self.source == SOURCE_RECONFIGURE:
            return
        await super().async_begin(settings)
        begun = await async_get_begun_hostnames(self.hass, self._get_entry().entry_id)
        await begun.async_remember(settings)

    @override
    async def async_keep_begun(self, settings: HostnameSettings) -> None:
        entry_id, _ = self.handler
        begun = await async_get_begun_hostnames(self.hass, entry_id)
        # If another dialog or a restart has added it, a person may have removed it since then.
        if settings in begun.settings:
            await async_keep_hostname(self.hass, entry_id, settings)

    async def _async_load(
        self, current: HostnameSettings | None
    ) -> AccountChoices | Message:
        """Return what the account has, or why the dialog cannot use it."""
        entry: CloudflareConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return Message("entry_not_loaded")
        client = entry.runtime_data.client
        try:
            zones = await client.zones.list()
        except EngineError as err:
            return describe(err)
        hostnames = hostnames_of(entry.subentries).values()
        return await AccountChoices.load(
            self.hass,
            client,
            entry.data[CONF_ACCOUNT_ID],
            zones,
            self._reconciler_for,
            current=current,
            devices=self.device_names(),
            others=[item for item in hostnames if item != current],
        )

    def _reconciler_for(self, settings: HostnameSettings) -> Reconciler:
        """Return the account's own: hostnames share rules, and there is one writer."""
        entry: CloudflareConfigEntry = self._get_entry()
        return entry.runtime_data.protection.reconciler.with_hostname(settings)
