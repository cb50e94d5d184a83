"""The steps that choose how people log in at a login hostname, for how long, and what needs no login."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..const import CONF_KEEP_IN_SYNC, CONF_LOGIN_METHODS, CONF_OPEN_PATHS, CONF_SESSION
from ..engine.access.settings import LoginSettings
from ..engine.api.access_models import ONE_TIME_PIN
from ..login_choices import CONF_CONNECTOR, SESSIONS
from ..quoting import shown
from ..wording import Message, async_get_country_names, async_get_dialog_texts
from .form import choices, made, show_form
from .login_dialog import LoginSteps

# What others call from the internet without a browser, and what each of them opens.
_PATHS: Final = {
    "/api/webhook/": "webhook",
    "/api/google_assistant": "google_assistant",
    "/api/alexa/smart_home": "alexa",
    "/auth/token": "auth_token",
}

_SESSION_KEYS: Final = {length: key for key, length in SESSIONS.items()}


class LoginRulesSteps(LoginSteps):
    """Choose how people log in, for how long, and what needs no login."""

    _rules: Mapping[str, Any] = MappingProxyType({})
    _settings: LoginSettings | None = None

    async def async_step_rules(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose how people log in, for how long, and what needs no login."""
        if user_input is None:
            return await self.show_rules(None)
        self._rules = user_input
        settings = made(self._choices).settings(
            self._hostname, self._people, user_input
        )
        if isinstance(settings, Message):
            return await self.show_rules(settings)
        self._settings = settings
        home = self.hass.config.country
        if home and settings.shuts_out_country(home):
            return await self.async_step_country()
        return await self.async_review(settings)

    async def async_step_country(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say that nobody gets in from the country of this home."""
        name_of = await async_get_country_names(self.hass)
        return self.async_show_menu(
            step_id="country",
            menu_options=["people", "accept"],
            description_placeholders=shown(
                {
                    "hostname": self._hostname,
                    "country": name_of(made(self.hass.config.country)),
                }
            ),
        )

    async def async_step_accept(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Go on although nobody gets in from the country of this home."""
        return await self.async_review(made(self._settings))

    async def show_rules(self, message: Message | None) -> SubentryFlowResult:
        """Show the form as the person filled it in, with what stands in the way."""
        found = made(self._choices)
        text = await async_get_dialog_texts(self.hass)
        offered = [
            SelectOptionDict(value=path, label=text(f"login_path_{key}"))
            for path, key in _PATHS.items()
        ]
        methods = found.methods | {ONE_TIME_PIN: text("login_by_pin")}
        schema: dict[probatio.Marker, Any] = {
            probatio.Required(CONF_LOGIN_METHODS, default=[ONE_TIME_PIN]): choices(
                methods
            ),
            probatio.Required(
                CONF_SESSION, default=_SESSION_KEYS[LoginSettings.session]
            ): SelectSelector(
                SelectSelectorConfig(
                    options=list(SESSIONS), translation_key=CONF_SESSION
                )
            ),
            probatio.Optional(CONF_OPEN_PATHS, default=list): SelectSelector(
                SelectSelectorConfig(
                    options=offered,
                    multiple=True,
                    custom_value=True,
                    mode=SelectSelectorMode.DROPDOWN,
                )
            ),
        }
        if found.demanding(self._hostname):
            schema[probatio.Required(CONF_CONNECTOR, default=False)] = BooleanSelector()
        schema[probatio.Required(CONF_KEEP_IN_SYNC, default=True)] = BooleanSelector()
        return show_form(
            self,
            "rules",
            probatio.Schema(schema),
            suggested=self._rules or _rules_of(self._current),
            message=message,
            placeholders={"hostname": self._hostname},
        )


def _rules_of(current: LoginSettings | None) -> Mapping[str, Any]:
    """Return settings as a person would choose them in the form."""
    if current is None:
        return {}
    pin = [ONE_TIME_PIN] if current.one_time_pin else []
    return {
        CONF_LOGIN_METHODS: [*pin, *sorted(current.login_methods)],
        CONF_SESSION: _SESSION_KEYS[current.session],
        CONF_OPEN_PATHS: sorted(current.open_paths),
        CONF_CONNECTOR: current.connector_of is not None,
        CONF_KEEP_IN_SYNC: current.keep_in_sync,
    }
