"""Config flow for Cloudflare mTLS."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_IMPORT,
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

from .const import (
    CONF_ACCOUNT_ID,
    DOMAIN,
    SUBENTRY_COMPANION_DEVICE,
    SUBENTRY_LOGIN_HOSTNAME,
    SUBENTRY_PROTECTED_HOSTNAME,
)
from .engine.api.client import CloudflareClient
from .engine.api.names import in_letters
from .engine.permissions import NEEDED, OPTIONAL, token_url
from .engine.sync.dry_runs import SkipDryRuns
from .engine.sync.header_rules import HeaderRules
from .engine.sync.reconciler import Reconciler
from .engine.sync.settings import HostnameSettings
from .flows.account_choices import AccountChoices
from .flows.api_token import TokenAccess, async_connect, async_read_token
from .flows.companion_device import CompanionDeviceFlow
from .flows.form import choice, made, show_form
from .flows.hostname_steps import HostnameSteps
from .flows.login_hostname import LoginHostnameFlow
from .flows.options import CloudflareOptionsFlow
from .flows.protected_hostname import ProtectedHostnameFlow
from .flows.tunnel_steps import TunnelSteps
from .hostname_setup import async_keep_hostname
from .quoting import Ours, listed, plain
from .runtime_data import CloudflareConfigEntry
from .subentries import hostname_data
from .wording import Message, async_get_dialog_texts

_TOKEN_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(probatio.Secret(CONF_API_TOKEN)): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
        )
    }
)


class CloudflareConfigFlow(
    TunnelSteps[ConfigFlowContext, ConfigFlowResult, str],
    HostnameSteps[ConfigFlowContext, ConfigFlowResult, str],
    ConfigFlow,
    domain=DOMAIN,
):
    """Add an account together with its first protected hostname."""

    _access: TokenAccess | None = None

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take the API token."""
        if user_input is None:
            return await self._show_token_form("user", None)
        access = await async_read_token(self.hass, user_input[CONF_API_TOKEN])
        if isinstance(access, Message):
            return await self._show_token_form("user", access)
        self._access = access
        if len(access.accounts) > 1:
            return await self.async_step_account()
        return await self._async_use_account(access, next(iter(access.accounts)))

    async def async_step_account(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose one of several accounts."""
        access = made(self._access)
        if user_input is not None:
            return await self._async_use_account(access, user_input[CONF_ACCOUNT_ID])
        names = {item.id: item.name for item in access.accounts.values()}
        account_id = probatio.Required(CONF_ACCOUNT_ID, default=next(iter(names)))
        schema = probatio.Schema({account_id: choice(names)})
        return show_form(self, "account", schema)

    async def _async_use_account(
        self, access: TokenAccess, account_id: str
    ) -> ConfigFlowResult:
        await self.async_set_unique_id(account_id)
        self._abort_if_unique_id_configured(reload_on_update=False)
        client = await async_connect(self.hass, access.token, account_id)
        if isinstance(client, Message):
            return await self._show_token_form("user", client)
        choices = await AccountChoices.load(
            self.hass,
            client,
            account_id,
            access.zones,
            partial(_reconciler, client, account_id, SkipDryRuns(), HeaderRules()),
        )
        if isinstance(choices, Message):
            return await self._show_token_form("user", choices)
        self._choices = choices
        return await self.async_step_zone()

    @override
    async def async_finish(self, settings: HostnameSettings) -> ConfigFlowResult:
        # Home Assistant and the front end may both see that the changes are made.
        self._abort_if_unique_id_configured(reload_on_update=False)
        self._begun = None
        account_id = made(self._choices).account_id
        return self._add_account(made(self._access), account_id, settings)

    def _add_account(
        self, access: TokenAccess, account_id: str, settings: HostnameSettings
    ) -> ConfigFlowResult:
        return self.async_create_entry(
            title=plain(access.accounts[account_id].name),
            data={CONF_API_TOKEN: access.token, CONF_ACCOUNT_ID: account_id},
            subentries=[
                {
                    "subentry_type": SUBENTRY_PROTECTED_HOSTNAME,
                    "title": in_letters(settings.hostname),
                    "unique_id": settings.hostname,
                    "data": hostname_data(settings),
                }
            ],
        )

    @override
    async def async_keep_begun(self, settings: HostnameSettings) -> None:
        account_id = made(self._choices).account_id
        entry = self.hass.config_entries.async_entry_for_domain_unique_id(
            DOMAIN, account_id
        )
        if entry:
            await async_keep_hostname(self.hass, entry.entry_id, settings)
            return
        await self.hass.config_entries.flow.async_init(
            DOMAIN,
            context={"source": SOURCE_IMPORT},
            data=(made(self._access), account_id, settings),
        )

    async def async_step_import(
        self, begun: tuple[TokenAccess, str, HostnameSettings]
    ) -> ConfigFlowResult:
        """Add the account of a dialog that was closed after its changes were begun."""
        access, account_id, settings = begun
        await self.async_set_unique_id(account_id, raise_on_progress=False)
        self._abort_if_unique_id_configured(reload_on_update=False)
        return self._add_account(access, account_id, settings)

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
        """Take another token before the old one expires."""
        return await self._async_replace_token(
            "reconfigure", self._get_reconfigure_entry(), user_input
        )

    async def _async_replace_token(
        self,
        step_id: str,
        entry: CloudflareConfigEntry,
        user_input: dict[str, Any] | None,
    ) -> ConfigFlowResult:
        if user_input is None:
            return await self._show_token_form(step_id, None, account=entry.title)
        account_id = entry.data[CONF_ACCOUNT_ID]
        token = user_input[CONF_API_TOKEN]
        access = await async_read_token(self.hass, token, account_id)
        if isinstance(access, Message):
            return await self._show_token_form(step_id, access, account=entry.title)
        if account_id not in access.accounts:
            return self.async_abort(reason="wrong_account")
        # Only an entry that is loaded listens for changes, and reloads by itself.
        listens = entry.state is ConfigEntryState.LOADED
        result = self.async_update_and_abort(
            entry, data_updates={CONF_API_TOKEN: access.token}
        )
        if not listens:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result

    async def _show_token_form(
        self, step_id: str, message: Message | None, **placeholders: str
    ) -> ConfigFlowResult:
        text = await async_get_dialog_texts(self.hass)
        more = text(
            "token_more",
            full_token_url=Ours(token_url(*OPTIONAL)),
            optional=listed(OPTIONAL),
        )
        return show_form(
            self,
            step_id,
            _TOKEN_SCHEMA,
            message=message,
            placeholders={
                "token_url": Ours(token_url()),
                "permissions": listed(NEEDED),
                # On a phone, a message below all of it would be out of view.
                "more": Ours("" if message else f"\n\n{more}"),
                **placeholders,
            },
        )

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: CloudflareConfigEntry) -> OptionsFlow:
        return CloudflareOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: CloudflareConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        return {
            SUBENTRY_PROTECTED_HOSTNAME: ProtectedHostnameFlow,
            SUBENTRY_COMPANION_DEVICE: CompanionDeviceFlow,
            SUBENTRY_LOGIN_HOSTNAME: LoginHostnameFlow,
        }


def _reconciler(
    client: CloudflareClient,
    account_id: str,
    skip_dry_runs: SkipDryRuns,
    header_rules: HeaderRules,
    settings: HostnameSettings,
) -> Reconciler:
    """Return the reconciler of an account that is not set up yet."""
    return Reconciler(
        client=client,
        account_id=account_id,
        hostnames=(settings,),
        skip_dry_runs=skip_dry_runs,
        header_rules=header_rules,
    )
