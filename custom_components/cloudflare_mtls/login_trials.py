"""Asks a person to log in at a new login hostname, and keeps it once somebody did."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .coordinator.access import TrialEnd
from .coordinator.login_writer import Issuer
from .engine.access.settings import LoginSettings, People
from .pages.login_trial import ExpectedLogin, LoginResult, async_get_expected_logins
from .runtime_data import CloudflareConfigEntry

# As long as it takes to fetch a code from a mailbox, and to try again after a mistake.
TRIAL: Final = timedelta(minutes=15)

_RESULTS: Final[Mapping[TrialEnd, LoginResult]] = {
    TrialEnd.KEPT: LoginResult.DONE,
    TrialEnd.OVER: LoginResult.OVER,
    TrialEnd.IN_THE_WAY: LoginResult.IN_THE_WAY,
}


@callback
def async_expect_login(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    settings: LoginSettings,
    issuer: Issuer,
    ended: Callable[[], None] = lambda: None,
) -> ExpectedLogin:
    """Return the login that a person is asked for, and call back once it ended the trial."""

    async def record() -> LoginResult:
        if entry.state is not ConfigEntryState.LOADED:
            return LoginResult.UNCHECKED
        end = await entry.runtime_data.access.async_keep_login(settings.hostname)
        ended()
        return _RESULTS[end]

    login = ExpectedLogin(
        hostname=settings.hostname,
        auth_domain=issuer.auth_domain,
        audience=issuer.audience,
        emails=settings.who.emails if isinstance(settings.who, People) else None,
        probe=entry.runtime_data.access.probe,
        record=record,
        lasts=TRIAL,
    )
    async_get_expected_logins(hass).expect(login)
    return login
