"""Protect a further hostname of an account, or change how one is protected."""

from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.helpers.selector import TextSelector
import probatio

from ..const import (
    CONF_ACCOUNT_ID,
    CONF_DEVICES,
    CONF_EXEMPT_PATHS,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LAYOUT,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
)
from ..engine.api.errors import EngineError
from ..engine.api.names import in_letters
from ..engine.sync.reconciler import Reconciler
from ..engine.sync.settings import HostnameSettings
from ..runtime_data import CloudflareConfigEntry
from ..subentries import (
    companions_of,
    hostname_data,
    hostnames_of,
    read_hostname_settings,
)
from ..wording import Message, describe
from .allowed_devices import devices_input, devices_schema
from .form import abort, choice, show_form
from .hostname_draft import SECTION_ADVANCED, AccountChoices, HostnameDraft
from .hostname_steps import ADVANCED_SCHEMA, HostnameSteps
from .subentry_change import SubentryChangeFlow
from .tunnel_steps import TunnelSteps


class ProtectedHostnameFlow(
    SubentryChangeFlow,
    TunnelSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    HostnameSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
):
    """Protect a further hostname of the account, or change one."""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Load the account, and continue with the zone."""
        choices = await self._async_load(None)
        if isinstance(choices, Message):
            return abort(self, choices)
        self._choices = choices
        return await self.async_step_zone()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change everything but the hostname itself."""
        if ended := self.end_if_outdated():
            return ended
        settings = read_hostname_settings(self._get_reconfigure_subentry().data)
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
        schema = {
            probatio.Required(CONF_TUNNEL_ID): choice(
                await choices.tunnels.async_labels(self.hass)
            ),
            probatio.Required(CONF_SERVICE): TextSelector(),
            **devices_schema(choices.devices, settings.protected.devices),
            **ADVANCED_SCHEMA,
        }
        return show_form(
            self,
            "reconfigure",
            probatio.Schema(schema),
            suggested=user_input or _as_input(settings),
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
        tunnel = choices.tunnels.by_id[user_input[CONF_TUNNEL_ID]]
        chosen = await choices.look_at(choices.zones[settings.zone_id], tunnel)
        if isinstance(chosen, Message):
            return chosen
        return await chosen.draft({**user_input, CONF_HOSTNAME: settings.hostname})

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
        return self.async_create_entry(
            title=in_letters(settings.hostname),
            data=hostname_data(settings),
            unique_id=settings.hostname,
        )

    @override
    def async_keep(self, settings: HostnameSettings) -> None:
        if self.source == SOURCE_RECONFIGURE:
            self.async_store(hostname_data(settings))

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
        companions = companions_of(entry.subentries).values()
        return await AccountChoices.load(
            self.hass,
            client,
            entry.data[CONF_ACCOUNT_ID],
            zones,
            self._reconciler_for,
            current=current,
            devices={item.id: item.name for item in companions},
            others=[item for item in hostnames if item != current],
        )

    def _reconciler_for(self, settings: HostnameSettings) -> Reconciler:
        """Return the account's own: hostnames share rules, and there is one writer."""
        entry: CloudflareConfigEntry = self._get_entry()
        return entry.runtime_data.protection.reconciler.with_hostname(settings)


def _as_input(settings: HostnameSettings) -> dict[str, Any]:
    """Return settings as a person would type them."""
    protected = settings.protected
    return {
        CONF_TUNNEL_ID: protected.tunnel_id,
        CONF_SERVICE: protected.service,
        CONF_DEVICES: devices_input(protected.devices),
        SECTION_ADVANCED: {
            CONF_LAYOUT: protected.layout.value,
            CONF_EXEMPT_PATHS: list(protected.exempt_paths),
            CONF_KEEP_IN_SYNC: settings.keep_in_sync,
        },
    }
