"""Have a hostname ask for a login, change who may log in, or stop asking."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.data_entry_flow import UnknownFlow
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util import dt as dt_util
import probatio

from ..const import (
    CONF_COUNTRIES,
    CONF_EMAILS,
    CONF_GROUP_ID,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LOGIN_METHODS,
    CONF_OPEN_PATHS,
    CONF_SESSION,
)
from ..coordinator.access import AccessCoordinator
from ..coordinator.login_writer import LoginWritten, needs_trial
from ..engine.access.countries import COUNTRIES
from ..engine.access.observation import AccessObservation
from ..engine.access.plan import LoginPlan, Occasion
from ..engine.access.problems import LoginProblem, LoginProblemCode, seat_problem
from ..engine.access.settings import (
    InvalidLoginSettings,
    LoginSettings,
    PeopleOfGroup,
    read_email,
    shuts_out,
)
from ..engine.access.verdict import Visitor, would_be_let_in
from ..engine.api.access_models import ONE_TIME_PIN
from ..engine.api.errors import EngineError
from ..engine.api.names import in_letters
from ..login_choices import (
    CONF_CONNECTOR,
    CONF_OWN_EMAIL,
    SESSIONS,
    LoginChoices,
    describe_access,
    describe_fault,
    describe_login_pages,
    read_countries,
    read_who,
)
from ..login_trials import TRIAL, async_expect_login
from ..quoting import Ours, shown
from ..runtime_data import CloudflareConfigEntry
from ..subentries import login_data, logins_of, read_login_settings
from ..wording import (
    Message,
    async_get_country_names,
    async_get_dialog_texts,
    describe_login_problem,
)
from .form import abort, choice, choices, made, show_form
from .login_preview import changed_people, preview_of
from .progress import Progress, show_progress
from .subentry_change import SubentryChangeFlow

_NO_FIELDS: Final = probatio.Schema({})
_EMAIL: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.EMAIL))
_EMAILS: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.EMAIL, multiple=True)
)
# By name, in the language of the person; Home Assistant's own selector of countries takes only one.
_COUNTRIES: Final = SelectSelector(
    SelectSelectorConfig(
        options=sorted(code.lower() for code in COUNTRIES),
        multiple=True,
        mode=SelectSelectorMode.DROPDOWN,
        translation_key=CONF_COUNTRIES,
        sort=True,
    )
)
# What others call from the internet without a browser, and what each of them opens.
_PATHS: Final = {
    "/api/webhook/": "webhook",
    "/api/google_assistant": "google_assistant",
    "/api/alexa/smart_home": "alexa",
    "/auth/token": "auth_token",
}


class LoginHostnameFlow(SubentryChangeFlow):
    """Add a login hostname as a trial, or change or end one."""

    # The settings that are changed; none of a new login hostname.
    _current: LoginSettings | None = None
    # Each is made by a step, for the steps after it.
    _choices: LoginChoices | None = None
    _hostname = ""
    _people: Mapping[str, Any] = MappingProxyType({})
    _rules: Mapping[str, Any] = MappingProxyType({})
    _settings: LoginSettings | None = None
    _observation: AccessObservation | None = None
    _plan: LoginPlan | None = None
    _seats: LoginProblem | None = None
    _wildcard: LoginProblem | None = None
    _over_wildcard: Collection[str] = ()
    _until: datetime | None = None
    _url = ""
    _stop_waiting: CALLBACK_TYPE | None = None
    _writing: Progress[LoginWritten | EngineError] | None = None

    @property
    def _access(self) -> AccessCoordinator:
        entry: CloudflareConfigEntry = self._get_entry()
        return entry.runtime_data.access

    @property
    def _is_loaded(self) -> bool:
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        return entry is not None and entry.state is ConfigEntryState.LOADED

    @property
    def _occasion(self) -> Occasion:
        return Occasion.SET_UP if self._current is None else Occasion.CHANGE

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Read what there is, and continue with the hostname."""
        if message := await self._load():
            return abort(self, message)
        if not made(self._choices).offered:
            return self.async_abort(reason="no_login_hostname")
        return await self.async_step_hostname()

    async def _load(self) -> Message | None:
        """Read what there is to choose from; return why that is not possible, if so."""
        if not self._is_loaded:
            return Message("entry_not_loaded")
        found = await LoginChoices.load(self._access)
        if isinstance(found, Message):
            return found
        self._choices = found
        return None

    async def async_step_hostname(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose the hostname."""
        found = made(self._choices)
        if user_input is None:
            names = {each: in_letters(each) for each in found.offered}
            key = probatio.Required(CONF_HOSTNAME, default=next(iter(names)))
            return show_form(self, "hostname", probatio.Schema({key: choice(names)}))
        self._hostname = user_input[CONF_HOSTNAME]
        if found.foreign_application(self._hostname) is None:
            return await self.async_step_people()
        return await self.async_step_foreign_application()

    async def async_step_foreign_application(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say that somebody else's application is there already."""
        application = made(made(self._choices).foreign_application(self._hostname))
        return self.async_show_menu(
            step_id="foreign_application",
            menu_options=["adopt", "hostname"],
            description_placeholders=shown(
                {"hostname": self._hostname, "application": application}
            ),
        )

    async def async_step_adopt(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Watch somebody else's application, and leave it as it is."""
        message: Message | None = None
        if user_input is not None:
            served = made(self._choices).hostnames[self._hostname]
            try:
                settings = LoginSettings(
                    hostname=self._hostname,
                    zone_id=served.zone.id,
                    who=read_who(user_input),
                    adopted=True,
                )
            except InvalidLoginSettings as err:
                message = replace(describe_fault(err), field=CONF_OWN_EMAIL)
            else:
                return await self._review(settings)
        return self._show_adopt(user_input, message)

    def _show_adopt(
        self, user_input: Mapping[str, Any] | None, message: Message | None
    ) -> SubentryFlowResult:
        return show_form(
            self,
            "adopt",
            probatio.Schema({probatio.Required(CONF_OWN_EMAIL): _EMAIL}),
            suggested=user_input,
            message=message,
            placeholders={"hostname": self._hostname},
        )

    async def async_step_people(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose who may log in, and from where."""
        message: Message | None = None
        if user_input is not None:
            self._people = user_input
            message = self._fault_of_people(user_input)
            if message is None:
                return await self.async_step_rules()
        current = self._current
        schema: dict[probatio.Marker, Any] = {}
        if current is None:
            schema[probatio.Required(CONF_OWN_EMAIL)] = _EMAIL
        schema[probatio.Optional(CONF_EMAILS, default=list)] = _EMAILS
        if groups := made(self._choices).groups:
            schema[probatio.Optional(CONF_GROUP_ID)] = choice(groups)
        schema[probatio.Optional(CONF_COUNTRIES, default=list)] = _COUNTRIES
        return show_form(
            self,
            "people",
            probatio.Schema(schema),
            suggested=self._people or self._proposed_people(current),
            message=message,
            placeholders={"hostname": self._hostname},
        )

    def _proposed_people(self, current: LoginSettings | None) -> Mapping[str, Any]:
        if current is None:
            home = self.hass.config.country
            return {CONF_COUNTRIES: [home.lower()] if home else []}
        data = login_data(current)
        return {
            CONF_EMAILS: data[CONF_EMAILS],
            CONF_GROUP_ID: data[CONF_GROUP_ID],
            CONF_COUNTRIES: [code.lower() for code in data[CONF_COUNTRIES]],
        }

    def _fault_of_people(self, people: Mapping[str, Any]) -> Message | None:
        """Return what is wrong with the people, or that the person who sets this up is not among them."""
        found, who = made(self._choices), read_who(people)
        own = people.get(CONF_OWN_EMAIL)
        if own is not None and read_email(own) is None:
            return Message("login_invalid_email", {"value": own}, CONF_OWN_EMAIL)
        if isinstance(who, PeopleOfGroup) and people.get(CONF_EMAILS):
            return Message("login_group_and_people", field=CONF_GROUP_ID)
        try:
            settings = LoginSettings(
                hostname=self._hostname,
                zone_id=found.hostnames[self._hostname].zone.id,
                who=who,
                countries=read_countries(people),
            )
        except InvalidLoginSettings as err:
            return describe_fault(err)
        if own is None:
            return None
        # From wherever: whether the country of this home is missing is asked later.
        visitor = Visitor(email=own.strip().lower())
        anywhere = replace(settings, countries=frozenset())
        groups = found.observation.groups
        if would_be_let_in(anywhere, groups, visitor) is False:
            return Message("login_not_in_group", {"email": own}, CONF_GROUP_ID)
        return None

    async def async_step_rules(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose how people log in, for how long, and what needs no login."""
        if user_input is None:
            return await self._show_rules(None)
        self._rules = user_input
        settings = made(self._choices).settings(
            self._hostname, self._people, user_input
        )
        if isinstance(settings, Message):
            return await self._show_rules(settings)
        self._settings = settings
        home = self.hass.config.country
        if home and settings.shuts_out_country(home):
            return await self.async_step_country()
        return await self._review(settings)

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

    async def _show_rules(self, message: Message | None) -> SubentryFlowResult:
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
            probatio.Required(CONF_SESSION, default="month"): SelectSelector(
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

    async def async_step_accept(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Go on although nobody gets in from the country of this home."""
        return await self._review(made(self._settings))

    async def _review(
        self, settings: LoginSettings, message: Message | None = None
    ) -> SubentryFlowResult:
        """Look again, and show what will change, or what stands in the way."""
        if not self._is_loaded:
            return self.async_abort(reason="entry_not_loaded")
        self._settings = settings
        try:
            self._observation = await self._access.writer.observe(settings)
        except EngineError as err:
            return await self._show_obstacle(settings, describe_access(err))
        plan = self._access.writer.plan(
            self._observation,
            settings,
            self._occasion,
            over_wildcard=self._hostname in self._over_wildcard,
        )
        if blocking := plan.blocking_at(self._occasion):
            problem = blocking[0]
            if problem.code is LoginProblemCode.FOREIGN_WILDCARD:
                self._wildcard = problem
                return await self.async_step_wildcard()
            return await self._show_obstacle(settings, describe_login_problem(problem))
        self._plan = plan
        self._seats = await self._find_seats(settings)
        return await self._show_preview(message)

    async def async_step_wildcard(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say that the new application takes the place of somebody's for a wildcard."""
        problem = made(self._wildcard)
        return self.async_show_menu(
            step_id="wildcard",
            menu_options=["replace_wildcard", "hostname"],
            description_placeholders=shown(
                {
                    "hostname": self._hostname,
                    "application": problem.detail,
                    "address": problem.target,
                }
            ),
        )

    async def async_step_replace_wildcard(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Go on although the new application may be less strict than the one for a wildcard."""
        self._over_wildcard = {self._hostname}
        return await self._review(made(self._settings))

    async def _find_seats(self, settings: LoginSettings) -> LoginProblem | None:
        """Return the problem that the people need more seats than there are, if that is known."""
        access = self._access
        with suppress(EngineError):
            users = await access.client.access_users.list(access.account_id)
            return seat_problem(users, settings)
        return None

    async def _show_obstacle(
        self, settings: LoginSettings, message: Message
    ) -> SubentryFlowResult:
        if settings.adopted:
            return self._show_adopt(None, message)
        return await self._show_rules(message)

    async def _show_preview(self, message: Message | None) -> SubentryFlowResult:
        plan, current = made(self._plan), self._current
        text = await async_get_dialog_texts(self.hass)
        after = Ours()
        if current and shuts_out(current, plan.settings):
            after = changed_people(text, current, plan.settings)
        elif current is None and needs_trial(plan):
            minutes = str(round(TRIAL.total_seconds() / 60))
            after = Ours(text("login_trial", hostname=self._hostname, minutes=minutes))
        return show_form(
            self,
            "preview",
            _NO_FIELDS,
            message=message,
            placeholders={
                "hostname": self._hostname,
                "changes": preview_of(
                    text,
                    await async_get_country_names(self.hass),
                    made(self._observation),
                    plan,
                    self._seats,
                    self.hass.config.country,
                ),
                "after": after,
            },
        )

    async def async_step_preview(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show what will change at Cloudflare: so far, nothing has."""
        if user_input is None:
            return await self._show_preview(None)
        if not self._is_loaded:
            return self.async_abort(reason="entry_not_loaded")
        if ended := self.end_if_outdated():
            return ended
        self._until = dt_util.utcnow() + TRIAL
        self._writing = Progress(self.hass, self._write(made(self._plan)))
        return await self.async_step_create()

    async def _write(self, plan: LoginPlan) -> LoginWritten | EngineError:
        try:
            if self._current is None:
                return await self._access.async_set_up(plan, made(self._until))
            return await self._access.async_change(plan)
        except EngineError as err:
            return err

    async def async_step_create(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show that the changes are being made."""
        return show_progress(
            self, made(self._writing), "create", "done", hostname=self._hostname
        )

    async def async_step_done(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Go on to the trial, or say what stopped the changes."""
        if not self._is_loaded:
            # A trial that began has ended with that.
            return self.async_abort(reason="entry_not_loaded")
        plan, written = made(self._plan), made(self._writing).work.result()
        if isinstance(written, EngineError):
            return await self._review(plan.settings, describe_access(written))
        if message := describe_login_pages(written):
            return abort(self, message)
        if written.error:
            if self._current is None and not written.is_undone:
                return abort(
                    self, Message("login_not_undone", {"hostname": self._hostname})
                )
            return await self._review(plan.settings, describe_access(written.error))
        return await self._async_finish(plan, written)

    async def _async_finish(
        self, plan: LoginPlan, written: LoginWritten
    ) -> SubentryFlowResult:
        if self._current is not None:
            return self.async_abort(reason="login_changed")
        if not needs_trial(plan):
            return self.async_create_entry(
                title=in_letters(self._hostname),
                data=login_data(plan.settings),
                unique_id=self._hostname,
            )
        login = async_expect_login(
            self.hass,
            self._get_entry(),
            plan.settings,
            made(written.issuer),
            self._async_end_trial,
        )
        self._url = login.url
        self._stop_waiting = async_call_later(
            self.hass,
            made(self._until) - dt_util.utcnow(),
            HassJob(self._async_end_trial, cancel_on_shutdown=True),
        )
        return await self.async_step_trial()

    @callback
    def _async_end_trial(self, now: datetime | None = None) -> None:
        """Have the dialog go on: somebody logged in, or the time is up."""
        self.hass.async_create_task(self._async_go_on(), "login trial ended")

    async def _async_go_on(self) -> None:
        # A person may have closed the dialog meanwhile; the trial does not depend on it.
        with suppress(UnknownFlow):
            await self.hass.config_entries.subentries.async_configure(
                self.flow_id, user_input={}
            )

    @override
    @callback
    def async_remove(self) -> None:
        if self._stop_waiting:
            self._stop_waiting()

    async def async_step_trial(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Have the person log in through the hostname."""
        if user_input is None:
            return self.async_external_step(
                step_id="trial",
                url=self._url,
                description_placeholders=shown({"hostname": self._hostname}),
            )
        return self.async_external_step_done(next_step_id="trial_ended")

    async def async_step_trial_ended(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say how the trial ended."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        works = entry is not None and self._hostname in logins_of(entry.subentries)
        reason = "login_works" if works else "login_undone"
        return abort(self, Message(reason, {"hostname": self._hostname}))

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change who may log in, or stop asking for a login."""
        if ended := self.end_if_outdated():
            return ended
        current = read_login_settings(self._get_reconfigure_subentry().data)
        self._current = current
        self._hostname = current.hostname
        if message := await self._load():
            return abort(self, message)
        served = current.hostname in made(self._choices).hostnames
        changes = ["people"] if served and not current.adopted else []
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=[*changes, "stop"],
            description_placeholders=shown({"hostname": self._hostname}),
        )

    async def async_step_stop(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Have everybody reach the hostname without a login again, once a person confirms."""
        if user_input is None:
            return show_form(
                self,
                "stop",
                _NO_FIELDS,
                placeholders={"hostname": self._hostname},
            )
        if not self._is_loaded:
            return self.async_abort(reason="entry_not_loaded")
        if ended := self.end_if_outdated():
            return ended
        done = await self._access.async_end(self._hostname)
        reason = "login_stopped" if done else "login_stopping"
        return abort(self, Message(reason, {"hostname": self._hostname}))


def _rules_of(current: LoginSettings | None) -> Mapping[str, Any]:
    """Return settings as a person would choose them in the form."""
    if current is None:
        return {}
    pin = [ONE_TIME_PIN] if current.one_time_pin else []
    sessions = {length: key for key, length in SESSIONS.items()}
    return {
        CONF_LOGIN_METHODS: [*pin, *sorted(current.login_methods)],
        CONF_SESSION: sessions[current.session],
        CONF_OPEN_PATHS: sorted(current.open_paths),
        CONF_CONNECTOR: current.connector_of is not None,
        CONF_KEEP_IN_SYNC: current.keep_in_sync,
    }
