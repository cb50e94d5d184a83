"""The steps that watch somebody else's application in front of a login hostname, and leave it as it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from homeassistant.config_entries import SubentryFlowResult
import probatio

from ..engine.access.settings import InvalidLoginSettings, LoginSettings
from ..login_choices import CONF_OWN_EMAIL, describe_fault, read_who
from ..quoting import shown
from ..wording import Message
from .form import made, show_form
from .login_dialog import EMAIL, LoginSteps

_SCHEMA: Final = probatio.Schema({probatio.Required(CONF_OWN_EMAIL): EMAIL})


class LoginAdoptionSteps(LoginSteps):
    """Watch somebody else's application, and leave it as it is."""

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
                return await self.async_review(settings)
        return self.show_adopt(user_input, message)

    def show_adopt(
        self, user_input: Mapping[str, Any] | None, message: Message | None
    ) -> SubentryFlowResult:
        """Ask for the address of the person, to tell whether they would be let in."""
        return show_form(
            self,
            "adopt",
            _SCHEMA,
            suggested=user_input,
            message=message,
            placeholders={"hostname": self._hostname},
        )
