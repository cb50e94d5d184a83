"""The step that chooses who may log in at a login hostname, and from where."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from ..const import CONF_COUNTRIES, CONF_EMAILS, CONF_GROUP_ID
from ..engine.access.countries import COUNTRIES
from ..engine.access.settings import (
    InvalidLoginSettings,
    LoginSettings,
    PeopleOfGroup,
    read_email,
)
from ..engine.access.verdict import Visitor, would_be_let_in
from ..login_choices import CONF_OWN_EMAIL, describe_fault, read_countries, read_who
from ..subentries import login_data
from ..wording import Message
from .form import choice, made, show_form
from .login_dialog import EMAIL
from .login_rules import LoginRulesSteps

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


class LoginPeopleSteps(LoginRulesSteps):
    """Choose who may log in, and from where."""

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
            schema[probatio.Required(CONF_OWN_EMAIL)] = EMAIL
        schema[probatio.Optional(CONF_EMAILS, default=list)] = _EMAILS
        if groups := made(self._choices).groups:
            schema[probatio.Optional(CONF_GROUP_ID)] = choice(groups)
        schema[probatio.Optional(CONF_COUNTRIES, default=list)] = _COUNTRIES
        return show_form(
            self,
            "people",
            probatio.Schema(schema),
            suggested=self._people or _people_of(current),
            message=message,
            placeholders={"hostname": self._hostname},
        )

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


def _people_of(current: LoginSettings | None) -> Mapping[str, Any]:
    """Return who may log in so far; nobody is kept to a country that they did not choose."""
    if current is None:
        return {}
    data = login_data(current)
    return {
        CONF_EMAILS: data[CONF_EMAILS],
        CONF_GROUP_ID: data[CONF_GROUP_ID],
        CONF_COUNTRIES: [code.lower() for code in data[CONF_COUNTRIES]],
    }
