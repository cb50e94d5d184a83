"""Protects a further hostname of an account, or changes how one is protected."""

from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.helpers.selector import TextSelector
import probatio

from ..const import (
    CONF_ACCOUNT_ID,
    CONF_EXEMPT_PATHS,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LAYOUT,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
)
from ..engine.api.errors import EngineError
from ..engine.sync.reconciler import Reconciler
from ..runtime_data import CloudflareConfigEntry
from ..subentries import hostname_data, hostnames_of, read_hostname_settings
from ..wording import describe
from .form import Complaint, choice
from .hostname_steps import ADVANCED_SCHEMA, SECTION_ADVANCED, HostnameSteps


class ProtectedHostnameFlow(
    HostnameSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    ConfigSubentryFlow,
):
    """Protect a further hostname of the account, or change one."""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Start with what the account has."""
        if stopped := await self._async_load():
            return stopped
        return await self.async_step_zone()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change everything but the hostname itself."""
        if self._current is None:
            subentry = self._get_reconfigure_subentry()
            self._current = read_hostname_settings(subentry.data)
            if stopped := await self._async_load():
                return stopped
            if self._current.zone_id not in self._zones:
                return self.async_abort(reason="no_zone")
            if not self._tunnels:
                return self.async_abort(reason="no_tunnel")
        protected = self._current.protected
        complaint: Complaint | None = None
        if user_input is not None:
            self._tunnel = self._tunnels[user_input[CONF_TUNNEL_ID]]
            complaint = (
                await self._look_at(self._zones[self._current.zone_id], self._tunnel)
                or self._read({**user_input, CONF_HOSTNAME: protected.hostname})
                or await self._make_plan()
            )
            if complaint is None:
                return await self.async_review()
        tunnels = {item.id: item.name for item in self._tunnels.values()}
        schema = probatio.Schema(
            {
                probatio.Required(CONF_TUNNEL_ID): choice(tunnels),
                probatio.Required(CONF_SERVICE): TextSelector(),
                **ADVANCED_SCHEMA,
            }
        )
        current = {
            CONF_TUNNEL_ID: protected.tunnel_id,
            CONF_SERVICE: protected.service,
            SECTION_ADVANCED: {
                CONF_LAYOUT: protected.layout.value,
                CONF_EXEMPT_PATHS: list(protected.exempt_paths),
                CONF_KEEP_IN_SYNC: self._current.keep_in_sync,
            },
        }
        return self._show(
            "reconfigure",
            schema,
            user_input or current,
            complaint,
            hostname=protected.hostname,
        )

    @override
    async def async_finish(self) -> SubentryFlowResult:
        if self._current:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                data=hostname_data(self._settings),
            )
        return self.async_create_entry(
            title=self._settings.hostname,
            data=hostname_data(self._settings),
            unique_id=self._settings.hostname,
        )

    @override
    def _reconciler(self) -> Reconciler:
        """Return the account's own: hostnames share rules, and there is one writer."""
        entry: CloudflareConfigEntry = self._get_entry()
        return entry.runtime_data.protection.reconciler.with_hostname(self._settings)

    async def _async_load(self) -> SubentryFlowResult | None:
        """Take what the account has, or end the flow."""
        entry: CloudflareConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        client = entry.runtime_data.client
        self._existing = tuple(
            item
            for item in hostnames_of(entry.subentries).values()
            if item != self._current
        )
        try:
            error = await self.async_load_account(
                client, entry.data[CONF_ACCOUNT_ID], await client.zones.list()
            )
        except EngineError as err:
            error = describe(err)
        if error is None:
            return None
        key, placeholders = error
        return self.async_abort(reason=key, description_placeholders=placeholders)
