"""The page that a person reaches by logging in at a new login hostname, which ends its trial well."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
import html
from http import HTTPStatus
import secrets
from typing import Final

from aiohttp import web
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.access.team_keys import fetch_team_keys
from ..engine.access.tokens import (
    HEADER,
    TeamKeys,
    TokenFault,
    TokenInvalid,
    verify_token,
)
from ..engine.api.errors import EngineError
from ..engine.moment import Moment
from ..engine.probe import Probe
from ..requested_host import requested_host
from .page import HEADERS, Page, async_load_page
from .visitor import came_through_tunnel

PATH: Final = f"/api/{DOMAIN}/login"


class LoginResult(StrEnum):
    """What became of a visit to the page.

    elsewhere: it did not come through Cloudflare, or not by the hostname of the trial.
    no_login: no token shows that anybody logged in at our application.
    not_listed: somebody logged in who is not among the people that were chosen.
    unchecked: the team's keys cannot be read now.
    over: the time was up, or the trial ended otherwise.
    in_the_way: a protected hostname shows a login page, so that the login is removed again.
    """

    DONE = "done"
    ELSEWHERE = "elsewhere"
    NO_LOGIN = "no_login"
    NOT_LISTED = "not_listed"
    UNCHECKED = "unchecked"
    OVER = "over"
    IN_THE_WAY = "in_the_way"


_STATUSES: Final[Mapping[LoginResult, HTTPStatus]] = {
    LoginResult.DONE: HTTPStatus.OK,
    LoginResult.ELSEWHERE: HTTPStatus.FORBIDDEN,
    LoginResult.NO_LOGIN: HTTPStatus.FORBIDDEN,
    LoginResult.NOT_LISTED: HTTPStatus.FORBIDDEN,
    LoginResult.UNCHECKED: HTTPStatus.SERVICE_UNAVAILABLE,
    LoginResult.OVER: HTTPStatus.CONFLICT,
    LoginResult.IN_THE_WAY: HTTPStatus.CONFLICT,
}


@dataclass(kw_only=True)
class ExpectedLogin:
    """A login that a person is asked for, and by what it is known.

    emails: who was chosen; None where a group of the account says it. record: what is done once
    somebody logged in.
    """

    hostname: str
    auth_domain: str
    audience: str
    emails: frozenset[str] | None
    probe: Probe
    record: Callable[[], Awaitable[LoginResult]]
    lasts: timedelta
    text: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    asked: Moment = field(default_factory=Moment.now)
    _keys: TeamKeys | None = None
    _recording: asyncio.Lock = field(default_factory=asyncio.Lock)
    _is_recorded: bool = False

    @property
    def url(self) -> str:
        """Return the address that a person opens."""
        return f"https://{self.hostname}{PATH}/{self.text}"

    async def judge(self, token: str) -> LoginResult:
        """Return what a token shows, and record it where it shows a login."""
        try:
            email = await self._email_of(token)
        except TokenInvalid:
            return LoginResult.NO_LOGIN
        except EngineError:
            return LoginResult.UNCHECKED
        if self.emails is not None and email not in self.emails:
            return LoginResult.NOT_LISTED
        return await self._record_once()

    async def _record_once(self) -> LoginResult:
        """Record a login; two visits at the same moment are one."""
        async with self._recording:
            if self._is_recorded:
                return LoginResult.DONE
            result = await self.record()
            self._is_recorded = result is LoginResult.DONE
            return result

    async def _email_of(self, token: str) -> str:
        """Return who logged in; raise TokenInvalid, and EngineError where no key can be read."""
        if self._keys is not None:
            try:
                return self._verified(token, self._keys)
            except TokenInvalid as err:
                if err.fault is not TokenFault.UNKNOWN_KEY:
                    raise
        # The team may have changed its keys since.
        self._keys = await fetch_team_keys(self.probe, self.auth_domain)
        return self._verified(token, self._keys)

    def _verified(self, token: str, keys: TeamKeys) -> str:
        return verify_token(
            token, keys, auth_domain=self.auth_domain, audience=self.audience
        ).email


class ExpectedLogins:
    """The logins that people are asked for."""

    def __init__(self) -> None:
        """Begin with none."""
        self._asked: dict[str, ExpectedLogin] = {}

    @callback
    def expect(self, login: ExpectedLogin) -> None:
        """Have a login recorded once it happens; forget former ones of its hostname, and what is over."""
        self._asked = {
            text: item
            for text, item in self._asked.items()
            if item.asked.age < item.lasts and item.hostname != login.hostname
        } | {login.text: login}

    @callback
    def find(self, text: str) -> ExpectedLogin | None:
        """Return a login that a person is asked for."""
        login = self._asked.get(text)
        return login if login and login.asked.age < login.lasts else None

    @callback
    def forget(self, text: str) -> None:
        """Forget a login that happened: its link works once."""
        self._asked.pop(text, None)


_LOGINS: HassKey[ExpectedLogins] = HassKey(f"{DOMAIN}_expected_logins")


@callback
def async_get_expected_logins(hass: HomeAssistant) -> ExpectedLogins:
    """Return the logins of all accounts that people are asked for."""
    return hass.data.setdefault(_LOGINS, ExpectedLogins())


class LoginTrialView(HomeAssistantView):
    """Verify that the person who opens it has logged in; strangers do not know the link."""

    url = f"{PATH}/{{text}}"
    name = f"api:{DOMAIN}:login"
    requires_auth = False

    def __init__(self, page: Page) -> None:
        """Take the page that says what a visit showed."""
        self._page = page

    async def get(self, request: web.Request, text: str) -> web.Response:
        """Verify the token that Access adds, and say what that showed."""
        hass = request.app[KEY_HASS]
        logins = async_get_expected_logins(hass)
        login = logins.find(text)
        if login is None:
            return web.Response(
                status=HTTPStatus.NOT_FOUND, text="404: Not Found", headers=HEADERS
            )
        result = await _judge(request, login)
        if result is LoginResult.DONE:
            logins.forget(text)
        texts = await self._page.async_texts(request)
        sentence = texts(result, hostname=login.hostname)
        return await self._page.async_show(
            request,
            {
                "kind": "good" if result is LoginResult.DONE else "bad",
                "sentence": html.escape(sentence),
            },
            _STATUSES[result],
        )


async def _judge(request: web.Request, login: ExpectedLogin) -> LoginResult:
    # A device at home can send any token to Home Assistant, but proves nothing about Cloudflare.
    if requested_host(request) != login.hostname or not came_through_tunnel(request):
        return LoginResult.ELSEWHERE
    tokens = request.headers.getall(HEADER, [])
    if len(tokens) != 1:
        return LoginResult.NO_LOGIN
    return await login.judge(tokens[0])


async def async_setup_login_trial(hass: HomeAssistant) -> None:
    """Set up the view."""
    page = await async_load_page(hass, "login_trial")
    hass.http.register_view(LoginTrialView(page))
