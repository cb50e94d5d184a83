"""Config flow for Cloudflare mTLS."""

from collections.abc import Mapping
import re
from typing import Any, Final, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowContext,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_API_TOKEN
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .account import async_create_client
from .const import (
    CONF_ACCOUNT_ID,
    DOMAIN,
    SUBENTRY_COMPANION_DEVICE,
    SUBENTRY_PROTECTED_HOSTNAME,
)
from .engine.api.errors import EngineError
from .engine.api.models import Account, Zone
from .engine.permissions import NEEDED, OPTIONAL, token_url
from .flows.companion_device import CompanionDeviceFlow
from .flows.form import choice
from .flows.hostname_steps import HostnameSteps
from .flows.options import CloudflareOptionsFlow
from .flows.protected_hostname import ProtectedHostnameFlow
from .subentries import hostname_data
from .wording import Description, describe

TOKEN_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(probatio.Secret(CONF_API_TOKEN)): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
        )
    }
)

_GLOBAL_KEY: Final = re.compile(r"cfk_.*|[0-9a-f]{37}")


class CloudflareConfigFlow(
    HostnameSteps[ConfigFlowContext, ConfigFlowResult, str], ConfigFlow, domain=DOMAIN
):
    """Add an account together with its first protected hostname."""

    _token: str
    _all_zones: tuple[Zone, ...]
    _accounts: Mapping[str, Account]

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take the API token."""
        error: Description | None = None
        if user_input is not None:
            error = await self._async_read_token(user_input[CONF_API_TOKEN])
            if error is None and len(self._accounts) > 1:
                return await self.async_step_account()
            if error is None:
                return await self._async_use_account(next(iter(self._accounts)))
        return self._show_token_form("user", error)

    async def async_step_account(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose one of several accounts."""
        if user_input is not None:
            return await self._async_use_account(user_input[CONF_ACCOUNT_ID])
        names = {item.id: item.name for item in self._accounts.values()}
        return self.async_show_form(
            step_id="account",
            data_schema=probatio.Schema(
                {
                    probatio.Required(
                        CONF_ACCOUNT_ID, default=next(iter(names))
                    ): choice(names)
                }
            ),
        )

    @override
    async def async_finish(self) -> ConfigFlowResult:
        # The end of the progress may be seen twice, by Home Assistant and by the front end.
        self._abort_if_unique_id_configured(reload_on_update=False)
        return self.async_create_entry(
            title=self._accounts[self._account_id].name,
            data={CONF_API_TOKEN: self._token, CONF_ACCOUNT_ID: self._account_id},
            subentries=[
                {
                    "subentry_type": SUBENTRY_PROTECTED_HOSTNAME,
                    "title": self._settings.hostname,
                    "unique_id": self._settings.hostname,
                    "data": hostname_data(self._settings),
                }
            ],
        )

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Handle a token that Cloudflare no longer accepts."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take a new token."""
        return await self._async_replace_token(
            "reauth_confirm", self._get_reauth_entry(), user_input
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take another token before the old one ends."""
        return await self._async_replace_token(
            "reconfigure", self._get_reconfigure_entry(), user_input
        )

    async def _async_replace_token(
        self, step_id: str, entry: ConfigEntry, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        error: Description | None = None
        if user_input is not None:
            account_id = entry.data[CONF_ACCOUNT_ID]
            error = await self._async_read_token(user_input[CONF_API_TOKEN], account_id)
            if error is None and account_id not in self._accounts:
                return self.async_abort(reason="wrong_account")
            if error is None:
                # Its listener, which reloads it, is there only once it is loaded.
                listens = entry.state is ConfigEntryState.LOADED
                result = self.async_update_and_abort(
                    entry, data_updates={CONF_API_TOKEN: self._token}
                )
                if not listens:
                    self.hass.config_entries.async_schedule_reload(entry.entry_id)
                return result
        return self._show_token_form(step_id, error, account=entry.title)

    async def _async_use_account(self, account_id: str) -> ConfigFlowResult:
        await self.async_set_unique_id(account_id)
        self._abort_if_unique_id_configured(reload_on_update=False)
        error = await self._async_connect(account_id)
        error = error or await self.async_load_account(
            self._client, account_id, self._all_zones
        )
        if error:
            return self._show_token_form("user", error)
        return await self.async_step_zone()

    async def _async_read_token(
        self, text: str, account_id: str | None = None
    ) -> Description | None:
        """Take a token and what it can see, or return what is wrong with it."""
        token = text.strip()
        if complaint := _complaint(token):
            return complaint, {}
        self._token = token
        if error := await self._async_connect(account_id):
            return error
        try:
            self._all_zones = await self._client.zones.list()
        except EngineError as err:
            return describe(err)
        self._accounts = {item.account.id: item.account for item in self._all_zones}
        return None if self._all_zones else ("no_zone", {})

    async def _async_connect(self, account_id: str | None) -> Description | None:
        """Make a client, and return why Cloudflare refuses its token."""
        self._client = await async_create_client(self.hass, self._token, account_id)
        try:
            await self._client.verify_token()
        except EngineError as err:
            return describe(err)
        return None

    def _show_token_form(
        self, step_id: str, error: Description | None, **placeholders: str
    ) -> ConfigFlowResult:
        key, details = error or ("", {})
        return self.async_show_form(
            step_id=step_id,
            data_schema=TOKEN_SCHEMA,
            errors={"base": key} if key else {},
            description_placeholders={
                "token_url": token_url(),
                "full_token_url": token_url(*OPTIONAL),
                "permissions": "\n".join(f"- {item}" for item in NEEDED),
                "optional": "\n".join(f"- {item}" for item in OPTIONAL),
                **placeholders,
                **details,
            },
        )

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        return CloudflareOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        return {
            SUBENTRY_PROTECTED_HOSTNAME: ProtectedHostnameFlow,
            SUBENTRY_COMPANION_DEVICE: CompanionDeviceFlow,
        }


def _complaint(token: str) -> str | None:
    """Return what a text is instead of an API token, where that can be told by looking."""
    if not token:
        return "token_empty"
    if not token.isascii() or any(char.isspace() for char in token):
        return "token_malformed"
    if token.startswith("eyJ"):
        return "token_of_tunnel"
    if _GLOBAL_KEY.fullmatch(token):
        return "token_is_global_key"
    return None
