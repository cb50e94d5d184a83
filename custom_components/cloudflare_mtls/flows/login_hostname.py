"""Have a hostname ask for a login, change who may log in, or stop asking."""

from typing import Any

from homeassistant.config_entries import SubentryFlowResult
import probatio

from ..const import CONF_HOSTNAME
from ..engine.api.names import in_letters
from ..login_choices import LoginChoices
from ..quoting import shown
from ..subentries import login_hostname_of
from ..wording import Message
from .form import NO_FIELDS, abort, choice, made, show_form
from .login_people import LoginPeopleSteps
from .login_review import LoginReviewSteps


class LoginHostnameFlow(LoginReviewSteps, LoginPeopleSteps):
    """Add a login hostname as a trial, or change or end one."""

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

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change who may log in, or stop asking for a login."""
        if ended := self.end_if_outdated():
            return ended
        current = login_hostname_of(self._get_reconfigure_subentry())
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
                NO_FIELDS,
                placeholders={"hostname": self._hostname},
            )
        if not self._is_loaded:
            return self.async_abort(reason="entry_not_loaded")
        if ended := self.end_if_outdated():
            return ended
        done = await self._access.async_end(self._hostname)
        reason = "login_stopped" if done else "login_stopping"
        return abort(self, Message(reason, {"hostname": self._hostname}))
